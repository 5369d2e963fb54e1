"""The chain on the trace page and in the API: steps, what is behind them, where they lead."""

from __future__ import annotations

import re
from typing import Any

import pytest

from store.database import Database
from tests.domains.chain_story import Story
from tests.workbench_web.browsing import Browser, bearer, somebody
from tests.workbench_web.chromium import NEEDS_CHROMIUM, ON_SQLITE, picture
from tests.workbench_web.test_browser import Served, _become_admin, page, served
from workbench.access.roles import Role
from workbench.web.site import Site

__all__ = ["page", "served"]

STAGES = [
    "quote", "order", "shipment", "billing candidate", "invoice", "receivable", "payment", "payout",
    "bank entry",
]  # fmt: skip


@pytest.fixture
async def story(site: Site) -> Story:
    return await Story(paid_out_with=60).happen(site.database)


@pytest.fixture
async def viewer(site: Site, browser: Browser, story: Story) -> Browser:
    await browser.enter_as(await somebody(site, "ada", Role.VIEWER))
    return browser


async def test_the_chain_stands_above_the_timeline(viewer: Browser, story: Story) -> None:
    shown = (await viewer.get("/workbench/trace?ref=INV-2026-77")).text
    assert re.findall(r'<div class="stage">(.*?)</div>', shown) == STAGES
    assert shown.index('aria-label="The chain"') < shown.index('aria-label="Timeline"')
    assert '/workbench/records/order?key=order/shopify/acme/700507"' in shown
    assert f"/workbench/messages/{story.id('booked')}" in shown
    assert f"/workbench/receipts/{story.receipts['booked']}/lines" in shown
    assert '<span class="badge good">financially complete</span>' in shown
    assert "60 of kind payment beside" in shown
    assert "The first 50 are shown." in shown


async def test_announcements_of_domains_are_one_lesser_system(
    viewer: Browser, story: Story
) -> None:
    shown = (await viewer.get("/workbench/trace?ref=INV-2026-77&system=domains")).text
    assert 'class="plain lesser"' in shown
    assert "o2c.receivable.changed" in shown
    assert "chain/cash" not in re.sub(r"<details.*?</details>", "", shown, flags=re.DOTALL)


async def test_the_api_tells_the_chain(site: Site, viewer: Browser, story: Story) -> None:
    answer = await viewer.client.get(
        "/api/v1/trace?ref=TRK12345678", headers=await bearer(site, Role.VIEWER)
    )
    chain = answer.json()["chain"]
    assert [one["stage"] for one in chain] == [*STAGES[:3], "delivery", *STAGES[3:]]
    delivery = chain[3]
    assert delivery["facts"] == [
        {
            "message": story.id("scan"),
            "type": "o2c.delivery.status_changed",
            "source": "/easypost/acme",
            "at": delivery["at"],
            "receipt": story.receipts["scan"],
        }
    ]


async def test_where_no_domain_runs_there_is_no_chain(site: Site, browser: Browser) -> None:
    await Story().happen(site.database, domains=False)
    await browser.enter_as(await somebody(site, "ada", Role.VIEWER))
    shown = (await browser.get("/workbench/trace?ref=INV-2026-77")).text
    assert 'aria-label="The chain"' not in shown
    assert 'aria-label="Timeline"' in shown
    assert "Nothing is known" in (await browser.get("/workbench/trace?ref=nobody")).text


@pytest.mark.parametrize("path", ["?q=zebra&domain=chain", "?domain=chain"])
async def test_search_knows_what_domains_say(viewer: Browser, path: str) -> None:
    answer = await viewer.get(f"/workbench/search{path}")
    assert answer.status_code == 200
    assert ("o2c.receivable.changed" in answer.text) or "zebra" in path


@NEEDS_CHROMIUM
@ON_SQLITE
async def test_the_chain_in_a_browser(page: Any, served: Served, database: Database) -> None:
    await Story(paid_out_with=12).happen(database)
    await _become_admin(page, served)
    address = f"{served.address}/workbench/trace?ref=INV-2026-77"
    for width in (1280, 400):
        await page.set_viewport_size({"width": width, "height": 800})
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            await page.goto(address)
            await page.wait_for_function(
                "document.querySelector('[data-zone]').textContent === 'Asia/Tokyo'"
            )
            await picture(page, f"chain-{scheme}-{width}-closed")
            await page.click("#step-2 summary")
            await page.click("#step-2 summary >> text=raw payload >> nth=0")
            await page.wait_for_selector("#step-2 .payload .code")
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            await picture(page, f"chain-{scheme}-{width}")
    await page.keyboard.press("Escape")
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("j")
    assert await page.get_attribute("#step-1", "aria-selected") == "true"
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/workbench/records/order?key=order/shopify/acme/700507")
    assert page.complaints == []
