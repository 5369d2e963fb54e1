"""Shipped and not invoiced: goods that went out, and no invoice lists all of them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, func, select
from sqlalchemy import Row as Found

from canonical.chain import CandidateState
from domains.billing.tables import candidates
from domains.reports.report import (
    EXACT,
    MOST_ROWS,
    ZERO,
    Breakdown,
    Column,
    Figure,
    Report,
    Row,
    age_days,
    moment_at,
    read,
    share,
)
from store.times import moment

NAME: Final = "shipped-not-invoiced"
TITLE: Final = "Shipped, not invoiced"
ABOUT: Final = (
    "Shipments that may be billed (READY) or are billed in part (PARTIALLY_INVOICED). The age"
    " counts from when the invoice gate allowed it, before that from the shipping."
    " To invoice = allowed − invoiced; quantities are sums over lines of any unit."
)
STATES: Final = (CandidateState.READY.value, CandidateState.PARTIALLY_INVOICED.value)
AGES: Final = (("up to 1 day", 1), ("2–7 days", 7), ("8–30 days", 30), ("over 30 days", None))
COLUMNS: Final = (
    Column("shipment", "Shipment"),
    Column("source", "Source"),
    Column("account", "Account"),
    Column("order", "Order"),
    Column("state", "State"),
    Column("gate", "Gate"),
    Column("shipped_at", "Shipped", "time"),
    Column("allowed_since", "Allowed since", "time"),
    Column("age", "Age, days", "days"),
    Column("shipped", "Shipped quantity", "number"),
    Column("allowed", "Allowed", "number"),
    Column("invoiced", "Invoiced", "number"),
    Column("to_invoice", "To invoice", "number"),
    Column("record", "Record"),
)


def report(connection: Connection, now: datetime) -> Report:
    """What is shipped and not invoiced, oldest first."""
    table = candidates.c
    since = func.coalesce(table.gate_allowed_at, table.shipped_at)
    statement = (
        select(candidates).where(table.state.in_(STATES)).order_by(since, table.id)
    )  # fmt: skip
    rows: list[Row] = []
    ages = [0] * len(AGES)
    count = oldest = 0
    for one in read(connection, statement):
        row = _row(one, now)
        if count < MOST_ROWS:
            rows.append(row)
        count += 1
        age = _age(one, now)
        oldest = max(oldest, age)
        ages[_place(age)] += 1
    return Report(
        name=NAME,
        title=TITLE,
        about=ABOUT,
        at=now,
        columns=COLUMNS,
        rows=tuple(rows),
        count=count,
        summary=(Figure("Shipments", count), Figure("Oldest", oldest, "days", "days")),
        breakdowns=(_by_age(ages, count),),
        domain="billing",
    )


def _row(one: Found[Any], now: datetime) -> Row:
    allowed, invoiced = Decimal(one.allowed), Decimal(one.invoiced)
    return (
        one.shipment,
        one.source,
        one.account,
        one.order,
        one.state,
        one.gate,
        moment(one.shipped_at),
        moment_at(one.gate_allowed_at),
        _age(one, now),
        Decimal(one.shipped),
        allowed,
        invoiced,
        max(EXACT.subtract(allowed, invoiced), ZERO),
        one.record_key,
    )


def _age(one: Found[Any], now: datetime) -> int:
    since = one.shipped_at if one.gate_allowed_at is None else one.gate_allowed_at
    return age_days(moment(since), now)


def _place(age: int) -> int:
    return next(place for place, (_, most) in enumerate(AGES) if most is None or age <= most)


def _by_age(ages: list[int], count: int) -> Breakdown:
    return Breakdown(
        title="By age",
        columns=(
            Column("age", "Age"),
            Column("shipments", "Shipments", "number"),
            Column("share", "Share", "share"),
        ),
        rows=tuple(
            (name, number, share(number, count))
            for (name, _), number in zip(AGES, ages, strict=True)
        ),
        bar="share",
    )
