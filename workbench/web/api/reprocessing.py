"""Reprocess: past receipts through today's code, what differs, and corrections."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from store.access.proposals import PROPOSAL
from store.ids import MESSAGE, RECEIPT, parse_id, show_id
from store.mending import reprocessed
from store.mending.reprocessed import DIFFERENCE, ReprocessedDifference
from store.mending.reprocessing import (
    REPROCESSING,
    Reprocessing,
    list_reprocessings,
    load_reprocessing,
)
from workbench.mending.reprocessing import (
    cancel_reprocessing,
    leave_out,
    publish_corrections,
    start_reprocessing,
    summary_of,
)
from workbench.web.access import Operator, Viewer
from workbench.web.benches import TheBench
from workbench.web.paging import Listing, Pages

router = APIRouter(prefix="/reprocessings", tags=["reprocessing"])

ShownId = Annotated[str, Path(examples=["rep_0cvn2qe9g0g00"])]
Filter = Annotated[str | None, Query(max_length=20)]


class Body(BaseModel):
    """What is sent; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class NewRun(Body):
    """What is to be run through today's code."""

    connector: Annotated[str, Field(min_length=1, max_length=100, examples=["shopify"])]
    account: Annotated[str | None, Field(max_length=200, examples=["acme"])] = None
    kind: Annotated[str | None, Field(max_length=200, examples=["orders/create"])] = None
    since: AwareDatetime
    until: AwareDatetime
    reason: Annotated[str, Field(max_length=4000, examples=["tax was taken as net"])]


class LeftOut(Body):
    """Differences that are not to be published."""

    differences: Annotated[
        list[str], Field(min_length=1, max_length=1000, examples=[["dif_0cvn2qe9g0g00"]])
    ]


class ShownRun(BaseModel):
    """A run as it stands."""

    id: str = Field(examples=["rep_0cvn2qe9g0g00"])
    state: str = Field(
        description="comparing, compared, publishing, done or cancelled", examples=["compared"]
    )
    connector: str
    account: str | None
    kind: str | None
    since: datetime
    until: datetime
    reason: str
    started_by: str
    created_at: datetime
    finished_at: datetime | None
    receipts: int = Field(description="looked at so far")
    same: int
    changed: int
    new: int
    gone: int
    failing: int
    published: int
    left_out: int
    published_by: str | None


class ShownField(BaseModel):
    """How often a field differs."""

    path: str = Field(examples=["lines[].description"])
    messages: int


class ShownSummary(ShownRun):
    """A run, and what its differences are about."""

    fields: list[ShownField]
    sampled: int = Field(description="differences the fields were counted in")
    second_person: int = Field(description="changes that another person has to agree to")


class ShownChange(BaseModel):
    """Something today's code says otherwise."""

    id: str = Field(examples=["dif_0cvn2qe9g0g00"])
    receipt: str
    outcome: str = Field(description="changed, new, gone or failing", examples=["changed"])
    state: str = Field(
        description="found, guarded (a second person has to agree), published or left_out",
        examples=["found"],
    )
    key: str
    at: str
    message: str | None = Field(description="what is known under the key today")
    error_code: str | None
    fields: list[dict[str, Any]] = Field(
        examples=[
            [
                {
                    "path": "lines[line_id=1].description",
                    "kind": "changed",
                    "old": "lamp",
                    "new": "Lamp",
                    "context": False,
                }
            ]
        ]
    )
    second_person: list[str] = Field(description="changed fields another person has to agree to")
    correction: str | None


class Asked(BaseModel):
    """What became of the wish to publish."""

    run: ShownRun
    proposal: str | None = Field(
        description="it waits for a second person under this id; null: it is on its way"
    )


@router.get("", summary="Runs, newest first")
async def get_runs(who: Viewer, bench: TheBench, page: Pages) -> Listing[ShownRun]:
    """Also those that are over."""
    before = None if page.after is None else parse_id(REPROCESSING, page.after)
    rows = await bench.database.read(
        lambda connection: list_reprocessings(connection, before=before, limit=page.wanted)
    )
    shown, mark = page.cut(rows, lambda one: show_id(REPROCESSING, one.reprocessing_id))
    return Listing(items=[ShownRun(**_run(one)) for one in shown], next=mark)


