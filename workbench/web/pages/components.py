"""The components, shown with made-up content: what a new page is put together from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from workbench.web.access import Viewer
from workbench.web.rendering import render, toast
from workbench.web.requests import PAGES

router = APIRouter(prefix=f"{PAGES}/components")

_SAMPLE = """{
  "id": 450789469,
  "currency": "EUR",
  "total_price": "409,94",
  "note": "<script>alert(1)</script>"
}"""


@router.get("")
async def components_page(request: Request, who: Viewer) -> Response:
    """Every macro of `components.html` once."""
    start = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    return render(
        request,
        "components_page.html",
        here="components",
        code=_SAMPLE.splitlines(),
        start=start,
        step=timedelta(minutes=7),
        hours=[[int(start.timestamp()) + 3600 * hour for hour in range(24)], _HOURLY],
    )


@router.get("/part")
async def part(request: Request, who: Viewer) -> Response:
    """A partial with a message beside it."""
    answer = render(request, "components_part.html")
    return toast(answer, "Swapped in by htmx.")


_HOURLY = [3, 2, 2, 1, 1, 4, 9, 22, 48, 51, 47, 40, 38, 44, 52, 49, 41, 30, 18, 12, 9, 7, 5, 4]
