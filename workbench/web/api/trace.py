"""Tracing: from any name to everything that happened."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from workbench.finding.tracing import find_trace, trace_document
from workbench.web.access import Viewer
from workbench.web.site import TheSite

router = APIRouter(tags=["search"])


@router.get("/trace", summary="One chain from order to cash, in the order of time")
async def get_trace(
    who: Viewer, site: TheSite, ref: Annotated[str, Query(min_length=1, max_length=500)]
) -> dict[str, Any]:
    """`ref` is a receipt, a message, a key, a delivery key, a correlation or a reference. What is
    not known has no steps. `chain` tells it as steps of business, as far as domains run here."""
    return trace_document(await find_trace(site.database, ref.strip()))
