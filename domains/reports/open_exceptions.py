"""Open exceptions: whose they are, since when, what kinds."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, case, func, select
from sqlalchemy import Row as Found

from domains.exceptions.listing import AGES, OwnerStanding, standing
from domains.exceptions.stored import LEVELS
from domains.exceptions.tables import exceptions
from domains.reports.report import (
    DAY_MICROS,
    MOST_ROWS,
    Breakdown,
    Column,
    Figure,
    Report,
    Row,
    age_days,
    share,
)
from store.statements import is_state
from store.times import micros, moment

NAME: Final = "open-exceptions"
TITLE: Final = "Open exceptions"
ABOUT: Final = (
    "What is open by owner, kind and age since it was opened: under 7 days, from 7, from 14 and"
    " from 30 days on. Overdue is what is past its service level."
)
_AGES: Final = (
    Column("current", "≤7 d", "number"),
    Column("over_7", ">7 d", "number"),
    Column("over_14", ">14 d", "number"),
    Column("over_30", ">30 d", "number"),
    Column("overdue", "Overdue", "number"),
    Column("all", "All", "number"),
)
COLUMNS: Final = (
    Column("owner", "Owner"),
    Column("domain", "Domain"),
    Column("kind", "Kind"),
    *_AGES,
    Column("oldest", "Oldest, days", "days"),
)


def report(connection: Connection, now: datetime) -> Report:
    """Open exceptions by owner, domain and kind, the most first."""
    table = exceptions.c
    groups = (table.owner, table.domain, table.kind)
    statement = (
        select(
            *groups,
            func.count().label("total"),
            func.sum(case((table.due_at <= micros(now), 1), else_=0)).label("overdue"),
            func.min(table.opened_at).label("oldest"),
            *(_older(table.opened_at, now, days).label(f"from_{days}") for days in LEVELS),
        )
        .where(is_state(table.state, "open"))
        .group_by(*groups)
    )
    found = sorted(connection.execute(statement), key=lambda one: (-one.total, one[:3]))
    rows = tuple(_row(one, now) for one in found)
    owners = standing(connection, now)
    total = sum(one.total for one in owners)
    return Report(
        name=NAME,
        title=TITLE,
        about=ABOUT,
        at=now,
        columns=COLUMNS,
        rows=rows[:MOST_ROWS],
        count=len(rows),
        summary=(
            Figure("Open", total),
            Figure("Overdue", sum(one.overdue for one in owners)),
            Figure("Over 30 days", sum(one.by_age["30"] for one in owners)),
        ),
        breakdowns=(_by_owner(owners, total),),
    )


def _older(column: ColumnElement[int], now: datetime, days: int) -> ColumnElement[int]:
    return func.sum(case((column <= micros(now) - days * DAY_MICROS, 1), else_=0))


def _row(one: Found[Any], now: datetime) -> Row:
    older = [int(getattr(one, f"from_{days}")) for days in LEVELS]
    bounds = [int(one.total), *older, 0]
    ages = [more - less for more, less in pairwise(bounds)]
    oldest = age_days(moment(one.oldest), now)
    return (one.owner, one.domain, one.kind, *ages, int(one.overdue), int(one.total), oldest)


def _by_owner(owners: list[OwnerStanding], total: int) -> Breakdown:
    return Breakdown(
        title="By owner and age",
        columns=(Column("owner", "Owner"), *_AGES, Column("share", "Share", "share")),
        rows=tuple(
            (
                one.owner,
                *(one.by_age[age] for age in AGES),
                one.overdue,
                one.total,
                share(one.total, total),
            )
            for one in owners
        ),
        bar="share",
    )
