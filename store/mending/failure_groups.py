"""Failure groups as people see them: lists, trends, and what people say about a group."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, func, select, tuple_, update
from sqlalchemy import Row as Found

from canonical.errors import Malformed, Unsupported
from store.access.audit_log import append_audit
from store.failures.dead_letters import dead_letter
from store.failures.group_counts import GROUP_COLUMNS, HOUR_US, GroupChanges, lock_groups
from store.fingerprints import FIELD, GROUPINGS
from store.ids import show_id
from store.mending.contested import Contested
from store.records import DeadLetter
from store.statements import among, storable, update_all
from store.tables import dead_letters, failure_groups, failure_hours
from store.times import micros, moment, moment_or_none

GROUP: Final = "grp"
SEVERITIES: Final = ("low", "normal", "high", "critical")
STATES: Final = ("open", "resolved", "muted")
TREND_HOURS: Final = 24
TREND_DAYS: Final = 14
_KEPT: Final = timedelta(days=TREND_DAYS + 1)
_DAY: Final = 24
MOST_TAGS: Final = 20
LONGEST_TAG: Final = 40

Sort = Literal["recent", "largest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Failures with one fingerprint."""

    group_id: int
    grouping: str
    connector: str
    account: str
    kind: str
    stage: str
    error_code: str
    field_path: str
    text: str
    open_count: int
    total_count: int
    """Dead letters, open or closed, those that retention has dropped since included."""
    failure_count: int
    """How often they failed, all together."""
    first_seen: datetime
    last_seen: datetime
    opened_at: datetime
    """Since when it is open without a break: the SLA clock's start."""
    reopened_count: int
    state: str
    """open, resolved or muted."""
    closed_at: datetime | None
    closed_by: str | None
    close_reason: str | None
    owner: str | None
    severity: str
    due_at: datetime | None
    """Set by a person; otherwise the policy counts from `opened_at`."""
    tags: tuple[str, ...]
    revision: int
    """Counts people's changes: whoever changes a group names the revision they saw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Failures by hour and by day, oldest first, each ending with the one that is passing."""

    hours: tuple[int, ...]
    """24 of them."""
    days: tuple[int, ...]
    """14 of 24 hours each."""


def list_groups(
    connection: Connection,
    grouping: str = FIELD,
    *,
    state: str | None = "open",
    connector: str | None = None,
    owner: str | None = None,
    sort: Sort = "recent",
    after: tuple[int, int] | None = None,
    limit: int = 100,
) -> list[FailureGroup]:
    """Groups of one grouping, the latest or the largest first.

    `after` is `page_key` of the last group of the page before this one. Raises Malformed for a
    grouping that is not known.
    """
    if grouping not in GROUPINGS:
        raise Malformed(f"{grouping[:40]!r} is no grouping", code="unknown_grouping")
    table = failure_groups.c
    column = table.last_seen if sort == "recent" else table.open_count
    statement = select(failure_groups).where(table.grouping == grouping)
    for name, value in (("state", state), ("connector", connector), ("owner", owner)):
        if value is not None:
            statement = statement.where(table[name] == value)
    if after is not None:
        statement = statement.where(tuple_(column, table.id) < after)
    ordered = statement.order_by(column.desc(), table.id.desc()).limit(limit)
    return [_group(found) for found in connection.execute(ordered)]


def page_key(group: FailureGroup, sort: Sort = "recent") -> tuple[int, int]:
    """Where a page behind this group begins."""
    value = micros(group.last_seen) if sort == "recent" else group.open_count
    return value, group.group_id


def load_group(connection: Connection, group_id: int) -> FailureGroup:
    """One group. Raises Unsupported (`unknown_group`)."""
    found = connection.execute(
        select(failure_groups).where(failure_groups.c.id == group_id)
    ).first()
    if found is None:
        raise Unsupported("there is no such group of failures", code="unknown_group")
    return _group(found)


def groups_of(connection: Connection, dead_letter_id: int) -> dict[str, int]:
    """The groups a dead letter is in, by grouping; empty for one that is not there."""
    found = connection.execute(
        select(*GROUP_COLUMNS).where(dead_letters.c.id == dead_letter_id)
    ).first()
    if found is None:
        return {}
    return {
        grouping: group_id
        for grouping, group_id in zip(GROUPINGS, found, strict=True)
        if group_id is not None
    }


def in_group(group: FailureGroup) -> ColumnElement[bool]:
    """The condition on dead letters that they belong to a group."""
    return dead_letters.c[f"group_{group.grouping}"] == group.group_id


def list_letters(
    connection: Connection,
    group: FailureGroup,
    *,
    state: str = "open",
    before: int | None = None,
    limit: int = 100,
) -> list[DeadLetter]:
    """A group's dead letters in one state, newest first, page by page."""
    statement = select(dead_letters).where(in_group(group), dead_letters.c.state == state)
    if before is not None:
        statement = statement.where(dead_letters.c.id < before)
    ordered = statement.order_by(dead_letters.c.id.desc()).limit(limit)
    return [dead_letter(found) for found in connection.execute(ordered)]


