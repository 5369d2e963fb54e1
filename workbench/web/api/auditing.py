"""The audit's two sides, and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel

from store.access.audit_entries import list_audit
from store.access.audit_log import AuditEntry
from store.finding import audit
from workbench.access.audit_log import read_mark, verify_log
from workbench.operating.auditing import audit_document
from workbench.web.access import Viewer
from workbench.web.paging import Listing, Pages
from workbench.web.site import TheSite

router = APIRouter(tags=["auditing"])

Filter = Annotated[str | None, Query(max_length=200)]


class ShownEntry(BaseModel):
    """Who did what."""

    number: int
    at: datetime
    actor: str
    action: str
    target: str
    details: dict[str, Any]


class Verification(BaseModel):
    """Whether the log is whole; `broken_at` is the first entry that is not as it was written."""

    entries: int
    broken_at: int | None


@router.get("/audit", summary="Both sides of the promises")
async def get_audit(who: Viewer, site: TheSite) -> dict[str, Any]:
    """As `gateway audit --json`."""
    return audit_document(await site.database.read(audit.balance))


@router.get("/audit-log", summary="Who did what, newest first")
async def get_audit_log(
    who: Viewer,
    site: TheSite,
    page: Pages,
    actor: Filter = None,
    action: Filter = None,
    target: Filter = None,
    since: AwareDatetime | None = None,
) -> Listing[ShownEntry]:
    """An action may be named whole (`user.role`) or by its first word (`user`)."""
    rows = await site.database.read(
        lambda connection: list_audit(
            connection,
            actor=actor,
            action=action,
            target=target,
            since=since,
            before=read_mark(page.after),
            limit=page.wanted,
        )
    )
    entries, mark = page.cut(rows, lambda one: str(one.number))
    return Listing(items=[_entry(one) for one in entries], next=mark)


@router.get("/audit-log/verification", summary="Check the whole chain of the audit log")
async def get_verification(who: Viewer, site: TheSite) -> Verification:
    """Reads every entry."""
    found = await verify_log(site.database)
    return Verification(entries=found.entries, broken_at=found.broken_at)


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request, who: Viewer) -> dict[str, Any]:
    """This API's description."""
    document: dict[str, Any] = request.app.openapi()
    return document


def _entry(entry: AuditEntry) -> ShownEntry:
    return ShownEntry.model_validate(entry, from_attributes=True)
