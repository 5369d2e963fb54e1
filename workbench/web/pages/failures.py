"""Failures in groups, and one group: what is alike, since when, whose it is, what was said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from canonical.errors import GatewayError, Malformed
from store.access import people
from store.access.audit_entries import list_audit
from store.database import Connection
from store.ids import DEAD_LETTER, parse_id, show_id
from store.mending import campaigns
from store.mending.contested import Contested
from store.mending.failure_groups import GROUP, SEVERITIES, count_groups, load_group
from workbench.bench import Bench
from workbench.failures.groups import GroupDetail, add_note, change_group, show_group
from workbench.mending.discarding import REASONS, discard_group
from workbench.web.access import Operator, Viewer
from workbench.web.benches import TheBench
from workbench.web.failure_lists import GroupQuery, WantedGroups, at_page, find_groups
from workbench.web.looks import LOOKS
from workbench.web.navigation import NavigationItem
from workbench.web.paging import Pages, Paging, next_address
from workbench.web.problems import status_of
from workbench.web.rendering import redirect, render
from workbench.web.requests import PAGES

FAILURES = f"{PAGES}/failures"
GROUPS = f"{PAGES}/groups"
NAVIGATION = NavigationItem(key="failures", title="Failures", href=FAILURES, order=20)
TABS: Final = (
    ("field", "Field"), ("account", "Account"), ("code", "Code"), ("kind", "Kind"),
    ("text", "Message"),
)  # fmt: skip
LETTER_STATES: Final = ("open", "replayed", "resolved", "discarded")

router = APIRouter(prefix=PAGES)

Short = Annotated[str, Form(max_length=200)]
Long = Annotated[str, Form(max_length=10_000)]


@router.get("/failures")
async def failures_page(
    request: Request, who: Viewer, bench: TheBench, page: Pages, wanted: WantedGroups
) -> Response:
    """The groups of one grouping, filtered."""
    names, counted = await bench.database.read(lambda connection: _around(connection, wanted.by))
    return render(
        request,
        "failures.html",
        here="failures",
        tabs=[(key, title, _address(request, by=key)) for key, title in TABS],
        states=[
            (state, counted.get(state, (0, 0))[0], _address(request, state=state))
            for state in ("open", "muted", "resolved")
        ],
        connectors=sorted({one.connector.manifest.name for one in bench.accounts}),
        names=names,
        **await _rows(request, bench, page, wanted),
    )


@router.get("/groups/rows")
async def group_rows(
    request: Request, who: Viewer, bench: TheBench, page: Pages, wanted: WantedGroups
) -> Response:
    """The rows alone, as the page asks for them again and again."""
    return render(request, "failures_rows.html", **await _rows(request, bench, page, wanted))


async def _rows(request: Request, bench: Bench, page: Paging, wanted: GroupQuery) -> dict[str, Any]:
    found = await find_groups(bench, wanted, after=page.after, limit=page.limit)
    return {
        "groups": found.groups,
        "next": at_page(FAILURES, next_address(request, found.next)),
        "paged": page.after is not None,
        "wanted": wanted,
        "now": bench.now(),
        "query": request.url.query,
        **LOOKS,
    }


def _around(connection: Connection, by: str) -> tuple[list[str], dict[str, tuple[int, int]]]:
    users = people.list_users(connection)
    return [one.name for one in users if one.disabled_at is None], count_groups(connection, by)


def _address(request: Request, **changes: str) -> str:
    kept = request.url.include_query_params(**changes).remove_query_params(["after"])
    return f"{FAILURES}?{kept.query}"


@router.get("/groups/{shown_id}")
async def group_page(
    request: Request,
    who: Viewer,
    bench: TheBench,
    page: Pages,
    shown_id: str,
    state: Annotated[str, Query(max_length=20)] = "open",
) -> Response:
    """One group: its failures, its notes, its campaigns, and what can be done."""
    return await _group(request, bench, parse_id(GROUP, shown_id), page=page, state=state)


@router.post("/groups/{shown_id}/change")
async def change(
    request: Request,
    who: Operator,
    bench: TheBench,
    shown_id: str,
    revision: Annotated[int, Form()],
    owner: Short = "",
    severity: Short = "normal",
    tags: Short = "",
    due: Short = "",
) -> Response:
    """Whose it is, how bad, by when, and its tags."""
    number = parse_id(GROUP, shown_id)
    group = await bench.database.read(lambda connection: load_group(connection, number))
    wanted: dict[str, Any] = {
        "owner": owner.strip() or None,
        "severity": severity,
        "tags": tuple(one.strip() for one in tags.split(",") if one.strip()),
    }
    try:
        moment = _moment(due)
        if moment != _to_the_minute(group.due_at):
            wanted["due_at"] = moment
        # Only what is another than it was is a change, and stands in the audit log.
        changes = {name: one for name, one in wanted.items() if one != getattr(group, name)}
        if changes or revision != group.revision:
            await change_group(bench, number, changes or wanted, actor=who.by, revision=revision)
    except (Contested, Malformed) as error:
        return await _group(request, bench, number, fault=error)
    return redirect(f"{GROUPS}/{shown_id}", note="Changed." if changes else "Nothing to change.")


@router.post("/groups/{shown_id}/state")
async def change_state(
    request: Request,
    who: Operator,
    bench: TheBench,
    shown_id: str,
    revision: Annotated[int, Form()],
    state: Short,
    reason: Long = "",
) -> Response:
    """Resolve, mute or open again."""
    number = parse_id(GROUP, shown_id)
    try:
        await change_group(
            bench, number, {"state": state}, actor=who.by, revision=revision, reason=reason
        )
    except (Contested, Malformed) as error:
        return await _group(request, bench, number, fault=error)
    return redirect(f"{GROUPS}/{shown_id}", note=f"The group is {state}.")


@router.post("/groups/{shown_id}/notes")
async def note(
    request: Request, who: Operator, bench: TheBench, shown_id: str, text: Long = ""
) -> Response:
    """Write something down about a group."""
    number = parse_id(GROUP, shown_id)
    try:
        await add_note(bench, text.replace("\r\n", "\n"), actor=who.by, group_id=number)
    except Malformed as error:
        return await _group(request, bench, number, fault=error)
    return redirect(f"{GROUPS}/{shown_id}#notes", note="It is written down.")


@router.post("/groups/{shown_id}/discard")
async def discard(
    request: Request,
    who: Operator,
    bench: TheBench,
    shown_id: str,
    reason: Short = "",
    text: Long = "",
) -> Response:
    """Give up what is open of it now."""
    number = parse_id(GROUP, shown_id)
    try:
        done = await discard_group(bench, number, actor=who.by, reason=reason, text=text)
    except Malformed as error:
        return await _group(request, bench, number, fault=error)
    left = f" {done.left} were being replayed and stay." if done.left else ""
    return redirect(f"{GROUPS}/{shown_id}", note=f"{done.discarded} discarded.{left}")


async def _group(
    request: Request,
    bench: Bench,
    group_id: int,
    *,
    page: Paging | None = None,
    state: str = "open",
    fault: GatewayError | None = None,
) -> Response:
    if state not in LETTER_STATES:
        raise Malformed("failures are open, replayed, resolved or discarded", code="bad_state")
    page = page or Paging(None, 50)
    before = None if page.after is None else parse_id(DEAD_LETTER, page.after)
    found = await show_group(bench, group_id, state=state, before=before, limit=page.wanted)
    letters, mark = page.cut(found.letters, lambda one: show_id(DEAD_LETTER, one.dead_letter_id))
    runs, names = await bench.database.read(
        lambda connection: (
            campaigns.list_campaigns(connection, group_id=group_id, limit=5),
            [one.name for one in people.list_users(connection) if one.disabled_at is None],
        )
    )
    return render(
        request,
        "group.html",
        status_code=200 if fault is None else _status(fault),
        here="failures",
        view=found.view,
        group=found.view.group,
        letters=letters,
        next=at_page(f"{GROUPS}/{show_id(GROUP, group_id)}", next_address(request, mark)),
        paged=page.after is not None,
        letter_state=state,
        letter_states=LETTER_STATES,
        notes=found.notes,
        campaigns=runs,
        names=names,
        severities=SEVERITIES,
        reasons=list(REASONS.items()),
        fault=fault,
        quicker=await _who_was_quicker(bench, fault, found),
        now=bench.now(),
        **LOOKS,
    )


def _status(fault: GatewayError) -> int:
    return 409 if isinstance(fault, Contested) else status_of(fault)


async def _who_was_quicker(
    bench: Bench, fault: GatewayError | None, found: GroupDetail
) -> object | None:
    """The last change of a group, when somebody was first with theirs."""
    if not isinstance(fault, Contested):
        return None
    target = show_id(GROUP, found.view.group.group_id)
    entries = await bench.database.read(
        lambda connection: list_audit(connection, target=target, action="failure_group", limit=1)
    )
    return entries[0] if entries else None


def _to_the_minute(moment: datetime | None) -> datetime | None:
    """A time as the form shows it."""
    return None if moment is None else moment.replace(second=0, microsecond=0)


def _moment(text: str) -> datetime | None:
    """What a form sends as a time, in UTC; None for nothing."""
    if not text.strip():
        return None
    try:
        given = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Malformed("this is no time", code="bad_change", path="due") from error
    return given.replace(tzinfo=UTC) if given.tzinfo is None else given
