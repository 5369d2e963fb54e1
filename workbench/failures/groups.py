"""Failures in groups, with their trend and their clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from store.database import Connection
from store.fingerprints import FIELD
from store.mending import failure_groups, failure_notes
from store.mending.failure_groups import FailureGroup, Sort, Trend
from store.mending.failure_notes import Note
from store.records import DeadLetter
from workbench.bench import Bench

ALLOWED: Final = timedelta(hours=24)
_BY_SEVERITY: Final = {
    "low": timedelta(hours=72),
    "normal": ALLOWED,
    "high": timedelta(hours=8),
    "critical": timedelta(hours=2),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long a group may be open, by its severity; a connector's own figure goes before."""

    by_severity: Mapping[str, timedelta] = field(default_factory=lambda: dict(_BY_SEVERITY))
    by_connector: Mapping[str, timedelta] = field(default_factory=dict)

    def due_at(self, group: FailureGroup) -> datetime | None:
        """When it is to be done with; None for one that is closed or muted."""
        if group.state != "open":
            return None
        if group.due_at is not None:
            return group.due_at
        allowed = self.by_severity.get(group.severity, ALLOWED)
        # A connector's figure is for what nobody has judged: a person's severity is stronger.
        if group.severity == "normal":
            allowed = self.by_connector.get(group.connector, allowed)
        return group.opened_at + allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView:
    """A group as a list shows it."""

    group: FailureGroup
    trend: Trend
    due_at: datetime | None
    overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPage:
    """A page of groups."""

    groups: tuple[GroupView, ...]
    after: tuple[int, int] | None
    """Where the next page begins; None at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupDetail:
    """One group with its notes and the newest of its failures."""

    view: GroupView
    notes: tuple[Note, ...]
    letters: tuple[DeadLetter, ...]


async def list_groups(
    bench: Bench,
    grouping: str = FIELD,
    *,
    state: str | None = "open",
    connector: str | None = None,
    owner: str | None = None,
    sort: Sort = "recent",
    after: tuple[int, int] | None = None,
    limit: int = 50,
    deadlines: Deadlines | None = None,
) -> GroupPage:
    """A page of groups with trends and clocks. Raises Malformed for an unknown grouping."""
    now = bench.now()

    def look(connection: Connection) -> tuple[list[FailureGroup], dict[int, Trend]]:
        found = failure_groups.list_groups(
            connection, grouping, state=state, connector=connector, owner=owner, sort=sort,
            after=after, limit=limit + 1,
        )  # fmt: skip
        shown = [one.group_id for one in found[:limit]]
        return found, failure_groups.trends(connection, shown, now)

    found, trends = await bench.database.read(look)
    views = [view(one, trends[one.group_id], now, deadlines) for one in found[:limit]]
    more = len(found) > limit
    return GroupPage(
        groups=tuple(views),
        after=failure_groups.page_key(found[limit - 1], sort) if more else None,
    )


def view(
    group: FailureGroup, trend: Trend, now: datetime, deadlines: Deadlines | None = None
) -> GroupView:
    """A group with its clock."""
    due = (deadlines or Deadlines()).due_at(group)
    return GroupView(group=group, trend=trend, due_at=due, overdue=due is not None and due < now)


async def show_group(
    bench: Bench,
    group_id: int,
    *,
    state: str = "open",
    before: int | None = None,
    limit: int = 50,
    deadlines: Deadlines | None = None,
) -> GroupDetail:
    """One group, its notes, and a page of its failures in one state. Raises Unsupported."""
    now = bench.now()

    def look(connection: Connection) -> GroupDetail:
        group = failure_groups.load_group(connection, group_id)
        trend = failure_groups.trends(connection, [group_id], now)[group_id]
        letters = failure_groups.list_letters(
            connection, group, state=state, before=before, limit=limit
        )
        notes = failure_notes.list_notes(connection, group_id=group_id)
        return GroupDetail(
            view=view(group, trend, now, deadlines), notes=tuple(notes), letters=tuple(letters)
        )

    return await bench.database.read(look)


async def change_group(
    bench: Bench,
    group_id: int,
    changes: Mapping[str, Any],
    *,
    actor: str,
    revision: int | None = None,
    reason: str = "",
) -> FailureGroup:
    """Change state, owner, severity, due_at or tags of a group.

    Raises Contested when somebody changed it after `revision`, Malformed, Unsupported.
    """
    now = bench.now()
    return await bench.database.write(
        lambda connection: failure_groups.change_group(
            connection, group_id, changes, actor=actor, now=now, revision=revision, reason=reason
        )
    )


async def add_note(
    bench: Bench,
    text: str,
    *,
    actor: str,
    group_id: int | None = None,
    dead_letter_id: int | None = None,
) -> None:
    """Append a note to a group or a failure. Raises Malformed, Unsupported."""
    now = bench.now()
    await bench.database.write(
        lambda connection: failure_notes.add_note(
            connection,
            author=actor,
            text=text,
            now=now,
            group_id=group_id,
            dead_letter_id=dead_letter_id,
        )
    )


async def notes_on(bench: Bench, dead_letter_id: int) -> Sequence[Note]:
    """The notes on one failure, oldest first."""
    return await bench.database.read(
        lambda connection: failure_notes.list_notes(connection, dead_letter_id=dead_letter_id)
    )
