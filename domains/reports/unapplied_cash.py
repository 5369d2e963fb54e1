"""Cash that is not applied: money that came, and no invoice it pays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from heapq import merge
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from sqlalchemy import Connection, select
from sqlalchemy import Row as Found

from domains.cash.tables import cash_payments, cash_receipts
from domains.reports.report import (
    MOST_ROWS,
    Breakdown,
    Column,
    Figure,
    Report,
    Row,
    Sums,
    age_days,
    in_currencies,
    positive,
    read,
)
from store.times import moment

NAME: Final = "unapplied-cash"
TITLE: Final = "Unapplied cash"
ABOUT: Final = (
    "Bank receipts and gateway payments of which something pays no invoice yet. The age counts"
    " from the booking day, or from the capture. Money that is seen at the gateway and at the bank"
    " is counted once, at the gateway."
)
COLUMNS: Final = (
    Column("reference", "Reference"),
    Column("kind", "Kind"),
    Column("source", "Source"),
    Column("order", "Order"),
    Column("currency", "Currency"),
    Column("amount", "Amount", "money"),
    Column("unapplied", "Unapplied", "money"),
    Column("received_at", "Received", "time"),
    Column("age", "Age, days", "days"),
    Column("state", "State"),
    Column("record", "Record"),
)


class _Money(NamedTuple):
    since: datetime
    record: str
    kind: str
    reference: str
    source: str
    order: str | None
    currency: str
    amount: Decimal
    unapplied: Decimal
    state: str


def report(connection: Connection, now: datetime) -> Report:
    """What is unapplied, oldest first."""
    rows: list[Row] = []
    counts = Counter[tuple[str, str]]()
    sums: dict[str, Sums] = {"receipt": Sums(), "payment": Sums()}
    whole = Sums()
    oldest = 0
    for one in merge(_receipts(connection), _payments(connection), key=_since):
        age = age_days(one.since, now)
        oldest = max(oldest, age)
        if counts.total() < MOST_ROWS:
            rows.append(_row(one, age))
        counts[one.kind, one.currency] += 1
        sums[one.kind].add(one.currency, one.unapplied)
        whole.add(one.currency, one.unapplied)
    return Report(
        name=NAME,
        title=TITLE,
        about=ABOUT,
        at=now,
        columns=COLUMNS,
        rows=tuple(rows),
        count=counts.total(),
        summary=(
            *in_currencies("Unapplied", whole),
            Figure("Receipts and payments", counts.total()),
            Figure("Oldest", oldest, "days", "days"),
        ),
        breakdowns=(_by_currency(whole, sums, counts),) if whole else (),
        domain="cash",
    )


def _since(one: _Money) -> datetime:
    return one.since


def _receipts(connection: Connection) -> Iterator[_Money]:
    table = cash_receipts.c
    statement = (
        select(cash_receipts)
        .where(positive(table.unapplied))
        .order_by(table.booking_date, table.record_key)
    )
    return map(_receipt, read(connection, statement))


def _receipt(one: Found[Any]) -> _Money:
    return _Money(
        datetime.fromisoformat(one.booking_date).replace(tzinfo=UTC),
        one.record_key,
        "receipt",
        unquote(one.record_key.rpartition("/")[2]),
        f"bank {one.bank_account}",
        None,
        one.currency,
        Decimal(one.amount),
        Decimal(one.unapplied),
        one.state,
    )


def _payments(connection: Connection) -> Iterator[_Money]:
    table = cash_payments.c
    statement = (
        select(cash_payments)
        .where(positive(table.unapplied), table.captured_at.is_not(None))
        .order_by(table.captured_at, table.record_key)
    )
    return map(_payment, read(connection, statement))


def _payment(one: Found[Any]) -> _Money:
    return _Money(
        moment(one.captured_at),
        one.record_key,
        "payment",
        one.payment_id,
        f"{one.gateway}/{one.account}",
        one.order_id,
        one.currency,
        Decimal(one.captured),
        Decimal(one.unapplied),
        one.state,
    )


def _row(one: _Money, age: int) -> Row:
    return (
        one.reference,
        one.kind,
        one.source,
        one.order,
        one.currency,
        one.amount,
        one.unapplied,
        one.since,
        age,
        one.state,
        one.record,
    )


def _by_currency(whole: Sums, sums: dict[str, Sums], counts: Counter[tuple[str, str]]) -> Breakdown:
    return Breakdown(
        title="By currency",
        columns=(
            Column("currency", "Currency"),
            Column("receipts", "Receipts", "number"),
            Column("in_receipts", "At the bank", "money"),
            Column("payments", "Payments", "number"),
            Column("in_payments", "At gateways", "money"),
            Column("unapplied", "Unapplied", "money"),
        ),
        rows=tuple(
            (
                one,
                counts["receipt", one],
                sums["receipt"][one],
                counts["payment", one],
                sums["payment"][one],
                whole[one],
            )
            for one in sorted(whole)
        ),
    )
