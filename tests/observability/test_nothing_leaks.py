"""Marked values go through everything that can fail; no log line and no metric shows one."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from canonical.message import Item
from connectors.contract import Identity
from connectors.raw import RawMessage
from connectors.secret import Secret
from embedded.server import StreamServer
from routing.accounts import Account
from routing.envelope import Envelope
from routing.subscriber import Subscriber, SubscriberSettings
from store.database import Database
from store.intake import inbox
from store.log import normalised
from tests.acceptance.payloads import order, shop_request
from tests.observability.gateway import STREAM, Gateway, gateway_over, shop_account

CANARY = "canary7f3a"
ODD_BODIES = (
    f"{CANARY} not json".encode(),
    json.dumps(order() | {"currency": f"{CANARY}"}).encode(),
    json.dumps(
        order() | {"line_items": [{"id": CANARY, "price": CANARY, "title": CANARY}]}
    ).encode(),
    json.dumps({"id": CANARY, CANARY: {CANARY: [CANARY]}}).encode(),
    b"\xff\xfe" + CANARY.encode(),
    b"[" * 5000 + CANARY.encode(),
)

pytestmark = pytest.mark.usefixtures("logs")


def _refused_statement(connection: Connection, *_: object, **__: object) -> list[Any]:
    """Fails as a driver does: its error quotes what it was given."""
    connection.execute(
        text("INSERT INTO no_such_table VALUES (:name)"), {"name": f"parameter {CANARY}"}
    )
    return []


def _refused_once() -> Callable[..., list[Any]]:
    """Records nothing the first time, and what there is to record afterwards."""
    works = iter([_refused_statement])
    record = normalised.record

    def refused(*given: Any, **named: Any) -> list[Any]:
        return next(works, record)(*given, **named)

    return refused


def faulty_account() -> Account:
    """An account whose connector breaks over every payload, quoting it."""
    sound = shop_account("faulty")

    def identify(raw: RawMessage) -> Identity | None:
        raise RuntimeError(raw.body.decode())

    def translate(raw: RawMessage, identity: Identity) -> Iterator[Item]:
        raise RuntimeError(raw.body.decode())

    connector = dataclasses.replace(sound.connector, identify=identify, translate=translate)
    secret = Secret("env:FAULTY", f"{CANARY}-secret".encode())
    return dataclasses.replace(sound, connector=connector, secrets=(*sound.secrets, secret))


@pytest.fixture
async def hub(emptied: StreamServer, database: Database, tmp_path: Path) -> AsyncIterator[Gateway]:
    accounts = [faulty_account()]
    async with gateway_over(database, emptied.url, tmp_path, accounts=accounts) as gateway:
        yield gateway


async def test_odd_payloads_and_headers(hub: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    for number, body in enumerate(ODD_BODIES):
        answer = await hub.post(
            body,
            event=f"e{number}",
            authorization=f"Bearer {CANARY}",
            cookie=f"session={CANARY}",
            x_odd=CANARY,
            traceparent=CANARY,
        )
        assert answer.status_code == 200
    await hub.post(order(), event="bad", x_shopify_hmac_sha256=CANARY)
    await hub.post(order(7), event="topic", x_shopify_topic=f"orders/{CANARY}")
    await hub.http.post(f"/in/{CANARY}/{CANARY}?{CANARY}", content=CANARY)
    await hub.entries()
    await _nothing_shown(hub, capsys)


async def test_a_connector_that_breaks(hub: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    path, body, headers = _faulty_request()
    assert (await hub.http.post(path, content=body, headers=headers)).status_code == 200
    await hub.entries()
    await _nothing_shown(hub, capsys)


async def test_a_store_that_quotes_what_it_was_given(
    hub: Gateway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(inbox, "accept", _refused_statement)
        with pytest.raises(DBAPIError, match=CANARY):
            await hub.post(order(1) | {"note": CANARY}, event="e1")
    with monkeypatch.context() as broken:
        broken.setattr(normalised, "record", _refused_once())
        await hub.post(order(2) | {"note": CANARY}, event="e2")
        assert await hub.entries() == []
    told = await _nothing_shown(hub, capsys)
    assert "a batch could not be recorded" in told
    assert "sqlalchemy.exc." in told


async def test_handlers_that_break(
    hub: Gateway, valkey: StreamServer, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    done = asyncio.Event()
    subscriber = Subscriber(
        "crm",
        redis_url=valkey.url,
        database=database,
        streams=[STREAM],
        settings=SubscriberSettings(poll_s=0.05),
    )

    @subscriber.on()
    async def handle(envelope: Envelope) -> None:
        done.set()
        raise RuntimeError(f"{CANARY} {envelope.data}")

    await hub.redis.xadd(STREAM, {"specversion": CANARY, "data": CANARY})
    await hub.post(order(1) | {"note": CANARY})
    await hub.entries()
    async with subscriber, asyncio.timeout(20):
        await done.wait()
    await _nothing_shown(hub, capsys)


async def test_what_libraries_say(hub: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    library = logging.getLogger("uvicorn.error")
    task = asyncio.create_task(_broken())
    await asyncio.wait({task})
    library.error(
        "Exception in ASGI application for %s\n%s", CANARY, CANARY, exc_info=task.exception()
    )
    asyncio.get_running_loop().call_exception_handler(
        {"message": "nobody asked", "exception": task.exception(), "task": task}
    )
    told = await _nothing_shown(hub, capsys)
    assert told.count("a library says") == 2
    assert "builtins.ValueError" in told


async def _broken() -> None:
    raise ValueError(CANARY)


def _faulty_request() -> tuple[str, bytes, dict[str, str]]:
    _, body, headers = shop_request(order() | {"note": CANARY})
    return "/in/shopify/faulty", body, headers


async def _nothing_shown(hub: Gateway, capsys: pytest.CaptureFixture[str]) -> str:
    shown = await hub.scrape()
    told = capsys.readouterr()
    lines = [json.loads(line) for line in told.err.splitlines()]
    assert not told.out
    assert CANARY not in told.err
    assert CANARY not in shown
    assert "gateway_receipts_total" in shown
    for line in lines:
        assert {"timestamp", "level", "event", "code"} <= line.keys()
    return told.err
