"""Reprocess: past receipts through today's code, what differs, and what of it is published."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from canonical.errors import Malformed
from store.access.proposals import PROPOSAL
from store.ids import first_id_at, parse_id, show_id
from store.mending import reprocessed, reprocessing
from store.mending.reprocessed import DIFFERENCE
from store.mending.reprocessing import OUTCOMES, REPROCESSING, Reprocessing
from workbench.bench import Bench
from workbench.mending.reprocessing import (
    cancel_reprocessing,
    leave_out,
    publish_corrections,
    start_reprocessing,
    summary_of,
)
from workbench.web.access import Operator, Viewer
from workbench.web.benches import TheBench
from workbench.web.navigation import NavigationItem
from workbench.web.paging import Pages, next_address
from workbench.web.rendering import redirect, render
from workbench.web.requests import PAGES

REPROCESS = f"{PAGES}/reprocessing"
NAVIGATION = NavigationItem(key="reprocessing", title="Reprocess", href=REPROCESS, order=34)
WORKING = ("comparing", "publishing")

router = APIRouter(prefix=REPROCESS)

Word = Annotated[str, Form(max_length=200)]
Outcome = Literal["changed", "new", "gone", "failing"]


@router.get("")
async def runs_page(request: Request, who: Viewer, bench: TheBench, page: Pages) -> Response:
    """Runs, newest first, and the form for a new one."""
    return await _runs(request, bench, page)


@router.post("")
async def start(
    request: Request,
    who: Operator,
    bench: TheBench,
    page: Pages,
    connector: Word = "",
    account: Word = "",
    kind: Word = "",
    since: Word = "",
    until: Word = "",
    reason: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Begin to compare."""
    typed = {
        "connector": connector, "account": account, "kind": kind, "since": since,
        "until": until, "reason": reason,
    }  # fmt: skip
    try:
        run = await start_reprocessing(
            bench,
            _named(connector),
            account=account.strip() or None,
            kind=kind.strip() or None,
            since=_moment(since, "since"),
            until=_moment(until, "until"),
            actor=who.by,
            reason=reason,
        )
    except Malformed as error:
        return await _runs(request, bench, page, fault=error, typed=typed)
    return redirect(_address(run.reprocessing_id), note="It is being compared.")


@router.get("/{shown_id}")
async def run_page(
    request: Request,
    who: Viewer,
    bench: TheBench,
    page: Pages,
    shown_id: str,
    outcome: Annotated[Outcome, Query()] = "changed",
) -> Response:
    """How a run stands, and what it found."""
    run_id = parse_id(REPROCESSING, shown_id)
    summary = await summary_of(bench, run_id)
    after = 0 if page.after is None else parse_id(DIFFERENCE, page.after)
    rows = []
    if getattr(summary.run, outcome):  # Otherwise all others would be read to find none.
        rows = await bench.database.read(
            lambda connection: reprocessed.list_differences(
                connection, run_id, outcome=outcome, after=after, limit=page.wanted
            )
        )
    shown, mark = page.cut(rows, lambda one: show_id(DIFFERENCE, one.row_id))
    return render(
        request,
        "reprocessing.html",
        here="reprocessing",
        run=summary.run,
        summary=summary,
        working=summary.run.state in WORKING,
        progress=_progress(bench, summary.run),
        rows=shown,
        outcome=outcome,
        tabs=_tabs(summary.run),
        next=next_address(request, mark),
        paged=page.after is not None,
    )


@router.get("/{shown_id}/progress")
async def progress(
    request: Request, who: Viewer, bench: TheBench, shown_id: str, seen: str = ""
) -> Response:
    """The counts as they are now; the page is loaded again when the phase is over."""
    run_id = parse_id(REPROCESSING, shown_id)
    run = await bench.database.read(
        lambda connection: reprocessing.load_reprocessing(connection, run_id)
    )
    shown = render(
        request,
        "reprocessing_progress.html",
        run=run,
        working=run.state in WORKING,
        progress=_progress(bench, run),
    )
    if run.state != seen:
        shown.headers["HX-Refresh"] = "true"
    return shown


