"""Edited copies: the original stays as it came; the copy is a delivery of its own.

An edit is kept first (`kept`), and applied at once or when a second person agrees. Applied, its
bytes are a new receipt, and the open failures of the original end with it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import lz4.frame
from sqlalchemy import Connection, delete, select, update
from sqlalchemy import Row as Found

from canonical.errors import Malformed, TooLarge, Unsupported
from store.access.audit_log import append_audit
from store.failures.attempts import record_attempts
from store.failures.dead_letters import FETCH_STAGE, close_open, load_dead
from store.ids import DEAD_LETTER, RECEIPT, show_id
from store.intake.inbox import accept, load_receipt
from store.mending.contested import Contested
from store.records import Attempt, DeadLetter, Delivery, ReceiptRow
from store.statements import among, insert_all, insert_new, storable
from store.tables import dead_letters, edit_leases, edits, messages, receipts
from store.times import micros, moment, moment_or_none

EDIT: Final = "edt"
TRANSPORT: Final = "edit"
"""The transport of receipts that are edited copies."""
LEASE: Final = timedelta(minutes=15)
LARGEST: Final = 8 * 1024 * 1024
"""Larger payloads are not edited: they are mended at their source, and sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who edits a failure, and until when unless they go on."""

    dead_letter_id: int
    editor: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """An edited copy, and whose it is."""

    edit_id: int
    dead_letter_id: int
    original_receipt_id: int
    edited_receipt_id: int | None
    """The copy's own receipt, once it is applied."""
    campaign_id: int | None
    """The patch of a group that made it."""
    state: str
    """kept or applied."""
    at: datetime
    editor: str
    reason: str
    proposal_id: int | None
    """What a second person decides on."""
    applied_at: datetime | None
    digest: bytes
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEdit:
    """A copy to be kept."""

    edit_id: int
    dead_letter_id: int
    body: bytes
    editor: str
    reason: str
    campaign_id: int | None = None


def take_lease(connection: Connection, dead_letter_id: int, editor: str, now: datetime) -> Lease:
    """Begin to edit a failure, or go on with it.

    Raises Contested: `being_edited` while somebody else does, `not_open` when it is closed.
    """
    letter = load_editable(connection, dead_letter_id)
    row = {
        "dead_letter_id": letter.dead_letter_id,
        "editor": editor,
        "since": micros(now),
        "until": micros(now + LEASE),
    }
    if insert_new(connection, edit_leases, [row], edit_leases.c.dead_letter_id):
        return Lease(dead_letter_id=dead_letter_id, editor=editor, since=now, until=now + LEASE)
    table = edit_leases.c
    free = (table.editor == editor) | (table.until <= micros(now))
    taken = connection.execute(
        update(edit_leases)
        .where(table.dead_letter_id == dead_letter_id, free)
        .values(editor=editor, until=micros(now + LEASE), since=micros(now))
    )
    lease = lease_of(connection, dead_letter_id, now)
    if not taken.rowcount or lease is None:
        raise _being_edited(lease)
    return lease


def lease_of(connection: Connection, dead_letter_id: int, now: datetime) -> Lease | None:
    """Who is editing a failure now."""
    found = connection.execute(
        select(edit_leases).where(
            edit_leases.c.dead_letter_id == dead_letter_id, edit_leases.c.until > micros(now)
        )
    ).first()
    if found is None:
        return None
    return Lease(
        dead_letter_id=dead_letter_id,
        editor=found.editor,
        since=moment(found.since),
        until=moment(found.until),
    )


def release_lease(connection: Connection, dead_letter_id: int, editor: str) -> bool:
    """Stop editing; False when it was not this person's to stop."""
    gone = connection.execute(
        delete(edit_leases).where(
            edit_leases.c.dead_letter_id == dead_letter_id, edit_leases.c.editor == editor
        )
    )
    return gone.rowcount > 0


def _being_edited(lease: Lease | None) -> Contested:
    who = "somebody else" if lease is None else lease.editor
    since = "" if lease is None else f" since {lease.since:%H:%M} UTC"
    return Contested(f"{who} is editing this failure{since}", code="being_edited")


