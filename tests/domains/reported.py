"""A small month in the domains' typed tables, whose figures can be reckoned by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Table

from domains.billing.tables import candidates, invoices
from domains.cash.tables import cash_payments, cash_receipts, cash_receivables
from domains.contract import Finding, Owner
from domains.exceptions.keeping import keep
from domains.order.tables import order_lines, order_orders
from domains.shipment.tables import deliveries
from store.database import Connection
from store.ids import IdSource
from store.statements import insert_all
from store.times import micros

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def before(**span: float) -> int:
    """So long ago, in microseconds."""
    return micros(NOW - timedelta(**span))


def put(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Rows of a table; what they leave out is empty, nought or their number."""
    names = [one for one in table.columns if one.name != "id"]
    filled = [
        {
            one.name: row.get(one.name, None if one.nullable else _blank(one.type.python_type, at))
            for one in names
        }
        for at, row in enumerate(rows)
    ]
    insert_all(connection, table, filled)


def _blank(kind: type, at: int) -> str | int:
    return 0 if kind is int else f"-{at}"


def a_month(connection: Connection) -> None:
    """Everything."""
    _goods(connection)
    _invoices(connection)
    _receivables(connection)
    _money(connection)
    _parcels(connection)
    _orders(connection)
    _exceptions(connection)


def _goods(connection: Connection) -> None:
    common = {"source": "wms", "account": "north", "shipped": "5", "allowed": "5", "invoiced": "0"}
    rows: list[dict[str, Any]] = [
        {"shipment": "S-1", "state": "READY", "shipped_at": before(days=4),
         "gate_allowed_at": before(days=3, hours=1)},
        {"shipment": "S-2", "state": "PARTIALLY_INVOICED", "shipped_at": before(days=41),
         "gate_allowed_at": before(days=40), "invoiced": "1.5", "invoiced_at": before(days=39)},
        {"shipment": "S-3", "state": "WAITING", "shipped_at": before(days=9), "allowed": "0"},
        {"shipment": "S-4", "state": "INVOICED", "shipped_at": before(days=9), "invoiced": "5",
         "gate_allowed_at": before(days=8), "invoiced_at": before(days=7, hours=22)},
        {"shipment": "S-5", "state": "INVOICED", "shipped_at": before(days=9), "invoiced": "5",
         "gate_allowed_at": before(days=8), "invoiced_at": before(days=7)},
        {"shipment": "S-6", "state": "INVOICED", "shipped_at": before(days=9), "invoiced": "5",
         "gate_allowed_at": before(days=3), "invoiced_at": before(days=7)},
        {"shipment": "S-7", "state": "INVOICED", "shipped_at": before(days=9), "invoiced": "5",
         "gate_allowed_at": before(days=8), "invoiced_at": before(days=6), "account": "south"},
    ]  # fmt: skip
    put(
        connection,
        candidates,
        [{"record_key": f"c/{one['shipment']}"} | common | one for one in rows],
    )


def _invoices(connection: Connection) -> None:
    rows: list[dict[str, Any]] = [
        {"issue_date": "2026-03-30", "disputed": 1, "electronic": "POSTED"},
        {"issue_date": "2026-03-02", "network": "sdi", "electronic": "ACCEPTED"},
        {"issue_date": "2026-03-20", "network": "sdi", "electronic": "REJECTED"},
        {"issue_date": "2026-03-20", "network": "ppf", "electronic": "CORRECTION_REQUIRED"},
        {"issue_date": "2026-03-01", "network": "ppf", "electronic": "REJECTED"},
        {"issue_date": "2026-03-20", "network": "ppf", "electronic": "REJECTED",
         "kind": "credit_note"},
    ]  # fmt: skip
    put(connection, invoices, [{"kind": "invoice", "currency": "EUR"} | one for one in rows])


def _receivables(connection: Connection) -> None:
    common = {"currency": "EUR", "issue_date": "2026-03-01", "state": "OPEN"}
    rows: list[dict[str, Any]] = [
        {"number": "R-1", "due_date": "2026-03-31", "original": "100.00", "open": "100.00"},
        {"number": "R-2", "due_date": "2026-03-30", "original": "30.10", "open": "0.10"},
        {"number": "R-3", "due_date": "2026-03-01", "original": "20.20", "open": "20.20"},
        {"number": "R-4", "due_date": "2026-02-28", "original": "40.00", "open": "40.00",
         "issue_date": "2026-01-01"},
        {"number": "R-5", "due_date": None, "original": "50.00", "open": "50.00",
         "issue_date": "2025-12-01"},
        {"number": "R-6", "due_date": "2026-01-01", "original": "7", "open": "7",
         "currency": "JPY"},
        {"number": "=1+1", "due_date": "2026-01-30", "original": "60.00", "open": "0.00",
         "allocated": "60.00", "auto": 1, "paid_at": before(days=1), "state": "CLOSED"},
        {"number": "R-8", "due_date": "2026-01-30", "original": "140.00", "open": "0.00",
         "allocated": "140.00", "paid_at": before(days=1), "state": "PAID"},
        {"number": "R-9", "due_date": "2026-01-30", "original": "999.00", "open": "0.00",
         "allocated": "999.00", "auto": 1, "paid_at": before(days=31), "state": "PAID",
         "issue_date": "2025-12-31"},
        {"number": "R-10", "due_date": None, "original": "10", "open": "0", "currency": "JPY",
         "allocated": "10", "auto": 1, "paid_at": before(days=29), "state": "PAID"},
    ]  # fmt: skip
    put(
        connection,
        cash_receivables,
        [{"record_key": f"receivable/acme/{one['number']}"} | common | one for one in rows],
    )


