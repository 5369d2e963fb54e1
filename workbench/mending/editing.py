"""Edit and replay: tried first, kept as a copy, put before a second person where money changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from store.access.proposals import NewProposal, Proposal
from store.database import Connection
from store.ids import DEAD_LETTER, show_id
from store.intake import inbox
from store.mending import edits
from store.mending.edits import Edit, Lease, NewEdit
from store.records import ReceiptRow
from workbench import four_eyes
from workbench.bench import Bench
from workbench.failures.dry_runs import DryRun, dry_run, try_content

KIND: Final = "edit"
"""The kind of proposals that are edits; their target is the edit."""
MOST_COMPARED: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedEdit:
    """What an edit would do, before anything is kept."""

    before: DryRun
    """The original's bytes through today's connector."""
    after: DryRun
    second_person: tuple[str, ...]
    """What of it needs a second person's agreement: fields of money, parties, bank details."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """What became of an edit."""

    edit: Edit
    proposal: Proposal | None
    """Set: it waits for a second person. None: it is applied, and its copy is being translated."""


async def begin_edit(bench: Bench, dead_letter_id: int, *, actor: str) -> Lease:
    """Take a failure for editing, or go on. Raises Contested while somebody else edits it."""
    now = bench.now()
    return await bench.database.write(
        lambda connection: edits.take_lease(connection, dead_letter_id, actor, now)
    )


async def end_edit(bench: Bench, dead_letter_id: int, *, actor: str) -> bool:
    """Let go of a failure without an edit."""
    return await bench.database.write(
        lambda connection: edits.release_lease(connection, dead_letter_id, actor)
    )


async def try_edit(bench: Bench, dead_letter_id: int, body: bytes) -> TriedEdit:
    """The dry run of an edit. Raises Contested, Unsupported as `load_editable` does."""
    receipt = await bench.database.read(lambda connection: _original(connection, dead_letter_id))
    before = await dry_run(bench, receipt, most=MOST_COMPARED)
    after = await try_content(bench, receipt, body, most=MOST_COMPARED)
    return TriedEdit(before=before, after=after, second_person=second_person(before, after))


def second_person(before: DryRun, after: DryRun) -> tuple[str, ...]:
    """The fields of an edit that one person may not change alone.

    Where a payload is too long to compare, all of it is.
    """
    if before.more or after.more:
        return ("the payload is too long to compare",)
    return tuple(four_eyes.needs_second_person_in_all(before.documents, after.documents))


async def edit(
    bench: Bench, dead_letter_id: int, body: bytes, *, actor: str, reason: str
) -> Edited:
    """Keep an edited copy and replay it, or put it before a second person where it needs one.

    Raises Contested when the failure is not open any more or somebody else edits it, Unsupported,
    Malformed without a reason, TooLarge.
    """
    tried = await try_edit(bench, dead_letter_id, body)
    new = NewEdit(
        edit_id=bench.ids.next(),
        dead_letter_id=dead_letter_id,
        body=body,
        editor=actor,
        reason=reason,
    )
    edited = await bench.database.write(
        lambda connection: _keep(bench, connection, new, tried.second_person)
    )
    bench.wake()
    return edited


def _keep(
    bench: Bench, connection: Connection, new: NewEdit, needs_second: tuple[str, ...]
) -> Edited:
    now = bench.now()
    kept = edits.keep_edit(connection, new, now)
    if not needs_second:
        edits.apply_edit(connection, new.edit_id, bench.ids.next(), by=new.editor, now=now)
        return Edited(edit=edits.load_edit(connection, new.edit_id), proposal=None)
    proposal = four_eyes.propose(
        connection,
        NewProposal(
            proposal_id=bench.ids.next(),
            kind=KIND,
            target=show_id(edits.EDIT, new.edit_id),
            payload=_told(kept, needs_second),
            made_by=new.editor,
        ),
        now,
    )
    edits.put_before_second(connection, new.edit_id, proposal.proposal_id)
    return Edited(edit=edits.load_edit(connection, new.edit_id), proposal=proposal)


def _told(kept: Edit, needs_second: tuple[str, ...]) -> dict[str, Any]:
    return {
        "dead_letter": show_id(DEAD_LETTER, kept.dead_letter_id),
        "reason": kept.reason,
        "fields": list(needs_second[:100]),
        "sha256": kept.digest.hex(),
    }


def _original(connection: Connection, dead_letter_id: int) -> ReceiptRow:
    letter = edits.load_editable(connection, dead_letter_id)
    receipt = inbox.load_receipt(connection, letter.receipt_id or 0)
    assert receipt is not None  # noqa: S101 - a letter of a payload has its receipt
    return receipt
