"""Trace: one chain from order to cash, in steps and in time, from whatever one has in hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from store.ids import RECEIPT, show_id
from workbench.finding.chain_stages import TONES
from workbench.finding.chain_steps import ChainStep
from workbench.finding.tracing import Trace, find_trace, told
from workbench.web.access import Viewer
from workbench.web.rendering import render
from workbench.web.requests import PAGES
from workbench.web.site import TheSite

TRACE = f"{PAGES}/trace"
SHOWN = 400

router = APIRouter(prefix=TRACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Steps of one stage, as the way through the chain shows them."""

    name: str
    tone: str
    """Of what most needs a look."""
    number: int
    """Of the first of its steps, from 1."""
    steps: int


@router.get("")
async def trace_page(
    request: Request,
    who: Viewer,
    site: TheSite,
    ref: Annotated[str, Query(max_length=500)] = "",
    q: Annotated[str, Query(max_length=500)] = "",
    system: Annotated[str, Query(max_length=200)] = "",
    everything: bool = False,
) -> Response:
    """The chain a reference belongs to; `q` is `ref`, as search calls it.

    What only tells that a message went its way is shown with `everything`, or when nothing else is
    left of a system.
    """
    ref = ref.strip() or q.strip()
    found = await find_trace(site.database, ref) if ref else None
    steps = [] if found is None else found.steps
    if system:
        steps = [one for one in steps if one.system == system]
    telling = [one for one in steps if not one.lesser]
    lesser = len(steps) - len(telling)
    if telling and not everything:
        steps = telling
    return render(
        request,
        "trace.html",
        here="search",
        ref=ref,
        found=found,
        steps=[(one, told(one.facts)) for one in steps[:SHOWN]],
        more=max(0, len(steps) - SHOWN),
        system=system,
        hidden=lesser if telling and not everything else 0,
        **_chain(found),
    )


def _chain(found: Trace | None) -> dict[str, Any]:
    """The steps, and which messages and receipts there still are to be looked at."""
    if found is None:
        return {"chain": []}
    return {
        "chain": found.chain,
        "stages": list(_stages(found.chain)),
        "messages": {one.message_id for one in found.timeline.messages},
        "receipts": {show_id(RECEIPT, one.receipt_id) for one in found.timeline.receipts},
    }


def _stages(chain: Sequence[ChainStep]) -> Iterator[Stage]:
    number = 1
    for name, some in groupby(chain, key=lambda one: one.stage):
        tones = [one.tone for one in some]
        worst = next(one for one in TONES if one in tones)
        yield Stage(name=name, tone=worst, number=number, steps=len(tones))
        number += len(tones)
