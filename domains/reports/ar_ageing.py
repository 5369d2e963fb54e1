"""Accounts receivable by age: what is open of invoices, and how long past their day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, func, select
from sqlalchemy import Row as Found

from domains.cash.tables import cash_receivables
from domains.reports.report import (
    MOST_ROWS,
    Breakdown,
    Column,
    Figure,
    Report,
    Row,
    Sums,
    in_currencies,
    positive,
    read,
    share,
    today,
)

NAME: Final = "ar-ageing"
TITLE: Final = "AR ageing"
ABOUT: Final = (
    "What is open of invoices by how many days it is past its due date; an invoice without one is"
    " due on its issue date. Days are days in UTC."
)
BUCKETS: Final = (
    ("current", 0), ("1–30", 30), ("31–60", 60), ("61–90", 90), ("over 90", None),
)  # fmt: skip
COLUMNS: Final = (
    Column("invoice", "Invoice"),
    Column("seller", "Seller"),
    Column("order", "Order"),
    Column("currency", "Currency"),
    Column("issued", "Issued"),
    Column("due", "Due"),
    Column("past_due", "Days past due", "days"),
    Column("bucket", "Bucket"),
    Column("original", "Invoiced", "money"),
    Column("open", "Open", "money"),
    Column("state", "State"),
    Column("disputed", "Disputed"),
    Column("record", "Record"),
)


def report(connection: Connection, now: datetime) -> Report:
    """Open receivables by currency and bucket, and the invoices, longest past due first."""
    table = cash_receivables.c
    due = func.coalesce(table.due_date, table.issue_date)
    statement = select(cash_receivables).where(positive(table.open)).order_by(due, table.record_key)
    day, rows = today(now), list[Row]()
    counts = Counter[tuple[str, str]]()
    amounts: dict[tuple[str, str], Decimal] = {}
    sums, late = Sums(), Sums()
    for one in read(connection, statement):
        past = _past_due(one, day)
        name, amount = bucket_of(past), Decimal(one.open)
        if counts.total() < MOST_ROWS:
            rows.append(_row(one, past, name))
        place = (one.currency, name)
        counts[place] += 1
        amounts[place] = amounts.get(place, Decimal(0)) + amount
        sums.add(one.currency, amount)
        late.add(one.currency, amount if past > 0 else Decimal(0))
    return Report(
        name=NAME,
        title=TITLE,
        about=ABOUT,
        at=now,
        columns=COLUMNS,
        rows=tuple(rows),
        count=counts.total(),
        summary=(
            *in_currencies("Open", sums),
            *in_currencies("Past due", late),
            Figure("Invoices", counts.total()),
        ),
        breakdowns=tuple(_of_currency(one, sums[one], counts, amounts) for one in sorted(sums)),
        domain="cash",
    )


def bucket_of(past_due: int) -> str:
    """The bucket of so many days past due."""
    return next(name for name, most in BUCKETS if most is None or past_due <= most)


def _past_due(one: Found[Any], day: date) -> int:
    return (day - date.fromisoformat(one.due_date or one.issue_date)).days


def _row(one: Found[Any], past: int, bucket: str) -> Row:
    return (
        one.number,
        one.seller,
        one.order_id,
        one.currency,
        one.issue_date,
        one.due_date,
        max(past, 0),
        bucket,
        Decimal(one.original),
        Decimal(one.open),
        one.state,
        "yes" if one.disputed else "",
        one.record_key,
    )


def _of_currency(
    currency: str,
    whole: Decimal,
    counts: Mapping[tuple[str, str], int],
    amounts: Mapping[tuple[str, str], Decimal],
) -> Breakdown:
    parts = [
        (name, counts.get((currency, name), 0), amounts.get((currency, name), Decimal(0)))
        for name, _ in BUCKETS
    ]
    return Breakdown(
        title=f"By days past due, {currency}",
        columns=(
            Column("bucket", "Days past due"),
            Column("currency", "Currency"),
            Column("invoices", "Invoices", "number"),
            Column("open", "Open", "money"),
            Column("share", "Share", "share"),
        ),
        rows=tuple(
            (name, currency, number, amount, share(amount, whole)) for name, number, amount in parts
        ),
        bar="share",
    )
