"""Campaigns: the failures of a group replayed by a ramp, with all they need to go on kept here.

proposed ── running ─┬─ paused ── running
                     ├─ stopped ── running (from the ramp's beginning)
                     ├─ cancelled
                     └─ done

A campaign only moves forward: each failure is released once, oldest first, under a lease that any
process may hold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select, update
from sqlalchemy import Row as Found

from canonical.errors import Malformed, Unsupported
from store.access.audit_log import append_audit
from store.failures.dead_letters import dead_letter
from store.ids import show_id
from store.mending.contested import Contested
from store.mending.failure_groups import GROUP, in_group, load_group
from store.records import DeadLetter
from store.statements import free_at, insert_new, is_state, storable
from store.tables import campaigns, dead_letters
from store.times import micros, moment, moment_or_none

CAMPAIGN: Final = "cmp"
STAGES: Final = (1, 5, 50)
"""So many at first, then so many, …; behind the last stage come all the others."""
THRESHOLD_PERCENT: Final = 10
MOST_STAGES: Final = 10
MOST_A_SECOND: Final = 10_000
_HELD_STATES: Final = ("proposed", "running", "paused", "stopped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A ramped replay as it stands."""

    campaign_id: int
    kind: str
    """replay or patch."""
    state: str
    group_id: int
    grouping: str
    rule: Mapping[str, Any] | None
    """What a patch changes."""
    started_by: str
    reason: str
    proposal_id: int | None
    """What a second person agreed to, or is asked."""
    created_at: datetime
    finished_at: datetime | None
    stages: tuple[int, ...]
    threshold_percent: int
    """More failures than this share of a stage stop it."""
    per_second: int | None
    """At most so many are released a second."""
    stage: int
    """Which of the stages, from 0; the one behind the last is all the rest."""
    released_in_stage: int
    succeeded_in_stage: int
    failed_in_stage: int
    total: int
    """Open failures of the group when it started."""
    released: int
    succeeded: int
    failed: int
    skipped: int
    """Closed meanwhile by somebody else, or not to be patched by this rule."""
    last_letter_id: int
    """Failures that came later are left alone."""
    cursor: int
    released_at: datetime | None
    stop_reason: str | None
    revision: int

    @property
    def outstanding(self) -> int:
        """Released, and what came of it is not known yet."""
        return self.released - self.succeeded - self.failed - self.skipped

    @property
    def quota(self) -> int | None:
        """How many belong to this stage; None: all the rest."""
        return self.stages[self.stage] if self.stage < len(self.stages) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCampaign:
    """A campaign to be started."""

    campaign_id: int
    group_id: int
    last_letter_id: int
    started_by: str
    reason: str
    rule: Mapping[str, Any] | None = None
    stages: Sequence[int] = STAGES
    threshold_percent: int = THRESHOLD_PERCENT
    per_second: int | None = None
    needs_approval: bool = False


def start_campaign(connection: Connection, new: NewCampaign, now: datetime) -> Campaign:
    """Begin to replay a group, or propose to.

    Raises Malformed for settings that make no sense or without a reason, Contested
    (`campaign_under_way`) while another one on this group is not over, Unsupported.
    """
    _check(new)
    group = load_group(connection, new.group_id)
    zeros = (
        "stage", "released_in_stage", "succeeded_in_stage", "failed_in_stage", "released",
        "succeeded", "failed", "skipped", "cursor",
    )  # fmt: skip
    row = {
        "id": new.campaign_id,
        "kind": "replay" if new.rule is None else "patch",
        "state": "proposed" if new.needs_approval else "running",
        "group_id": group.group_id,
        "grouping": group.grouping,
        "rule": None if new.rule is None else json.dumps(new.rule),
        "started_by": new.started_by,
        "reason": storable(new.reason),
        "created_at": micros(now),
        "stages": json.dumps(list(new.stages)),
        "threshold_percent": new.threshold_percent,
        "per_second": new.per_second,
        "total": group.open_count,
        "last_letter_id": new.last_letter_id,
        "revision": 1,
        **dict.fromkeys(zeros, 0),
    }
    if not insert_new(connection, campaigns, [row], campaigns.c.id):
        raise Contested("another campaign on this group is not over", code="campaign_under_way")
    campaign = load_campaign(connection, new.campaign_id)
    put_on_record(connection, campaign, "start", actor=new.started_by, now=now, reason=new.reason)
    return campaign