@router.post("", status_code=201, summary="Start to compare")
async def post_run(who: Operator, bench: TheBench, body: NewRun) -> ShownRun:
    """Nothing is published until it is asked for."""
    run = await start_reprocessing(
        bench,
        body.connector,
        account=body.account,
        kind=body.kind,
        since=body.since,
        until=body.until,
        actor=who.by,
        reason=body.reason,
    )
    return ShownRun(**_run(run))


@router.get("/{shown_id}", summary="A run, its counts, and which fields differ")
async def get_run(who: Viewer, bench: TheBench, shown_id: ShownId) -> ShownSummary:
    """The fields are counted in the first changes."""
    found = await summary_of(bench, parse_id(REPROCESSING, shown_id))
    fields = [ShownField(path=path, messages=number) for path, number in found.fields]
    return ShownSummary(
        **_run(found.run),
        fields=fields,
        sampled=found.sampled,
        second_person=found.second_person,
    )


@router.get("/{shown_id}/differences", summary="What differs, receipt by receipt")
async def get_differences(
    who: Viewer,
    bench: TheBench,
    page: Pages,
    shown_id: ShownId,
    outcome: Filter = None,
    state: Filter = None,
) -> Listing[ShownChange]:
    """Oldest receipts first."""
    run_id = parse_id(REPROCESSING, shown_id)
    after = 0 if page.after is None else parse_id(DIFFERENCE, page.after)
    await bench.database.read(lambda connection: load_reprocessing(connection, run_id))
    rows = await bench.database.read(
        lambda connection: reprocessed.list_differences(
            connection, run_id, outcome=outcome, state=state, after=after, limit=page.wanted
        )
    )
    shown, mark = page.cut(rows, lambda one: show_id(DIFFERENCE, one.row_id))
    return Listing(items=[_change(one) for one in shown], next=mark)


@router.post("/{shown_id}/leave-out", summary="Keep differences from being published")
async def post_leave_out(
    who: Operator, bench: TheBench, shown_id: ShownId, body: LeftOut
) -> dict[str, int]:
    """Answers how many were not published or left out yet."""
    rows = [parse_id(DIFFERENCE, one) for one in body.differences]
    run_id = parse_id(REPROCESSING, shown_id)
    return {"left_out": await leave_out(bench, run_id, rows, actor=who.by)}


@router.post("/{shown_id}/publish", status_code=202, summary="Publish what changed")
async def post_publish(who: Operator, bench: TheBench, shown_id: ShownId) -> Asked:
    """As corrections; those of money, parties or bank details wait for a second person."""
    done = await publish_corrections(bench, parse_id(REPROCESSING, shown_id), actor=who.by)
    asked = None if done.proposal is None else show_id(PROPOSAL, done.proposal.proposal_id)
    return Asked(run=ShownRun(**_run(done.run)), proposal=asked)


@router.post("/{shown_id}/cancel", summary="Go no further")
async def post_cancel(who: Operator, bench: TheBench, shown_id: ShownId) -> ShownRun:
    """What is published stays published."""
    run_id = parse_id(REPROCESSING, shown_id)
    return ShownRun(**_run(await cancel_reprocessing(bench, run_id, actor=who.by)))


def _run(run: Reprocessing) -> dict[str, Any]:
    same = set(ShownRun.model_fields) - {"id"}
    return {name: getattr(run, name) for name in same} | {
        "id": show_id(REPROCESSING, run.reprocessing_id)
    }


def _change(one: ReprocessedDifference) -> ShownChange:
    message, correction = one.message_row_id, one.correction_row_id
    return ShownChange(
        id=show_id(DIFFERENCE, one.row_id),
        receipt=show_id(RECEIPT, one.receipt_id),
        outcome=one.outcome,
        state=one.state,
        key=one.key,
        at=one.at,
        message=None if message is None else show_id(MESSAGE, message),
        error_code=one.error_code,
        fields=[dict(field) for field in one.differences],
        second_person=list(one.second_person),
        correction=None if correction is None else show_id(MESSAGE, correction),
    )
