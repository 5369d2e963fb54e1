"""What the four domains make of a month: each order's chain holds together, from either end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection

from domains.contract import Fact, Record
from domains.engine.tables import (
    evidence,
    filed_names,
    record_facts,
    record_names,
    records,
)
from domains.installed import INSTALLED
from store.database import Database
from store.statements import insert_all
from store.times import micros
from tests.domains.building import DAY
from tests.domains.hub import Hub, Station
from tests.domains.month import Month
from workbench.finding.tracing import Trace, find_trace

NOW = DAY + timedelta(days=45)


@pytest.fixture(scope="module")
def hub() -> Hub:
    """A month of sixty orders, derived."""
    hub = Hub([one.domain for one in INSTALLED.values()], NOW)
    hub.deliver(Month(60).facts)
    return hub


@pytest.fixture
async def kept(database: Database, hub: Hub) -> Database:
    """A store with all that the domains keep of it."""

    def keep(connection: Connection) -> None:
        for name, station in hub.stations.items():
            _keep(connection, name, station)

    await database.write(keep)
    return database


def _keep(connection: Connection, domain: str, station: Station) -> None:
    insert_all(connection, evidence, [_fact_row(domain, one) for one in station.facts.values()])
    insert_all(connection, filed_names, list(_name_rows(domain, station)))
    said = station.records.values()
    insert_all(connection, records, [_record_row(domain, one) for one in said])
    facts = [
        {"domain": domain, "record_key": one.key, "message_id": fact}
        for one in said
        for fact in sorted(one.facts)
    ]
    insert_all(connection, record_facts, facts)
    names = [
        {"domain": domain, "record_key": one.key, "scheme": scheme, "value": value}
        for one in said
        for scheme, value in sorted({(name.scheme, name.value) for name in one.names})
    ]
    insert_all(connection, record_names, names)


def _fact_row(domain: str, one: Fact) -> dict[str, Any]:
    return {
        "domain": domain,
        "message_id": one.id,
        "type": one.type,
        "source": one.source,
        "idempotency_key": one.key,
        "occurred_at": micros(one.occurred_at),
        "arrived_at": micros(one.arrived_at),
        "version": one.version,
        "receipt": one.receipt,
        "correlation": one.correlation,
        "corrects": None,
        "corrected_by": None,
        "data": one.data.json_data(),
    }


def _name_rows(domain: str, station: Station) -> Iterator[dict[str, Any]]:
    for name in sorted(station.strong.keys() | station.weak.keys()):
        strong = station.strong.get(name, set())
        for fact in sorted(strong | station.weak.get(name, set())):
            row = {"domain": domain, "name": name, "message_id": fact}
            yield {**row, "strong": int(fact in strong)}


def _record_row(domain: str, one: Record) -> dict[str, Any]:
    return {
        "domain": domain,
        "key": one.key,
        "kind": one.kind,
        "label": one.label,
        "status": one.status,
        "state": orjson.dumps(one.state).decode(),
        "digest": "",
        "created_at": 0,
        "updated_at": 0,
    }


def told(found: Trace) -> set[tuple[str, str]]:
    return {(one.domain, one.key) for one in found.chain}


def labels(found: Trace, *stages: str) -> set[str]:
    return {one.label for one in found.chain if one.stage in stages}


async def test_a_chain_is_of_one_order_and_whole(kept: Database, hub: Hub) -> None:
    for order in hub.of("order", "order"):
        found = await find_trace(kept, order.key)
        assert [one.key for one in found.chain if one.stage == "order"] == [order.key]
        assert {key for domain, key in told(found) if domain == "shipment"} >= {
            one.key for one in hub.of("shipment", "shipment") if one.state["order"] == order.key
        }
        assert labels(found, "invoice", "credit note") == set(order.state["billing"]["invoices"])
        assert labels(found, "receivable") == labels(found, "invoice")
        assert all(one.first is not None for one in found.chain)


async def test_from_the_bank_s_line_to_the_order_and_back(kept: Database, hub: Hub) -> None:
    paid_alone = 0
    for receipt in hub.of("cash", "receipt"):
        if receipt.status != "APPLIED":
            continue
        found = await find_trace(kept, receipt.names[0].value)
        orders = [one for one in found.chain if one.stage == "order"]
        assert orders
        assert ("cash", receipt.key) in told(found)
        if len(orders) == 1:
            paid_alone += 1
            assert told(await find_trace(kept, orders[0].key)) == told(found)
    assert paid_alone > 5


async def test_from_a_payment_over_its_payout_to_the_bank(kept: Database, hub: Hub) -> None:
    cleared = [one for one in hub.of("cash", "payment") if one.state["cleared"]]
    assert cleared
    receipts = {one.key for one in hub.of("cash", "receipt")}
    for payment in cleared:
        found = await find_trace(kept, payment.label)
        assert [one.key for one in found.chain if one.stage == "payment"] == [payment.key]
        assert {one["payout"] for one in payment.state["payouts"]} <= {
            one.key for one in found.chain if one.stage == "payout"
        }
        # A payout that took money back is a debit of the bank, of which there is no record.
        entries = {one["bank_entry"] for one in payment.state["payouts"]} & receipts
        assert entries <= {one.key for one in found.chain if one.stage == "bank entry"}


async def test_from_a_payout_to_the_orders_in_it(kept: Database, hub: Hub) -> None:
    payments = hub.of("cash", "payment")
    receipts = {one.key for one in hub.of("cash", "receipt")}
    for payout in hub.of("cash", "payout"):
        inside = {
            ("cash", one.key)
            for one in payments
            if payout.key in {way["payout"] for way in one.state["payouts"]}
        }
        found = await find_trace(kept, payout.label)
        assert inside <= told(found)
        if payout.state["bank_entry"] in receipts:
            bank = await find_trace(kept, payout.state["bank_entry"])
            assert told(bank) == told(found)
