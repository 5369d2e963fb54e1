"""A connector of the tests' own: signed webhooks, thin events, polled and fetched orders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from canonical.errors import Malformed, Rejected
from canonical.keys import Key
from canonical.message import Item, Message
from canonical.order import OrderPlaced
from connectors.contract import Connector, Identity, Manifest
from connectors.fetching import (
    KIND_HEADER,
    Answer,
    Caller,
    Fetch,
    Found,
    Page,
    Poll,
    Request,
    Turn,
)
from connectors.kit.json_body import read_json
from connectors.raw import RawMessage
from connectors.secret import Secret

EVERY = timedelta(minutes=5)
OVERLAP = timedelta(minutes=15)


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    for one in secrets:
        if raw.headers.get("x-signature", "").encode() == one.value:
            return one
    raise Rejected("no secret matches")


def identify(raw: RawMessage) -> Identity | None:
    document = raw.json()
    kind = raw.headers.get(KIND_HEADER) or str(document.get("event", ""))
    if not kind:
        return None
    if kind.startswith(("poll/", "fetch/")):
        return Identity(kind, f"{kind}/{document['id']}/{document['version']}")
    return Identity(kind, str(document["delivery"]))


def translate(raw: RawMessage, identity: Identity) -> Iterator[Item | Fetch]:
    document = raw.json()
    if identity.kind == "order.touched":
        for one in document["ids"]:
            yield Fetch(kind="fetch/order", object_id=str(one), at=f"ids[{one}]")
        return
    order, version = document["id"], document["version"]
    name = f"testshop/{raw.account}/order/{order}"
    yield Message(
        key=Key.of("order", "testshop", raw.account, order, version),
        data=OrderPlaced(order_id=order, channel="testshop", account=raw.account),
        occurred_at=raw.received_at.replace(hour=0, minute=0, second=0, microsecond=0),
        subject=f"order/{order}",
        correlation=name,
        partition=name,
    )


def begin(turn: Turn) -> Request:
    return _orders(turn, 0)


def read(turn: Turn, answer: Answer) -> Page:
    document = read_json(answer.body)
    if not isinstance(document, dict) or "orders" not in document:
        raise Malformed("no list of orders", code="bad_answer")
    found = tuple(
        Found(body=_json(one["id"], one["version"]), kind="poll/order")
        for one in document["orders"]
    )
    page = document["next"]
    return Page(
        found=found,
        next=None if page is None else _orders(turn, page),
        cursor=document["cursor"],
    )


def fetch(caller: Caller, wish: Fetch) -> Request:
    return Request(
        url=f"{caller.options['api_url']}/orders/{wish.object_id}", headers=_credential(caller)
    )


def check_options(options: Mapping[str, Any]) -> Iterator[str]:
    if options.get("region") == "nowhere":
        yield "there is no such region"


def _orders(turn: Turn, page: int) -> Request:
    return Request(
        url=f"{turn.caller.options['api_url']}/orders",
        params={
            "since": turn.since.isoformat(),
            "after": turn.cursor or "",
            "page": str(page),
        },
        headers=_credential(turn.caller),
    )


def _credential(caller: Caller) -> dict[str, str]:
    return {"authorization": f"Bearer {caller.credential}"}


def _json(order: str, version: int) -> bytes:
    return f'{{"id": "{order}", "version": {version}}}'.encode()


CONNECTOR = Connector(
    manifest=Manifest(
        name="testshop",
        title="Test shop",
        family="marketplace",
        transports=("webhook", "poll"),
        kinds=("order.placed", "order.touched", "poll/order", "fetch/order"),
        emits=("o2c.order.placed",),
        signature="a shared secret in X-Signature",
        options={"api_url": "where the shop answers", "region": "where the shop is"},
        hosts=("option:api_url",),
    ),
    verify=verify,
    identify=identify,
    translate=translate,
    polls=(Poll(name="orders", begin=begin, read=read, every=EVERY, overlap=OVERLAP),),
    fetch=fetch,
    check_options=check_options,
)
