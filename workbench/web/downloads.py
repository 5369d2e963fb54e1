"""Payloads as files: never shown as what they claim to be, only saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.responses import Response, StreamingResponse

from store.ids import RECEIPT, show_id
from store.records import ReceiptRow
from workbench.finding.looking import first_part, payload_parts
from workbench.fixtures.fixtures import MadeFixture
from workbench.web.site import Site


async def payload_download(site: Site, receipt: ReceiptRow) -> StreamingResponse:
    """The bytes as they came, to be saved. Raises Unsupported where they are not kept."""
    await first_part(site.database, receipt)
    name = show_id(RECEIPT, receipt.receipt_id)
    return StreamingResponse(
        payload_parts(site.database, receipt),
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="{name}.payload"',
            "Content-Length": str(receipt.size),
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )


def options_of(site: Site) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The accounts' options, where a hub runs here."""
    if site.hub is None:
        return {}
    settings = site.hub.configuration.accounts
    return {(one.connector, one.account): one.options for one in settings}


def fixture_download(made: MadeFixture) -> Response:
    """A fixture and its meta file, to be saved."""
    headers = {"Content-Disposition": f'attachment; filename="{made.name}.zip"'}
    return Response(made.packed, media_type="application/zip", headers=headers)
