"""Days sales outstanding: how many days of invoicing are still open."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import Connection, select

from domains.cash.tables import cash_receivables
from domains.reports.report import (
    EXACT,
    Column,
    Figure,
    Report,
    Sums,
    last_days,
    positive,
    quotient,
    read,
    today,
)

NAME: Final = "dso"
TITLE: Final = "DSO"
DAYS: Final = 90
ABOUT: Final = (
    "Days sales outstanding = open receivables / invoiced in the last 90 days × 90, by currency:"
    " today and the 89 days before by the issue date, gross, credit notes not taken off."
    " Where nothing was invoiced in that time there is none."
)
COLUMNS: Final = (
    Column("currency", "Currency"),
    Column("open", "Open", "money"),
    Column("invoiced", "Invoiced in 90 days", "money"),
    Column("invoices", "Invoices in 90 days", "number"),
    Column("dso", "DSO, days", "days"),
)


def report(connection: Connection, now: datetime) -> Report:
    """By currency."""
    table = cash_receivables.c
    first, last = last_days(now, DAYS)[0].isoformat(), today(now).isoformat()
    still_open, invoiced, counts = Sums(), Sums(), Counter[str]()
    opened = select(table.currency, table.open).where(positive(table.open))
    for one in read(connection, opened):
        still_open.add(one.currency, Decimal(one.open))
    recent = select(table.currency, table.original).where(table.issue_date.between(first, last))
    for one in read(connection, recent):
        invoiced.add(one.currency, Decimal(one.original))
        counts[one.currency] += 1
    names = sorted(still_open.keys() | invoiced.keys())
    ratios = {one: _days(still_open[one], invoiced[one]) for one in names}
    figures = tuple(Figure("DSO", ratios[one], "days", f"days, {one}") for one in names)
    return Report(
        name=NAME,
        title=TITLE,
        about=ABOUT,
        at=now,
        columns=COLUMNS,
        rows=tuple(
            (one, still_open[one], invoiced[one], counts[one], ratios[one]) for one in names
        ),
        count=len(names),
        summary=figures or (Figure("DSO", None, "days"),),
    )


def _days(still_open: Decimal, invoiced: Decimal) -> Decimal | None:
    return quotient(EXACT.multiply(still_open, Decimal(DAYS)), invoiced, "0.1")
