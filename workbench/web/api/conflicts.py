"""Conflicts, stale and duplicate messages: lists, one side by side, and what is decided."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from store.ids import MESSAGE, RECEIPT, parse_id, show_id
from store.mending.conflicts import Decided, Decision, Verdict
from store.records import MessageRow
from workbench.failures.differences import Difference, document
from workbench.mending.conflicts import (
    ConflictView,
    decide_conflict,
    list_judged,
    show_conflict,
)
from workbench.web.access import Operator, Viewer
from workbench.web.benches import TheBench
from workbench.web.paging import Listing, Pages

router = APIRouter(prefix="/conflicts", tags=["conflicts"])

Filter = Annotated[str | None, Query(max_length=200)]
ShownId = Annotated[str, Path(examples=["msg_0cvn2qe9g0g00"])]


class ShownMessage(BaseModel):
    """A report that was not routed."""

    id: str = Field(examples=["msg_0cvn2qe9g0g00"])
    receipt: str = Field(examples=["rcp_0cvn2qe9g0g00"])
    verdict: str = Field(examples=["conflict"])
    state: str = Field(examples=["conflict"])
    connector: str = Field(examples=["shopify"])
    account: str = Field(examples=["acme"])
    type: str = Field(examples=["o2c.order.placed"])
    subject: str = Field(examples=["order/6120000001001"])
    key: str
    at: str = Field(description="which record of the payload", examples=["[17]"])
    version: str | None
    occurred_at: datetime | None
    created_at: datetime


class Side(ShownMessage):
    """One side of a conflict, with what it says."""

    data: Any = Field(description="the canonical data; null when it is no longer kept")


class ShownDifference(BaseModel):
    """One field that is not the same."""

    path: str = Field(examples=["totals.total.amount"])
    kind: str = Field(examples=["changed"])
    old: Any = Field(examples=["120.00"])
    new: Any = Field(examples=["99.00"])
    context: bool = Field(description="it says where the fact was reported, not what it is")


class ShownDecision(BaseModel):
    """What a person decided."""

    decision: str = Field(examples=["accepted"])
    at: datetime
    actor: str = Field(examples=["ada"])
    reason: str
    correction: str | None = Field(description="the message that was published as a correction")


class ShownConflict(BaseModel):
    """A conflict, side by side."""

    known: Side | None = Field(description="what is known under the key; null: no longer kept")
    reported: Side
    differences: list[ShownDifference]
    decided: ShownDecision | None


class NewDecision(BaseModel):
    """What is to become of a report that contradicts what is known."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"decision": "accepted", "reason": "the shop lowered the price"}]
        },
    )

    decision: Decision
    reason: Annotated[str, Field(max_length=4000)]


@router.get("", summary="Conflicts, stale messages or duplicates, newest first")
async def get_conflicts(
    who: Viewer,
    bench: TheBench,
    page: Pages,
    verdict: Verdict = "conflict",
    connector: Filter = None,
    account: Filter = None,
) -> Listing[ShownMessage]:
    """Conflicts are those nobody has decided about."""
    rows = await list_judged(
        bench,
        verdict,
        connector=connector,
        account=account,
        before=None if page.after is None else parse_id(MESSAGE, page.after),
        limit=page.wanted,
    )
    shown, mark = page.cut(rows, lambda one: show_id(MESSAGE, one.row_id))
    return Listing(items=[ShownMessage(**_message(one)) for one in shown], next=mark)


@router.get("/{shown_id}", summary="A conflict, side by side")
async def get_conflict(who: Viewer, bench: TheBench, shown_id: ShownId) -> ShownConflict:
    """Decided or not; the differences go from what is known to what was reported."""
    return _conflict(await show_conflict(bench, parse_id(MESSAGE, shown_id)))


@router.post("/{shown_id}/decision", status_code=201, summary="Decide about a conflict")
async def post_decision(
    who: Operator, bench: TheBench, shown_id: ShownId, body: NewDecision
) -> ShownDecision:
    """`accepted`: published as a correction. `kept_first`, `discarded`: left out. 409 when
    somebody has decided meanwhile, or a newer version has been routed."""
    row_id = parse_id(MESSAGE, shown_id)
    done = await decide_conflict(bench, row_id, body.decision, actor=who.by, reason=body.reason)
    return _decision(done)


def _message(row: MessageRow) -> dict[str, Any]:
    same = (
        "verdict", "state", "connector", "account", "type", "subject", "key", "at", "version",
        "occurred_at", "created_at",
    )  # fmt: skip
    return {name: getattr(row, name) for name in same} | {
        "id": show_id(MESSAGE, row.row_id),
        "receipt": show_id(RECEIPT, row.receipt_id),
    }


def _side(row: MessageRow) -> Side:
    return Side(data=None if row.data is None else document(row.data), **_message(row))


def _conflict(view: ConflictView) -> ShownConflict:
    known = view.conflict.known
    return ShownConflict(
        known=_side(known.message) if known is not None and known.message else None,
        reported=_side(view.conflict.report),
        differences=[shown_difference(one) for one in view.differences],
        decided=None if view.decided is None else _decision(view.decided),
    )


def shown_difference(one: Difference) -> ShownDifference:
    """A difference as the API tells it."""
    return ShownDifference(
        path=one.path, kind=one.kind, old=one.old, new=one.new, context=one.context
    )


def _decision(done: Decided) -> ShownDecision:
    correction = done.correction_row_id
    return ShownDecision(
        decision=done.decision,
        at=done.at,
        actor=done.actor,
        reason=done.reason,
        correction=None if correction is None else show_id(MESSAGE, correction),
    )