def load_editable(connection: Connection, dead_letter_id: int) -> DeadLetter:
    """An open failure whose payload may be edited.

    Raises Unsupported (`unknown_dead_letter`; `not_editable` for one of a subscriber or a fetch,
    whose message has been published or was never there), Contested (`not_open`).
    """
    letter = load_dead(connection, dead_letter_id)
    if letter is None:
        raise Unsupported("there is no such dead letter", code="unknown_dead_letter")
    if letter.subscriber is not None or letter.stage == FETCH_STAGE or letter.receipt_id is None:
        raise Unsupported("the payload is not what failed here", code="not_editable")
    if letter.state != "open":
        raise Contested(f"the failure is {letter.state} already", code="not_open")
    return letter


def too_large(size: int) -> TooLarge:
    """The error of a payload that is too large to edit."""
    return TooLarge(f"{size} bytes are too many to edit", code="too_large_to_edit")


def keep_edit(connection: Connection, new: NewEdit, now: datetime) -> Edit:
    """Keep an edited copy, not applied yet.

    Raises Malformed without a name or a reason, TooLarge, Contested when somebody else edits the
    failure or it is closed, Unsupported.
    """
    if not new.editor.strip() or not new.reason.strip():
        raise Malformed("an edit needs a name and a reason", code="reason_required")
    if len(new.body) > LARGEST:
        raise too_large(len(new.body))
    letter = load_editable(connection, new.dead_letter_id)
    held = lease_of(connection, new.dead_letter_id, now)
    if held is not None and held.editor != new.editor:
        raise _being_edited(held)
    row = {
        "id": new.edit_id,
        "dead_letter_id": new.dead_letter_id,
        "original_receipt_id": letter.receipt_id,
        "campaign_id": new.campaign_id,
        "state": "kept",
        "at": micros(now),
        "editor": new.editor,
        "reason": storable(new.reason),
        "digest": hashlib.sha256(new.body).digest(),
        "size": len(new.body),
        "body": lz4.frame.compress(new.body),
    }
    insert_all(connection, edits, [row])
    return load_edit(connection, new.edit_id)


def load_edit(connection: Connection, edit_id: int) -> Edit:
    """One edit. Raises Unsupported (`unknown_edit`)."""
    found = connection.execute(select(edits).where(edits.c.id == edit_id)).first()
    if found is None:
        raise Unsupported("there is no such edit", code="unknown_edit")
    return _edit(found)


def edit_body(connection: Connection, edit_id: int) -> bytes | None:
    """The bytes of an edit that is not applied; applied, they are its receipt's."""
    body = connection.scalar(select(edits.c.body).where(edits.c.id == edit_id))
    return None if body is None else bytes(lz4.frame.decompress(body))


def put_before_second(connection: Connection, edit_id: int, proposal_id: int) -> None:
    """Note what a second person is asked."""
    connection.execute(update(edits).where(edits.c.id == edit_id).values(proposal_id=proposal_id))


def list_edits(
    connection: Connection, *, dead_letter_id: int | None = None, receipt_id: int | None = None
) -> list[Edit]:
    """The edits of a failure, or those a receipt is the original or the copy of; oldest first."""
    statement = select(edits).order_by(edits.c.id).limit(1000)
    if dead_letter_id is not None:
        statement = statement.where(edits.c.dead_letter_id == dead_letter_id)
    if receipt_id is not None:
        statement = statement.where(edits.c.original_receipt_id == receipt_id)
    made = edited_from(connection, receipt_id) if receipt_id is not None else None
    listed = [_edit(found) for found in connection.execute(statement)]
    return listed if made is None else [made, *listed]


def edited_from(connection: Connection, receipt_id: int) -> Edit | None:
    """The edit that this receipt is the copy of; None for one that came from outside."""
    found = connection.execute(select(edits).where(edits.c.edited_receipt_id == receipt_id)).first()
    return None if found is None else _edit(found)