@router.post("/{shown_id}/leave-out")
async def keep_back(
    who: Operator,
    bench: TheBench,
    shown_id: str,
    difference: Annotated[list[str] | None, Form(max_length=1000)] = None,
) -> Response:
    """Keep what was chosen from being published."""
    run_id = parse_id(REPROCESSING, shown_id)
    rows = [parse_id(DIFFERENCE, one) for one in difference or ()]
    if not rows:
        return redirect(_address(run_id), note="Nothing was chosen.", kind="bad")
    left = await leave_out(bench, run_id, rows, actor=who.by)
    return redirect(_address(run_id), note=f"{left} left out.")


@router.post("/{shown_id}/publish")
async def publish(who: Operator, bench: TheBench, shown_id: str) -> Response:
    """Publish what changed, or ask a second person."""
    run_id = parse_id(REPROCESSING, shown_id)
    done = await publish_corrections(bench, run_id, actor=who.by)
    if done.proposal is None:
        return redirect(_address(run_id), note="The corrections are on their way.")
    asked = show_id(PROPOSAL, done.proposal.proposal_id)
    return redirect(f"{PAGES}/proposals/{asked}", note="It waits for a second person.")


@router.post("/{shown_id}/cancel")
async def cancel(who: Operator, bench: TheBench, shown_id: str) -> Response:
    """Go no further."""
    run_id = parse_id(REPROCESSING, shown_id)
    await cancel_reprocessing(bench, run_id, actor=who.by)
    return redirect(_address(run_id), note="It goes no further.")


async def _runs(
    request: Request,
    bench: Bench,
    page: Pages,
    *,
    fault: Malformed | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    before = None if page.after is None else parse_id(REPROCESSING, page.after)
    rows = await bench.database.read(
        lambda connection: reprocessing.list_reprocessings(
            connection, before=before, limit=page.wanted
        )
    )
    shown, mark = page.cut(rows, lambda one: show_id(REPROCESSING, one.reprocessing_id))
    now = bench.now()
    return render(
        request,
        "reprocessings.html",
        status_code=422 if fault else 200,
        here="reprocessing",
        runs=shown,
        next=next_address(request, mark),
        paged=page.after is not None,
        connectors=sorted({one.connector.manifest.name for one in bench.accounts}),
        typed=typed or _nothing_typed(now),
        fault=fault,
    )


def _nothing_typed(now: datetime) -> dict[str, str]:
    since = f"{now - timedelta(days=1):%Y-%m-%dT%H:%M}"
    until = f"{now + timedelta(minutes=1):%Y-%m-%dT%H:%M}"
    return dict.fromkeys(("connector", "account", "kind", "reason"), "") | {
        "since": since, "until": until,
    }  # fmt: skip


def _progress(bench: Bench, run: Reprocessing) -> int:
    """How far a comparison is, in percent of the time its receipts came in."""
    if run.state != "comparing":
        waiting = max(run.changed, 1)
        return min(100, (run.published + run.left_out) * 100 // waiting)
    since = max(run.since_id, 0)
    until = min(run.until_id, first_id_at(bench.now()))
    if run.cursor <= since or until <= since:
        return 0
    return min(100, (run.cursor - since) * 100 // (until - since))


def _tabs(run: Reprocessing) -> list[tuple[str, str, str]]:
    here = _address(run.reprocessing_id)
    return [
        (name, f"{name.capitalize()} {getattr(run, name)}", f"{here}?outcome={name}")
        for name in OUTCOMES
    ]


def _named(connector: str) -> str:
    if not connector.strip():
        raise Malformed("choose a connector", code="connector_required", path="connector")
    return connector.strip()


def _moment(text: str, path: str) -> datetime:
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed("give a day and a time", code="bad_time", path=path) from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def _address(run_id: int) -> str:
    return f"{REPROCESS}/{show_id(REPROCESSING, run_id)}"