def _check(new: NewCampaign) -> None:
    if not new.started_by.strip() or not new.reason.strip():
        raise Malformed("a campaign needs a name and a reason", code="reason_required")
    if len(new.stages) > MOST_STAGES or any(size < 1 for size in new.stages):
        raise Malformed("stages are numbers from 1", code="bad_campaign", path="stages")
    if not 0 <= new.threshold_percent <= 100:
        raise Malformed("a percentage", code="bad_campaign", path="threshold_percent")
    if new.per_second is not None and not 1 <= new.per_second <= MOST_A_SECOND:
        raise Malformed("a rate from 1", code="bad_campaign", path="per_second")


def load_campaign(connection: Connection, campaign_id: int) -> Campaign:
    """One campaign. Raises Unsupported (`unknown_campaign`)."""
    found = connection.execute(select(campaigns).where(campaigns.c.id == campaign_id)).first()
    if found is None:
        raise Unsupported("there is no such campaign", code="unknown_campaign")
    return _campaign(found)


def list_campaigns(
    connection: Connection,
    *,
    group_id: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Campaign]:
    """Campaigns, newest first."""
    statement = select(campaigns).order_by(campaigns.c.id.desc()).limit(limit)
    if group_id is not None:
        statement = statement.where(campaigns.c.group_id == group_id)
    if before is not None:
        statement = statement.where(campaigns.c.id < before)
    return [_campaign(found) for found in connection.execute(statement)]


def pause(connection: Connection, campaign_id: int, *, actor: str, now: datetime) -> Campaign:
    """Release nothing more for now. Raises Contested (`campaign_state`) unless it is running."""
    return _turn(connection, campaign_id, ("running",), "paused", "pause", actor, now)


def resume(connection: Connection, campaign_id: int, *, actor: str, now: datetime) -> Campaign:
    """Go on; one that stopped by itself begins its ramp anew. Raises Contested."""
    stopped = load_campaign(connection, campaign_id).state == "stopped"
    states = ("paused", "stopped")
    changed = _turn(connection, campaign_id, states, "running", "resume", actor, now)
    return start_stage(connection, changed, 0) if stopped else changed


def cancel(connection: Connection, campaign_id: int, *, actor: str, now: datetime) -> Campaign:
    """End it; what was released goes its way. Raises Contested when it is over."""
    return _turn(connection, campaign_id, _HELD_STATES, "cancelled", "cancel", actor, now)


def approve_campaign(
    connection: Connection, campaign_id: int, *, by: str, now: datetime
) -> Campaign:
    """Start what a second person agreed to. Raises Contested."""
    return _turn(connection, campaign_id, ("proposed",), "running", "approve", by, now)


def ask_second(connection: Connection, campaign_id: int, proposal_id: int) -> None:
    """Note what a second person is asked."""
    connection.execute(
        update(campaigns).where(campaigns.c.id == campaign_id).values(proposal_id=proposal_id)
    )


def _turn(  # noqa: PLR0917 - from, to, by whom: in the order they are said
    connection: Connection,
    campaign_id: int,
    states: Sequence[str],
    state: str,
    verb: str,
    actor: str,
    now: datetime,
) -> Campaign:
    over = state in ("cancelled", "done")
    changed = connection.execute(
        update(campaigns)
        .where(campaigns.c.id == campaign_id, campaigns.c.state.in_(states))
        .values(
            state=state,
            stop_reason=None,
            finished_at=micros(now) if over else None,
            revision=campaigns.c.revision + 1,
            claimed_by=None,
            claimed_until=None,
        )
    )
    campaign = load_campaign(connection, campaign_id)
    if not changed.rowcount:
        raise Contested(f"the campaign is {campaign.state}", code="campaign_state")
    put_on_record(connection, campaign, verb, actor=actor, now=now)
    return campaign


