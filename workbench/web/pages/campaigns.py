"""Campaigns: ramped replays and patches, watched while they run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from canonical.errors import GatewayError, Malformed
from store.database import Connection
from store.ids import DEAD_LETTER, parse_id, show_id
from store.mending import campaigns
from store.mending.campaign_items import list_items
from store.mending.campaigns import CAMPAIGN, MOST_STAGES, Campaign
from store.mending.contested import Contested
from store.mending.failure_groups import GROUP, FailureGroup, load_group
from workbench.bench import Bench
from workbench.mending.campaigns import (
    cancel_campaign,
    pause_campaign,
    resume_campaign,
    start_campaign,
)
from workbench.web.access import Operator, Viewer
from workbench.web.benches import TheBench
from workbench.web.events import Event, event_stream
from workbench.web.failure_lists import at_page
from workbench.web.looks import LOOKS
from workbench.web.navigation import NavigationItem
from workbench.web.paging import Pages, Paging, next_address
from workbench.web.problems import status_of
from workbench.web.rendering import redirect, render
from workbench.web.requests import PAGES
from workbench.web.site import TheSite

CAMPAIGNS = f"{PAGES}/campaigns"
NAVIGATION = NavigationItem(key="campaigns", title="Campaigns", href=CAMPAIGNS, order=25)
ITEM_STATES: Final = ("released", "succeeded", "failed", "skipped")
LOOK_S: Final = 0.5
"""How often the store is asked while somebody watches; events are sent when something changed."""

router = APIRouter(prefix=PAGES)

Short = Annotated[str, Form(max_length=200)]
ItemState = Annotated[str, Query(max_length=20)]
_Turn = Callable[..., Awaitable[Campaign]]


@router.get("/campaigns")
async def campaigns_page(request: Request, who: Viewer, bench: TheBench, page: Pages) -> Response:
    """All campaigns, newest first."""
    before = None if page.after is None else parse_id(CAMPAIGN, page.after)

    def look(connection: Connection) -> tuple[list[Campaign], dict[int, FailureGroup | None]]:
        rows = campaigns.list_campaigns(connection, before=before, limit=page.wanted)
        return rows, {one.group_id: _group(connection, one.group_id) for one in rows}

    rows, groups = await bench.database.read(look)
    found, mark = page.cut(rows, lambda one: show_id(CAMPAIGN, one.campaign_id))
    return render(
        request,
        "campaigns.html",
        here="campaigns",
        campaigns=found,
        groups=groups,
        next=next_address(request, mark),
        paged=page.after is not None,
        **LOOKS,
    )


@router.post("/groups/{shown_id}/replay")
async def start(
    request: Request,
    who: Operator,
    bench: TheBench,
    shown_id: str,
    reason: Annotated[str, Form(max_length=2000)] = "",
    stages: Short = "",
    threshold_percent: Annotated[int, Form()] = campaigns.THRESHOLD_PERCENT,
    per_second: Short = "",
) -> Response:
    """Replay a group by a ramp."""
    started = await start_campaign(
        bench,
        parse_id(GROUP, shown_id),
        actor=who.by,
        reason=reason,
        stages=read_stages(stages),
        threshold_percent=threshold_percent,
        per_second=read_rate(per_second),
    )
    shown = show_id(CAMPAIGN, started.campaign.campaign_id)
    return redirect(f"{CAMPAIGNS}/{shown}", note="The campaign is started.")


@router.get("/campaigns/{shown_id}")
async def campaign_page(
    request: Request,
    who: Viewer,
    bench: TheBench,
    page: Pages,
    shown_id: str,
    state: ItemState = "",
) -> Response:
    """One campaign: its stages, its rate, and what came of each failure."""
    return await _page(request, bench, parse_id(CAMPAIGN, shown_id), page=page, state=state)


@router.get("/campaigns/{shown_id}/stream")
async def stream(
    request: Request,
    who: Viewer,
    site: TheSite,
    bench: TheBench,
    shown_id: str,
    state: ItemState = "",
    after: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    """The moving part of the page, sent when it has changed."""
    number, page = parse_id(CAMPAIGN, shown_id), Paging(after, 50)
    await _context(request, bench, number, page, state)
    return event_stream(site, _changes(request, bench, number, page, state))


async def _changes(
    request: Request, bench: Bench, campaign_id: int, page: Paging, state: str
) -> AsyncGenerator[Event, None]:
    shown = None
    while True:
        context = await _context(request, bench, campaign_id, page, state)
        now = (context["campaign"], context["items"])
        if now != shown:
            shown = now
            body = bytes(render(request, "campaign_part.html", **context).body)
            yield Event(body.decode())
        over = context["campaign"].finished_at is not None
        await asyncio.sleep(LOOK_S * 10 if over else LOOK_S)


@router.post("/campaigns/{shown_id}/pause")
async def pause(request: Request, who: Operator, bench: TheBench, shown_id: str) -> Response:
    """Release nothing more for now."""
    return await _turn(request, bench, shown_id, pause_campaign, who.by, "Paused.")


@router.post("/campaigns/{shown_id}/resume")
async def resume(request: Request, who: Operator, bench: TheBench, shown_id: str) -> Response:
    """Go on."""
    return await _turn(request, bench, shown_id, resume_campaign, who.by, "It goes on.")


@router.post("/campaigns/{shown_id}/cancel")
async def cancel(request: Request, who: Operator, bench: TheBench, shown_id: str) -> Response:
    """End it."""
    return await _turn(request, bench, shown_id, cancel_campaign, who.by, "Cancelled.")


async def _turn(
    request: Request, bench: Bench, shown_id: str, turn: _Turn, by: str, note: str
) -> Response:
    number = parse_id(CAMPAIGN, shown_id)
    try:
        await turn(bench, number, actor=by)
    except Contested as error:
        return await _page(request, bench, number, fault=error)
    return redirect(f"{CAMPAIGNS}/{shown_id}", note=note)


async def _page(
    request: Request,
    bench: Bench,
    campaign_id: int,
    *,
    page: Paging | None = None,
    state: str = "",
    fault: GatewayError | None = None,
) -> Response:
    context = await _context(request, bench, campaign_id, page or Paging(None, 50), state)
    status = 409 if isinstance(fault, Contested) else status_of(fault) if fault else 200
    query = request.url.query if page else ""
    return render(
        request,
        "campaign.html",
        status_code=status,
        here="campaigns",
        fault=fault,
        query=query,
        **context,
    )


async def _context(
    request: Request, bench: Bench, campaign_id: int, page: Paging, state: str
) -> dict[str, Any]:
    if state and state not in ITEM_STATES:
        raise Malformed(f"a state is one of {', '.join(ITEM_STATES)}", code="bad_state")
    after = 0 if page.after is None else parse_id(DEAD_LETTER, page.after)

    def look(connection: Connection) -> tuple[Campaign, list[Any], FailureGroup | None]:
        campaign = campaigns.load_campaign(connection, campaign_id)
        items = list_items(
            connection, campaign_id, state=state or None, after=after, limit=page.wanted
        )
        return campaign, items, _group(connection, campaign.group_id)

    campaign, items, group = await bench.database.read(look)
    found, mark = page.cut(items, lambda one: show_id(DEAD_LETTER, one.dead_letter_id))
    return {
        "campaign": campaign,
        "group": group,
        "items": found,
        "next": at_page(
            f"{CAMPAIGNS}/{show_id(CAMPAIGN, campaign_id)}", next_address(request, mark)
        ),
        "paged": page.after is not None,
        "item_state": state,
        "item_states": ITEM_STATES,
        **LOOKS,
    }


def _group(connection: Connection, group_id: int) -> FailureGroup | None:
    try:
        return load_group(connection, group_id)
    except GatewayError:
        return None  # Retention has dropped it.


def read_stages(text: str) -> tuple[int, ...]:
    """`1, 5, 50` as numbers; nothing: all at once. Raises Malformed."""
    parts = [one for one in text.replace(",", " ").split() if one]
    if len(parts) > MOST_STAGES or any(
        not one.isascii() or not one.isdecimal() or len(one) > 9 for one in parts
    ):
        raise Malformed("stages are numbers, like 1, 5, 50", code="bad_campaign", path="stages")
    return tuple(int(one) for one in parts)


def read_rate(text: str) -> int | None:
    """A number a second; nothing: as fast as it goes. Raises Malformed."""
    told = text.strip()
    if not told:
        return None
    if not told.isascii() or not told.isdecimal() or len(told) > 9:
        raise Malformed("a rate is a number", code="bad_campaign", path="per_second")
    return int(told)
