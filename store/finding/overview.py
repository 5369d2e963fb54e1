"""What the overview asks the store: a few queries, each answered from an index or some rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, func, select

from store.finding import traffic
from store.finding.backlog import Backlog, backlog
from store.finding.search import newest_block_end, not_in_blocks
from store.finding.traffic import AccountHours, Tallies
from store.fingerprints import FIELD
from store.ids import first_id_at
from store.intake.pauses import list_pauses
from store.mending.failure_groups import FailureGroup, list_groups
from store.records import Pause
from store.statements import is_state
from store.tables import failure_groups, messages, proposals, refusals
from store.times import micros

COUNTED: Final = 10_000
"""Counts go no further: more is more."""
GROUPS: Final = 6
_LOOKED_BACK: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits for a person."""

    groups: Sequence[FailureGroup]
    """The largest open groups."""
    open_groups: int
    open_failures: int
    overdue: Sequence[FailureGroup]
    """Open groups whose time, set by a person, is over."""
    conflicts: int
    """Nobody has decided about; counted up to ten thousand."""
    proposals: int
    pauses: Sequence[Pause]
    refused: Mapping[tuple[str, str, str], int]
    """In the last hour, by connector, account and code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything the overview shows of the store, on one snapshot."""

    at: datetime
    traffic: Tallies
    """From an hour ago on."""
    traffic_whole: bool
    """Whether the last minutes are counted to their end."""
    backlog: Backlog
    waiting: Waiting
    not_in_blocks: int
    """Messages that search reads one by one."""


def standing(connection: Connection, now: datetime) -> Standing:
    """The store as it is now."""
    since = micros(now - timedelta(minutes=60)) // traffic.MINUTE_US
    tallies, whole = traffic.traffic_since(connection, since, now)
    return Standing(
        at=now,
        traffic=tallies,
        traffic_whole=whole,
        backlog=backlog(connection),
        waiting=_waiting(connection, now),
        not_in_blocks=not_in_blocks(connection, newest_block_end(connection), COUNTED),
    )


def _waiting(connection: Connection, now: datetime) -> Waiting:
    table = failure_groups.c
    number, failures = connection.execute(
        select(func.count(), func.coalesce(func.sum(table.open_count), 0)).where(
            table.grouping == FIELD, table.state == "open", table.open_count > 0
        )
    ).one()
    open_ones = list_groups(connection, sort="largest", limit=200)
    return Waiting(
        groups=[one for one in open_ones if one.open_count][:GROUPS],
        open_groups=number,
        open_failures=int(failures),
        overdue=[one for one in open_ones if one.open_count and one.due_at and one.due_at <= now][
            :GROUPS
        ],
        conflicts=_up_to(
            connection, select(messages.c.id).where(is_state(messages.c.state, "conflict"))
        ),
        proposals=_up_to(connection, select(proposals.c.id).where(proposals.c.state == "open")),
        pauses=list_pauses(connection),
        refused=_refused(connection, now - timedelta(hours=1)),
    )


def _up_to(connection: Connection, statement: Select[Any]) -> int:
    some = statement.limit(COUNTED).subquery()
    return connection.scalar(select(func.count()).select_from(some)) or 0


def _refused(connection: Connection, since: datetime) -> Mapping[tuple[str, str, str], int]:
    table = refusals.c
    some = (
        select(table.connector, table.account, table.code)
        .where(table.id >= first_id_at(since))
        .order_by(table.id.desc())
        .limit(COUNTED)
    )
    return Counter((one.connector, one.account, one.code) for one in connection.execute(some))


def heard(connection: Connection, now: datetime) -> list[AccountHours]:
    """In which of the last fourteen days' hours each account was heard."""
    return traffic.hours_heard(connection, now - _LOOKED_BACK)


def plotted(connection: Connection, now: datetime, hours: int) -> Tallies:
    """Counts by minute of the last hours."""
    since = micros(now - timedelta(hours=hours)) // traffic.MINUTE_US
    return traffic.traffic_since(connection, since, now)[0]
