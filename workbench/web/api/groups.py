"""Failures in groups: lists, what people say of a group, and its failures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, ConfigDict, Field

from store.ids import DEAD_LETTER, parse_id, show_id
from store.mending.failure_groups import GROUP
from workbench.bench import Bench
from workbench.failures.groups import add_note, change_group, show_group
from workbench.mending.discarding import discard_group
from workbench.web.access import Operator, Viewer
from workbench.web.benches import TheBench
from workbench.web.failure_lists import WantedGroups, find_groups
from workbench.web.failure_models import (
    Body,
    Shown,
    ShownFailure,
    ShownGroup,
    ShownNote,
    shown_failure,
    shown_group,
    shown_note,
)
from workbench.web.paging import Listing, Pages

router = APIRouter(prefix="/failure-groups", tags=["failures"])

FailureState = Literal["open", "replayed", "resolved", "discarded"]
StateFilter = Annotated[FailureState, Query(description="the state of the failures")]


class GroupDetail(ShownGroup):
    """A group with its notes."""

    notes: list[ShownNote]


class ChangedGroup(Body):
    """What is to change; what is absent stays as it is."""

    revision: Annotated[int, Field(description="the revision you saw")]
    state: Literal["open", "resolved", "muted"] | None = None
    owner: Annotated[str | None, Field(max_length=100, description="null: nobody")] = None
    severity: Literal["low", "normal", "high", "critical"] | None = None
    due_at: Annotated[AwareDatetime | None, Field(description="null: by severity")] = None
    tags: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=20)] | None = None
    reason: Annotated[str, Field(max_length=2000, description="to resolve or mute")] = ""

    model_config = ConfigDict(
        json_schema_extra={"example": {"revision": 3, "owner": "ada", "severity": "high"}}
    )

    def changes(self) -> dict[str, Any]:
        """What was named. Only owner and time may be taken away."""
        named = self.model_dump(exclude_unset=True, exclude={"revision", "reason"})
        kept = {"owner", "due_at"}
        return {name: value for name, value in named.items() if name in kept or value is not None}


class NewNote(Body):
    """A note to write down."""

    text: Annotated[
        str, Field(min_length=1, max_length=10_000, examples=["Asked their support, case 4711."])
    ]


class DiscardWish(Body):
    """Why something is given up."""

    reason: Annotated[str, Field(max_length=40, examples=["obsolete"])]
    text: Annotated[str, Field(max_length=2000)] = ""


class ShownDiscarded(Shown):
    """How a discard went; what is not open any more or being replayed is left as it is."""

    discarded: int
    left: int


@router.get("", summary="Groups of failures")
async def get_groups(
    who: Viewer, bench: TheBench, page: Pages, wanted: WantedGroups
) -> Listing[ShownGroup]:
    """`by` is the grouping: field, account, code, kind or text."""
    found = await find_groups(bench, wanted, after=page.after, limit=page.limit)
    return Listing(items=[shown_group(one) for one in found.groups], next=found.next)


@router.get("/{shown_id}", summary="One group with its notes")
async def get_group(shown_id: str, who: Viewer, bench: TheBench) -> GroupDetail:
    """Its failures are a list of their own."""
    return await _detail(bench, parse_id(GROUP, shown_id))


@router.patch("/{shown_id}", summary="Change state, owner, severity, time or tags")
async def patch_group(
    shown_id: str, body: ChangedGroup, who: Operator, bench: TheBench
) -> GroupDetail:
    """409 `changed_meanwhile` when somebody changed it after the revision you name."""
    number = parse_id(GROUP, shown_id)
    await change_group(
        bench,
        number,
        body.changes(),
        actor=who.by,
        revision=body.revision,
        reason=body.reason,
    )
    return await _detail(bench, number)


@router.get("/{shown_id}/notes", summary="Notes on a group, oldest first")
async def get_notes(shown_id: str, who: Viewer, bench: TheBench) -> Listing[ShownNote]:
    """All of them."""
    found = await show_group(bench, parse_id(GROUP, shown_id), limit=1)
    return Listing(items=[shown_note(one) for one in found.notes])


@router.post("/{shown_id}/notes", status_code=201, summary="Write a note")
async def post_note(
    shown_id: str, body: NewNote, who: Operator, bench: TheBench
) -> Listing[ShownNote]:
    """Notes are appended, never changed. Answers with all of them."""
    number = parse_id(GROUP, shown_id)
    await add_note(bench, body.text, actor=who.by, group_id=number)
    found = await show_group(bench, number, limit=1)
    return Listing(items=[shown_note(one) for one in found.notes])


@router.get("/{shown_id}/failures", summary="The failures of a group, newest first")
async def get_failures(
    shown_id: str, who: Viewer, bench: TheBench, page: Pages, state: StateFilter = "open"
) -> Listing[ShownFailure]:
    """Those in one state."""
    before = None if page.after is None else parse_id(DEAD_LETTER, page.after)
    found = await show_group(
        bench, parse_id(GROUP, shown_id), state=state, before=before, limit=page.wanted
    )
    letters, mark = page.cut(found.letters, lambda one: show_id(DEAD_LETTER, one.dead_letter_id))
    return Listing(items=[shown_failure(one) for one in letters], next=mark)


@router.post("/{shown_id}/discard", summary="Give up what is open of a group now")
async def post_discard(
    shown_id: str, body: DiscardWish, who: Operator, bench: TheBench
) -> ShownDiscarded:
    """What comes later opens the group again."""
    done = await discard_group(
        bench, parse_id(GROUP, shown_id), actor=who.by, reason=body.reason, text=body.text
    )
    return ShownDiscarded.model_validate(done)


async def _detail(bench: Bench, group_id: int) -> GroupDetail:
    found = await show_group(bench, group_id, limit=1)
    told: dict[str, Any] = shown_group(found.view).model_dump()
    return GroupDetail(**told, notes=[shown_note(one) for one in found.notes])
