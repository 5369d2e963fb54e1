"""The stream server is away, or comes back without its data: seen from the public doors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from embedded.server import start
from tests.acceptance.conftest import (
    CONFIGURATION,
    ON_SQLITE,
    UNUSED_TLS,
    Gateway,
    environment_of_gateways,
    until,
)
from tests.acceptance.payloads import order, shop_request
from tests.streams.serving import kill, running_server

STREAM = "o2c.order"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def gateway(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway on each store, whose stream server nobody starts again but the test."""
    environment = environment_of_gateways()
    if request.param == "postgresql":
        environment["GATEWAY_STORE_URL"] = request.getfixturevalue("postgresql_url")
    (tmp_path / "gateway.toml").write_text(CONFIGURATION)
    with running_server(tmp_path) as server:
        environment["GATEWAY_STREAMS_URL"] = server.url
        running = Gateway(tmp_path, environment, streams_url=server.url)
        running.start()
        try:
            yield running
        finally:
            running.end()


def pour(gateway: Gateway, numbers: range) -> None:
    """Orders from several senders at once, all acknowledged."""

    def post(number: int) -> int:
        return gateway.post(*shop_request(order(number), event=f"evt-{number}")).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(post, numbers)) == {200}


def on_the_stream(gateway: Gateway) -> list[int]:
    """The orders on the stream, in its order; nothing while there is no server."""
    try:
        subjects = [entry["subject"] for entry in gateway.entries(STREAM)]
    except redis.ConnectionError:
        return []
    return [int(subject.removeprefix("order/")) - 6120000000000 for subject in subjects]


def published(gateway: Gateway, *numbers: range) -> list[int]:
    """Wait until these orders are on the stream; all that is there, in its order."""
    wanted = {number for some in numbers for number in some}
    found: list[int] = until(
        lambda: there if wanted <= set(there := on_the_stream(gateway)) else None,
        f"{numbers} are on the stream",
    )
    until(lambda: not pending(gateway), "nothing is pending")
    return found


def pending(gateway: Gateway) -> float:
    return gauges(gateway)["gateway_outbox_pending"]


def gauges(gateway: Gateway) -> dict[str, float]:
    told = httpx.get(gateway.address + "/metrics", timeout=30, verify=UNUSED_TLS)
    lines = told.text.splitlines()
    samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in samples}


def come_back(gateway: Gateway, *, with_data: bool) -> None:
    if not with_data:
        for file in (gateway.folder / "streams").rglob("*.aof*"):
            file.unlink()
    start(gateway.folder)


@pytest.mark.parametrize("with_data", [True, False], ids=["with its data", "without its data"])
def test_the_road_is_away_and_comes_back(gateway: Gateway, with_data: bool) -> None:
    before, during, after = range(20), range(100, 130), range(200, 210)
    pour(gateway, before)
    published(gateway, before)
    assert gateway.streams_url
    kill(gateway.streams_url)

    pour(gateway, during)
    until(lambda: pending(gateway) == len(during), "the lag is shown")
    until(lambda: gauges(gateway)["gateway_outbox_oldest_seconds"] > 0, "and its age")
    ready = httpx.get(gateway.address + "/readyz", timeout=30)
    assert ready.status_code == 200
    assert ready.json()["streams"] is False

    come_back(gateway, with_data=with_data)
    first = list(dict.fromkeys(published(gateway, before, during)))
    assert (set(first[:20]), set(first[20:])) == (set(before), set(during))
    pour(gateway, after)
    assert set(list(dict.fromkeys(published(gateway, after)))[50:]) == set(after)
    audit = gateway.audit()["all"]["messages"]
    assert (audit["published"], audit["pending"], audit["missing"]) == (60, 0, 0)


def test_an_emptied_server_is_filled_again_though_nothing_new_comes(gateway: Gateway) -> None:
    pour(gateway, range(30))
    before = published(gateway, range(30))
    with gateway.redis() as client:
        client.flushall()
    assert published(gateway, range(30)) == before


def test_emptied_while_orders_come_in(gateway: Gateway) -> None:
    pour(gateway, range(30))
    with ThreadPoolExecutor(1) as pool:
        pouring = pool.submit(pour, gateway, range(100, 200))
        until(lambda: len(on_the_stream(gateway)) >= 50, "it is in the middle")
        with gateway.redis() as client:
            client.flushall()
        pouring.result()
    first = list(dict.fromkeys(published(gateway, range(30), range(100, 200))))
    assert set(first[:30]) == set(range(30))


def test_emptied_while_no_gateway_runs(gateway: Gateway) -> None:
    pour(gateway, range(10))
    before = published(gateway, range(10))
    assert gateway.stop() == 0
    with gateway.redis() as client:
        client.flushall()
    gateway.start()
    pour(gateway, range(100, 110))
    assert published(gateway, range(10), range(100, 110))[:10] == before


def republish(gateway: Gateway, *arguments: str) -> dict[str, Any]:
    answered = gateway.command("republish", "--json", *arguments)
    assert answered.returncode == 0, answered.stdout + answered.stderr
    document: dict[str, Any] = json.loads(answered.stdout)
    return document


def test_filled_again_by_hand(gateway: Gateway) -> None:
    assert gateway.stop() == 0
    configuration = gateway.folder / "gateway.toml"
    configuration.write_text('[streams]\nrefill = "manual"\n' + configuration.read_text())
    gateway.start()
    pour(gateway, range(20))
    before = published(gateway, range(20))
    with gateway.redis() as client:
        client.flushall()
    pour(gateway, range(100, 105))
    newer = published(gateway, range(100, 105))

    assert republish(gateway, "--missing-only")["appended"] == 20
    assert on_the_stream(gateway) == newer + before
    assert republish(gateway, "--missing-only")["appended"] == 0
    assert republish(gateway)["appended"] == 25
    # The gateway goes on publishing behind what was filled in.
    pour(gateway, range(200, 205))
    assert set(published(gateway, range(200, 205))[-5:]) == set(range(200, 205))
    assert gateway.audit()["balanced"]


@ON_SQLITE
def test_the_streams_and_who_reads_them(gateway: Gateway) -> None:
    pour(gateway, range(12))
    published(gateway, range(12))
    with gateway.redis() as client:
        client.xgroup_create(STREAM, "crm", id="0")
        client.xreadgroup("crm", "one", {STREAM: ">"}, count=5)

    listed = json.loads(gateway.command("streams", "--json").stdout)

    [stream] = [one for one in listed if one["stream"] == STREAM]
    assert (stream["length"], stream["waiting"]) == (12, 12)
    assert stream["bytes"] > 0
    [group] = stream["groups"]
    assert (group["group"], group["pending"], group["unread"]) == ("crm", 5, 7)
    shown = gateway.command("streams", STREAM).stdout
    assert STREAM in shown
    assert "crm" in shown
