"""Single failures: what is known of them, their payload, what a replay would do, and actions."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from canonical.errors import Unsupported
from store.failures import dead_letters
from store.ids import DEAD_LETTER, parse_id, show_id
from store.mending.contested import Contested
from store.statements import storable
from workbench.bench import Bench
from workbench.failures.failure import Failure, show_failure, show_payload, what_replay_would_do
from workbench.failures.groups import add_note, notes_on
from workbench.failures.replaying import replay_letter
from workbench.mending.discarding import discard_letters
from workbench.web.access import Operator, Viewer
from workbench.web.api.groups import DiscardWish, NewNote
from workbench.web.benches import TheBench
from workbench.web.failure_models import (
    FailureDetail,
    ShownDryRun,
    ShownFailure,
    ShownNote,
    ShownPayload,
    failure_detail,
    shown_dry_run,
    shown_failure,
    shown_note,
    shown_payload,
)
from workbench.web.paging import Listing, Pages

router = APIRouter(prefix="/failures", tags=["failures"])

Filter = Annotated[str | None, Query(max_length=200)]


@router.get("", summary="Failures, newest first")
async def get_failures(
    who: Viewer,
    bench: TheBench,
    page: Pages,
    state: Literal["open", "replayed", "resolved", "discarded", "all"] = "open",
    connector: Filter = None,
    account: Filter = None,
    stage: Filter = None,
    code: Filter = None,
) -> Listing[ShownFailure]:
    """One by one; `/failure-groups` tells them by what they have in common."""
    before = None if page.after is None else parse_id(DEAD_LETTER, page.after)
    rows = await bench.database.read(
        lambda connection: dead_letters.list_dead(
            connection,
            state=None if state == "all" else state,
            connector=_kept(connector),
            account=_kept(account),
            stage=_kept(stage),
            error_code=_kept(code),
            before=before,
            limit=page.wanted,
        )
    )
    letters, mark = page.cut(rows, lambda one: show_id(DEAD_LETTER, one.dead_letter_id))
    return Listing(items=[shown_failure(one) for one in letters], next=mark)


@router.get("/{shown_id}", summary="One failure with what surrounds it")
async def get_failure(shown_id: str, who: Viewer, bench: TheBench) -> FailureDetail:
    """Attempts, messages, neighbours, notes, edits, and who is editing."""
    return failure_detail(await _load(bench, shown_id))


@router.get("/{shown_id}/payload", summary="A page of the payload, the error marked")
async def get_payload(
    shown_id: str,
    who: Viewer,
    bench: TheBench,
    offset: Annotated[int | None, Query(ge=0, description="first line; absent: the error")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> ShownPayload:
    """By lines of its form. 404 `unknown_payload` when no payload is kept."""
    view = await show_payload(bench, await _load(bench, shown_id), offset=offset, limit=limit)
    if view is None:
        raise Unsupported("no payload of it is kept", code="unknown_payload")
    return shown_payload(view)


@router.get("/{shown_id}/dry-run", summary="What a replay would do")
async def get_dry_run(shown_id: str, who: Viewer, bench: TheBench) -> ShownDryRun:
    """Today's connector on these bytes; nothing is stored."""
    run = await what_replay_would_do(bench, await _load(bench, shown_id))
    if run is None:
        raise Unsupported("replaying it is not about its payload", code="no_dry_run")
    return shown_dry_run(run)


@router.post("/{shown_id}/replay", status_code=202, summary="Replay it as it is")
async def post_replay(shown_id: str, who: Operator, bench: TheBench) -> FailureDetail:
    """409 `not_open`, `being_replayed`. What comes of it is seen in the failure itself."""
    await replay_letter(bench, parse_id(DEAD_LETTER, shown_id), actor=who.by)
    return failure_detail(await _load(bench, shown_id))


@router.post("/{shown_id}/discard", summary="Give it up")
async def post_discard(
    shown_id: str, body: DiscardWish, who: Operator, bench: TheBench
) -> FailureDetail:
    """409 `not_open` when it is closed already, or being replayed."""
    failure = await _load(bench, shown_id)
    number = failure.letter.dead_letter_id
    done = await discard_letters(bench, [number], actor=who.by, reason=body.reason, text=body.text)
    if not done.discarded:
        raise Contested("it is not open any more, or being replayed", code="not_open")
    return failure_detail(await _load(bench, shown_id))


@router.get("/{shown_id}/notes", summary="Notes on a failure, oldest first")
async def get_notes(shown_id: str, who: Viewer, bench: TheBench) -> Listing[ShownNote]:
    """All of them."""
    failure = await _load(bench, shown_id)
    return Listing(items=[shown_note(one) for one in failure.notes])


@router.post("/{shown_id}/notes", status_code=201, summary="Write a note")
async def post_note(
    shown_id: str, body: NewNote, who: Operator, bench: TheBench
) -> Listing[ShownNote]:
    """Notes are appended, never changed. Answers with all of them."""
    number = (await _load(bench, shown_id)).letter.dead_letter_id
    await add_note(bench, body.text, actor=who.by, dead_letter_id=number)
    return Listing(items=[shown_note(one) for one in await notes_on(bench, number)])


async def _load(bench: Bench, shown_id: str) -> Failure:
    return await show_failure(bench, parse_id(DEAD_LETTER, shown_id))


def _kept(wanted: str | None) -> str | None:
    """A filter as the store keeps texts: without what it cannot hold."""
    return None if wanted is None else storable(wanted)
