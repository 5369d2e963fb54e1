"""Dead letters: what failed and waits for a person (EIP: Dead Letter Channel).

There is one dead letter for a thing that fails, however often it does: a receipt, a record of a
receipt, or a message at a subscriber. Failing again counts up; the history is in the attempts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, Update, select, update
from sqlalchemy import Row as Found

from canonical.errors import Malformed
from store.access.audit_log import append_audit
from store.failures.attempts import record_attempts
from store.failures.group_counts import GROUP_COLUMNS, GroupChanges, count_closed, lock_groups
from store.ids import DEAD_LETTER, show_id
from store.records import (
    Attempt,
    DeadLetter,
    FailedRecord,
    Failure,
    FetchRow,
    Translation,
)
from store.statements import among, insert_all, select_among, storable, update_all
from store.tables import dead_letters, messages, receipts
from store.times import micros, moment, moment_or_none

FETCH_STAGE = "fetch"
"""The stage of a fetch that failed; its letter has the id of the fetch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFailure:
    """A whole receipt that is dead. Its dead letter has the id of the receipt."""

    receipt_id: int
    connector: str
    account: str
    kind: str
    failure: Failure
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberFailure:
    """A message that a subscriber could not handle after its last try."""

    dead_letter_id: int
    subscriber: str
    message_id: str
    receipt_id: int | None
    connector: str
    account: str
    kind: str
    """The message's type."""
    error_code: str
    message: str
    attempts: int
    first_failed_at: datetime


def _open_row(**given: Any) -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys((one.name for one in dead_letters.columns), None)
    start = {"field_path": "", "record_at": "", "attempts": 1, "state": "open"}
    row = empty | start | given
    # What is quoted in an error may be the very thing that could not be stored.
    return row | {name: storable(row[name]) for name in ("field_path", "record_at", "message")}


def open_for_receipts(connection: Connection, failures: Sequence[ReceiptFailure]) -> None:
    """Open a dead letter for each receipt, or count up the one it has."""
    rows = [
        _open_row(
            id=one.receipt_id,
            receipt_id=one.receipt_id,
            connector=one.connector,
            account=one.account,
            kind=one.kind,
            stage=one.failure.stage,
            error_code=one.failure.code,
            field_path=one.failure.path,
            message=one.failure.message,
            first_failed_at=micros(one.at),
            last_failed_at=micros(one.at),
        )
        for one in failures
    ]
    _open(connection, rows)


def open_for_records(
    connection: Connection, translation: Translation, failures: Sequence[FailedRecord], at: datetime
) -> None:
    """Open a dead letter for each failed record of a receipt."""
    _open(connection, [_record_row(translation, one, at) for one in failures])


def fail_records_again(
    connection: Connection,
    translation: Translation,
    failures: Sequence[tuple[int, FailedRecord]],
    at: datetime,
) -> None:
    """Count up the dead letters of rows (message row id, failure) that are dead already."""
    held = {
        found.message_row_id: found.id
        for found in select_among(
            connection,
            select(dead_letters.c.message_row_id, dead_letters.c.id).where(
                dead_letters.c.subscriber.is_(None),
                dead_letters.c.receipt_id == translation.receipt_id,
            ),
            dead_letters.c.message_row_id,
            [row_id for row_id, _ in failures],
        )
    }
    _open(
        connection,
        [
            _record_row(translation, failure, at) | {"id": held[row_id]}
            for row_id, failure in failures
        ],
    )


def _record_row(translation: Translation, one: FailedRecord, at: datetime) -> dict[str, Any]:
    return _open_row(
        id=one.dead_letter_id,
        receipt_id=translation.receipt_id,
        message_row_id=one.row_id,
        connector=translation.connector,
        account=translation.account,
        kind=translation.kind,
        stage="translate",
        error_code=one.code,
        field_path=one.path,
        record_at=one.at,
        message=one.message,
        first_failed_at=micros(at),
        last_failed_at=micros(at),
    )


