"""Receipts: the list, one of them, and its bytes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from workbench.finding.looking import show_bytes, show_receipt
from workbench.finding.receipts_list import FILTERS, list_receipts
from workbench.fixtures.fixtures import make_fixture
from workbench.operating.auditing import RECEIPT_STATES
from workbench.web.access import Viewer
from workbench.web.downloads import fixture_download, options_of, payload_download
from workbench.web.navigation import NavigationItem
from workbench.web.paging import Pages, next_address
from workbench.web.rendering import render
from workbench.web.requests import PAGES
from workbench.web.site import TheSite
from workbench.web.times import a_time

RECEIPTS = f"{PAGES}/receipts"
NAVIGATION = NavigationItem(key="receipts", title="Receipts", href=RECEIPTS, order=45)

router = APIRouter(prefix=RECEIPTS)

Filter = Annotated[str, Query(max_length=200)]
Offset = Annotated[int, Query(ge=0)]


@router.get("")
async def receipts_page(
    request: Request,
    who: Viewer,
    site: TheSite,
    page: Pages,
    connector: Filter = "",
    account: Filter = "",
    state: Filter = "",
    kind: Filter = "",
    since: Filter = "",
    until: Filter = "",
) -> Response:
    """What was delivered, newest first."""
    given = {
        "connector": connector.strip(), "account": account.strip(), "state": state,
        "kind": kind.strip(),
    }  # fmt: skip
    found = await list_receipts(
        site.database,
        {name: given.get(name, "") for name in FILTERS},
        since=a_time(since, "since"),
        until=a_time(until, "until"),
        after=page.after,
        limit=page.limit,
    )
    return render(
        request,
        "receipts.html",
        here="receipts",
        found=found,
        next=next_address(request, found.next),
        paged=page.after is not None,
        filters={**given, "since": since, "until": until},
        states=RECEIPT_STATES,
    )


@router.get("/{shown_id}")
async def receipt_page(
    request: Request, who: Viewer, site: TheSite, shown_id: str, offset: Offset = 0
) -> Response:
    """Everything known about one."""
    shown = await show_receipt(site.database, shown_id)
    return render(
        request,
        "receipt.html",
        here="receipts",
        shown=shown,
        view=await show_bytes(site.database, shown.receipt, offset=offset),
    )


@router.get("/{shown_id}/lines")
async def receipt_lines(
    request: Request, who: Viewer, site: TheSite, shown_id: str, offset: Offset = 0
) -> Response:
    """A page of its bytes, to be put into another page."""
    shown = await show_receipt(site.database, shown_id)
    view = await show_bytes(site.database, shown.receipt, offset=offset)
    return render(request, "payload_view.html", receipt=shown.receipt, view=view)


@router.post("/{shown_id}/fixture")
async def receipt_fixture(who: Viewer, site: TheSite, shown_id: str) -> Response:
    """A scrubbed copy of it with its meta file, in an archive to be saved."""
    made = await make_fixture(site.database, shown_id, options_of(site))
    return fixture_download(made)


@router.get("/{shown_id}/payload")
async def receipt_payload(who: Viewer, site: TheSite, shown_id: str) -> Response:
    """The bytes as they came, to be saved."""
    shown = await show_receipt(site.database, shown_id)
    return await payload_download(site, shown.receipt)
