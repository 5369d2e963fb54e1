"""One message: what it says, where it came from, what became of it."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request
from fastapi.responses import Response

from workbench.finding.looking import show_message
from workbench.finding.searching import hit_of
from workbench.web.access import Viewer
from workbench.web.rendering import pretty_json, redirect, render
from workbench.web.requests import PAGES
from workbench.web.site import TheSite

MESSAGES = f"{PAGES}/messages"
MOST_LINES = 3000

router = APIRouter(prefix=MESSAGES)


@router.get("")
async def messages_page(who: Viewer) -> Response:
    """All messages: search, with nothing to look for."""
    return redirect(f"{PAGES}/search")


@router.get("/{shown_id}")
async def message_page(request: Request, who: Viewer, site: TheSite, shown_id: str) -> Response:
    """Everything known about one, by its id or the id of its fact."""
    shown = await show_message(site.database, shown_id)
    return render(
        request,
        "message.html",
        here="search",
        shown=shown,
        hit=hit_of(shown.message),
        lines=_lines(shown.message.data),
    )


@router.get("/{shown_id}/data")
async def message_data(request: Request, who: Viewer, site: TheSite, shown_id: str) -> Response:
    """What it says, to be put into another page."""
    shown = await show_message(site.database, shown_id)
    return render(request, "message_data.html", lines=_lines(shown.message.data))


def _lines(data: str | None) -> list[str] | None:
    return None if data is None else pretty_json(json.loads(data)).splitlines()[:MOST_LINES]
