"""The counters of failure groups, kept up in the transactions in which failures come and go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Insert, and_, bindparam, case, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from store.fingerprints import GROUPINGS, Fault, Fingerprint, fingerprints
from store.statements import is_postgresql
from store.tables import dead_letters, failure_groups, failure_hours

HOUR_US: Final = 3_600_000_000
GROUP_COLUMNS: Final = tuple(dead_letters.c[f"group_{grouping}"] for grouping in GROUPINGS)
_LOCK: Final = 0x6F32635F677270
"""The advisory lock under which counters change, one transaction after the other."""
EMPTIED: Final = "none of its failures is open any more"


@dataclass(slots=True)
class _Change:
    """What happened to one group in a transaction."""

    fingerprint: Fingerprint | None = None
    open: int = 0
    total: int = 0
    failures: int = 0
    first: int = 0
    last: int = 0
    hours: Counter[int] = field(default_factory=Counter)


class GroupChanges:
    """What happened to groups; written down together, in the order of their ids."""

    def __init__(self) -> None:
        self._changes: dict[int, _Change] = {}

    def failed(
        self, row: Mapping[str, Any], before: Mapping[str, Any] | None = None
    ) -> dict[str, int]:
        """Count a failure; returns the group columns its letter is to have.

        `row` is the letter as it is now, `before` (`state` and group columns) as it was when it
        had failed before.
        """
        groups = {}
        for grouping, fingerprint in fingerprints(fault_of(row)).items():
            name = f"group_{grouping}"
            groups[name] = fingerprint.group_id
            self._count(fingerprint, row["last_failed_at"])
            self._move(fingerprint.group_id, before, name)
        return groups

    def _count(self, fingerprint: Fingerprint, at: int) -> None:
        change = self._of(fingerprint.group_id)
        change.fingerprint = fingerprint
        change.failures += 1
        change.first = min(change.first or at, at)
        change.last = max(change.last, at)
        change.hours[at // HOUR_US] += 1

    def _move(self, group_id: int, before: Mapping[str, Any] | None, name: str) -> None:
        old = None if before is None else before[name]
        if before is not None and old is not None and before["state"] == "open":
            self._of(old).open -= 1
        self._of(group_id).open += 1
        if old == group_id:
            return
        self._of(group_id).total += 1
        if old is not None:
            self._of(old).total -= 1

    def closed(self, groups: Sequence[int | None]) -> None:
        """Count an open letter's closing."""
        for group_id in groups:
            if group_id is not None:
                self._of(group_id).open -= 1

    def _of(self, group_id: int) -> _Change:
        return self._changes.setdefault(group_id, _Change())

    def write(self, connection: Connection, at: int) -> None:
        """Bring the counters up. Take `lock_groups` before the letters are touched."""
        if not self._changes:
            return
        changes = sorted(self._changes.items())
        failed = [_row(group_id, one) for group_id, one in changes if one.fingerprint]
        left = [_left(group_id, one, at) for group_id, one in changes if one.fingerprint is None]
        if failed:
            connection.execute(_upsert(connection), failed)
        if left:
            connection.execute(_TAKE_AWAY, left)
        hours = [
            {"group_id": group_id, "hour": hour, "failures": number}
            for group_id, one in changes
            for hour, number in sorted(one.hours.items())
        ]
        if hours:
            connection.execute(_add_hours(connection), hours)


def lock_groups(connection: Connection) -> None:
    """Let nobody else change counters until this transaction ends.

    Failures are few, and transactions that change several groups in any order never wait for
    one another in a ring.
    """
    if is_postgresql(connection):
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def count_closed(connection: Connection, closed: Iterable[Sequence[int | None]], at: int) -> int:
    """Count letters that were just closed, each by its group columns; returns how many."""
    changes = GroupChanges()
    number = 0
    for groups in closed:
        changes.closed(groups)
        number += 1
    changes.write(connection, at)
    return number


def fault_of(row: Mapping[str, Any]) -> Fault:
    """What the fingerprints are made of, out of a letter's columns."""
    stage = row["stage"] if row["subscriber"] is None else f"{row['stage']} {row['subscriber']}"
    names = ("connector", "account", "kind", "error_code", "field_path", "message")
    return Fault(stage=stage, **{name: row[name] for name in names})


def _row(group_id: int, one: _Change) -> dict[str, Any]:
    assert one.fingerprint is not None  # noqa: S101 - asked before
    print_ = one.fingerprint
    names = (
        "grouping", "connector", "account", "kind", "stage", "error_code", "field_path", "text",
    )  # fmt: skip
    return {
        "id": group_id,
        **{name: getattr(print_, name) for name in names},
        "open_count": one.open,
        "total_count": one.total,
        "failure_count": one.failures,
        "first_seen": one.first,
        "last_seen": one.last,
        "opened_at": one.last,
        "reopened_count": 0,
        "state": "open",
        "severity": "normal",
        "tags": "[]",
        "revision": 1,
    }


def _left(group_id: int, one: _Change, at: int) -> dict[str, Any]:
    return {"group": group_id, "opened": one.open, "joined": one.total, "now": at}


def _upsert(connection: Connection) -> Insert:
    dialect = postgresql if is_postgresql(connection) else sqlite
    insert: Any = dialect.insert(failure_groups)
    now, given = failure_groups.c, insert.excluded
    reopens = now.state == "resolved"
    changed = {
        name: now[name] + given[name] for name in ("open_count", "total_count", "failure_count")
    }
    changed |= {
        "first_seen": case((given.first_seen < now.first_seen, given.first_seen),
                           else_=now.first_seen),
        "last_seen": case((given.last_seen > now.last_seen, given.last_seen), else_=now.last_seen),
        "state": case((reopens, "open"), else_=now.state),
        "opened_at": case((reopens, given.last_seen), else_=now.opened_at),
        "due_at": case((reopens, None), else_=now.due_at),
        "closed_at": case((reopens, None), else_=now.closed_at),
        "closed_by": case((reopens, None), else_=now.closed_by),
        "close_reason": case((reopens, None), else_=now.close_reason),
        "reopened_count": now.reopened_count + case((reopens, 1), else_=0),
        "revision": now.revision + case((reopens, 1), else_=0),
    }  # fmt: skip
    upsert: Insert = insert.on_conflict_do_update(index_elements=["id"], set_=changed)
    return upsert


_LEFT_OPEN = failure_groups.c.open_count + bindparam("opened")
_EMPTY = and_(failure_groups.c.state == "open", _LEFT_OPEN <= 0)
_TAKE_AWAY = (
    update(failure_groups)
    .where(failure_groups.c.id == bindparam("group"))
    .values(
        open_count=_LEFT_OPEN,
        total_count=failure_groups.c.total_count + bindparam("joined"),
        state=case((_EMPTY, "resolved"), else_=failure_groups.c.state),
        closed_at=case((_EMPTY, bindparam("now")), else_=failure_groups.c.closed_at),
        closed_by=case((_EMPTY, "gateway"), else_=failure_groups.c.closed_by),
        close_reason=case((_EMPTY, EMPTIED), else_=failure_groups.c.close_reason),
    )
)


def _add_hours(connection: Connection) -> Insert:
    dialect = postgresql if is_postgresql(connection) else sqlite
    insert: Any = dialect.insert(failure_hours)
    more = failure_hours.c.failures + insert.excluded.failures
    upsert: Insert = insert.on_conflict_do_update(
        index_elements=["group_id", "hour"], set_={"failures": more}
    )
    return upsert
