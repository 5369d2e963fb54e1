"""From order to cash, scenario by scenario: what vendors send, and what the public API says of it.

A gateway of its own process with all four domains, once on each store; the vendors' payloads come
in by its doors and folders. The scenarios share it and run beside each other, each with numbers of
its own; what each has seen last still holds when all have been played.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from tests.acceptance.conftest import Gateway, environment_of_gateways, until
from tests.acceptance.scenarios import goods, invoices, money, orders
from tests.acceptance.scenarios.scene import Scene, Theatre
from tests.acceptance.vendors.doors import CONFIGURATION, SECRETS
from tests.conftest import TEMPLATE

SCENARIOS: tuple[Callable[[Scene], None], ...] = (
    orders.duplicate_marketplace_order,
    orders.update_then_the_older_version,
    orders.cancellation_before_shipment,
    orders.cancellation_after_shipment,
    orders.causes_after_their_effects,
    orders.cause_that_does_not_come,
    goods.partial_shipment_and_partial_invoice,
    goods.shipment_reversed_before_the_invoice,
    goods.shipment_reversed_after_the_invoice,
    goods.duplicate_warehouse_confirmation,
    goods.carrier_events_out_of_order,
    goods.delivery_failed_by_each_reason,
    goods.delivered_at_the_second_attempt,
    invoices.einvoice_rejected_corrected_accepted,
    invoices.einvoice_sent_to_the_customer,
    money.duplicate_payment_callback,
    money.exact_payment,
    money.exact_payment_by_swift,
    money.lump_sum_for_many_invoices,
    money.short_payment_with_a_deduction,
    money.over_payment,
    money.payment_without_a_reference,
    money.bank_line_twice,
    money.bank_entry_is_late,
    money.payout_with_fees_and_a_refund,
    money.chargeback_after_the_invoice_is_closed,
    money.dispute_won,
    money.another_currency,
    money.receipt_reversed,
    goods.return_after_payment_credited_once,
)
AT_ONCE = 9
FIRST_NUMBER = 71_010
APART = 10


@dataclass
class Played:
    """All scenarios on one gateway."""

    theatre: Theatre
    scenes: dict[str, tuple[Scene, Future[None]]]


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
)
def played(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Played]:
    """A gateway with the four domains on which every scenario has been played."""
    folder = tmp_path_factory.mktemp("order-to-cash")
    environment = environment_of_gateways() | SECRETS
    if request.param == "postgresql":
        environment["GATEWAY_STORE_URL"] = _database(request.getfixturevalue("postgresql_server"))
    running = Gateway(folder, environment)
    (folder / "gateway.toml").write_text(CONFIGURATION)
    running.start()
    theatre = Theatre(running.address, folder, _token(running))
    try:
        yield Played(theatre, _play(theatre))
    finally:
        theatre.end()
        running.stop()


def _database(server: str) -> str:
    """The address of a migrated database for all scenarios; it goes with the server."""

    async def make() -> None:
        connection = await asyncpg.connect(server.format("postgres"))
        try:
            await connection.execute(f"CREATE DATABASE order_to_cash TEMPLATE {TEMPLATE}")
        finally:
            await connection.close()

    asyncio.run(make())
    return server.format("order_to_cash")


def _token(gateway: Gateway) -> str:
    told = gateway.command("tokens", "add", "probe", "--role", "viewer")
    found = re.search(r"o2c_[\w-]{43}", told.stdout)
    assert found is not None, told.stdout + told.stderr
    return found[0]


def _play(theatre: Theatre) -> dict[str, tuple[Scene, Future[None]]]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        scenes = {}
        for index, scenario in enumerate(SCENARIOS):
            scene = Scene(theatre, FIRST_NUMBER + index * APART)
            scenes[scenario.__name__] = (scene, pool.submit(scenario, scene))
        wait([played for _, played in scenes.values()])
    return scenes


@pytest.mark.parametrize("scenario", [one.__name__ for one in SCENARIOS])
def test_comes_out_right(played: Played, scenario: str) -> None:
    scene, outcome = played.scenes[scenario]
    outcome.result()
    scene.still_sees()


@pytest.mark.parametrize(
    ("scenario", "told", "between"),
    [
        ("exact_payment", ("#{}", "BK{}-1", "INV-{}-1"), set()),
        ("dispute_won", ("#{}", "pi_demo_{}", "po_{}"), {"payment", "payout"}),
    ],
    ids=["by transfer", "by card"],
)
def test_the_chain_is_walked_from_either_end(
    played: Played, scenario: str, told: tuple[str, ...], between: set[str]
) -> None:
    """From the order, the bank's line, and what is between: the same steps, each with payloads."""
    number = played.scenes[scenario][0].first
    stages = {"order", "shipment", "delivery", "invoice", "receivable", "bank entry"} | between
    for reference in told:
        chain = played.theatre.trace(reference.format(number))
        assert stages <= {one["stage"] for one in chain}, reference
        receipts = {fact["receipt"] for one in chain for fact in one["facts"]}
        assert len(receipts) >= len(stages), reference
        for receipt in receipts:
            assert played.theatre.payload(receipt), receipt


def test_all_that_was_sent_is_accounted_for(played: Played) -> None:
    def settled() -> Any:
        told = played.theatre.api("/audit")
        waiting = told["all"]["receipts"]["pending"] + told["all"]["messages"]["pending"]
        return None if waiting else told

    told = until(settled, "nothing is pending")
    assert told["balanced"]
    assert told["all"]["messages"].get("conflict", 0) == 0