def claim_campaign(
    connection: Connection, owner: str, now: datetime, lease: timedelta, *, after: int = 0
) -> Campaign | None:
    """Lease the next running campaign behind `after` that nobody else holds."""
    own = free_at(campaigns.c.claimed_until, micros(now)) | (campaigns.c.claimed_by == owner)
    free = (
        select(campaigns.c.id)
        .where(is_state(campaigns.c.state, "running"), campaigns.c.id > after, own)
        .order_by(campaigns.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    found = connection.execute(
        update(campaigns)
        .where(campaigns.c.id.in_(free))
        .values(claimed_by=owner, claimed_until=micros(now + lease))
        .returning(campaigns)
    ).first()
    return None if found is None else _campaign(found)


def hold(connection: Connection, campaign_id: int, owner: str) -> Campaign | None:
    """The campaign, locked to the end of this transaction; None when it is not this owner's."""
    found = connection.execute(
        select(campaigns)
        .where(
            campaigns.c.id == campaign_id,
            campaigns.c.claimed_by == owner,
            is_state(campaigns.c.state, "running"),
        )
        .with_for_update()
    ).first()
    return None if found is None else _campaign(found)


def release_claims(connection: Connection, owner: str) -> None:
    """Let go of this owner's campaigns: anybody may go on with them at once."""
    connection.execute(
        update(campaigns)
        .where(campaigns.c.claimed_by == owner)
        .values(claimed_by=None, claimed_until=None)
    )


def next_letters(connection: Connection, campaign: Campaign, limit: int) -> list[DeadLetter]:
    """The oldest open failures of the group that were not released yet."""
    group = load_group(connection, campaign.group_id)
    statement = (
        select(dead_letters)
        .where(
            in_group(group),
            dead_letters.c.state == "open",
            dead_letters.c.id > campaign.cursor,
            dead_letters.c.id <= campaign.last_letter_id,
        )
        .order_by(dead_letters.c.id)
        .limit(limit)
    )
    return [dead_letter(found) for found in connection.execute(statement)]


def start_stage(connection: Connection, campaign: Campaign, stage: int) -> Campaign:
    """Begin a stage of the ramp."""
    counters = ("released_in_stage", "succeeded_in_stage", "failed_in_stage")
    return change(connection, campaign, stage=stage, **dict.fromkeys(counters, 0))


def finish(
    connection: Connection, campaign: Campaign, state: str, now: datetime, *, why: str | None = None
) -> Campaign:
    """End by itself: `done`, or `stopped` because failures returned."""
    over = micros(now) if state == "done" else None
    ended = change(connection, campaign, state=state, stop_reason=why, finished_at=over)
    verb = "finish" if state == "done" else "stop"
    put_on_record(connection, ended, verb, actor="gateway", now=now, reason=why or "")
    return ended


def change(connection: Connection, campaign: Campaign, **values: Any) -> Campaign:
    """Set columns of a campaign that is held."""
    table = campaigns.c
    connection.execute(update(campaigns).where(table.id == campaign.campaign_id).values(**values))
    return load_campaign(connection, campaign.campaign_id)


def put_on_record(
    connection: Connection,
    campaign: Campaign,
    verb: str,
    *,
    actor: str,
    now: datetime,
    reason: str = "",
) -> None:
    """One entry for each thing done to a campaign; its replays have entries of their own."""
    append_audit(
        connection,
        at=now,
        actor=actor,
        action=f"campaign.{verb}",
        target=show_id(CAMPAIGN, campaign.campaign_id),
        details={
            "kind": campaign.kind,
            "group": show_id(GROUP, campaign.group_id),
            "released": campaign.released,
            "failed": campaign.failed,
        }
        | ({"reason": reason} if reason else {}),
    )


def _campaign(found: Found[Any]) -> Campaign:
    values = found._asdict()
    del values["claimed_by"], values["claimed_until"]
    return Campaign(
        **values
        | {
            "campaign_id": values.pop("id"),
            "rule": None if found.rule is None else json.loads(found.rule),
            "created_at": moment(found.created_at),
            "finished_at": moment_or_none(found.finished_at),
            "released_at": moment_or_none(found.released_at),
            "stages": tuple(json.loads(found.stages)),
        }
    )