def trends(connection: Connection, group_ids: Sequence[int], now: datetime) -> dict[int, Trend]:
    """The trend of each group."""
    this_hour = micros(now) // HOUR_US
    oldest = this_hour - TREND_DAYS * _DAY + 1
    table = failure_hours.c
    counts: dict[int, dict[int, int]] = defaultdict(dict)
    statement = select(failure_hours).where(
        among(connection, table.group_id, list(group_ids)), table.hour >= oldest
    )
    for found in connection.execute(statement):
        counts[found.group_id][found.hour] = found.failures
    return {group_id: _trend(counts[group_id], oldest, this_hour) for group_id in group_ids}


def _trend(counts: Mapping[int, int], oldest: int, this_hour: int) -> Trend:
    series = [counts.get(hour, 0) for hour in range(oldest, this_hour + 1)]
    return Trend(
        hours=tuple(series[-TREND_HOURS:]),
        days=tuple(sum(series[start : start + _DAY]) for start in range(0, len(series), _DAY)),
    )


def count_groups(connection: Connection, grouping: str = FIELD) -> dict[str, tuple[int, int]]:
    """By state: how many groups there are, and how many open failures in them."""
    table = failure_groups.c
    rows = connection.execute(
        select(table.state, func.count(), func.sum(table.open_count))
        .where(table.grouping == grouping)
        .group_by(table.state)
    )
    return {state: (number, int(letters)) for state, number, letters in rows}


def change_group(
    connection: Connection,
    group_id: int,
    changes: Mapping[str, Any],
    *,
    actor: str,
    now: datetime,
    revision: int | None = None,
    reason: str = "",
) -> FailureGroup:
    """Change what people say of a group: state, owner, severity, due_at (aware), tags.

    Raises Contested when somebody changed it after `revision`, Malformed for a value that is not
    known, Unsupported when there is no such group.
    """
    group = load_group(connection, group_id)
    values = _checked(changes)
    if values.get("state") in ("resolved", "muted"):
        _require_reason(reason)
        values |= {"closed_at": micros(now), "closed_by": actor, "close_reason": storable(reason)}
    elif "state" in values:
        values |= {"closed_at": None, "closed_by": None, "close_reason": None}
        values |= {"opened_at": micros(now)} if group.state == "resolved" else {}
    seen = group.revision if revision is None else revision
    changed = connection.execute(
        update(failure_groups)
        .where(failure_groups.c.id == group_id, failure_groups.c.revision == seen)
        .values(**values, revision=seen + 1)
    )
    if not changed.rowcount:
        raise Contested("somebody else has changed this group meanwhile", code="changed_meanwhile")
    append_audit(
        connection,
        at=now,
        actor=actor,
        action="failure_group.change",
        target=show_id(GROUP, group_id),
        details=_told(changes) | ({"reason": reason} if reason else {}),
    )
    return load_group(connection, group_id)


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise Malformed("closing a group needs a reason", code="reason_required")


def _checked(changes: Mapping[str, Any]) -> dict[str, Any]:
    unknown = changes.keys() - {"state", "owner", "severity", "due_at", "tags"}
    if unknown or not changes:
        raise Malformed("there is nothing here that can be changed", code="bad_change")
    values = dict(changes)
    for name, allowed in (("state", STATES), ("severity", SEVERITIES)):
        if name in values and values[name] not in allowed:
            raise Malformed(f"{name} is one of {', '.join(allowed)}", code="bad_change", path=name)
    if "tags" in values:
        values["tags"] = json.dumps(_tags(values["tags"]), ensure_ascii=False)
    if values.get("due_at") is not None:
        values["due_at"] = micros(values["due_at"])
    if values.get("owner") is not None:
        values["owner"] = storable(values["owner"])
    return values


def _tags(given: Sequence[str]) -> list[str]:
    tags = list(dict.fromkeys(storable(one.strip()) for one in given))
    if len(tags) > MOST_TAGS or any(not 0 < len(one) <= LONGEST_TAG for one in tags):
        raise Malformed("too many tags, or one that is empty or too long", code="bad_tags")
    return tags


def _told(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in changes.items()
    }


def group_ungrouped(connection: Connection, limit: int = 500) -> int:
    """Give groups to letters that were stored before there were any; returns how many."""
    lock_groups(connection)
    statement = (
        select(dead_letters)
        .where(dead_letters.c.group_field.is_(None))
        .order_by(dead_letters.c.id)
        .limit(limit)
        .with_for_update()
    )
    changes, rows, latest = GroupChanges(), [], 0
    for found in connection.execute(statement).all():
        groups = changes.failed(found._asdict())
        rows.append({"id": found.id, **groups})
        latest = max(latest, found.last_failed_at)
        if found.state != "open":
            changes.closed(list(groups.values()))
    update_all(connection, dead_letters, rows)
    changes.write(connection, latest)
    return len(rows)


def forget_hours(connection: Connection, now: datetime) -> int:
    """Drop counts by hour that no trend shows any more; returns how many."""
    before = micros(now - _KEPT) // HOUR_US
    statement = failure_hours.delete().where(failure_hours.c.hour < before)
    return connection.execute(statement).rowcount


def _group(found: Found[Any]) -> FailureGroup:
    values = found._asdict()
    return FailureGroup(
        **values
        | {
            "group_id": values.pop("id"),
            "first_seen": moment(found.first_seen),
            "last_seen": moment(found.last_seen),
            "opened_at": moment(found.opened_at),
            "closed_at": moment_or_none(found.closed_at),
            "due_at": moment_or_none(found.due_at),
            "tags": tuple(json.loads(found.tags)),
        }
    )
