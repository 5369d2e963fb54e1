"""Who did what, newest first, and whether the log is whole."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from store.access.audit_entries import list_audit
from workbench.access.audit_log import read_mark, verify_log
from workbench.web.access import Viewer
from workbench.web.navigation import NavigationItem
from workbench.web.paging import Pages, next_address
from workbench.web.rendering import render
from workbench.web.requests import PAGES
from workbench.web.site import TheSite

AUDIT_LOG = f"{PAGES}/audit-log"
NAVIGATION = NavigationItem(
    key="audit-log", title="Audit log", href=AUDIT_LOG, order=90, aside=True
)

router = APIRouter(prefix=AUDIT_LOG)

Filter = Annotated[str, Query(max_length=200)]


@router.get("")
async def audit_log_page(
    request: Request,
    who: Viewer,
    site: TheSite,
    page: Pages,
    actor: Filter = "",
    action: Filter = "",
    target: Filter = "",
) -> Response:
    """The log, filtered."""
    rows = await site.database.read(
        lambda connection: list_audit(
            connection,
            actor=actor.strip() or None,
            action=action.strip() or None,
            target=target.strip() or None,
            before=read_mark(page.after),
            limit=page.wanted,
        )
    )
    entries, mark = page.cut(rows, lambda one: str(one.number))
    return render(
        request,
        "audit_log.html",
        here="audit-log",
        entries=entries,
        next=next_address(request, mark),
        paged=page.after is not None,
        filters={"actor": actor, "action": action, "target": target},
    )


@router.get("/verification")
async def verification(request: Request, who: Viewer, site: TheSite) -> Response:
    """Check every link of the chain, and say what was found."""
    return render(request, "audit_verdict.html", found=await verify_log(site.database))
