"""Ramped replays and patches of groups: start, watch, pause, resume, cancel."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from store.access.proposals import PROPOSAL
from store.ids import DEAD_LETTER, RECEIPT, parse_id, show_id
from store.mending import campaigns
from store.mending.campaign_items import list_items
from store.mending.campaigns import CAMPAIGN, MOST_STAGES, STAGES, THRESHOLD_PERCENT, Campaign
from store.mending.failure_groups import GROUP
from workbench.mending.campaigns import (
    cancel_campaign,
    pause_campaign,
    resume_campaign,
    start_campaign,
)
from workbench.web.access import Operator, Viewer
from workbench.web.benches import TheBench
from workbench.web.failure_models import Body, Shown
from workbench.web.paging import Listing, Pages

router = APIRouter(prefix="/campaigns", tags=["campaigns"])

Stage = Annotated[int, Field(ge=1)]


class NewCampaign(Body):
    """A group to replay by a ramp; with a rule, to patch and replay."""

    group: Annotated[str, Field(examples=["grp_5m2v0c8n1q7za"])]
    reason: Annotated[str, Field(min_length=1, max_length=2000)]
    rule: dict[str, Any] | None = None
    stages: Annotated[tuple[Stage, ...], Field(max_length=MOST_STAGES)] = STAGES
    threshold_percent: Annotated[int, Field(ge=0, le=100)] = THRESHOLD_PERCENT
    per_second: Annotated[int | None, Field(ge=1, le=campaigns.MOST_A_SECOND)] = None

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "group": "grp_5m2v0c8n1q7za", "reason": "the currency is mapped now",
                "stages": [1, 5, 50], "threshold_percent": 10, "per_second": 20,
            }
        }
    )  # fmt: skip


class ShownCampaign(Shown):
    """A campaign as it stands."""

    id: str
    group: str
    kind: Literal["replay", "patch"]
    state: str
    """proposed, running, paused, stopped, cancelled or done."""
    reason: str
    rule: dict[str, Any] | None
    started_by: str
    proposal_id: str | None
    created_at: datetime
    finished_at: datetime | None
    stages: list[int]
    stage: int
    """Which of the stages, from 0; the one behind the last is all the rest."""
    threshold_percent: int
    per_second: int | None
    total: int
    released: int
    succeeded: int
    failed: int
    skipped: int
    outstanding: int
    stop_reason: str | None
    revision: int


class ShownItem(Shown):
    """One failure of a campaign."""

    failure: str
    receipt_id: str | None
    state: str
    released_at: datetime
    settled_at: datetime | None
    error_code: str | None


@router.get("", summary="Campaigns, newest first")
async def get_campaigns(
    who: Viewer,
    bench: TheBench,
    page: Pages,
    group: Annotated[str | None, Query(max_length=40)] = None,
) -> Listing[ShownCampaign]:
    """All of them, or those of one group."""
    group_id = None if group is None else parse_id(GROUP, group)
    before = None if page.after is None else parse_id(CAMPAIGN, page.after)
    rows = await bench.database.read(
        lambda connection: campaigns.list_campaigns(
            connection, group_id=group_id, before=before, limit=page.wanted
        )
    )
    found, mark = page.cut(rows, lambda one: show_id(CAMPAIGN, one.campaign_id))
    return Listing(items=[_shown(one) for one in found], next=mark)


@router.post("", status_code=201, summary="Replay a group by a ramp, or patch it")
async def post_campaign(body: NewCampaign, who: Operator, bench: TheBench) -> ShownCampaign:
    """A patch that changes money, parties or bank details waits as a proposal (`proposed`).

    409 `campaign_under_way` while another one on this group is not over.
    """
    started = await start_campaign(
        bench,
        parse_id(GROUP, body.group),
        actor=who.by,
        reason=body.reason,
        rule=body.rule,
        stages=body.stages,
        threshold_percent=body.threshold_percent,
        per_second=body.per_second,
    )
    return _shown(started.campaign)


@router.get("/{shown_id}", summary="One campaign")
async def get_campaign(shown_id: str, who: Viewer, bench: TheBench) -> ShownCampaign:
    """As it stands now."""
    number = parse_id(CAMPAIGN, shown_id)
    return _shown(
        await bench.database.read(lambda connection: campaigns.load_campaign(connection, number))
    )


@router.get("/{shown_id}/items", summary="What it released, and what came of it")
async def get_items(
    shown_id: str,
    who: Viewer,
    bench: TheBench,
    page: Pages,
    state: Literal["released", "succeeded", "failed", "skipped"] | None = None,
) -> Listing[ShownItem]:
    """In the order of release."""
    number = parse_id(CAMPAIGN, shown_id)
    after = 0 if page.after is None else parse_id(DEAD_LETTER, page.after)
    rows = await bench.database.read(
        lambda connection: list_items(
            connection, number, state=state, after=after, limit=page.wanted
        )
    )
    found, mark = page.cut(rows, lambda one: show_id(DEAD_LETTER, one.dead_letter_id))
    items = [
        ShownItem(
            failure=show_id(DEAD_LETTER, one.dead_letter_id),
            receipt_id=None if one.receipt_id is None else show_id(RECEIPT, one.receipt_id),
            state=one.state,
            released_at=one.released_at,
            settled_at=one.settled_at,
            error_code=one.error_code,
        )
        for one in found
    ]
    return Listing(items=items, next=mark)


@router.post("/{shown_id}/pause", summary="Release nothing more for now")
async def post_pause(shown_id: str, who: Operator, bench: TheBench) -> ShownCampaign:
    """409 `campaign_state` unless it is running."""
    return _shown(await pause_campaign(bench, parse_id(CAMPAIGN, shown_id), actor=who.by))


@router.post("/{shown_id}/resume", summary="Go on")
async def post_resume(shown_id: str, who: Operator, bench: TheBench) -> ShownCampaign:
    """One that stopped by itself begins its ramp anew. 409 `campaign_state`."""
    return _shown(await resume_campaign(bench, parse_id(CAMPAIGN, shown_id), actor=who.by))


@router.post("/{shown_id}/cancel", summary="End it")
async def post_cancel(shown_id: str, who: Operator, bench: TheBench) -> ShownCampaign:
    """What was released goes its way. 409 `campaign_state` when it is over."""
    return _shown(await cancel_campaign(bench, parse_id(CAMPAIGN, shown_id), actor=who.by))


def _shown(one: Campaign) -> ShownCampaign:
    values = {name: getattr(one, name) for name in Campaign.__dataclass_fields__}
    proposal = one.proposal_id
    return ShownCampaign.model_validate(
        values
        | {
            "id": show_id(CAMPAIGN, one.campaign_id),
            "group": show_id(GROUP, one.group_id),
            "proposal_id": None if proposal is None else show_id(PROPOSAL, proposal),
            "outstanding": one.outstanding,
            "rule": None if one.rule is None else dict(one.rule),
        }
    )
