"""Invoicing in the last 30 days: how long it took, what is disputed, what networks refused."""

from __future__ import annotations

from array import array
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, case, func, select

from canonical.chain import ElectronicState
from domains.billing.tables import candidates, invoices
from domains.reports.report import (
    MOST_ROWS,
    Breakdown,
    Column,
    Figure,
    Report,
    Row,
    last_days,
    quotient,
    read,
    share,
    starts,
)

NAME: Final = "invoicing"
TITLE: Final = "Invoicing"
DAYS: Final = 30
ABOUT: Final = (
    "Today and the 29 days before. Delay = from when the invoice gate allowed a shipment to its"
    " first invoice, nought where the invoice came first; p90: nine in ten took no longer."
    " Disputed = disputed invoices / invoices issued. Rejected = invoices the network or authority"
    " rejected or wants corrected / invoices handed to it."
)
HOUR: Final = Decimal(3_600_000_000)
REFUSED: Final = (ElectronicState.REJECTED.value, ElectronicState.CORRECTION_REQUIRED.value)
COLUMNS: Final = (
    Column("source", "Source"),
    Column("account", "Account"),
    Column("shipments", "Invoiced shipments", "number"),
    Column("median", "Median delay, hours", "number"),
    Column("p90", "p90 delay, hours", "number"),
    Column("early", "Invoiced before allowed", "number"),
)


def report(connection: Connection, now: datetime) -> Report:
    """Delays by source, disputes and rejections by network."""
    days = last_days(now, DAYS)
    rows, every = _delays(connection, starts(days))
    networks = _networks(connection, days[0].isoformat(), days[-1].isoformat())
    issued = sum(one[1] for one in networks)
    disputed = sum(one[2] for one in networks)
    handed, refused = (sum(one[place] for one in networks) for place in (3, 4))
    return Report(
        name=NAME,
        title=TITLE,
        about=ABOUT,
        at=now,
        columns=COLUMNS,
        rows=rows[:MOST_ROWS],
        count=len(rows),
        summary=(
            Figure("Median delay", median(every), "number", "h"),
            Figure("p90 delay", ninth_tenth(every), "number", "h"),
            Figure("Disputed", share(disputed, issued), "share"),
            Figure("Rejected e-invoices", share(refused, handed), "share"),
            Figure("Invoices issued", issued),
        ),
        breakdowns=(_by_network(networks),) if networks else (),
    )


def _delays(connection: Connection, start: int) -> tuple[tuple[Row, ...], list[int]]:
    table = candidates.c
    statement = select(table.source, table.account, table.gate_allowed_at, table.invoiced_at).where(
        table.invoiced_at >= start
    )
    found: dict[tuple[str, str], array[int]] = defaultdict(lambda: array("q"))
    early: dict[tuple[str, str], int] = defaultdict(int)
    for one in read(connection, statement):
        name, allowed_at = (one.source, one.account), one.gate_allowed_at
        # Without a day it was allowed on, it was invoiced before.
        delay = 0 if allowed_at is None else max(one.invoiced_at - allowed_at, 0)
        early[name] += allowed_at is None or one.invoiced_at < allowed_at
        found[name].append(delay)
    rows = tuple(
        (*name, len(delays), median(sorted(delays)), ninth_tenth(sorted(delays)), early[name])
        for name, delays in sorted(found.items())
    )
    return rows, sorted(one for delays in found.values() for one in delays)


def median(delays: list[int]) -> Decimal | None:
    """Of sorted microseconds, in hours: the middle one, or the mean of the two in the middle."""
    if not delays:
        return None
    middle = delays[(len(delays) - 1) // 2] + delays[len(delays) // 2]
    return quotient(Decimal(middle), 2 * HOUR, "0.1")


def ninth_tenth(delays: list[int]) -> Decimal | None:
    """Of sorted microseconds, in hours: the first that nine in ten are not above."""
    if not delays:
        return None
    return quotient(Decimal(delays[-(-len(delays) * 9 // 10) - 1]), HOUR, "0.1")


def _networks(connection: Connection, first: str, last: str) -> list[tuple[Any, ...]]:
    table = invoices.c

    def count(condition: Any) -> Any:
        return func.sum(case((condition, 1), else_=0))

    statement = (
        select(
            table.network,
            func.count(),
            count(table.disputed == 1),
            count(table.electronic != ElectronicState.POSTED.value),
            count(table.electronic.in_(REFUSED)),
        )
        .where(table.kind == "invoice", table.issue_date.between(first, last))
        .group_by(table.network)
    )
    found = [(name or "", *map(int, counts)) for name, *counts in connection.execute(statement)]
    return sorted(found)


def _by_network(networks: list[tuple[Any, ...]]) -> Breakdown:
    return Breakdown(
        title="Disputes and rejections, by network",
        columns=(
            Column("network", "Network"),
            Column("issued", "Issued", "number"),
            Column("disputed", "Disputed", "number"),
            Column("handed_over", "Handed over", "number"),
            Column("rejected", "Rejected", "number"),
            Column("rejected_share", "Rejected, share", "share"),
        ),
        rows=tuple(
            (name or "none", issued, disputed, handed, refused, share(refused, handed))
            for name, issued, disputed, handed, refused in networks
        ),
        bar="rejected_share",
    )
