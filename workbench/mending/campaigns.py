"""Ramped replays: 1, then 5, then 50, then all; one that fails too often stops by itself.

What a campaign does next is decided from what the store says of it, under a lease: it goes on
after a crash, and any process may go on with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from canonical.errors import Unsupported
from store.access.proposals import NewProposal, Proposal
from store.database import Connection
from store.ids import show_id
from store.intake import inbox
from store.mending import campaigns
from store.mending.campaign_items import Release, add_items, settle_items
from store.mending.campaigns import CAMPAIGN, STAGES, THRESHOLD_PERCENT, Campaign, NewCampaign
from store.mending.contested import Contested
from store.mending.failure_groups import GROUP
from store.records import DeadLetter
from workbench import four_eyes
from workbench.bench import Bench
from workbench.failures.replaying import begin_replay
from workbench.mending.patch_rules import read_rule
from workbench.mending.patching import Patched, apply_patched, prepare_patches, preview_patch
from workbench.mending.proposing import CAMPAIGN_KIND

BATCH: Final = 50
"""Failures released in one transaction."""
MOST_OUTSTANDING: Final = 500
JUDGED_AMONG: Final = 50
"""Behind the ramp, failures are judged among at least so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A campaign that was started, or proposed."""

    campaign: Campaign
    proposal: Proposal | None


async def start_campaign(
    bench: Bench,
    group_id: int,
    *,
    actor: str,
    reason: str,
    rule: Mapping[str, Any] | None = None,
    stages: Sequence[int] = STAGES,
    threshold_percent: int = THRESHOLD_PERCENT,
    per_second: int | None = None,
) -> Started:
    """Replay the open failures of a group, or patch and replay them by a rule.

    A patch that changes money, parties or bank details is proposed to a second person. Raises
    Malformed, Unsupported, Contested (`campaign_under_way`).
    """
    needs_second: tuple[str, ...] = ()
    if rule is not None:
        needs_second = (await preview_patch(bench, group_id, read_rule(rule))).second_person
    new = NewCampaign(
        campaign_id=bench.ids.next(),
        group_id=group_id,
        last_letter_id=bench.ids.next(),
        started_by=actor,
        reason=reason,
        rule=rule,
        stages=stages,
        threshold_percent=threshold_percent,
        per_second=per_second,
        needs_approval=bool(needs_second),
    )
    return await bench.database.write(
        lambda connection: _start(bench, connection, new, needs_second)
    )


def _start(
    bench: Bench, connection: Connection, new: NewCampaign, needs_second: tuple[str, ...]
) -> Started:
    now = bench.now()
    campaign = campaigns.start_campaign(connection, new, now)
    if not needs_second:
        return Started(campaign=campaign, proposal=None)
    proposal = four_eyes.propose(
        connection,
        NewProposal(
            proposal_id=bench.ids.next(),
            kind=CAMPAIGN_KIND,
            target=show_id(CAMPAIGN, campaign.campaign_id),
            payload={
                "group": show_id(GROUP, campaign.group_id),
                "rule": dict(new.rule or {}),
                "reason": new.reason,
                "failures": campaign.total,
                "fields": list(needs_second[:100]),
            },
            made_by=new.started_by,
        ),
        now,
    )
    campaigns.ask_second(connection, campaign.campaign_id, proposal.proposal_id)
    campaign = campaigns.load_campaign(connection, campaign.campaign_id)
    return Started(campaign=campaign, proposal=proposal)


async def pause_campaign(bench: Bench, campaign_id: int, *, actor: str) -> Campaign:
    """Release nothing more for now. Raises Contested unless it is running."""
    now = bench.now()
    return await bench.database.write(
        lambda connection: campaigns.pause(connection, campaign_id, actor=actor, now=now)
    )


async def resume_campaign(bench: Bench, campaign_id: int, *, actor: str) -> Campaign:
    """Go on; after a stop from the ramp's beginning. Raises Contested."""
    now = bench.now()
    return await bench.database.write(
        lambda connection: campaigns.resume(connection, campaign_id, actor=actor, now=now)
    )


async def cancel_campaign(bench: Bench, campaign_id: int, *, actor: str) -> Campaign:
    """End it; what was released goes its way. Raises Contested when it is over."""
    now = bench.now()
    return await bench.database.write(
        lambda connection: campaigns.cancel(connection, campaign_id, actor=actor, now=now)
    )


Decision = Literal["stop", "next_stage", "release", "wait"]


