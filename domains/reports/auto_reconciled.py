"""How much of what was paid in the last 30 days was reconciled without a person's decision."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import Connection, select

from domains.cash.tables import cash_receivables
from domains.reports.report import (
    DAY_MICROS,
    Column,
    Figure,
    Report,
    Row,
    Sums,
    by_day,
    last_days,
    read,
    share,
    starts,
)

NAME: Final = "auto-reconciled"
TITLE: Final = "Reconciled automatically"
DAYS: Final = 30
ABOUT: Final = (
    "Invoices that invoice, payment and bank credit agreed on today or in the 29 days before."
    " Automatically: nobody decided an allocation, a write-off or an adjustment of it. Share ="
    " automatically / all, by number of invoices and, by currency, by what was allocated."
)
COLUMNS: Final = (
    Column("currency", "Currency"),
    Column("invoices", "Paid invoices", "number"),
    Column("automatic", "Automatically", "number"),
    Column("share", "Share of invoices", "share"),
    Column("paid", "Paid", "money"),
    Column("paid_automatic", "Paid automatically", "money"),
    Column("share_of_amount", "Share of the amount", "share"),
)


def report(connection: Connection, now: datetime) -> Report:
    """By currency, and by day."""
    table, days = cash_receivables.c, last_days(now, DAYS)
    statement = select(table.currency, table.allocated, table.auto, table.paid_at).where(
        table.paid_at >= starts(days)
    )
    paid, automatic = Sums(), Sums()
    counts, without = Counter[str](), Counter[str]()
    by_date: dict[int, tuple[int, int]] = {}
    for one in read(connection, statement):
        amount, auto = Decimal(one.allocated), int(bool(one.auto))
        counts[one.currency] += 1
        without[one.currency] += auto
        paid.add(one.currency, amount)
        automatic.add(one.currency, amount if auto else Decimal(0))
        day = one.paid_at // DAY_MICROS
        good, by_hand = by_date.get(day, (0, 0))
        by_date[day] = (good + auto, by_hand + 1 - auto)
    rows = tuple(_row(one, counts, without, paid, automatic) for one in sorted(counts))
    return Report(
        name=NAME,
        title=TITLE,
        about=ABOUT,
        at=now,
        columns=COLUMNS,
        rows=rows,
        count=len(rows),
        summary=(
            Figure("Automatically", share(without.total(), counts.total()), "share"),
            Figure("Paid invoices", counts.total()),
            *(
                Figure("Of the amount", share(automatic[one], paid[one]), "share", one)
                for one in sorted(counts)
            ),
        ),
        series=by_day(("automatically", "by a person"), days, by_date),
    )


def _row(one: str, counts: Counter[str], without: Counter[str], paid: Sums, automatic: Sums) -> Row:
    return (
        one,
        counts[one],
        without[one],
        share(without[one], counts[one]),
        paid[one],
        automatic[one],
        share(automatic[one], paid[one]),
    )
