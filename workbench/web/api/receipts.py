"""Receipts: what was delivered, its bytes, and what became of it."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import AwareDatetime

from store.records import ReceiptRow
from workbench.documents import document
from workbench.finding.looking import ShownReceipt, show_receipt
from workbench.finding.receipts_list import list_receipts
from workbench.fixtures.fixtures import make_fixture
from workbench.web.access import Viewer
from workbench.web.downloads import options_of, payload_download
from workbench.web.paging import Pages
from workbench.web.site import TheSite

router = APIRouter(prefix="/receipts", tags=["receipts"])

Filter = Annotated[str, Query(max_length=200)]


@router.get("", summary="Receipts, newest first")
async def get_receipts(
    who: Viewer,
    site: TheSite,
    page: Pages,
    connector: Filter = "",
    account: Filter = "",
    state: Filter = "",
    kind: Filter = "",
    transport: Filter = "",
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
) -> dict[str, Any]:
    """`searched_back_to` is set where the time was up before the page was full."""
    filters = {
        "connector": connector, "account": account, "state": state, "kind": kind,
        "transport": transport,
    }  # fmt: skip
    found = await list_receipts(
        site.database, filters, since=since, until=until, after=page.after, limit=page.limit
    )
    return {
        "items": [_receipt(one) for one in found.rows],
        "next": found.next,
        "searched_back_to": found.back_to,
    }


@router.get("/{shown_id}", summary="One receipt, with everything around it")
async def get_receipt(who: Viewer, site: TheSite, shown_id: str) -> dict[str, Any]:
    """Headers that carry a credential come without it."""
    return _shown(await show_receipt(site.database, shown_id))


@router.get("/{shown_id}/payload", summary="The bytes as they came", response_class=Response)
async def get_payload(who: Viewer, site: TheSite, shown_id: str) -> Response:
    """Always `application/octet-stream`, as an attachment."""
    shown = await show_receipt(site.database, shown_id)
    return await payload_download(site, shown.receipt)


@router.get("/{shown_id}/fixture", summary="The payload without the persons in it, for a test")
async def get_fixture(who: Viewer, site: TheSite, shown_id: str) -> dict[str, Any]:
    """Both files, in base64, and how many values of each category were replaced."""
    made = await make_fixture(site.database, shown_id, options_of(site))
    return {
        "connector": made.connector,
        "files": {name: base64.b64encode(body).decode() for name, body in made.files.items()},
        "replaced": made.replaced,
        "outcome": made.outcome,
        "codes": made.codes,
        "signed": made.signed,
    }


def _receipt(one: ReceiptRow) -> dict[str, Any]:
    shown: dict[str, Any] = document(one)
    shown.pop("headers")
    return {"id": shown.pop("receipt_id"), **shown}


def _shown(shown: ShownReceipt) -> dict[str, Any]:
    return {
        **_receipt(shown.receipt),
        "headers": dict(shown.headers),
        "messages": document(shown.around.messages),
        "attempts": document(shown.around.attempts),
        "dead_letters": document(shown.around.dead_letters),
        "redeliveries": [_receipt(one) for one in shown.again],
        "fetches": document(shown.fetches),
        "edits": document(shown.edits),
    }
