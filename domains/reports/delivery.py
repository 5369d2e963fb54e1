"""How deliveries went in the last 30 days, by carrier: on time, at the first attempt, failed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, case, func, select
from sqlalchemy import Row as Found

from canonical.shipment import DeliveryStatus, ReasonClass
from domains.reports.report import (
    MOST_ROWS,
    Column,
    Figure,
    Report,
    Row,
    Series,
    by_day,
    day_number,
    last_days,
    share,
    starts,
)
from domains.shipment.tables import deliveries

NAME: Final = "delivery"
TITLE: Final = "Delivery"
DAYS: Final = 30
ABOUT: Final = (
    "Parcels by carrier, today and the 29 days before. On time = delivered by the first promise /"
    " delivered with a promise. At the first attempt = delivered by the first attempt / all that"
    " were attempted. Failed and returned parcels count by the day they were shipped or, where"
    " no shipment is known, promised."
)
COLUMNS: Final = (
    Column("carrier", "Carrier"),
    Column("delivered", "Delivered", "number"),
    Column("promised", "With a promise", "number"),
    Column("on_time", "On time", "share"),
    Column("attempted", "Attempted", "number"),
    Column("first_attempt", "At the first attempt", "share"),
    Column("failed_customer", "Failed: customer", "number"),
    Column("failed_company", "Failed: company", "number"),
    Column("failed_logistics", "Failed: logistics", "number"),
    Column("failed_unknown", "Failed: no reason", "number"),
    Column("returned", "Returned", "number"),
)
_REASONS: Final = (
    ("customer", ReasonClass.CUSTOMER_ISSUE),
    ("company", ReasonClass.COMPANY_ISSUE),
    ("logistics", ReasonClass.LOGISTICS_ISSUE),
)


def report(connection: Connection, now: datetime) -> Report:
    """By carrier, those with the most parcels first; on time and late by day."""
    days = last_days(now, DAYS)
    found = list(connection.execute(_by_carrier(starts(days))))
    found.sort(key=lambda one: (-(one.delivered + one.attempted), one.carrier))
    rows = tuple(_row(one) for one in found)
    return Report(
        name=NAME,
        title=TITLE,
        about=ABOUT,
        at=now,
        columns=COLUMNS,
        rows=rows[:MOST_ROWS],
        count=len(rows),
        summary=_summary(found),
        series=_series(connection, now),
    )


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _by_carrier(start: int) -> Any:
    table = deliveries.c
    delivered = and_(table.status == DeliveryStatus.DELIVERED.value, table.delivered_at >= start)
    begun = func.coalesce(table.shipped_at, table.promised_at) >= start
    failed = and_(table.status == DeliveryStatus.FAILED.value, begun)
    returned = and_(table.status == DeliveryStatus.RETURNED.value, begun)
    ended = delivered | failed | returned
    reasons = [
        _count(failed & (table.reason_class == reason.value)).label(f"failed_{name}")
        for name, reason in _REASONS
    ]
    return (
        select(
            table.carrier,
            _count(delivered).label("delivered"),
            _count(delivered & table.on_time.is_not(None)).label("promised"),
            _count(delivered & (table.on_time == 1)).label("on_time"),
            _count(ended & table.first_attempt.is_not(None)).label("attempted"),
            _count(ended & (table.first_attempt == 1)).label("first_attempt"),
            *reasons,
            _count(failed & table.reason_class.is_(None)).label("failed_unknown"),
            _count(returned).label("returned"),
        )
        .where(ended)
        .group_by(table.carrier)
    )


def _row(one: Found[Any]) -> Row:
    return (
        one.carrier,
        int(one.delivered),
        int(one.promised),
        share(int(one.on_time), int(one.promised)),
        int(one.attempted),
        share(int(one.first_attempt), int(one.attempted)),
        *(int(getattr(one, f"failed_{name}")) for name, _ in _REASONS),
        int(one.failed_unknown),
        int(one.returned),
    )


def _summary(found: list[Found[Any]]) -> tuple[Figure, ...]:
    def total(name: str) -> int:
        return sum(int(getattr(one, name)) for one in found)

    reasons = [*(name for name, _ in _REASONS), "unknown"]
    failed = sum(total(f"failed_{name}") for name in reasons)
    return (
        Figure("On time", share(total("on_time"), total("promised")), "share"),
        Figure("At the first attempt", share(total("first_attempt"), total("attempted")), "share"),
        Figure("Delivered", total("delivered")),
        Figure("Failed", failed),
        Figure("Returned", total("returned")),
    )


def _series(connection: Connection, now: datetime) -> Series:
    table, days = deliveries.c, last_days(now, DAYS)
    day = day_number(table.delivered_at)
    statement = (
        select(day, _count(table.on_time == 1), _count(table.on_time == 0))
        .where(
            table.status == DeliveryStatus.DELIVERED.value,
            table.delivered_at >= starts(days),
            table.on_time.is_not(None),
        )
        .group_by(day)
    )
    found = {int(at): (int(good), int(late)) for at, good, late in connection.execute(statement)}
    return by_day(("on time", "late"), days, found)
