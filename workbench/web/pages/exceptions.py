"""Exceptions: what is wrong between order and cash, whose it is, since when; and one of them."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from canonical.errors import GatewayError
from domains.contract import Owner
from domains.exceptions.handling import BRANCHES, REASONS, Resolution
from domains.exceptions.listing import AGES
from domains.exceptions.stored import EXCEPTION
from store.access import people
from store.access.audit_entries import list_audit
from store.ids import parse_id
from store.mending.contested import Contested
from workbench.bench import Bench
from workbench.business import exceptions as work
from workbench.business.exceptions import DOMAINS
from workbench.business.exceptions_deciding import Decided, decide, offered_by, read_values, wish_at
from workbench.web.access import Operator, Viewer
from workbench.web.benches import TheBench
from workbench.web.exception_filters import ExceptionFilter, WantedExceptions
from workbench.web.failure_lists import at_page
from workbench.web.looks import LOOKS
from workbench.web.navigation import NavigationItem
from workbench.web.paging import Pages, Paging, next_address
from workbench.web.problems import status_of
from workbench.web.rendering import redirect, render
from workbench.web.requests import PAGES

EXCEPTIONS: Final = f"{PAGES}/exceptions"
NAVIGATION = NavigationItem(key="exceptions", title="Exceptions", href=EXCEPTIONS, order=22)
AGE_WORDS: Final = {
    "current": "under 7 days", "7": "7 days and more", "14": "14 days and more",
    "30": "30 days and more",
}  # fmt: skip
ENTRY_KINDS: Final = {
    "opened": "warn", "reopened": "bad", "escalated": "bad", "resolved": "good", "ended": "good",
    "decided": "info", "proposed": "info", "assigned": "info", "moved": "info",
}  # fmt: skip

router = APIRouter(prefix=EXCEPTIONS)

Short = Annotated[str, Form(max_length=200)]
Long = Annotated[str, Form(max_length=10_000)]
Revision = Annotated[int, Form()]


@router.get("")
async def exceptions_page(
    request: Request, who: Viewer, bench: TheBench, page: Pages, wanted: WantedExceptions
) -> Response:
    """What is open by owner and age, and the list."""
    counts, kinds = await work.owners_standing(bench)
    return render(
        request,
        "exceptions.html",
        here="exceptions",
        counts=counts,
        kinds=kinds,
        domains=DOMAINS,
        owners=list(Owner),
        ages=AGES,
        states=[
            (state, _address(request, state=state))
            for state in ("open", "resolved", "ended", "all")
        ],
        **await _rows(request, bench, page, wanted),
    )


@router.get("/rows")
async def rows(
    request: Request, who: Viewer, bench: TheBench, page: Pages, wanted: WantedExceptions
) -> Response:
    """The rows alone, as the page asks for them again and again."""
    return render(request, "exceptions_rows.html", **await _rows(request, bench, page, wanted))


async def _rows(
    request: Request, bench: Bench, page: Paging, wanted: ExceptionFilter
) -> dict[str, Any]:
    found = await work.list_exceptions(bench, wanted.wanted, after=page.after, limit=page.limit)
    return {
        "exceptions": found.exceptions,
        "next": at_page(EXCEPTIONS, next_address(request, found.next)),
        "paged": page.after is not None,
        "first": f"{EXCEPTIONS}?{request.url.remove_query_params(['after']).query}",
        "wanted": wanted,
        "age_words": AGE_WORDS,
        "query": request.url.query,
        "now": bench.now(),
        **LOOKS,
    }


def _address(request: Request, **changes: str) -> str:
    kept = request.url.include_query_params(**changes).remove_query_params(["after", "sort"])
    return f"{EXCEPTIONS}?{kept.query}"


@router.get("/{shown_id}")
async def exception_page(
    request: Request,
    who: Viewer,
    bench: TheBench,
    shown_id: str,
    action: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """One of them: what is wrong, what it rests on, what happened, what can be done."""
    return await _page(request, bench, parse_id(EXCEPTION, shown_id), typed={"action": action})


@router.post("/{shown_id}/assign")
async def assign(
    request: Request,
    who: Operator,
    bench: TheBench,
    shown_id: str,
    revision: Revision,
    assigned_to: Short = "",
) -> Response:
    """Take it, or give it to somebody."""
    number = parse_id(EXCEPTION, shown_id)
    done = work.hand_on(bench, number, assigned_to=assigned_to, actor=who.by, revision=revision)
    note = f"It is {assigned_to.strip()}’s now." if assigned_to.strip() else "It is nobody’s now."
    return await _after(request, bench, number, done, note=note)


@router.post("/{shown_id}/move")
async def move(
    request: Request,
    who: Operator,
    bench: TheBench,
    shown_id: str,
    revision: Revision,
    owner: Short = "",
) -> Response:
    """Hand it to another team."""
    number = parse_id(EXCEPTION, shown_id)
    done = work.hand_on(bench, number, owner=owner, actor=who.by, revision=revision)
    return await _after(request, bench, number, done, note=f"It is with {owner} now.")


@router.post("/{shown_id}/resolve")
async def resolve(
    request: Request,
    who: Operator,
    bench: TheBench,
    shown_id: str,
    revision: Revision,
    reason: Short = "",
    branch: Short = "",
    words: Long = "",
) -> Response:
    """Close it, and say how."""
    number = parse_id(EXCEPTION, shown_id)
    how = Resolution(reason=reason, branch=branch, words=words.replace("\r\n", "\n"))
    done = work.resolve(bench, number, how, actor=who.by, revision=revision)
    typed = {"reason": reason, "branch": branch, "words": words}
    return await _after(request, bench, number, done, note="Resolved.", typed=typed)


@router.post("/{shown_id}/reopen")
async def reopen(
    request: Request,
    who: Operator,
    bench: TheBench,
    shown_id: str,
    revision: Revision,
    words: Long = "",
) -> Response:
    """Open what was resolved."""
    number = parse_id(EXCEPTION, shown_id)
    done = work.reopen(bench, number, words, actor=who.by, revision=revision)
    return await _after(request, bench, number, done, note="It is open again.")


@router.post("/{shown_id}/notes")
async def note(
    request: Request, who: Operator, bench: TheBench, shown_id: str, text: Long = ""
) -> Response:
    """Write something down about it."""
    number = parse_id(EXCEPTION, shown_id)
    done = work.note(bench, number, text.replace("\r\n", "\n"), actor=who.by)
    return await _after(request, bench, number, done, note="It is written down.", to="#history")


@router.post("/{shown_id}/decide")
async def decide_on(
    request: Request,
    who: Operator,
    bench: TheBench,
    shown_id: str,
    action: Short = "",
    subject: Short = "",
    values: Annotated[str, Form(max_length=100_000)] = "",
    reason: Long = "",
) -> Response:
    """Decide on its record, in the words of its domain."""
    number = parse_id(EXCEPTION, shown_id)

    async def done() -> Decided:
        given = read_values(values)
        wish = await wish_at(bench, number, action, subject=subject, values=given, reason=reason)
        return await decide(bench, wish, actor=who.by)

    try:
        decided = await done()
    except GatewayError as error:
        typed = {"action": action, "subject": subject, "values": values, "why": reason}
        return await _page(request, bench, number, fault=error, typed=typed)
    return redirect(f"{EXCEPTIONS}/{shown_id}", note=told(decided))


def told(decided: Decided) -> str:
    """What somebody is told who decided."""
    if decided.proposal is not None:
        return "It moves money: it waits for a second person."
    return "Decided; the record is being derived with it."


async def _after(
    request: Request,
    bench: Bench,
    number: int,
    done: Awaitable[object],
    *,
    note: str,
    to: str = "",
    typed: dict[str, str] | None = None,
) -> Response:
    try:
        await done
    except GatewayError as error:
        if status_of(error) not in (409, 422):
            raise
        return await _page(request, bench, number, fault=error, typed=typed or {})
    return redirect(f"{request.url.path.rpartition('/')[0]}{to}", note=note)


async def _page(
    request: Request,
    bench: Bench,
    number: int,
    *,
    fault: GatewayError | None = None,
    typed: dict[str, str],
) -> Response:
    view = await work.show_exception(bench, number)
    quicker, names = await bench.database.read(
        lambda connection: (
            list_audit(connection, target=work.shown(view.exception), limit=1),
            [one.name for one in people.list_users(connection) if one.disabled_at is None],
        )
    )
    return render(
        request,
        "exception.html",
        status_code=200 if fault is None else status_of(fault),
        here="exceptions",
        view=view,
        one=view.exception,
        actions=offered_by(bench, view.exception.domain) if view.has_record else [],
        names=names,
        owners=list(Owner),
        reasons=list(REASONS.items()),
        branches=list(BRANCHES.items()),
        entry_kinds=ENTRY_KINDS,
        fault=fault,
        quicker=quicker[0] if isinstance(fault, Contested) and quicker else None,
        typed={"action": "", "subject": "", "values": "", "why": ""} | typed,
        now=bench.now(),
        **LOOKS,
    )