def _open(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert letters, or count up those that are there; their groups are counted with them."""
    if not rows:
        return
    lock_groups(connection)
    before = {
        found.id: found._asdict()
        for found in select_among(
            connection, _BEFORE, dead_letters.c.id, [row["id"] for row in rows]
        )
    }
    changes = GroupChanges()
    counted = [row | changes.failed(row, before.get(row["id"])) for row in rows]
    insert_all(connection, dead_letters, [row for row in counted if row["id"] not in before])
    again = [_again(row) for row in counted if row["id"] in before]
    update_all(connection, dead_letters, again, added=("attempts",))
    changes.write(connection, max(row["last_failed_at"] for row in rows))


_BEFORE = select(dead_letters.c.id, dead_letters.c.state, *GROUP_COLUMNS)


def _again(row: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "stage", "error_code", "field_path", "message", "last_failed_at")
    groups = (column.name for column in GROUP_COLUMNS)
    open_again = {"state": "open", "closed_at": None, "closed_by": None, "reason": None}
    return {name: row[name] for name in (*names, *groups)} | open_again | {"attempts": 1}


def open_subscriber_dead_letter(
    connection: Connection, failure: SubscriberFailure, now: datetime
) -> int:
    """Open a subscriber's dead letter, or count up the open one; returns its id."""
    held = connection.scalar(
        select(dead_letters.c.id).where(
            dead_letters.c.subscriber == failure.subscriber,
            dead_letters.c.message_id == failure.message_id,
            dead_letters.c.state == "open",
        )
    )
    given = {one.name: getattr(failure, one.name) for one in fields(failure)}
    row = _open_row(
        **given
        | {
            "id": given.pop("dead_letter_id") if held is None else held,
            "stage": "subscribe",
            "first_failed_at": micros(failure.first_failed_at),
            "last_failed_at": micros(now),
        }
    )
    _open(connection, [row])
    return int(row["id"])


def open_for_fetch(
    connection: Connection, row: FetchRow, code: str, message: str, now: datetime
) -> None:
    """Open the dead letter of a fetch on the receipt that asked for it, or count it up."""
    given = _open_row(
        id=row.fetch_id,
        receipt_id=row.receipt_id,
        connector=row.connector,
        account=row.account,
        kind=row.kind,
        stage=FETCH_STAGE,
        error_code=code,
        record_at=row.at,
        message=message,
        attempts=row.attempts + 1,
        first_failed_at=micros(now),
        last_failed_at=micros(now),
    )
    _open(connection, [given])


def close_fetch(connection: Connection, fetch_id: int, now: datetime) -> None:
    """Close the dead letter of a fetch that has succeeded, if it has an open one."""
    open_one = update(dead_letters).where(
        dead_letters.c.id == fetch_id, dead_letters.c.state == "open"
    )
    _close(
        connection,
        open_one,
        state="replayed",
        by="gateway",
        reason="the object was fetched",
        now=now,
    )


def close_open(
    connection: Connection,
    *,
    state: str,
    by: str,
    reason: str,
    now: datetime,
    receipt_id: int | None = None,
    message_row_ids: Sequence[int] = (),
    subscriber: str | None = None,
    message_id: str | None = None,
) -> int:
    """Close what is open of one receipt itself, of some rows, or of a message at a subscriber."""
    chosen = update(dead_letters).where(dead_letters.c.state == "open")
    if subscriber is not None:
        chosen = chosen.where(
            dead_letters.c.subscriber == subscriber, dead_letters.c.message_id == message_id
        )
    elif receipt_id is not None:
        chosen = chosen.where(
            dead_letters.c.receipt_id == receipt_id,
            dead_letters.c.message_row_id.is_(None),
            dead_letters.c.subscriber.is_(None),
            dead_letters.c.stage != FETCH_STAGE,
        )
    else:
        chosen = chosen.where(
            dead_letters.c.subscriber.is_(None),
            among(connection, dead_letters.c.message_row_id, message_row_ids),
        )
    return _close(connection, chosen, state=state, by=by, reason=reason, now=now)


def _close(
    connection: Connection, chosen: Update, *, state: str, by: str, reason: str, now: datetime
) -> int:
    """Close the letters an update is about; their groups are counted down with them."""
    values = {"state": state, "closed_at": micros(now), "closed_by": by, "reason": reason}
    closed = connection.execute(chosen.values(values).returning(*GROUP_COLUMNS)).all()
    if closed:
        lock_groups(connection)
    return count_closed(connection, closed, micros(now))


def list_dead(
    connection: Connection,
    *,
    state: str | None = "open",
    connector: str | None = None,
    account: str | None = None,
    stage: str | None = None,
    error_code: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[DeadLetter]:
    """Dead letters, newest first; `before` is the last id of the page before this one."""
    statement = select(dead_letters).order_by(dead_letters.c.id.desc()).limit(limit)
    wanted = {
        "state": state,
        "connector": connector,
        "account": account,
        "stage": stage,
        "error_code": error_code,
    }
    for name, value in wanted.items():
        if value is not None:
            statement = statement.where(dead_letters.c[name] == value)
    if before is not None:
        statement = statement.where(dead_letters.c.id < before)
    return [dead_letter(found) for found in connection.execute(statement)]


def load_dead(connection: Connection, dead_letter_id: int) -> DeadLetter | None:
    """One dead letter, or None."""
    found = connection.execute(
        select(dead_letters).where(dead_letters.c.id == dead_letter_id)
    ).first()
    return None if found is None else dead_letter(found)


def discard(
    connection: Connection, dead_letter_id: int, actor: str, reason: str, now: datetime
) -> bool:
    """A named person gives something up, for a reason; the audit log keeps who and why.

    The dead receipt or record becomes `discarded`; of a subscriber's or a fetch's only the letter
    is closed.
    False when the letter is not open, or its receipt is being replayed. Raises Malformed without
    a name or a reason.
    """
    if not actor.strip() or not reason.strip():
        raise Malformed("discarding needs a name and a reason", code="reason_required")
    letter = load_dead(connection, dead_letter_id)
    if letter is None or letter.state != "open" or not _give_up(connection, letter):
        return False
    open_one = update(dead_letters).where(
        dead_letters.c.id == dead_letter_id, dead_letters.c.state == "open"
    )
    if not _close(connection, open_one, state="discarded", by=actor, reason=reason, now=now):
        return False
    target = show_id(DEAD_LETTER, dead_letter_id)
    append_audit(
        connection,
        at=now,
        actor=actor,
        action="dead_letter.discard",
        target=target,
        details={"reason": reason, "code": letter.error_code},
    )
    record_attempts(connection, [_discarded(letter, now, reason)])
    return True


def _give_up(connection: Connection, letter: DeadLetter) -> bool:
    if letter.subscriber is not None or letter.stage == FETCH_STAGE:
        return True
    if letter.message_row_id is not None:
        return _discard_row(connection, messages, letter.message_row_id)
    if letter.receipt_id is not None:
        return _discard_row(connection, receipts, letter.receipt_id)
    return True


def _discard_row(connection: Connection, table: Table, row_id: int) -> bool:
    changed = connection.execute(
        update(table).where(table.c.id == row_id, table.c.state == "dead").values(state="discarded")
    )
    return changed.rowcount > 0


def _discarded(letter: DeadLetter, now: datetime, reason: str) -> Attempt:
    return Attempt(
        at=now,
        receipt_id=letter.receipt_id,
        message_row_id=letter.message_row_id,
        subscriber=letter.subscriber,
        message_id=letter.message_id,
        stage=letter.stage,
        outcome="discarded",
        error_code=letter.error_code,
        message=reason,
    )


def dead_letter(found: Found[Any]) -> DeadLetter:
    """A row of the table as a value."""
    values = found._asdict()
    for column in GROUP_COLUMNS:
        del values[column.name]
    return DeadLetter(
        **values
        | {
            "dead_letter_id": values.pop("id"),
            "first_failed_at": moment(found.first_failed_at),
            "last_failed_at": moment(found.last_failed_at),
            "closed_at": moment_or_none(found.closed_at),
        }
    )
