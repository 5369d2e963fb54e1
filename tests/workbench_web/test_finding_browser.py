"""Overview, search and trace in a real Chromium: two widths, no complaint, parts that load."""

from __future__ import annotations

from typing import Any

from store.database import Database
from tests.workbench_web.chromium import NEEDS_CHROMIUM, ON_SQLITE, picture
from tests.workbench_web.test_browser import Served, _become_admin, page, served
from tests.workbench_web.traffic import Morning

__all__ = ["page", "served"]

pytestmark = [NEEDS_CHROMIUM, ON_SQLITE]

LOOKED_AT = {
    "overview": "/workbench",
    "search": "/workbench/search?q=muller",
    "narrowed": "/workbench/search?q=&amount_from=400&amount_to=410&currency=EUR",
    "trace": "/workbench/trace?ref=%230001",
    "receipts": "/workbench/receipts",
}


async def test_finding_one_s_way(
    page: Any,
    served: Served,
    database: Database,
) -> None:
    morning = await Morning().happen(database)
    await _become_admin(page, served)
    await _overview_moves(page, served, database)
    await _searches_and_traces(page, served, morning)
    for width in (1280, 400):
        await page.set_viewport_size({"width": width, "height": 800})
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            await _look(page, served, f"finding-{scheme}-{width}")
    assert page.complaints == []


async def _overview_moves(page: Any, served: Served, database: Database) -> None:
    await page.goto(f"{served.address}/workbench")
    assert await page.is_visible("svg.flow.wide")
    assert not await page.is_visible("svg.flow.narrow")
    await page.wait_for_selector(".plot canvas")
    before = await page.text_content(".figures dd >> nth=0")
    await Morning().happen(database)
    await page.wait_for_function(
        "before => document.querySelector('.figures dd').textContent !== before", arg=before
    )
    await page.keyboard.press("j")
    await page.keyboard.press("/")
    await page.keyboard.type("muller")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/search?q=muller")


async def _searches_and_traces(page: Any, served: Served, morning: Morning) -> None:
    await page.keyboard.press("Escape")
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/messages/msg_*")
    await page.keyboard.press("t")
    await page.wait_for_url("**/trace?ref=msg_*")
    await page.click("summary >> text=payload >> nth=0")
    await page.wait_for_selector(".payload .code")
    await page.click("summary >> text=canonical JSON >> nth=0")
    await page.wait_for_selector("pre[aria-label='Canonical JSON']")
    async with page.expect_download() as saved:
        await page.click(".payload >> text=Save the bytes >> nth=0")
    assert (await saved.value).suggested_filename.startswith("rcp_")


async def _look(page: Any, served: Served, name: str) -> None:
    for key, path in LOOKED_AT.items():
        await page.goto(served.address + path)
        await page.wait_for_function(
            "document.querySelector('[data-zone]').textContent === 'Asia/Tokyo'"
        )
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), key
        await picture(page, f"{name}-{key}")
