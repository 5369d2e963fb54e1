"""Records of the domains: lists, and one with the facts and decisions it rests on."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from workbench.business.exceptions_deciding import Wish, decide, offered_by
from workbench.business.exceptions_records import list_records, show_record
from workbench.web.access import Operator, Viewer
from workbench.web.api.exceptions import DecisionWish
from workbench.web.benches import TheBench
from workbench.web.exception_filters import RecordPages, WantedRecords
from workbench.web.exception_models import (
    RecordDetail,
    ShownOutcome,
    ShownRecord,
    record_detail,
    shown_outcome,
    shown_record,
)
from workbench.web.paging import Listing

router = APIRouter(prefix="/records", tags=["records"])

DomainPart = Annotated[str, Path(examples=["order"])]


class RecordDecision(DecisionWish):
    """A decision about a record."""

    key: Annotated[str, Field(max_length=1000, description="the record's")]


@router.get("/{domain}", summary="Records of a domain, by their keys")
async def get_records(
    domain: DomainPart, who: Viewer, bench: TheBench, page: RecordPages, wanted: WantedRecords
) -> Listing[ShownRecord]:
    """404 `unknown_domain`."""
    found = await list_records(bench, wanted.of(domain), after=page.after, limit=page.limit)
    return Listing(items=[shown_record(one) for one in found.records], next=found.next)


@router.post("/{domain}/decisions", status_code=201, summary="Decide about a record")
async def post_decision(
    domain: DomainPart, body: RecordDecision, who: Operator, bench: TheBench
) -> ShownOutcome:
    """What moves money becomes a proposal, and somebody else approves it. 404
    `unknown_action`, `unknown_record`."""
    wish = Wish(
        domain=domain,
        record=body.key,
        action=body.action,
        subject=body.subject,
        values=body.values,
        reason=body.reason,
    )
    return shown_outcome(await decide(bench, wish, actor=who.by))


@router.get("/{domain}/{key:path}", summary="One record")
async def get_record(
    domain: DomainPart,
    key: Annotated[str, Path(max_length=1000, examples=["order/shopify/acme/4507"])],
    who: Viewer,
    bench: TheBench,
) -> RecordDetail:
    """With its state, the facts it rests on, its exceptions and what was decided. 404
    `unknown_record`."""
    view = await show_record(bench, domain, key)
    return record_detail(view, offered_by(bench, domain), bench.now())
