"""Four eyes: what waits for a second person, all of what it would change, and the decision."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from canonical.errors import Malformed
from store.access import proposals
from store.access.proposals import PROPOSAL, Proposal
from store.ids import parse_id, show_id
from workbench.access.roles import Role
from workbench.bench import Bench
from workbench.mending import proposing
from workbench.mending.proposal_views import show_proposal
from workbench.web.access import Approver, Operator, Principal, Viewer
from workbench.web.benches import TheBench
from workbench.web.navigation import NavigationItem
from workbench.web.paging import Pages, next_address
from workbench.web.rendering import redirect, render
from workbench.web.requests import PAGES

PROPOSALS = f"{PAGES}/proposals"
NAVIGATION = NavigationItem(
    key="proposals", title="Proposals", href=PROPOSALS, order=36, badge=f"{PROPOSALS}/waiting"
)
KINDS = {
    "edit": "an edited payload",
    "campaign": "a patch of a group",
    "reprocessing": "corrections of past messages",
    "decision": "a decision about money",
}

router = APIRouter(prefix=PROPOSALS)

Shown = Literal["waiting", "mine", "open", "applied", "rejected", "withdrawn"]
Reason = Annotated[str, Form(max_length=4000)]


@router.get("")
async def proposals_page(
    request: Request, who: Viewer, bench: TheBench, page: Pages, show: Shown | None = None
) -> Response:
    """What waits for whoever looks; or their own, or those decided."""
    shown = show or ("waiting" if who.may(Role.APPROVER) else "open")
    before = None if page.after is None else parse_id(PROPOSAL, page.after)
    rows = await bench.database.read(
        lambda connection: proposals.list_proposals(
            connection,
            state="open" if shown == "waiting" else None if shown == "mine" else shown,
            not_by=who.by if shown == "waiting" else None,
            made_by=who.by if shown == "mine" else None,
            before=before,
            limit=page.wanted,
        )
    )
    found, mark = page.cut(rows, lambda one: show_id(PROPOSAL, one.proposal_id))
    return render(
        request,
        "proposals.html",
        here="proposals",
        proposals=found,
        tabs=_tabs(who),
        show=shown,
        kinds=KINDS,
        next=next_address(request, mark),
        paged=page.after is not None,
    )


@router.get("/waiting")
async def waiting(request: Request, who: Viewer, bench: TheBench) -> Response:
    """How many wait for whoever looks: the number in the header."""
    number = 0
    if who.may(Role.APPROVER):
        number = await bench.database.read(
            lambda connection: proposals.count_waiting(connection, not_by=who.by)
        )
    return render(request, "proposals_waiting.html", number=number)


@router.get("/{shown_id}")
async def proposal_page(request: Request, who: Viewer, bench: TheBench, shown_id: str) -> Response:
    """One of them, with all that it would change."""
    return await _proposal(request, bench, who, shown_id)


@router.post("/{shown_id}/approve")
async def approve(who: Approver, bench: TheBench, shown_id: str, reason: Reason = "") -> Response:
    """Agree; it is carried out at once."""
    number = parse_id(PROPOSAL, shown_id)
    await proposing.approve(bench, number, actor=who.by, reason=reason)
    return redirect(PROPOSALS, note="Approved, and carried out.")


@router.post("/{shown_id}/reject")
async def reject(
    request: Request, who: Approver, bench: TheBench, shown_id: str, reason: Reason = ""
) -> Response:
    """Say no, and why."""
    try:
        await proposing.reject(bench, parse_id(PROPOSAL, shown_id), actor=who.by, reason=reason)
    except Malformed as error:
        return await _proposal(request, bench, who, shown_id, fault=error)
    return redirect(PROPOSALS, note="Rejected; nothing of it was carried out.")


@router.post("/{shown_id}/withdraw")
async def withdraw(who: Operator, bench: TheBench, shown_id: str, reason: Reason = "") -> Response:
    """Take one's own back."""
    number = parse_id(PROPOSAL, shown_id)
    await proposing.withdraw(bench, number, actor=who.by, reason=reason)
    return redirect(f"{PROPOSALS}?show=mine", note="It is taken back.")


async def _proposal(
    request: Request,
    bench: Bench,
    who: Principal,
    shown_id: str,
    *,
    fault: Malformed | None = None,
) -> Response:
    view = await show_proposal(bench, parse_id(PROPOSAL, shown_id))
    mine = view.proposal.made_by == who.by
    return render(
        request,
        "proposal.html",
        status_code=422 if fault else 200,
        here="proposals",
        view=view,
        proposal=view.proposal,
        shown_id=shown_id,
        mine=mine,
        decides=who.may(Role.APPROVER) and not mine and view.proposal.state == "open",
        kinds=KINDS,
        guarded=_guarded(view.proposal),
        fault=fault,
    )


def _guarded(proposal: Proposal) -> list[tuple[str, int]]:
    """The fields that need four eyes, and in how many messages."""
    fields = proposal.payload.get("fields") or ()
    # `KEY: path`, where several messages are meant; a key may contain anything.
    return Counter(str(one).rpartition(": ")[2] for one in fields).most_common()


def _tabs(who: Principal) -> list[tuple[str, str, str]]:
    named = [("waiting", "Waiting for you")] if who.may(Role.APPROVER) else []
    named += [
        ("open", "All open"),
        ("mine", "Your own"),
        ("applied", "Carried out"),
        ("rejected", "Rejected"),
        ("withdrawn", "Withdrawn"),
    ]
    return [(key, title, f"{PROPOSALS}?show={key}") for key, title in named]
