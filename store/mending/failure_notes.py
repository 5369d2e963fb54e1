"""Notes on failures and their groups: appended with author and time, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from canonical.errors import Malformed
from store.access.audit_log import append_audit
from store.ids import DEAD_LETTER, show_id
from store.mending.failure_groups import GROUP, load_group
from store.statements import insert_all, storable
from store.tables import failure_notes
from store.times import micros, moment

LONGEST_NOTE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What somebody wrote about a group, or about one failure."""

    note_id: int
    group_id: int | None
    dead_letter_id: int | None
    at: datetime
    author: str
    text: str


def add_note(
    connection: Connection,
    *,
    author: str,
    text: str,
    now: datetime,
    group_id: int | None = None,
    dead_letter_id: int | None = None,
) -> None:
    """Append a note to a group or to a dead letter: one of the two is given.

    Raises Malformed (`bad_note`) for an empty or too long one, Unsupported for no such group.
    """
    if not text.strip() or len(text) > LONGEST_NOTE:
        raise Malformed(f"a note has 1 to {LONGEST_NOTE} characters", code="bad_note")
    if group_id is not None:
        load_group(connection, group_id)
    row = {
        "group_id": group_id,
        "dead_letter_id": dead_letter_id,
        "at": micros(now),
        "author": author,
        "text": storable(text),
    }
    insert_all(connection, failure_notes, [row])
    append_audit(
        connection,
        at=now,
        actor=author,
        action="failure.note",
        target=_target(group_id, dead_letter_id),
        details={"length": len(text)},
    )


def _target(group_id: int | None, dead_letter_id: int | None) -> str:
    if group_id is not None:
        return show_id(GROUP, group_id)
    return show_id(DEAD_LETTER, dead_letter_id or 0)


def list_notes(
    connection: Connection, *, group_id: int | None = None, dead_letter_id: int | None = None
) -> list[Note]:
    """The notes on a group or on a dead letter, oldest first; at most a thousand."""
    table = failure_notes.c
    about = (
        table.group_id == group_id
        if group_id is not None
        else (table.dead_letter_id == dead_letter_id)
    )
    statement = select(failure_notes).where(about).order_by(table.id).limit(1000)
    return [
        Note(
            note_id=found.id,
            group_id=found.group_id,
            dead_letter_id=found.dead_letter_id,
            at=moment(found.at),
            author=found.author,
            text=found.text,
        )
        for found in connection.execute(statement)
    ]