def decide(campaign: Campaign) -> Decision:
    """What a campaign does next, by what it has counted. Pure."""
    tried = campaign.succeeded_in_stage + campaign.failed_in_stage
    among = max(tried, JUDGED_AMONG if campaign.quota is None else campaign.quota)
    if campaign.failed_in_stage * 100 > campaign.threshold_percent * among:
        return "stop"
    if campaign.quota is None:
        return "release" if campaign.outstanding < MOST_OUTSTANDING else "wait"
    if campaign.released_in_stage < campaign.quota:
        return "release"
    return "wait" if campaign.outstanding else "next_stage"


def allowance(campaign: Campaign, now: datetime) -> int:
    """How many may be released now: what is left of the stage, within the rate. Pure."""
    most = BATCH
    if campaign.quota is None:
        most = min(most, MOST_OUTSTANDING - campaign.outstanding)
    else:
        most = min(most, campaign.quota - campaign.released_in_stage)
    if campaign.per_second is None or campaign.released_at is None:
        return max(0, min(most, campaign.per_second or most))
    passed_s = max(0.0, (now - campaign.released_at) / timedelta(seconds=1))
    return max(0, min(most, int(min(passed_s, 1.0) * campaign.per_second)))


async def step(bench: Bench, campaign_id: int, owner: str) -> bool:
    """Take a campaign one step further; whether anything was done. It must be leased to `owner`."""
    patched: Sequence[Patched] = ()
    campaign = await bench.database.read(
        lambda connection: campaigns.load_campaign(connection, campaign_id)
    )
    if campaign.kind == "patch" and decide(campaign) == "release":
        letters = await bench.database.read(
            lambda connection: campaigns.next_letters(
                connection, campaign, allowance(campaign, bench.now())
            )
        )
        approved = campaign.proposal_id is not None
        patched = await prepare_patches(
            bench, letters, read_rule(campaign.rule or {}), approved=approved
        )
    moved = await bench.database.write(
        lambda connection: _step(bench, connection, campaign_id, owner, patched)
    )
    bench.wake()
    return moved


def _step(
    bench: Bench,
    connection: Connection,
    campaign_id: int,
    owner: str,
    patched: Sequence[Patched],
) -> bool:
    held = campaigns.hold(connection, campaign_id, owner)
    if held is None:
        return False
    now = bench.now()
    campaign = settle_items(connection, held, now)
    match decide(campaign):
        case "stop":
            why = f"{campaign.failed_in_stage} of a stage failed again"
            campaigns.finish(connection, campaign, "stopped", now, why=why)
            return True
        case "next_stage":
            campaigns.start_stage(connection, campaign, campaign.stage + 1)
            return True
        case "release":
            return _release(bench, connection, campaign, patched) or campaign != held
        case "wait":
            return campaign != held


def _release(
    bench: Bench, connection: Connection, campaign: Campaign, patched: Sequence[Patched]
) -> bool:
    now = bench.now()
    most = allowance(campaign, now)
    letters = campaigns.next_letters(connection, campaign, max(most, 1))
    if not letters:
        if not campaign.outstanding:
            campaigns.finish(connection, campaign, "done", now)
        return not campaign.outstanding
    if not most:
        return False
    if campaign.kind == "patch":
        ready = {one.letter.dead_letter_id: one for one in patched}
        begun = [
            _begin_patched(bench, connection, campaign, ready[one.dead_letter_id])
            for one in letters
            if one.dead_letter_id in ready
        ]
    else:
        begun = [_begin(connection, campaign, one, now) for one in letters]
    add_items(connection, campaign, begun, now)
    return bool(begun)


def _begin(
    connection: Connection, campaign: Campaign, letter: DeadLetter, now: datetime
) -> Release:
    operation = show_id(CAMPAIGN, campaign.campaign_id)
    actor = campaign.started_by
    begun = begin_replay(connection, letter, actor, now, operation=operation)
    skipped = None
    if not begun and not _is_pending(connection, letter):
        skipped = "nothing_to_replay"
    return Release(
        dead_letter_id=letter.dead_letter_id,
        receipt_id=letter.receipt_id,
        attempts=letter.attempts,
        skipped=skipped,
    )


def _is_pending(connection: Connection, letter: DeadLetter) -> bool:
    """Whether a replay is outstanding already: of another record of this payload, say."""
    receipt = inbox.load_receipt(connection, letter.receipt_id) if letter.receipt_id else None
    return letter.subscriber is not None or (receipt is not None and receipt.state == "pending")


def _begin_patched(
    bench: Bench, connection: Connection, campaign: Campaign, one: Patched
) -> Release:
    skipped, receipt_id = one.refused, None
    if skipped is None:
        try:
            with connection.begin_nested():
                receipt_id = apply_patched(bench, connection, campaign, one)
        except (Contested, Unsupported) as error:
            skipped = error.code
    return Release(
        dead_letter_id=one.letter.dead_letter_id,
        receipt_id=receipt_id,
        attempts=one.letter.attempts,
        skipped=skipped,
    )
