"""Four eyes: what waits for a second person, and the second person's decision."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from store.access import proposals
from store.access.proposals import PROPOSAL, Proposal
from store.ids import parse_id, show_id
from workbench.documents import document
from workbench.mending import proposing
from workbench.mending.proposal_views import show_proposal
from workbench.web.access import Approver, Operator, Viewer
from workbench.web.benches import TheBench
from workbench.web.paging import Listing, Pages

router = APIRouter(prefix="/proposals", tags=["proposals"])

ShownId = Annotated[str, Path(examples=["prp_0cvn2qe9g0g00"])]
ProposalState = Literal["open", "approved", "rejected", "withdrawn", "applied", "all"]
_APPLIED_EXAMPLE: dict[str, Any] = {
    "id": "prp_0cvn2qe9g0g00", "kind": "edit", "target": "edt_0cvn2qe9g0g00",
    "payload": {"dead_letter": "dl_0cvn2qe9g0g00", "fields": ["totals.total.amount"],
                "reason": "the shop sent the price as text"},
    "made_by": "ada", "made_at": "2026-03-02T10:00:00Z", "state": "applied",
    "decided_by": "grace", "decided_at": "2026-03-02T10:04:00Z", "reason": "as on the invoice",
    "applied_at": "2026-03-02T10:04:00Z",
}  # fmt: skip


class ShownProposal(BaseModel):
    """A change that waits for a second person, or did."""

    id: str
    kind: str = Field(description="edit, campaign, reprocessing or decision")
    target: str = Field(description="the edit, campaign, reprocessing, exception or record")
    payload: dict[str, Any] = Field(description="what was told of it when it was proposed")
    made_by: str
    made_at: datetime
    state: str = Field(description="open, approved, rejected, withdrawn or applied")
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    applied_at: datetime | None

    model_config = ConfigDict(json_schema_extra={"examples": [_APPLIED_EXAMPLE]})


class DetailedProposal(ShownProposal):
    """A proposal with what is and what would be; one of the three, by its kind."""

    edit: dict[str, Any] | None = Field(
        description="payload lines, dry runs before and after, and each message's differences"
    )
    patch: dict[str, Any] | None = Field(description="the campaign, and the rule on samples")
    run: dict[str, Any] | None = Field(description="the reprocessing, and its first changes")


class Remark(BaseModel):
    """A word with a decision."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "as on the invoice"}]}
    )

    reason: Annotated[str, Field(max_length=4000)] = ""


class Refusal(Remark):
    """Why not."""

    reason: Annotated[str, Field(min_length=1, max_length=4000)]


@router.get("", summary="Proposals, newest first")
async def get_proposals(
    who: Viewer,
    bench: TheBench,
    page: Pages,
    state: ProposalState = "open",
    waiting: Annotated[bool, Query(description="only those that others made")] = False,
) -> Listing[ShownProposal]:
    """Open ones unless another state is asked for."""
    before = None if page.after is None else parse_id(PROPOSAL, page.after)
    rows = await bench.database.read(
        lambda connection: proposals.list_proposals(
            connection,
            state=None if state == "all" else state,
            not_by=who.by if waiting else None,
            before=before,
            limit=page.wanted,
        )
    )
    shown, mark = page.cut(rows, lambda one: show_id(PROPOSAL, one.proposal_id))
    return Listing(items=[_proposal(one) for one in shown], next=mark)


@router.get("/{shown_id}", summary="A proposal, and all that it would change")
async def get_proposal(who: Viewer, bench: TheBench, shown_id: ShownId) -> DetailedProposal:
    """Today's connector on the bytes before and after."""
    view = await show_proposal(bench, parse_id(PROPOSAL, shown_id))
    return DetailedProposal(
        **_proposal(view.proposal).model_dump(),
        edit=document(view.edit),
        patch=document(view.patch),
        run=document(view.run),
    )


@router.post("/{shown_id}/approve", summary="Agree, and have it carried out at once")
async def post_approval(
    who: Approver, bench: TheBench, shown_id: ShownId, body: Remark | None = None
) -> ShownProposal:
    """403 `four_eyes` for who proposed it; 409 when somebody has decided, or what it is about has
    changed meanwhile: then nothing is decided either."""
    reason = "" if body is None else body.reason
    number = parse_id(PROPOSAL, shown_id)
    return _proposal(await proposing.approve(bench, number, actor=who.by, reason=reason))


@router.post("/{shown_id}/reject", summary="Say no, and why")
async def post_rejection(
    who: Approver, bench: TheBench, shown_id: ShownId, body: Refusal
) -> ShownProposal:
    """Nothing of it is carried out."""
    number = parse_id(PROPOSAL, shown_id)
    return _proposal(await proposing.reject(bench, number, actor=who.by, reason=body.reason))


@router.post("/{shown_id}/withdraw", summary="Take one's own proposal back")
async def post_withdrawal(
    who: Operator, bench: TheBench, shown_id: ShownId, body: Remark | None = None
) -> ShownProposal:
    """Only who proposed it may."""
    reason = "" if body is None else body.reason
    number = parse_id(PROPOSAL, shown_id)
    return _proposal(await proposing.withdraw(bench, number, actor=who.by, reason=reason))


def _proposal(one: Proposal) -> ShownProposal:
    same = set(ShownProposal.model_fields) - {"id"}
    return ShownProposal(
        id=show_id(PROPOSAL, one.proposal_id), **{name: getattr(one, name) for name in same}
    )
