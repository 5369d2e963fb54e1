"""Trace: one chain from order to cash, as a timeline, from whatever one has in hand."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from workbench.tracing import find_trace, told
from workbench.web.access import Viewer
from workbench.web.rendering import render
from workbench.web.requests import PAGES
from workbench.web.site import TheSite

TRACE = f"{PAGES}/trace"
SHOWN = 400

router = APIRouter(prefix=TRACE)


@router.get("")
async def trace_page(
    request: Request,
    who: Viewer,
    site: TheSite,
    ref: Annotated[str, Query(max_length=500)] = "",
    q: Annotated[str, Query(max_length=500)] = "",
    system: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The chain a reference belongs to; `q` is `ref`, as search calls it."""
    ref = ref.strip() or q.strip()
    found = await find_trace(site.database, ref) if ref else None
    steps = [] if found is None else found.steps
    if system:
        steps = [one for one in steps if one.system == system]
    return render(
        request,
        "trace.html",
        here="search",
        ref=ref,
        found=found,
        steps=[(one, told(one.facts)) for one in steps[:SHOWN]],
        more=max(0, len(steps) - SHOWN),
        system=system,
    )
