"""The first page: whether the promises hold."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from store import audit
from workbench.auditing import MESSAGE_STATES, RECEIPT_STATES, audit_document
from workbench.web.access import Viewer
from workbench.web.navigation import NavigationItem
from workbench.web.rendering import render
from workbench.web.requests import PAGES
from workbench.web.site import TheSite

NAVIGATION = NavigationItem(key="overview", title="Overview", href=PAGES, order=10)

router = APIRouter(prefix=PAGES)


@router.get("")
async def overview_page(request: Request, who: Viewer, site: TheSite) -> Response:
    """Both sides of the audit, as `gateway audit` counts them."""
    document = audit_document(await site.database.read(audit.balance))
    sides = [
        ("Receipts", "accepted", "receipts", RECEIPT_STATES),
        ("Messages", "translated", "messages", MESSAGE_STATES),
    ]
    return render(request, "overview.html", here="overview", audit=document, sides=sides)