def apply_edit(
    connection: Connection, edit_id: int, receipt_id: int, *, by: str, now: datetime
) -> int:
    """Make the copy a delivery under `receipt_id`; the next sweep translates it.

    The failures of the original's payload close as replayed. Raises Contested: `not_open` when
    the failure was closed meanwhile, `being_replayed`, `already_applied`.
    """
    edit = load_edit(connection, edit_id)
    body = edit_body(connection, edit_id)
    if edit.state != "kept" or body is None:
        raise Contested("this edit is applied already", code="already_applied")
    connection.execute(
        select(receipts.c.id).where(receipts.c.id == edit.original_receipt_id).with_for_update()
    )
    original = load_receipt(connection, edit.original_receipt_id)
    load_editable(connection, edit.dead_letter_id)
    if original is None or original.state == "pending":
        raise Contested("the original is being replayed", code="being_replayed")
    copy = _delivery(edit, original, receipt_id, body, now)
    accept(connection, [copy])
    _supersede(connection, edit, original, receipt_id, now)
    connection.execute(
        update(edits)
        .where(edits.c.id == edit_id)
        .values(state="applied", edited_receipt_id=receipt_id, applied_at=micros(now), body=None)
    )
    release_lease(connection, edit.dead_letter_id, edit.editor)
    _put_on_record(connection, edit, original, receipt_id, by=by, now=now)
    return receipt_id


def _delivery(
    edit: Edit, original: ReceiptRow, receipt_id: int, body: bytes, now: datetime
) -> Delivery:
    return Delivery(
        receipt_id=receipt_id,
        connector=original.connector,
        account=original.account,
        kind=original.kind,
        # A name of its own: the sender's delivery is the original's for ever.
        delivery_key=f"{original.delivery_key}#{show_id(EDIT, edit.edit_id)}",
        transport=TRANSPORT,
        # A connector's only clock: the copy is what was received then, put right.
        received_at=original.received_at,
        headers=original.headers,
        filename=original.filename,
        digest=edit.digest,
        size=edit.size,
        body=body,
        secret_name=None,
        traceparent=original.traceparent,
        failure=None,
        ignored_reason=None,
        claimed_by=TRANSPORT,
        claimed_until=now,
    )


def _supersede(
    connection: Connection, edit: Edit, original: ReceiptRow, receipt_id: int, now: datetime
) -> None:
    """The copy says all that the original said: its failures and dead records end here."""
    table = dead_letters.c
    rows = connection.scalars(
        select(table.message_row_id).where(
            table.receipt_id == original.receipt_id,
            table.state == "open",
            table.subscriber.is_(None),
            table.message_row_id.is_not(None),
        )
    ).all()
    closing: dict[str, Any] = {
        "state": "replayed",
        "by": edit.editor,
        "reason": f"replaced by the edited copy {show_id(RECEIPT, receipt_id)}",
        "now": now,
    }
    if rows:
        close_open(connection, message_row_ids=rows, **closing)
        connection.execute(
            update(messages)
            .where(among(connection, messages.c.id, rows), messages.c.state == "dead")
            .values(state="discarded")
        )
    close_open(connection, receipt_id=original.receipt_id, **closing)
    connection.execute(
        update(receipts)
        .where(receipts.c.id == original.receipt_id, receipts.c.state == "dead")
        .values(state="discarded", reason=storable(edit.reason))
    )


def _put_on_record(
    connection: Connection,
    edit: Edit,
    original: ReceiptRow,
    receipt_id: int,
    *,
    by: str,
    now: datetime,
) -> None:
    record_attempts(
        connection,
        [
            Attempt(
                at=now,
                receipt_id=original.receipt_id,
                stage="translate",
                outcome="replayed",
                message=f"as the edited copy {show_id(RECEIPT, receipt_id)}",
            )
        ],
    )
    append_audit(
        connection,
        at=now,
        actor=by,
        action="dead_letter.edit",
        target=show_id(DEAD_LETTER, edit.dead_letter_id),
        details={
            "edit": show_id(EDIT, edit.edit_id),
            "editor": edit.editor,
            "reason": edit.reason,
            "original": show_id(RECEIPT, original.receipt_id),
            "original_sha256": original.digest.hex(),
            "copy": show_id(RECEIPT, receipt_id),
            "copy_sha256": edit.digest.hex(),
        },
    )


def _edit(found: Found[Any]) -> Edit:
    values = found._asdict()
    del values["body"]
    return Edit(
        **values
        | {
            "edit_id": values.pop("id"),
            "at": moment(found.at),
            "applied_at": moment_or_none(found.applied_at),
            "digest": bytes(found.digest),
        }
    )
