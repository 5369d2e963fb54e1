"""Exceptions: lists, one with its history, and what people do about it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import ConfigDict, Field

from domains.contract import Owner
from domains.exceptions.handling import Resolution
from domains.exceptions.listing import OwnerStanding
from domains.exceptions.stored import EXCEPTION
from store.ids import parse_id
from workbench.bench import Bench
from workbench.business import exceptions as work
from workbench.business.exceptions_deciding import decide, offered_by, wish_at
from workbench.web.access import Operator, Viewer
from workbench.web.benches import TheBench
from workbench.web.exception_filters import WantedExceptions
from workbench.web.exception_models import (
    ExceptionDetail,
    ShownEntry,
    ShownException,
    ShownOutcome,
    exception_detail,
    shown_entry,
    shown_exception,
    shown_outcome,
)
from workbench.web.failure_models import Body, Shown
from workbench.web.paging import Listing, Pages

router = APIRouter(prefix="/exceptions", tags=["exceptions"])

ShownId = Annotated[str, Path(examples=["exc_0cvn2qe9g0g00"])]
Seen = Annotated[int | None, Field(description="the revision you saw; null: whatever there is")]
Reason = Literal[
    "corrected_at_source", "accepted_difference", "written_off", "duplicate", "customer_agreed",
    "false_alarm", "other",
]  # fmt: skip
Branch = Literal[
    "", "corrected", "accepted", "compensated", "collected", "disputed", "written_off",
    "prevented", "dropped",
]  # fmt: skip


class Assignment(Body):
    """Whose it is to be; what is absent stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"assigned_to": "ada", "revision": 1}]}
    )

    revision: Seen = None
    assigned_to: Annotated[str | None, Field(max_length=100, description="empty: nobody")] = None
    owner: Annotated[Owner | None, Field(description="another team")] = None


class ResolutionWish(Body):
    """How an exception is closed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "customer_agreed", "branch": "collected"}]}
    )

    revision: Seen = None
    reason: Reason
    branch: Annotated[Branch, Field(description="empty: as the reason says")] = ""
    words: Annotated[str, Field(max_length=10_000, description="`other` needs them")] = ""


class ReopenWish(Body):
    """Why it is opened again."""

    revision: Seen = None
    words: Annotated[str, Field(min_length=1, max_length=10_000)]


class NewNote(Body):
    """A note to write down."""

    text: Annotated[str, Field(min_length=1, max_length=10_000)]


class DecisionWish(Body):
    """A decision about the exception's record, in the words of its domain."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"action": "write_off", "values": {"amount": "0.02"}, "reason": "cents"}]
        }
    )

    action: Annotated[str, Field(max_length=200)]
    subject: Annotated[str, Field(max_length=200, description="what of the record")] = ""
    values: Annotated[dict[str, Any], Field(default_factory=dict, description="amounts are texts")]
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class ShownStanding(Shown):
    """How much an owner has open."""

    owner: str
    by_age: dict[str, int] = Field(description="current, and at least 7, 14 and 30 days old")
    overdue: int
    total: int


@router.get("", summary="Exceptions, what is due first")
async def get_exceptions(
    who: Viewer, bench: TheBench, page: Pages, wanted: WantedExceptions
) -> Listing[ShownException]:
    """Failures of messages are another list: `/failures`."""
    found = await work.list_exceptions(bench, wanted.wanted, after=page.after, limit=page.limit)
    now = bench.now()
    return Listing(items=[shown_exception(one, now) for one in found.exceptions], next=found.next)


@router.get("/standing", summary="What is open by owner and age")
async def get_standing(who: Viewer, bench: TheBench) -> Listing[ShownStanding]:
    """All owners, also those with nothing open."""
    counts, _ = await work.owners_standing(bench)
    return Listing(items=[_standing(one) for one in counts])


@router.get("/{shown_id}", summary="One exception with what surrounds it")
async def get_exception(shown_id: ShownId, who: Viewer, bench: TheBench) -> ExceptionDetail:
    """Its history, the facts it rests on, and what may be decided."""
    return await _detail(bench, parse_id(EXCEPTION, shown_id))


@router.get("/{shown_id}/history", summary="What happened to it, oldest first")
async def get_history(shown_id: ShownId, who: Viewer, bench: TheBench) -> Listing[ShownEntry]:
    """The last 500 entries."""
    view = await work.show_exception(bench, parse_id(EXCEPTION, shown_id))
    return Listing(items=[shown_entry(one) for one in view.history])


@router.post("/{shown_id}/assign", summary="Give it to somebody, or hand it to another team")
async def post_assign(
    shown_id: ShownId, body: Assignment, who: Operator, bench: TheBench
) -> ExceptionDetail:
    """409 `changed_meanwhile` when somebody changed it after the revision you name."""
    number = parse_id(EXCEPTION, shown_id)
    await work.hand_on(
        bench,
        number,
        owner=body.owner,
        assigned_to=body.assigned_to,
        actor=who.by,
        revision=body.revision,
    )
    return await _detail(bench, number)


@router.post("/{shown_id}/resolve", summary="Close it, and say how")
async def post_resolve(
    shown_id: ShownId, body: ResolutionWish, who: Operator, bench: TheBench
) -> ExceptionDetail:
    """It stays closed as long as its numbers and the facts it rests on stay the same. 409
    `not_open`, `changed_meanwhile`."""
    number = parse_id(EXCEPTION, shown_id)
    how = Resolution(reason=body.reason, words=body.words, branch=body.branch)
    await work.resolve(bench, number, how, actor=who.by, revision=body.revision)
    return await _detail(bench, number)


@router.post("/{shown_id}/reopen", summary="Open what was resolved")
async def post_reopen(
    shown_id: ShownId, body: ReopenWish, who: Operator, bench: TheBench
) -> ExceptionDetail:
    """Its clock goes on as if it had not been resolved. 409 `not_resolved`."""
    number = parse_id(EXCEPTION, shown_id)
    await work.reopen(bench, number, body.words, actor=who.by, revision=body.revision)
    return await _detail(bench, number)


@router.post("/{shown_id}/notes", status_code=201, summary="Write a note")
async def post_note(
    shown_id: ShownId, body: NewNote, who: Operator, bench: TheBench
) -> Listing[ShownEntry]:
    """Notes are appended, never changed. Answers with the history."""
    number = parse_id(EXCEPTION, shown_id)
    await work.note(bench, number, body.text, actor=who.by)
    view = await work.show_exception(bench, number)
    return Listing(items=[shown_entry(one) for one in view.history])


@router.post("/{shown_id}/decide", status_code=201, summary="Decide about its record")
async def post_decide(
    shown_id: ShownId, body: DecisionWish, who: Operator, bench: TheBench
) -> ShownOutcome:
    """What moves money becomes a proposal, and somebody else approves it."""
    wish = await wish_at(
        bench,
        parse_id(EXCEPTION, shown_id),
        body.action,
        subject=body.subject,
        values=body.values,
        reason=body.reason,
    )
    return shown_outcome(await decide(bench, wish, actor=who.by))


async def _detail(bench: Bench, number: int) -> ExceptionDetail:
    view = await work.show_exception(bench, number)
    offered = offered_by(bench, view.exception.domain) if view.has_record else []
    return exception_detail(view, offered, bench.now())


def _standing(one: OwnerStanding) -> ShownStanding:
    return ShownStanding(
        owner=one.owner, by_age=dict(one.by_age), overdue=one.overdue, total=one.total
    )
