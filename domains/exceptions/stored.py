"""An exception as it is stored, and its history."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy import Row as Found

from domains.exceptions.tables import exception_history
from store.statements import insert_all, storable
from store.times import micros, moment, moment_or_none

EXCEPTION: Final = "exc"
"""The prefix of its id."""
GATEWAY: Final = "gateway"
"""Who does what no person does."""
STATES: Final = ("open", "resolved", "ended")
LEVELS: Final = (7, 14, 30)
"""At so many days an open exception is escalated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredException:
    """One thing that is wrong, or was."""

    exception_id: int
    domain: str
    finding_key: str
    kind: str
    record_key: str
    record_label: str
    owner: str
    derived_owner: str
    state: str
    """`open`; `resolved` by a person; `ended`: no longer the case."""
    explanation: str
    expected: str | None
    received: str | None
    balance: str | None
    involved: tuple[str, ...]
    facts: tuple[str, ...]
    since: datetime | None
    opened_at: datetime
    """When it was opened last."""
    due_at: datetime
    escalated: int
    """0, 7, 14 or 30."""
    assigned_to: str | None
    changed_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    reason: str | None
    words: str | None
    branch: str | None
    times_opened: int
    revision: int

    def is_overdue(self, now: datetime) -> bool:
        """Whether it is open past its time."""
        return self.state == "open" and self.due_at <= now

    def level(self, now: datetime) -> int:
        """0, 7, 14 or 30: the days it has been open for at least."""
        return level_of(now - self.opened_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """Something that happened to an exception."""

    at: datetime
    by: str
    action: str
    """`opened`, `changed`, `reopened`, `ended`, `escalated`, `assigned`, `note`, `moved`,
    `resolved`, `proposed`, `decided`."""
    detail: Mapping[str, Any]


def level_of(age: timedelta) -> int:
    """The highest of the levels that this age has reached; 0 for none."""
    return max((days for days in LEVELS if age >= timedelta(days=days)), default=0)


def stored(found: Found[Any]) -> StoredException:
    """The exception of a row of the table."""
    values = found._asdict()
    return StoredException(
        **values
        | {
            "exception_id": values.pop("id"),
            "involved": tuple(json.loads(found.involved)),
            "facts": tuple(json.loads(found.facts)),
            "since": moment_or_none(found.since),
            "opened_at": moment(found.opened_at),
            "due_at": moment(found.due_at),
            "changed_at": moment(found.changed_at),
            "ended_at": moment_or_none(found.ended_at),
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An entry to be added to a history."""

    exception_id: int
    action: str
    by: str = GATEWAY
    detail: Mapping[str, Any]


def add_history(connection: Connection, entries: Iterable[Happened], now: datetime) -> None:
    """Append to the histories, in this order."""
    rows = [
        {
            "exception_id": one.exception_id,
            "at": micros(now),
            "by": storable(one.by),
            "action": one.action,
            "detail": json_text(one.detail),
        }
        for one in entries
    ]
    insert_all(connection, exception_history, rows)


def json_text(value: Any) -> str:
    """JSON that both engines store, and that is the same text for the same value."""
    return storable(json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")))
