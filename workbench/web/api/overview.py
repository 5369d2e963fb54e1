"""How messages flow, and what needs a person."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from workbench.flow.overview import overview_document
from workbench.web.access import Viewer
from workbench.web.pages.overview import live_of
from workbench.web.site import TheSite

router = APIRouter(tags=["overview"])


@router.get("/overview", summary="The last hour, what waits, and what needs a person")
async def get_overview(request: Request, who: Viewer, site: TheSite) -> dict[str, Any]:
    """At most two seconds old, and the same for everybody who asks."""
    return overview_document(await live_of(request, site).now())
