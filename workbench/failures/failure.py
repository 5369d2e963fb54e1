"""One failure: everything about it as one value, for whoever shows it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from canonical.errors import GatewayError, Unavailable, Unsupported
from store.database import Connection
from store.failures import dead_letters
from store.intake import inbox
from store.mending import edits, failure_groups, failure_notes
from store.mending.edits import Edit, Lease
from store.mending.failure_notes import Note
from store.mending.neighbours import Neighbours, neighbours
from store.records import Attempt, DeadLetter, MessageRow, ReceiptRow
from workbench.bench import Bench
from workbench.failures.dry_runs import DryRun, dry_run
from workbench.failures.locating import LOOKED_AT, View, view
from workbench.failures.payload_bytes import beginning_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failure with what surrounds it."""

    letter: DeadLetter
    receipt: ReceiptRow | None
    groups: dict[str, int]
    """Its group in each grouping."""
    attempts: tuple[Attempt, ...]
    """Oldest first."""
    messages: tuple[MessageRow, ...]
    """What came out of its payload so far."""
    neighbours: tuple[MessageRow, ...]
    """Other messages of the same chains, oldest first."""
    notes: tuple[Note, ...]
    edits: tuple[Edit, ...]
    """Of this payload, and the one it is the copy of."""
    lease: Lease | None
    """Who is editing it now."""
    is_replaying: bool
    """Whether a replay is outstanding."""


async def show_failure(bench: Bench, dead_letter_id: int) -> Failure:
    """A failure. Raises Unsupported (`unknown_dead_letter`)."""
    now = bench.now()

    def look(connection: Connection) -> Failure:
        letter = dead_letters.load_dead(connection, dead_letter_id)
        if letter is None:
            raise Unsupported("there is no such dead letter", code="unknown_dead_letter")
        found = neighbours(connection, letter)
        receipt_id = letter.receipt_id
        receipt = None if receipt_id is None else inbox.load_receipt(connection, receipt_id)
        made = [] if receipt_id is None else edits.list_edits(connection, receipt_id=receipt_id)
        notes = failure_notes.list_notes(connection, dead_letter_id=dead_letter_id)
        return Failure(
            letter=letter,
            receipt=receipt,
            groups=failure_groups.groups_of(connection, dead_letter_id),
            attempts=found.attempts,
            messages=found.messages,
            neighbours=found.others,
            notes=tuple(notes),
            edits=tuple(made),
            lease=edits.lease_of(connection, dead_letter_id, now),
            is_replaying=_is_replaying(letter, receipt, found),
        )

    return await bench.database.read(look)


def _is_replaying(letter: DeadLetter, receipt: ReceiptRow | None, found: Neighbours) -> bool:
    if letter.state != "open":
        return False
    if letter.subscriber is not None:
        return found.is_scheduled
    return receipt is not None and receipt.state == "pending"


async def show_payload(
    bench: Bench, failure: Failure, *, offset: int | None = None, limit: int = 200
) -> View | None:
    """A page of a failure's payload with the place of the error marked; None when none is kept.

    Without an offset the page is the one with the mark.
    """
    receipt = failure.receipt
    if receipt is None:
        return None
    content = await beginning_of(bench.database, receipt, LOOKED_AT)
    if content is None:
        return None
    letter = failure.letter
    at, path = letter.record_at, letter.field_path
    if letter.subscriber is not None:
        at = path = ""  # Its path is one in the message, not in the payload.
    return await asyncio.to_thread(
        view, content, at=at, path=path, offset=offset, limit=limit, size=receipt.size
    )


async def what_replay_would_do(bench: Bench, failure: Failure) -> DryRun | None:
    """A dry run of a failure's payload; None where replaying is not about the payload.

    A subscriber's message is given to it again; what it does with it nobody knows before.
    """
    letter = failure.letter
    about_payload = letter.subscriber is None and letter.stage != dead_letters.FETCH_STAGE
    if failure.receipt is None or not about_payload:
        return None
    try:
        return await dry_run(bench, failure.receipt)
    except Unavailable:
        raise
    except GatewayError:
        return None  # Its bytes are gone.