def _money(connection: Connection) -> None:
    put(
        connection,
        cash_receipts,
        [
            {"record_key": "receipt/1", "bank_account": "…1234", "booking_date": "2026-03-21",
             "currency": "EUR", "amount": "100.00", "unapplied": "0.30",
             "state": "PARTIALLY_APPLIED"},
            {"record_key": "receipt/2", "booking_date": "2026-01-01", "currency": "EUR",
             "amount": "5.00", "unapplied": "0.00", "state": "APPLIED"},
            {"record_key": "receipt/%5B%2Fx%5D", "bank_account": "…1234",
             "booking_date": "2026-03-31", "currency": "JPY", "amount": "700",
             "unapplied": "700", "state": "UNAPPLIED"},
        ],
    )  # fmt: skip
    put(
        connection,
        cash_payments,
        [
            {"record_key": "payment/1", "gateway": "stripe", "account": "acme",
             "payment_id": "pi_1",
             "currency": "EUR", "captured": "20.00", "unapplied": "20.00", "state": "CAPTURED",
             "captured_at": before(days=12)},
            {"record_key": "payment/2", "currency": "EUR", "captured": "0.00",
             "unapplied": "0.00", "state": "AUTHORISED"},
        ],
    )  # fmt: skip


def _parcels(connection: Connection) -> None:
    done = {"status": "DELIVERED", "carrier": "dhl", "first_attempt": 1, "on_time": 1}
    yesterday = {"delivered_at": before(days=1), "shipped_at": before(days=3)}
    rows: list[dict[str, Any]] = [
        done | yesterday,
        done | yesterday | {"on_time": 0, "first_attempt": 0},
        done | {"delivered_at": before(days=29), "on_time": 1},
        done | yesterday | {"on_time": None},
        done | {"delivered_at": before(days=30, hours=1), "shipped_at": before(days=35)},
        {"carrier": "dhl", "status": "FAILED", "reason_class": "CUSTOMER_ISSUE",
         "first_attempt": 0, "shipped_at": before(days=2)},
        {"carrier": "dhl", "status": "FAILED", "first_attempt": 0, "promised_at": before(days=2)},
        {"carrier": "dhl", "status": "FAILED", "first_attempt": 0, "shipped_at": before(days=90)},
        {"carrier": "ups", "status": "RETURNED", "shipped_at": before(days=2)},
        {"carrier": "ups", "status": "IN_TRANSIT", "shipped_at": before(days=2)},
    ]  # fmt: skip
    put(connection, deliveries, rows)


def _orders(connection: Connection) -> None:
    common = {"channel": "shopify", "account": "acme", "closure": "OPEN", "approval": "OPEN",
              "credit": "CLEAR", "placed_at": before(days=5)}  # fmt: skip
    orders: list[dict[str, Any]] = [
        {"record_key": "o/1", "credit": "HELD", "placed_at": before(days=20)},
        {"record_key": "o/2"},
        {"record_key": "o/3", "test": 1},
        {"record_key": "o/4", "approval": "REJECTED"},
        {"record_key": "o/5", "closure": "FINANCIALLY_COMPLETE"},
        {"record_key": "o/6", "channel": "edi", "account": "metro"},
    ]
    put(connection, order_orders, [common | one for one in orders])
    lines: list[dict[str, Any]] = [
        {"record_key": "o/1", "unit": "EA", "open": "2", "back_ordered": "1"},
        {"record_key": "o/1", "unit": "EA", "open": "0.5"},
        {"record_key": "o/1", "unit": "KGM", "open": "1.25"},
        {"record_key": "o/2", "unit": "EA", "open": "3"},
        {"record_key": "o/2", "unit": "EA", "open": "0"},
        *({"record_key": f"o/{one}", "unit": "EA", "open": "9"} for one in (3, 4, 5)),
        {"record_key": "o/6", "unit": "EA", "open": "10", "back_ordered": "10"},
    ]
    put(connection, order_lines, [{"back_ordered": "0"} | one for one in lines])


def _exceptions(connection: Connection) -> None:
    ids = IdSource(worker=6)
    for days, kind, owner in (
        (40, "short_payment", Owner.FINANCE), (7, "short_payment", Owner.FINANCE),
        (1, "short_payment", Owner.FINANCE), (15, "unknown_order", Owner.IT),
    ):  # fmt: skip
        record = f"receipt/{days}"
        found = Finding(kind=kind, record=record, owner=owner, explanation="It does not agree.")
        keep(
            connection,
            domain="cash",
            scope=frozenset({record}),
            findings=[found],
            labels={},
            ids=ids,
            now=NOW - timedelta(days=days),
        )
