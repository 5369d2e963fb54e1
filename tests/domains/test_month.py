"""A month of orders in any order of delivery: one end state, and amounts that hold at every step.

`MONTH_ORDERS` and `MONTH_SEEDS` make it larger, e.g. `MONTH_ORDERS=2000 MONTH_SEEDS=5`.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from canonical.chain import ReceivableChanged, ReceivableState
from domains.contract import Fact, Record
from domains.engine.gathering import MOST_OF_A_WEAK_NAME
from domains.installed import INSTALLED
from store.database import Database
from tests.domains import month_facts
from tests.domains.building import DAY, fact
from tests.domains.hub import Hub
from tests.domains.month import Line, Month, Sale
from tests.domains.store_hub import StoreHub

ORDERS = int(os.environ.get("MONTH_ORDERS", "150"))
SEEDS = range(1, 1 + int(os.environ.get("MONTH_SEEDS", "1")))
WAYS = range(1, 4)
"""Odd ones are shuffled, even ones late; some of the facts come twice."""
PARTS = 5
STORED = 25
"""Orders of the month that goes through the store."""
END = DAY + timedelta(days=60)
"""When all deadlines have passed, so that it does not matter when what arrived."""

SETTLED = {ReceivableState.PAID, ReceivableState.CLOSED}


@cache
def month(seed: int, orders: int) -> Month:
    return Month(orders, seed)


@cache
def told_at_once(seed: int) -> Hub:
    """The month's end where nothing was late and nothing came twice."""
    hub = Hub([one.domain for one in INSTALLED.values()], END)
    hub.deliver(month(seed, ORDERS).facts)
    return hub


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("way", WAYS)
def test_any_order_of_delivery_ends_in_the_same_state(seed: int, way: int) -> None:
    hub = Hub([one.domain for one in INSTALLED.values()], END)
    for part in month(seed, ORDERS).deliveries(way, PARTS):
        hub.deliver(part)
        _amounts_hold(hub)
    assert _differences(told_at_once(seed).end_state(), hub.end_state()) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_open_is_what_was_not_paid(seed: int) -> None:
    """By the story of each order, not by the domain's own arithmetic."""
    told = told_at_once(seed).told(ReceivableChanged.TYPE)
    open_now = {one.invoice_number: one.open.amount for one in told}
    expected = month(seed, ORDERS).open_amounts()
    assert {number: open_now[number] for number in expected} == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_every_cent_the_bank_credited_is_accounted_for(seed: int) -> None:
    hub, invented = told_at_once(seed), month(seed, ORDERS)
    receipts = hub.of("cash", "receipt")
    assert sum((_of(one, "amount") for one in receipts), Decimal(0)) == invented.banked
    settled = [one for one in hub.of("cash", "payout") if one.status == "CLEARED"]
    paid_out = sum((max(_of(one, "net"), Decimal(0)) for one in settled), Decimal(0))
    of_payouts = [one for one in receipts if one.status == "PAYOUT"]
    assert sum((_of(one, "amount") for one in of_payouts), Decimal(0)) == paid_out


@pytest.mark.parametrize("seed", SEEDS)
def test_the_month_has_something_of_everything(seed: int) -> None:
    """Else the others prove nothing."""
    hub = told_at_once(seed)
    assert {"FINANCIALLY_COMPLETE", "CANCELLED", "COMPLETED"} <= _statuses(hub, "order", "order")
    assert {"APPLIED", "PARTIALLY_APPLIED", "UNAPPLIED", "REVERSED", "PAYOUT"} <= _statuses(
        hub, "cash", "receipt"
    )
    kinds = Counter(one.kind for name in INSTALLED for one in hub.stations[name].findings.values())
    assert {
        "cancelled_after_shipment",
        "delivery_failed",
        "einvoice_rejected",
        "overpayment",
        "receipt_reversed",
        "short_payment",
        "unapplied_cash",
    } <= kinds.keys()


async def test_the_store_says_the_same(database: Database) -> None:
    """The engine, with its tables, comes to what the domains say in memory."""
    invented = month(1, STORED)
    stored, hub = StoreHub(database, END), Hub([i.domain for i in INSTALLED.values()], END)
    hub.deliver(invented.facts)
    for part in invented.deliveries(1, 3):
        await stored.deliver(part)
    found = await stored.end_state()
    for name, said in hub.end_state().items():
        expected = {key: shown[:4] for key, shown in said["records"].items()}
        assert found[name]["records"] == expected
        assert found[name]["findings"] == said["findings"].keys()


async def test_a_name_that_many_share_leads_nowhere_however_it_filled(database: Database) -> None:
    """An amount of too many invoices proves nothing, also for who came before it was too many."""
    hub, numbers = StoreHub(database, END), range(MOST_OF_A_WEAK_NAME + 2)
    slowly = [_unnamed_receipt("A", Decimal("61.00"))]
    slowly += [_invoice(number, Decimal("61.00")) for number in numbers]
    at_once = [_unnamed_receipt("B", Decimal("62.00"))]
    at_once += [_invoice(1000 + number, Decimal("62.00")) for number in numbers]
    await hub.deliver(slowly[:MOST_OF_A_WEAK_NAME])
    await hub.deliver(slowly[MOST_OF_A_WEAK_NAME:])
    await hub.deliver(at_once)
    found = (await hub.end_state())["cash"]["records"].values()
    proposals = [
        json.loads(state)["allocations"] for kind, _, _, state in found if kind == "receipt"
    ]
    assert proposals == [[], []]


def _unnamed_receipt(reference: str, amount: Decimal) -> Fact:
    told = month_facts.booked(reference, amount, "with many thanks", DAY)
    return fact(told, source="/camt/house-bank", at=DAY)


def _invoice(number: int, amount: Decimal) -> Fact:
    sale = Sale(number, [Line("LAMP", amount, 1)], DAY, "never")
    told = month_facts.invoice(sale, f"INV-{number}", f"S-{number}", [1], DAY)
    return fact(told, source="/ubl/acme", at=DAY)


def _amounts_hold(hub: Hub) -> None:
    for one in hub.told(ReceivableChanged.TYPE):
        settled = one.allocated.amount + one.credited.amount + one.written_off.amount
        assert one.open.amount == one.original.amount - settled + one.adjusted.amount
        assert one.open.amount >= 0
        assert one.open.amount == 0 or one.state not in SETTLED
    for receipt in hub.of("cash", "receipt"):
        applied = [one for one in receipt.state["allocations"] if one["state"] == "applied"]
        used = sum((Decimal(one["amount"]) for one in applied), Decimal(0))
        assert used == _of(receipt, "applied") <= _of(receipt, "amount")
        if receipt.status not in {"PAYOUT", "REVERSED"}:
            assert used + _of(receipt, "unapplied") == _of(receipt, "amount")


def _of(record: Record, name: str) -> Decimal:
    return Decimal(record.state[name])


def _statuses(hub: Hub, domain: str, kind: str) -> set[str]:
    return {one.status for one in hub.of(domain, kind)}


def _differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """What differs, in few words: whole states of a month are too long to be read."""
    told = []
    for domain, said in expected.items():
        for part in ("records", "findings", "told"):
            one, other = said[part], found[domain][part]
            told += [
                f"{domain} {part} {key}:\n  {one.get(key)}\n  {other.get(key)}"
                for key in sorted(one.keys() | other.keys())
                if one.get(key) != other.get(key)
            ]
        if said["parked"] != found[domain]["parked"]:
            told.append(f"{domain} parked: {said['parked']} {found[domain]['parked']}")
    return told[:5]
