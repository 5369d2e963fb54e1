"""Conflicts side by side, and the stale and the duplicate: reports that were not routed."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from canonical.errors import Malformed
from store.ids import MESSAGE, parse_id, show_id
from store.mending.conflicts import Decided, Decision, list_decided
from store.records import MessageRow
from workbench.bench import Bench
from workbench.failures.differences import document
from workbench.mending.conflicts import decide_conflict, list_judged, show_conflict
from workbench.web.access import Operator, Viewer
from workbench.web.benches import TheBench
from workbench.web.navigation import NavigationItem
from workbench.web.paging import Pages, Paging, next_address
from workbench.web.rendering import redirect, render
from workbench.web.requests import PAGES

CONFLICTS = f"{PAGES}/conflicts"
NAVIGATION = NavigationItem(key="conflicts", title="Conflicts", href=CONFLICTS, order=30)
TABS = [
    ("conflict", "Conflicts", CONFLICTS),
    ("decided", "Decided", f"{CONFLICTS}?verdict=decided"),
    ("stale", "Stale", f"{CONFLICTS}?verdict=stale"),
    ("duplicate", "Duplicates", f"{CONFLICTS}?verdict=duplicate"),
]
DONE: dict[str, str] = {
    "accepted": "Accepted: it is being published as a correction.",
    "kept_first": "The first report stays.",
    "discarded": "Discarded.",
}

router = APIRouter(prefix=CONFLICTS)

Shown = Literal["conflict", "decided", "stale", "duplicate"]
Filter = Annotated[str, Query(max_length=200)]
_Row = tuple[MessageRow, Decided | None]


@router.get("")
async def conflicts_page(
    request: Request,
    who: Viewer,
    bench: TheBench,
    page: Pages,
    verdict: Shown = "conflict",
    connector: Filter = "",
    account: Filter = "",
) -> Response:
    """What waits for a decision; or what was decided, stale, or told twice."""
    rows = await _rows(bench, page, verdict, connector.strip() or None, account.strip() or None)
    shown, mark = page.cut(rows, lambda one: show_id(MESSAGE, one[0].row_id))
    return render(
        request,
        "conflicts.html",
        here="conflicts",
        tabs=TABS,
        verdict=verdict,
        rows=shown,
        next=next_address(request, mark),
        paged=page.after is not None,
        filters={"connector": connector, "account": account},
    )


@router.get("/{shown_id}")
async def conflict_page(request: Request, who: Viewer, bench: TheBench, shown_id: str) -> Response:
    """What is known beside what was reported."""
    return await _conflict(request, bench, shown_id)


@router.post("/{shown_id}/decision")
async def decide(
    request: Request,
    who: Operator,
    bench: TheBench,
    shown_id: str,
    decision: Annotated[str, Form(max_length=20)] = "",
    reason: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Accept it as a new version, keep the first, or discard it."""
    row_id = parse_id(MESSAGE, shown_id)
    try:
        done = await decide_conflict(
            bench, row_id, _decision(decision), actor=who.by, reason=reason
        )
    except Malformed as error:
        return await _conflict(request, bench, shown_id, fault=error, typed=(decision, reason))
    return redirect(CONFLICTS, note=DONE[done.decision])


async def _conflict(
    request: Request,
    bench: Bench,
    shown_id: str,
    *,
    fault: Malformed | None = None,
    typed: tuple[str, str] = ("", ""),
) -> Response:
    view = await show_conflict(bench, parse_id(MESSAGE, shown_id))
    known = view.conflict.known.message if view.conflict.known is not None else None
    return render(
        request,
        "conflict.html",
        status_code=422 if fault else 200,
        here="conflicts",
        view=view,
        shown_id=shown_id,
        known=known,
        reported=view.conflict.report,
        documents=[document(one.data) if one else {} for one in (known, view.conflict.report)],
        fault=fault,
        typed=typed,
    )


async def _rows(
    bench: Bench, page: Paging, verdict: Shown, connector: str | None, account: str | None
) -> list[_Row]:
    before = None if page.after is None else parse_id(MESSAGE, page.after)
    if verdict == "decided":
        decided = await bench.database.read(
            lambda connection: list_decided(connection, before=before, limit=page.wanted)
        )
        return list(decided)
    found = await list_judged(
        bench, verdict, connector=connector, account=account, before=before, limit=page.wanted
    )
    return [(one, None) for one in found]


def _decision(text: str) -> Decision:
    for known in get_args(Decision):
        if text == known:
            decision: Decision = known
            return decision
    raise Malformed("choose what is to become of it", code="bad_decision", path="decision")
