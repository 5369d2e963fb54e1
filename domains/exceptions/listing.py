"""Reading exceptions: lists by what people ask for, one with its history, counts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, Select, case, func, or_, select, tuple_

from canonical.errors import Unsupported
from domains.contract import Owner
from domains.exceptions.stored import HistoryEntry, StoredException, stored
from domains.exceptions.tables import exception_history, exceptions
from store.statements import is_state, storable
from store.times import micros, moment

Sort = Literal["due", "recent"]
Age = Literal["current", "7", "14", "30"]
AGES: Final[tuple[Age, ...]] = ("current", "7", "14", "30")
_BOUNDS: Final[Mapping[Age, tuple[int, int | None]]] = {
    "current": (0, 7), "7": (7, 14), "14": (14, 30), "30": (30, None),
}  # fmt: skip
"""From how many days on, and before how many."""
MOST_HISTORY: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which exceptions are asked for; None: whatever."""

    domain: str | None = None
    owner: str | None = None
    kind: str | None = None
    state: str | None = "open"
    age: Age | None = None
    overdue: bool = False
    assigned_to: str | None = None
    record: str | None = None
    text: str = ""
    """Part of the record's number or key, the kind, what is involved, or the explanation."""
    sort: Sort = "due"
    """What is due first, or what changed last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerStanding:
    """How much an owner has open."""

    owner: str
    by_age: Mapping[Age, int]
    overdue: int

    @property
    def total(self) -> int:
        """All that is open."""
        return sum(self.by_age.values())


def list_exceptions(
    connection: Connection,
    wanted: Wanted,
    now: datetime,
    *,
    after: tuple[int, int] | None = None,
    limit: int = 100,
) -> list[StoredException]:
    """A page of exceptions; `after` is `page_key` of the last one of the page before."""
    table = exceptions.c
    statement = _chosen(select(exceptions), wanted, now)
    if wanted.sort == "due":
        if after is not None:
            statement = statement.where(tuple_(table.due_at, table.id) > after)
        statement = statement.order_by(table.due_at, table.id)
    else:
        if after is not None:
            statement = statement.where(tuple_(table.changed_at, table.id) < after)
        statement = statement.order_by(table.changed_at.desc(), table.id.desc())
    return [stored(one) for one in connection.execute(statement.limit(limit))]


def page_key(one: StoredException, sort: Sort) -> tuple[int, int]:
    """Where a page behind this exception begins."""
    return micros(one.due_at if sort == "due" else one.changed_at), one.exception_id


def _chosen(statement: Select[Any], wanted: Wanted, now: datetime) -> Select[Any]:
    table = exceptions.c
    equal = {
        table.domain: wanted.domain,
        table.owner: wanted.owner,
        table.kind: wanted.kind,
        table.state: wanted.state,
        table.assigned_to: wanted.assigned_to,
        table.record_key: wanted.record,
    }
    for column, value in equal.items():
        if value is not None:
            statement = statement.where(column == value)
    if wanted.age is not None:
        statement = statement.where(_aged(wanted.age, now))
    if wanted.overdue:
        statement = statement.where(table.state == "open", table.due_at <= micros(now))
    if wanted.text:
        statement = statement.where(_speaks_of(wanted.text))
    return statement


def _aged(age: Age, now: datetime) -> ColumnElement[bool]:
    start, end = _BOUNDS[age]
    opened = exceptions.c.opened_at
    old_enough = opened <= micros(now - timedelta(days=start))
    if end is None:
        return old_enough
    young_enough = opened > micros(now - timedelta(days=end))
    # Whatever the clock of the process that opened it said, what is new is current.
    return young_enough if start == 0 else old_enough & young_enough


def _speaks_of(text: str) -> ColumnElement[bool]:
    table = exceptions.c
    columns = (table.record_label, table.record_key, table.kind, table.involved, table.explanation)
    return or_(*(one.icontains(storable(text), autoescape=True) for one in columns))


def load_exception(connection: Connection, exception_id: int) -> StoredException:
    """One of them. Raises Unsupported (`unknown_exception`)."""
    found = connection.execute(select(exceptions).where(exceptions.c.id == exception_id)).first()
    if found is None:
        raise Unsupported("there is no such exception", code="unknown_exception")
    return stored(found)


def history_of(connection: Connection, exception_id: int) -> list[HistoryEntry]:
    """What happened to an exception, oldest first; the last 500 entries."""
    table = exception_history.c
    statement = (
        select(exception_history)
        .where(table.exception_id == exception_id)
        .order_by(table.id.desc())
        .limit(MOST_HISTORY)
    )
    entries = [
        HistoryEntry(at=moment(one.at), by=one.by, action=one.action, detail=json.loads(one.detail))
        for one in connection.execute(statement)
    ]
    return entries[::-1]


def of_record(
    connection: Connection, domain: str, record: str, limit: int = 100
) -> list[StoredException]:
    """The exceptions of a record, open ones first, then the latest."""
    table = exceptions.c
    statement = (
        select(exceptions)
        .where(table.domain == domain, table.record_key == record)
        .order_by((table.state != "open"), table.changed_at.desc(), table.id.desc())
        .limit(limit)
    )
    return [stored(one) for one in connection.execute(statement)]


def standing(connection: Connection, now: datetime) -> list[OwnerStanding]:
    """What is open of each owner by its age, and how much of it is overdue."""
    table = exceptions.c
    sums = [func.sum(case((_aged(age, now), 1), else_=0)) for age in AGES]
    overdue = func.sum(case((table.due_at <= micros(now), 1), else_=0))
    rows = connection.execute(
        select(table.owner, overdue, *sums).where(is_state(table.state, "open")).group_by("owner")
    )
    found = {owner: (int(late), [int(one) for one in counts]) for owner, late, *counts in rows}
    names = [*(one.value for one in Owner), *sorted(found.keys() - {one.value for one in Owner})]
    return [_standing(name, *found.get(name, (0, [0] * len(AGES)))) for name in names]


def _standing(owner: str, overdue: int, counts: Sequence[int]) -> OwnerStanding:
    return OwnerStanding(owner=owner, by_age=dict(zip(AGES, counts, strict=True)), overdue=overdue)


def kinds_open(connection: Connection, limit: int = 200) -> list[str]:
    """The kinds of what is open now, by name."""
    table = exceptions.c
    statement = select(table.kind).where(is_state(table.state, "open")).distinct().limit(limit)
    return sorted(connection.scalars(statement))
