"""The first page: how messages flow, what needs a person now, whether the promises hold."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from store.finding.overview import plotted
from workbench.flow.flow_picture import NARROW, WIDE, draw
from workbench.flow.live import Live
from workbench.flow.overview import PLOTTED, Overview, plot_series
from workbench.operating.auditing import MESSAGE_STATES, RECEIPT_STATES, audit_document
from workbench.web.access import Viewer
from workbench.web.events import Event, event_stream
from workbench.web.navigation import NavigationItem
from workbench.web.rendering import render
from workbench.web.requests import PAGES
from workbench.web.site import Site, TheSite

NAVIGATION = NavigationItem(key="overview", title="Overview", href=PAGES, order=10)
HOURS = (1, 6, 24)

router = APIRouter(prefix=PAGES)

Hours = Annotated[int, Query(ge=1, le=24)]


def live_of(request: Request, site: Site) -> Live:
    """The look everybody shares; made by the first who asks."""
    state = request.app.state
    if not hasattr(state, "live_overview"):
        state.live_overview = Live(site.database, site.hub, site.clock)
    live: Live = state.live_overview
    return live


@router.get("")
async def overview_page(request: Request, who: Viewer, site: TheSite, hours: Hours = 6) -> Response:
    """Everything at once; what moves is kept up by events."""
    live = live_of(request, site)
    shown = await live.now()
    sides = [
        ("Receipts", "accepted", "receipts", RECEIPT_STATES),
        ("Messages", "translated", "messages", MESSAGE_STATES),
    ]
    return render(
        request,
        "overview.html",
        here="overview",
        audit=audit_document(await live.balance()),
        sides=sides,
        **_moving(shown),
        **await _plot(site, hours),
    )


@router.get("/overview/stream")
async def overview_stream(request: Request, who: Viewer, site: TheSite) -> Response:
    """What moves, every two seconds."""
    return event_stream(site, _events(request, live_of(request, site)))


@router.get("/overview/plot")
async def overview_plot(request: Request, who: Viewer, site: TheSite, hours: Hours = 6) -> Response:
    """In, out and failed by minute."""
    return render(request, "overview_plot.html", **await _plot(site, hours))


async def _events(request: Request, live: Live) -> AsyncGenerator[Event, None]:
    looks = live.watch()
    try:
        async for shown in looks:
            yield Event(_moved(request, shown))
    finally:
        await looks.aclose()


def _moved(request: Request, shown: Overview | None) -> str:
    if shown is None:
        return bytes(render(request, "overview_away.html").body).decode()
    return bytes(render(request, "overview_live.html", **_moving(shown)).body).decode()


def _moving(shown: Overview) -> dict[str, Any]:
    return {"shown": shown, "wide": draw(shown.flow, WIDE), "narrow": draw(shown.flow, NARROW)}


async def _plot(site: Site, hours: int) -> dict[str, Any]:
    now = site.clock()
    traffic = await site.database.read(lambda connection: plotted(connection, now, hours))
    return {
        "hours": hours,
        "choices": HOURS,
        "series": PLOTTED,
        "plotted": plot_series(traffic, now, hours),
    }
