"""Domains that are killed, emptied of their streams and told everything out of order: one end."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.conftest import Gateway, environment_of_gateways, until
from tests.acceptance.scenarios.scene import Theatre
from tests.acceptance.vendors.desk import Desk
from tests.acceptance.vendors.doors import CONFIGURATION, SECRETS, Dropped, Posted

FIRST, ORDERS = 64_010, 5
COMPLETE = {"closure": "FINANCIALLY_COMPLETE", "fulfilment": "DELIVERED", "payment": "PAID"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def gateway(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway with the four domains, whose leases end soon after it was killed."""
    environment = environment_of_gateways() | SECRETS
    if request.param == "postgresql":
        environment["GATEWAY_STORE_URL"] = request.getfixturevalue("postgresql_url")
    patient = CONFIGURATION.replace("patience_hours = 0.001", "patience_hours = 24")
    quick = patient.replace("[limits]", "[limits]\nlease_seconds = 1")
    (tmp_path / "gateway.toml").write_text(quick)
    running = Gateway(tmp_path, environment)
    running.start()
    try:
        yield running
    finally:
        running.end()


def _told_of(number: int) -> list[Posted | Dropped]:
    """All that vendors say about one order, from its placing to the line of the bank."""
    told: list[Posted | Dropped] = []
    desk = Desk(told.append, number, lamps=1 + number % 3)
    desk.places()
    desk.ships()
    desk.arrives()
    desk.bills()
    desk.bank_books(desk.line(desk.total, f"Invoice {desk.invoice}"))
    return told


def _shuffled(seed: int) -> list[Posted | Dropped]:
    """All of it in no order at all; every webhook twice."""
    told = [one for number in range(FIRST, FIRST + ORDERS) for one in _told_of(number)]
    told += [one for one in told if not isinstance(one, Dropped)]
    random.Random(seed).shuffle(told)  # noqa: S311
    return told


def _sends(gateway: Gateway, sent: Posted | Dropped) -> None:
    """As a sender does: again, until it is taken."""
    if isinstance(sent, Dropped):
        folder = gateway.folder / sent.folder
        folder.mkdir(exist_ok=True)
        (folder / sent.name).write_bytes(sent.content)
        return
    try:
        answered = gateway.post(*sent)
    except httpx.TransportError:
        answered = None
    if answered is None or answered.status_code != 200:
        assert not gateway.is_running, answered and answered.text
        gateway.start()
        _sends(gateway, sent)


def test_one_end_whatever_happens_on_the_way(gateway: Gateway) -> None:
    told = _shuffled(seed=11)
    for number, one in enumerate(told):
        _sends(gateway, one)
        if number in {len(told) // 4, len(told) // 2}:
            gateway.kill()
        if number == 3 * len(told) // 4:
            with gateway.redis() as client:
                client.flushall()
    if not gateway.is_running:
        gateway.start()
    issued = gateway.command("tokens", "add", "probe", "--role", "viewer").stdout
    token = re.search(r"o2c_[\w-]{43}", issued)
    assert token is not None, issued
    theatre = Theatre(gateway.address, gateway.folder, token[0])

    def ends() -> list[bool]:
        return [_is_complete(theatre, number) for number in range(FIRST, FIRST + ORDERS)]

    try:
        until(lambda: all(ends()), "every order is financially complete")
        assert theatre.api("/exceptions?limit=10")["items"] == []
    finally:
        theatre.end()
    until(lambda: not gateway.audit()["all"]["messages"]["pending"], "nothing is pending")
    ids: dict[str, str] = {}
    for entry in gateway.entries("o2c.chain"):
        assert ids.setdefault(entry["idempotencykey"], entry["id"]) == entry["id"]


def _is_complete(theatre: Theatre, number: int) -> bool:
    (order,) = theatre.records("order", "order", number) or [{}]
    return all(order.get(name) == value for name, value in COMPLETE.items())
