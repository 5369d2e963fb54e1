"""The overview: what it shows, and that looking is shared."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from store.database import Database
from tests.workbench_web.browsing import Browser, bearer, somebody
from tests.workbench_web.traffic import Morning, is_balanced
from workbench.access.roles import Role
from workbench.flow.live import Live
from workbench.web.events import Event
from workbench.web.pages.overview import _events
from workbench.web.site import Site


@pytest.fixture
async def morning(site: Site) -> Morning:
    return await Morning().happen(site.database)


@pytest.fixture
async def viewer(site: Site, browser: Browser, morning: Morning) -> Browser:
    site.clock.now = datetime.now(UTC)  # type: ignore[attr-defined]
    assert await is_balanced(site.database)
    await browser.enter_as(await somebody(site, "ada", Role.VIEWER))
    return browser


async def test_what_needs_a_person_comes_first(viewer: Browser) -> None:
    shown = (await viewer.get("/workbench")).text
    for told in ("1 × bad_amount at total_price", "1 conflict to decide", "amazon/eu is paused"):
        assert told in shown
    assert shown.index("Needs a person") < shown.index("The last hour") < shown.index("The audit")


async def test_the_flow_is_drawn_and_written(viewer: Browser) -> None:
    shown = (await viewer.get("/workbench")).text
    assert shown.count("<svg class=") == 2
    assert "shopify → conflict: 1 in the last hour" in shown
    assert "new → cash: 1 in the last hour" in shown
    assert "The same as a table" in shown
    assert 'style="' not in shown


async def test_a_store_with_nothing_in_it(site: Site, browser: Browser) -> None:
    await browser.enter_as(await somebody(site, "ada", Role.VIEWER))
    shown = (await browser.get("/workbench")).text
    assert "Nothing has arrived yet" in shown
    assert "A quiet hour" in shown
    assert "Nothing.</strong>" in shown


async def test_the_same_as_a_document(site: Site, viewer: Browser) -> None:
    answer = await viewer.get("/api/v1/overview", **await bearer(site, Role.VIEWER))
    document = answer.json()
    assert document["rates"]["received"]["last_hour"] == 5
    assert document["connectors"]["shopify"]["conflict"]["last_hour"] == 1
    assert document["waiting"]["messages"] == 1
    assert {one["kind"] for one in document["needs_a_person"]} >= {"bad", "warn"}


async def test_the_plot_is_a_part_of_its_own(viewer: Browser) -> None:
    shown = (await viewer.get("/workbench/overview/plot?hours=1")).text
    assert "data-plot=" in shown
    assert "<html" not in shown
    assert (await viewer.get("/workbench/overview/plot?hours=99")).status_code == 422


async def test_everybody_shares_one_look(site: Site, morning: Morning) -> None:
    live = Live(site.database, None, lambda: datetime.now(UTC), every_s=0.05)
    watchers = [live.watch() for _ in range(5)]
    first = await asyncio.gather(*(anext(one) for one in watchers))
    assert all(one is first[0] for one in first)
    looked = live.looks
    assert looked == 1
    for one in watchers:
        await one.aclose()
    await asyncio.sleep(0)
    assert live._loop is None  # Nobody looks any more.
    assert (await live.now()).at >= first[0].at if first[0] else True


async def test_a_store_that_is_away_is_told(site: Site, morning: Morning) -> None:
    class Away:
        dialect = "sqlite"

        async def read(self, _work: object) -> None:
            raise Unavailable("away")

    from canonical.errors import Unavailable

    database: Database = Away()  # type: ignore[assignment]
    live = Live(database, None, site.clock, every_s=0.01)
    watched = live.watch()
    assert await anext(watched) is None
    await watched.aclose()


async def test_events_carry_what_moves(site: Site, viewer: Browser, morning: Morning) -> None:
    from fastapi import Request

    from workbench.web.app import build_app

    app = build_app(site)
    scope = {
        "type": "http", "method": "GET", "path": "/workbench/overview/stream", "headers": [],
        "query_string": b"", "app": app, "state": {}, "scheme": "http", "server": ("x", 80),
    }  # fmt: skip
    live = Live(site.database, None, site.clock, every_s=0.01)
    events = _events(Request(scope), live)
    event = await anext(events)
    assert isinstance(event, Event)
    assert "Needs a person now" in event.data
    assert "<html" not in event.data
    await events.aclose()
