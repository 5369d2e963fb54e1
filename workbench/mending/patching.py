"""Patch a group: one rule over many failures, seen first on samples, then run as a campaign."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from canonical.errors import GatewayError, Unavailable
from store.database import Connection
from store.intake import inbox
from store.mending import edits
from store.mending.campaigns import Campaign
from store.mending.edits import NewEdit
from store.mending.failure_groups import list_letters, load_group
from store.records import DeadLetter, ReceiptRow
from workbench.bench import Bench
from workbench.failures.differences import Difference
from workbench.failures.dry_runs import DryRun, dry_run, try_content
from workbench.failures.payload_bytes import content_of
from workbench.mending.editing import MOST_COMPARED, second_person
from workbench.mending.patch_rules import Rule, apply_rule

SAMPLES: Final = 20
MOST_SAMPLES: Final = 200
NEEDS_SECOND: Final = "needs_second_person"
_SHOWN_AROUND: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Patched:
    """One failure with the rule applied to its payload."""

    letter: DeadLetter
    body: bytes | None
    """None: it could not be patched."""
    refused: str | None
    """The code of what is in the way."""
    before: DryRun | None = None
    after: DryRun | None = None
    second_person: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One failure of a preview."""

    patched: Patched
    changes: tuple[Difference, ...]
    """The places in the raw payload that change; paths are byte offsets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchPreview:
    """What a rule would do to a group."""

    total: int
    """Open failures of the group."""
    samples: tuple[Sample, ...]
    counts: Mapping[str, int]
    """Samples that would succeed (`succeeds`), fail again (`fails`), or by the code of what is in
    the way of patching them."""
    second_person: tuple[str, ...]
    """What of it needs a second person's agreement, over all samples."""


async def preview_patch(
    bench: Bench, group_id: int, rule: Rule, *, samples: int = SAMPLES
) -> PatchPreview:
    """A rule tried on the newest failures of a group. Raises Unsupported for no such group."""

    def choose(connection: Connection) -> tuple[int, list[DeadLetter]]:
        group = load_group(connection, group_id)
        limit = max(1, min(samples, MOST_SAMPLES))
        return group.open_count, list_letters(connection, group, limit=limit)

    total, letters = await bench.database.read(choose)
    tried = [await _patch(bench, one, rule) for one in letters]
    shown = [Sample(patched=one, changes=tuple(await _changes(bench, one))) for one in tried]
    needed = {field: None for one in tried for field in one.second_person}
    return PatchPreview(
        total=total,
        samples=tuple(shown),
        counts=Counter(_counted(one) for one in tried),
        second_person=tuple(needed),
    )


def _counted(one: Patched) -> str:
    if one.refused is not None:
        return one.refused
    return "succeeds" if one.after is not None and one.after.succeeds else "fails"


async def prepare_patches(
    bench: Bench, letters: Sequence[DeadLetter], rule: Rule, *, approved: bool
) -> list[Patched]:
    """The payloads of a campaign's next failures with the rule applied.

    Without a second person's agreement, one that needs it is refused (`needs_second_person`):
    the samples the rule was started on may not have shown it.
    """
    prepared = []
    for letter in letters:
        one = await _patch(bench, letter, rule)
        if one.second_person and not approved:
            one = Patched(letter=letter, body=None, refused=NEEDS_SECOND)
        prepared.append(one)
    return prepared


async def _patch(bench: Bench, letter: DeadLetter, rule: Rule) -> Patched:
    try:
        receipt, original = await _original(bench, letter)
        body = await asyncio.to_thread(apply_rule, rule, original)
        before = await dry_run(bench, receipt, most=MOST_COMPARED)
        after = await try_content(bench, receipt, body, most=MOST_COMPARED)
    except Unavailable:
        raise
    except GatewayError as error:
        return Patched(letter=letter, body=None, refused=error.code)
    return Patched(
        letter=letter,
        body=body,
        refused=None,
        before=before,
        after=after,
        second_person=second_person(before, after),
    )


async def _original(bench: Bench, letter: DeadLetter) -> tuple[ReceiptRow, bytes]:
    def look(connection: Connection) -> ReceiptRow:
        edits.load_editable(connection, letter.dead_letter_id)
        receipt = inbox.load_receipt(connection, letter.receipt_id or 0)
        assert receipt is not None  # noqa: S101 - a letter of a payload has its receipt
        return receipt

    receipt = await bench.database.read(look)
    async with content_of(bench.database, receipt) as content:
        if not isinstance(content, bytes):
            raise edits.too_large(receipt.size)
        return receipt, content


async def _changes(bench: Bench, one: Patched) -> list[Difference]:
    if one.body is None:
        return []
    _, original = await _original(bench, one.letter)
    return byte_changes(original, one.body)


def byte_changes(old: bytes, new: bytes) -> list[Difference]:
    """The stretch in which two payloads differ, with a little around it."""
    if old == new:
        return []
    start = next(
        (place for place, (a, b) in enumerate(zip(old, new, strict=False)) if a != b),
        min(len(old), len(new)),
    )
    most = min(len(old), len(new)) - start
    tail = next((n for n in range(most) if old[-1 - n] != new[-1 - n]), most)
    begin = max(0, start - _SHOWN_AROUND)
    told = [
        one[begin : len(one) - tail + _SHOWN_AROUND].decode("utf-8", "replace")[:2000]
        for one in (old, new)
    ]
    return [Difference(f"byte {start}", "changed", told[0], told[1])]


def apply_patched(bench: Bench, connection: Connection, campaign: Campaign, one: Patched) -> int:
    """Keep and apply one patched copy for a campaign; the copy's receipt id. Raises Contested."""
    now = bench.now()
    new = NewEdit(
        edit_id=bench.ids.next(),
        dead_letter_id=one.letter.dead_letter_id,
        body=one.body or b"",
        editor=campaign.started_by,
        reason=campaign.reason,
        campaign_id=campaign.campaign_id,
    )
    edits.keep_edit(connection, new, now)
    receipt_id = bench.ids.next()
    return edits.apply_edit(connection, new.edit_id, receipt_id, by=campaign.started_by, now=now)
