"""Ingest, worker and relay in processes of their own; the dead and the frozen are stood in for."""

from __future__ import annotations

import concurrent.futures
import itertools
import signal
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.acceptance.conftest import Fleet, Gateway, until
from tests.acceptance.payloads import order, shop_request, statement

pytestmark = pytest.mark.postgres


def _subjects(gateway: Gateway) -> list[str]:
    return [entry["subject"] for entry in gateway.entries("o2c.order")]


def _named(numbers: Iterable[int]) -> set[str]:
    return {f"order/{6120000000000 + number}" for number in numbers}


def _pour(
    gateways: list[Gateway],
    numbers: range,
    *,
    at: int = 0,
    harm: Callable[[], None] = lambda: None,
) -> set[int]:
    """Post orders from several threads, to one gateway after the other; those acknowledged.

    Whoever hears the answer number `at` does the harm, while the others are in the middle of
    their requests.
    """
    heard = itertools.count(1)

    def post(gateway: Gateway, number: int) -> int | None:
        try:
            answered = gateway.post(*shop_request(order(number), event=f"evt-{number}"))
        except httpx.TransportError:
            return None
        if next(heard) == at:
            harm()
        return number if answered.status_code == 200 else None

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        told = pool.map(post, itertools.cycle(gateways), numbers)
        return {number for number in told if number is not None}


def _balanced(gateway: Gateway) -> None:
    until(lambda: not gateway.audit()["all"]["messages"]["pending"], "nothing is pending")
    assert gateway.audit()["balanced"]


def _one_id_a_fact(gateway: Gateway) -> None:
    ids: dict[str, str] = {}
    for entry in gateway.entries("o2c.order"):
        assert ids.setdefault(entry["idempotencykey"], entry["id"]) == entry["id"]


def test_each_role_does_its_part_and_no_other(fleet: Fleet) -> None:
    ingest = fleet.start("ingest")
    assert _pour([ingest], range(1, 2))
    (ingest.folder / "inbox" / "a.xml").write_bytes(statement("A1"))
    until(lambda: ingest.audit()["all"]["receipts"]["pending"] == 2, "both are taken in")

    worker = fleet.start("worker")
    until(lambda: worker.audit()["all"]["messages"]["pending"] == 2, "both are translated")
    assert not worker.entries("o2c.order") + worker.entries("o2c.cash")
    (worker.folder / "inbox").mkdir(exist_ok=True)
    (worker.folder / "inbox" / "b.xml").write_bytes(statement("A2"))
    assert worker.post(*shop_request(order(2))).status_code == 404

    relay = fleet.start("relay")
    until(lambda: relay.audit()["all"]["messages"]["published"] == 2, "both are published")
    assert _subjects(relay) == list(_named([1]))
    assert len(relay.entries("o2c.cash")) == 1
    assert (worker.folder / "inbox" / "b.xml").exists()
    assert [one.stop() for one in fleet.gateways] == [0, 0, 0]


def test_a_process_without_the_door_still_says_how_it_is(fleet: Fleet) -> None:
    relay = fleet.start("relay")
    ready = httpx.get(f"{relay.address}/readyz")
    assert (ready.status_code, ready.json()) == (200, {"store": True, "streams": True})
    assert httpx.get(f"{relay.address}/healthz").status_code == 200
    assert "gateway_outbox_pending" in httpx.get(f"{relay.address}/metrics").text


def test_several_of_each_share_the_work_and_double_nothing(fleet: Fleet) -> None:
    doors = [fleet.start("ingest"), fleet.start("ingest", "worker")]
    for roles in (("worker",), ("relay",), ("relay",)):
        fleet.start(*roles)

    assert len(_pour(doors, range(120))) == 120

    until(lambda: set(_subjects(doors[0])) == _named(range(120)), "everything is published")
    _one_id_a_fact(doors[0])
    _balanced(doors[0])


@pytest.mark.parametrize("roles", [(), ("worker",), ("relay",), ("worker", "relay")])
def test_what_a_dead_process_held_is_taken_over(fleet: Fleet, roles: tuple[str, ...]) -> None:
    ingest = fleet.start("ingest")
    dying = fleet.start(*roles, lease_seconds=1)
    if roles == ("relay",):
        fleet.start("worker")

    door = ingest if roles else dying
    accepted = _pour([door], range(80), at=40, harm=dying.kill)
    fleet.start("worker", "relay")

    until(lambda: _named(accepted) <= set(_subjects(ingest)), "all acknowledged is published")
    _one_id_a_fact(ingest)
    _balanced(ingest)


def test_a_process_frozen_past_its_lease_doubles_nothing(fleet: Fleet) -> None:
    frozen, other = fleet.start(lease_seconds=1), fleet.start(lease_seconds=1)

    with concurrent.futures.ThreadPoolExecutor(1) as beside:
        freeze = partial(frozen.signal, signal.SIGSTOP)
        pouring = beside.submit(_pour, [frozen], range(60), at=30, harm=freeze)
        until(lambda: _is_frozen(frozen), "it is frozen")
        # Everything it held is published by the other one, once its lease has run out.
        until(lambda: not _pending(other), "nothing waits for it")
        taken_over = set(_subjects(other))
        frozen.signal(signal.SIGCONT)
        accepted = pouring.result()

    assert len(taken_over) >= 30
    until(lambda: _named(accepted) <= set(_subjects(other)), "all acknowledged is published")
    assert [one.stop() for one in (frozen, other)] == [0, 0]
    _one_id_a_fact(other)
    _balanced(other)


def _is_frozen(gateway: Gateway) -> bool:
    assert gateway.process is not None
    state = Path(f"/proc/{gateway.process.pid}/stat").read_text().rpartition(") ")[2]
    return state.startswith("T")


def _pending(gateway: Gateway) -> int:
    sides = gateway.audit()["all"]
    return int(sides["receipts"]["pending"] + sides["messages"]["pending"])


def test_roles_apart_need_something_to_share(fleet: Fleet) -> None:
    told = fleet.start()
    for name in ("GATEWAY_STORE_URL", "GATEWAY_STREAMS_URL"):
        kept = told.environment.pop(name)
        refused = told.command("run", "--role", "ingest", "--role", "relay", "--port", "0")
        told.environment[name] = kept
        assert refused.returncode == 2
        assert "worker" in refused.stderr
        assert "[roles_apart]" in refused.stderr


def test_a_second_gateway_on_an_embedded_stream_server_is_told_so(gateway: Gateway) -> None:
    second = gateway.command("run", "--port", "0")
    assert second.returncode == 2
    assert "data_folder_in_use" in second.stderr
