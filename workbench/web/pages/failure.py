"""One failure: its payload with the place of the error, its history, what a replay would do."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, FastAPI, Form, Query, Request
from fastapi.responses import Response

from canonical.errors import GatewayError, Malformed
from store.failures.dead_letters import FETCH_STAGE
from store.fingerprints import FIELD
from store.ids import DEAD_LETTER, parse_id
from store.mending.contested import Contested
from store.mending.failure_groups import FailureGroup, load_group
from workbench.bench import Bench
from workbench.failures.failure import Failure, show_failure, show_payload, what_replay_would_do
from workbench.failures.groups import Deadlines, add_note
from workbench.failures.replaying import replay_letter
from workbench.mending.discarding import REASONS, discard_letters
from workbench.web.access import Operator, Viewer
from workbench.web.benches import TheBench
from workbench.web.looks import LOOKS, due_text
from workbench.web.problems import status_of
from workbench.web.rendering import redirect, render
from workbench.web.requests import PAGES

FAILURES = f"{PAGES}/failures"
LINES: Final = 200
_FIXTURE_ROUTE: Final = ("POST", f"{PAGES}/receipts/{{shown_id}}/fixture")

router = APIRouter(prefix=FAILURES)

Short = Annotated[str, Form(max_length=200)]
Long = Annotated[str, Form(max_length=10_000)]


@router.get("/{shown_id}")
async def failure_page(request: Request, who: Viewer, bench: TheBench, shown_id: str) -> Response:
    """Everything about one failure."""
    return await _page(request, bench, parse_id(DEAD_LETTER, shown_id))


@router.get("/{shown_id}/payload")
async def payload(
    request: Request,
    who: Viewer,
    bench: TheBench,
    shown_id: str,
    offset: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    """Other lines of the payload."""
    failure = await show_failure(bench, parse_id(DEAD_LETTER, shown_id))
    return render(request, "failure_payload.html", **await _payload(bench, failure, offset))


@router.get("/{shown_id}/dry-run")
async def dry_run(request: Request, who: Viewer, bench: TheBench, shown_id: str) -> Response:
    """What a replay would do; asked for by the page once it is shown."""
    failure = await show_failure(bench, parse_id(DEAD_LETTER, shown_id))
    fault, run = None, None
    try:
        run = await what_replay_would_do(bench, failure)
    except GatewayError as error:
        fault = error
    return render(request, "failure_dry_run.html", failure=failure, run=run, fault=fault, **LOOKS)


@router.get("/{shown_id}/state")
async def state(request: Request, who: Viewer, bench: TheBench, shown_id: str) -> Response:
    """While a replay is under way the page asks here whether it is over; then it loads anew."""
    failure = await show_failure(bench, parse_id(DEAD_LETTER, shown_id))
    answer = render(request, "failure_replaying.html", failure=failure)
    if not failure.is_replaying:
        answer.headers["HX-Refresh"] = "true"
    return answer


@router.post("/{shown_id}/replay")
async def replay(request: Request, who: Operator, bench: TheBench, shown_id: str) -> Response:
    """Replay it as it is."""
    number = parse_id(DEAD_LETTER, shown_id)
    try:
        await replay_letter(bench, number, actor=who.by)
    except Contested as error:
        return await _page(request, bench, number, fault=error)
    return redirect(f"{FAILURES}/{shown_id}", note="The replay is on its way.")


@router.post("/{shown_id}/discard")
async def discard(
    request: Request,
    who: Operator,
    bench: TheBench,
    shown_id: str,
    reason: Short = "",
    text: Long = "",
) -> Response:
    """Give it up, for a reason."""
    number = parse_id(DEAD_LETTER, shown_id)
    await show_failure(bench, number)
    try:
        done = await discard_letters(bench, [number], actor=who.by, reason=reason, text=text)
    except Malformed as error:
        return await _page(request, bench, number, fault=error)
    if not done.discarded:
        fault = Contested("it is not open any more, or being replayed", code="not_open")
        return await _page(request, bench, number, fault=fault)
    return redirect(f"{FAILURES}/{shown_id}", note="Discarded. It stays findable.")


@router.post("/{shown_id}/notes")
async def note(
    request: Request, who: Operator, bench: TheBench, shown_id: str, text: Long = ""
) -> Response:
    """Write something down about it."""
    number = parse_id(DEAD_LETTER, shown_id)
    await show_failure(bench, number)
    try:
        await add_note(bench, text.replace("\r\n", "\n"), actor=who.by, dead_letter_id=number)
    except Malformed as error:
        return await _page(request, bench, number, fault=error)
    return redirect(f"{FAILURES}/{shown_id}#notes", note="It is written down.")


async def _page(
    request: Request, bench: Bench, dead_letter_id: int, *, fault: GatewayError | None = None
) -> Response:
    failure = await show_failure(bench, dead_letter_id)
    letter = failure.letter
    group = await _group_of(bench, failure)
    about_payload = letter.subscriber is None and letter.stage != FETCH_STAGE
    status = 409 if isinstance(fault, Contested) else status_of(fault) if fault else 200
    return render(
        request,
        "failure.html",
        status_code=status,
        here="failures",
        letter=letter,
        group=group,
        due=None if group is None else due_text(Deadlines().due_at(group), bench.now()),
        fault=fault,
        reasons=list(REASONS.items()),
        now=bench.now(),
        can_edit=about_payload and failure.receipt is not None,
        has_fixtures=_serves(request.app, _FIXTURE_ROUTE),
        **await _payload(bench, failure, None),
        **LOOKS,
    )


async def _group_of(bench: Bench, failure: Failure) -> FailureGroup | None:
    group_id = failure.groups.get(FIELD)
    if group_id is None:
        return None
    return await bench.database.read(lambda connection: load_group(connection, group_id))


async def _payload(bench: Bench, failure: Failure, offset: int | None) -> dict[str, Any]:
    view = await show_payload(bench, failure, offset=offset, limit=LINES)
    return {"failure": failure, "payload": view, "lines_a_page": LINES}


def _serves(app: FastAPI, wanted: tuple[str, str]) -> bool:
    """Whether there is such a route; names of parameters do not count."""
    method, path = wanted
    parts = path.split("/")
    return any(
        one.method == method and _alike(parts, one.path.split("/")) for one in app.state.routes
    )


def _alike(parts: list[str], others: list[str]) -> bool:
    return len(parts) == len(others) and all(
        one == other or (one[:1] == "{" == other[:1])
        for one, other in zip(parts, others, strict=True)
    )
