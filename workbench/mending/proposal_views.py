"""What a second person looks at before deciding: what is, and what would be."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from canonical.errors import GatewayError, Unavailable
from store.access import proposals
from store.access.proposals import Proposal
from store.database import Connection
from store.failures import dead_letters
from store.ids import parse_id
from store.intake import inbox
from store.mending import campaigns, edits, reprocessed
from store.mending.campaigns import CAMPAIGN, Campaign
from store.mending.edits import EDIT, Edit
from store.mending.reprocessed import ReprocessedDifference
from store.mending.reprocessing import REPROCESSING
from store.records import DeadLetter, ReceiptRow
from workbench.bench import Bench
from workbench.failures.differences import Difference, message_differences
from workbench.failures.dry_runs import DryRun, TriedFact, dry_run, try_content
from workbench.failures.line_differences import LineDifferences, line_differences
from workbench.failures.payload_bytes import content_of
from workbench.mending import editing, reprocessing
from workbench.mending.patch_rules import read_rule
from workbench.mending.patching import PatchPreview, preview_patch
from workbench.mending.proposing import CAMPAIGN_KIND
from workbench.mending.reprocessing import Summary, summary_of

CHANGES_SHOWN: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageChange:
    """What becomes of one message."""

    before: TriedFact | None
    after: TriedFact | None
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EditView:
    """An edited copy beside its original."""

    edit: Edit
    letter: DeadLetter | None
    original: ReceiptRow | None
    lines: LineDifferences | None
    """Of the payloads; None when one of them is no longer kept."""
    before: DryRun | None
    after: DryRun | None
    changes: tuple[MessageChange, ...]
    obstacle: str
    """Why the dry run could not be made, or what is in the way; empty when nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchView:
    """A patch of a group, tried on samples."""

    campaign: Campaign
    preview: PatchPreview | None
    """None when it is decided: the campaign shows what became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """Corrections of a reprocessing."""

    summary: Summary
    changes: Sequence[ReprocessedDifference]
    """The first ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalView:
    """A proposal, and what it is about; one of the three, or none where nothing is known of it."""

    proposal: Proposal
    edit: EditView | None = None
    patch: PatchView | None = None
    run: RunView | None = None


async def show_proposal(bench: Bench, proposal_id: int) -> ProposalView:
    """A proposal with all that is to be seen of it. Raises Unsupported (`unknown_proposal`)."""
    proposal = await bench.database.read(
        lambda connection: proposals.load_proposal(connection, proposal_id)
    )
    match proposal.kind:
        case editing.KIND:
            return ProposalView(proposal=proposal, edit=await _edit(bench, proposal))
        case _ if proposal.kind == CAMPAIGN_KIND:
            return ProposalView(proposal=proposal, patch=await _patch(bench, proposal))
        case reprocessing.KIND:
            return ProposalView(proposal=proposal, run=await _run(bench, proposal))
    return ProposalView(proposal=proposal)


async def _edit(bench: Bench, proposal: Proposal) -> EditView:
    edit_id = parse_id(EDIT, proposal.target)

    def look(connection: Connection) -> tuple[Edit, DeadLetter | None, ReceiptRow | None]:
        edit = edits.load_edit(connection, edit_id)
        letter = dead_letters.load_dead(connection, edit.dead_letter_id)
        return edit, letter, inbox.load_receipt(connection, edit.original_receipt_id)

    edit, letter, original = await bench.database.read(look)
    tried = _Tried()
    obstacle = _in_the_way(proposal, letter)
    try:
        if original is not None:
            tried = await _try(bench, edit, original)
    except Unavailable:
        raise
    except GatewayError as error:
        obstacle = f"{error} [{error.code}]"
    return EditView(
        edit=edit,
        letter=letter,
        original=original,
        lines=tried.lines,
        before=tried.before,
        after=tried.after,
        changes=() if tried.after is None else _changes(tried.before, tried.after),
        obstacle=obstacle,
    )


def _in_the_way(proposal: Proposal, letter: DeadLetter | None) -> str:
    if proposal.state != "open":
        return ""
    if letter is None:
        return "The failure is no longer kept."
    return "" if letter.state == "open" else f"The failure is {letter.state} meanwhile."


@dataclass(frozen=True, slots=True)
class _Tried:
    lines: LineDifferences | None = None
    before: DryRun | None = None
    after: DryRun | None = None


async def _try(bench: Bench, edit: Edit, original: ReceiptRow) -> _Tried:
    mended = await _mended(bench, edit)
    async with content_of(bench.database, original) as content:
        if mended is None or not isinstance(content, bytes):
            return _Tried()
        lines = await asyncio.to_thread(line_differences, content, mended)
    before = await dry_run(bench, original)
    return _Tried(lines, before, await try_content(bench, original, mended))


async def _mended(bench: Bench, edit: Edit) -> bytes | None:
    """The edited bytes; applied, they are the copy's."""
    kept = await bench.database.read(lambda connection: edits.edit_body(connection, edit.edit_id))
    if kept is not None or edit.edited_receipt_id is None:
        return kept
    receipt_id = edit.edited_receipt_id
    copy = await bench.database.read(lambda connection: inbox.load_receipt(connection, receipt_id))
    if copy is None:
        return None
    async with content_of(bench.database, copy) as content:
        return content if isinstance(content, bytes) else None


def _changes(before: DryRun | None, after: DryRun) -> tuple[MessageChange, ...]:
    old = _by_key(before.facts if before else ())
    new = _by_key(after.facts)
    names = [*old, *(name for name in new if name not in old)]
    return tuple(_change(old.get(name), new.get(name)) for name in names)


def _by_key(facts: Sequence[TriedFact]) -> dict[tuple[str, int], TriedFact]:
    """A payload may tell a fact twice: each telling is compared with its like."""
    seen: Counter[str] = Counter()
    named = {}
    for one in facts:
        named[one.message.key, seen[one.message.key]] = one
        seen[one.message.key] += 1
    return named


def _change(old: TriedFact | None, new: TriedFact | None) -> MessageChange:
    told = new or old
    kind = "" if told is None else told.message.type
    texts = [None if one is None else one.message.data for one in (old, new)]
    return MessageChange(
        before=old, after=new, differences=tuple(message_differences(kind, texts[0], texts[1]))
    )


async def _patch(bench: Bench, proposal: Proposal) -> PatchView:
    campaign_id = parse_id(CAMPAIGN, proposal.target)
    campaign = await bench.database.read(
        lambda connection: campaigns.load_campaign(connection, campaign_id)
    )
    preview = None
    if proposal.state == "open" and campaign.rule is not None:
        preview = await preview_patch(bench, campaign.group_id, read_rule(campaign.rule))
    return PatchView(campaign=campaign, preview=preview)


async def _run(bench: Bench, proposal: Proposal) -> RunView:
    run_id = parse_id(REPROCESSING, proposal.target)
    summary = await summary_of(bench, run_id)
    changes = await bench.database.read(
        lambda connection: reprocessed.list_differences(
            connection, run_id, outcome="changed", limit=CHANGES_SHOWN
        )
    )
    return RunView(summary=summary, changes=changes)
