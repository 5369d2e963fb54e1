"""A day at the failures in a real Chromium: groups, one failure, an edit, a patch, a campaign."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from connectors import registry
from connectors.goldens import specimen
from connectors.raw import RawMessage
from store.database import Database
from store.ids import DEAD_LETTER, show_id
from tests.workbench.staging import Stage, accepting, order
from tests.workbench_web.browsing import PASSWORD, somebody
from tests.workbench_web.chromium import NEEDS_CHROMIUM, ON_SQLITE, opened_page, picture
from tests.workbench_web.failing import (
    NASTY,
    body,
    opened_stage,
    served,
    site_over,
)
from workbench.access.roles import Role

pytestmark = [NEEDS_CHROMIUM, ON_SQLITE]

WIDTHS = ((1280, 800), (400, 800))


@pytest.fixture
async def stage(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    """A working pipeline."""
    async with opened_stage(database, tmp_path) as opened:
        yield opened


@pytest.fixture
async def page() -> AsyncIterator[Any]:
    """A page whose complaints are collected in `complaints`."""
    async with opened_page() as opened:
        yield opened


class Visit:
    """A page of a workbench."""

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.address = address

    async def go(self, path: str) -> None:
        await self.page.goto(f"{self.address}/workbench{path}")

    async def picture(self, name: str) -> None:
        """The page as it is, at two widths, light and dark; nothing sticks out."""
        await self.page.evaluate("scrollTo(0, 0)")
        for width, height in WIDTHS:
            await self.page.set_viewport_size({"width": width, "height": height})
            assert await self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            for theme in ("light", "dark"):
                await self.page.evaluate(
                    "theme => { document.documentElement.dataset.theme = theme }", theme
                )
                await picture(self.page, f"{name}-{theme}-{width}")
        await self.page.set_viewport_size({"width": 1280, "height": 800})


async def _sign_in(page: Any, address: str, name: str) -> None:
    await page.goto(f"{address}/workbench/login?next=/workbench/account")
    await page.fill("[name=name]", name)
    await page.fill("[name=password]", PASSWORD)
    await page.click("button:has-text('Sign in')")
    await page.wait_for_url("**/workbench/account")


async def _arrive(stage: Stage) -> None:
    """Failures of several causes."""
    await stage.fail(range(14), currency="ZZZ")
    for number in range(3):
        broken = order(100 + number, note=NASTY)
        broken["line_items"][0]["price"] = NASTY
        await stage.receive(broken)
    await stage.receive(order(200, created_at="yesterday"))
    await stage.receive(b'{"id": 300, "currency": ')
    await stage.receive(body(400, currency="QQQ", total="88.00").encode())


async def test_a_day_at_the_failures(page: Any, stage: Stage) -> None:
    await _arrive(stage)
    await stage.renew(accepting("ZZZ"))
    site = site_over(stage)
    await somebody(site, "ada", Role.OPERATOR)
    campaigns = asyncio.create_task(_work(stage))
    try:
        async with served(site) as address:
            await _sign_in(page, address, "ada")
            visit = Visit(page, address)
            await _looks_at_groups(visit)
            await _looks_at_a_group(visit)
            await _edits_a_failure(visit)
            await _patches_a_group(visit)
            await _replays_by_a_ramp(visit)
            await _discards(visit)
            await page.goto("about:blank")
    finally:
        campaigns.cancel()
        with suppress(asyncio.CancelledError):
            await campaigns
    assert page.complaints == []
    await stage.settle()
    assert await stage.proves_itself()


SHOWN = (
    ("x12", "855__all_answers.edi", "x12"),
    ("camt", "camt.053__bad_records_between.xml", "xml"),
    ("mt940", "mt940__bad_records_between.sta", "swift"),
    ("adyen", "report.settlement_detail__bad_rows.csv", "delimited"),
)
"""Fixtures with a bad record, and the form they are shown in."""


async def test_payloads_of_every_form(page: Any, stage: Stage) -> None:
    ids = {}
    for connector, fixture, form in SHOWN:
        await stage.renew(registry.load(connector))
        before = {one.dead_letter_id for one in await stage.letters()}
        await _deliver(stage, connector, fixture)
        ids[form] = min({one.dead_letter_id for one in await stage.letters()} - before)
    site = site_over(stage)
    await somebody(site, "vera", Role.VIEWER)
    async with served(site) as address:
        await _sign_in(page, address, "vera")
        visit = Visit(page, address)
        for form, number in ids.items():
            await visit.go(f"/failures/{show_id(DEAD_LETTER, number)}")
            marked = await page.wait_for_selector(f".payload.form-{form} [data-marked]")
            assert await marked.is_visible()
            await page.wait_for_selector("text=nothing was stored")
            await visit.picture(f"form-{form}")
        await page.goto("about:blank")
    assert page.complaints == []


async def _deliver(stage: Stage, connector: str, name: str) -> None:
    found = next(one for one in specimen(connector).fixtures if one.path.name == name)
    raw = RawMessage(
        found.raw.body,
        account="acme",
        received_at=found.raw.received_at,
        headers=found.raw.headers,
        filename=found.raw.filename or name,
        options=found.raw.options,
    )
    await stage.pipeline.receiver.accept(stage.account, raw, transport="file", secret=None)
    await stage.settle()


async def _work(stage: Stage) -> None:
    while True:
        moved = await stage.campaigns.work_once()
        await asyncio.sleep(0 if moved else 0.05)


async def _looks_at_groups(visit: Visit) -> None:
    page = visit.page
    await page.click("nav >> text=Failures")
    await page.wait_for_selector("tr[data-row]")
    await visit.picture("1-groups")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    chosen = await page.get_attribute("tr[aria-selected=true]", "id")
    async with page.expect_response("**/groups/rows**"):
        pass
    await page.wait_for_timeout(100)
    assert await page.get_attribute("tr[aria-selected=true]", "id") == chosen
    await page.click(".tabs >> text=Message")
    await page.wait_for_selector(".tabs [aria-current] >> text=Message")
    await page.click(".tabs >> text=Field")
    await page.wait_for_selector(".tabs [aria-current] >> text=Field")
    await page.keyboard.press("/")
    await page.keyboard.type("currency")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**text=currency**")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/groups/grp_*")


async def _looks_at_a_group(visit: Visit) -> None:
    page = visit.page
    await page.fill("[name=tags]", "currency, spring sale")
    await page.fill("[name=owner]", "ada")
    await page.select_option("[name=severity]", "high")
    await page.click("button:has-text('Change')")
    await page.wait_for_selector("text=Changed.")
    await page.fill("#notes textarea", "Asked the shop: they test a new currency.\nCase 4711.")
    await page.click("text=Write it down")
    await page.wait_for_selector(".note")
    await page.click(".toast [data-away]")
    await visit.picture("2-group")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/failures/dl_*")


async def _edits_a_failure(visit: Visit) -> None:
    page = visit.page
    await page.wait_for_selector(".payload [data-marked]")
    await page.wait_for_selector("text=nothing was stored")
    await visit.picture("3-failure")
    await page.keyboard.press("e")
    await page.wait_for_url("**/edit")
    await page.wait_for_selector(".editor-lines >> text=1")
    text = await page.input_value("#text")
    await page.fill("#text", text.replace("QQQ", "EUR"))
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector("text=A second person has to agree.")
    await visit.picture("4-edit")
    await page.fill("[name=reason]", "their currency code was a typing error")
    await page.click("text=Save and replay")
    await page.wait_for_selector("text=waits for a second person")
    await page.wait_for_selector(".notice >> text=An edit of")


async def _patches_a_group(visit: Visit) -> None:
    page = visit.page
    await page.keyboard.press("u")
    await page.wait_for_url("**/groups/grp_*")
    await page.keyboard.press("p")
    await page.wait_for_url("**/patch")
    await page.fill("[name=b_path]", "currency")
    await page.fill("[name=b_old]", "ZZZ")
    await page.fill("[name=b_value]", "EUR")
    assert '"value": "EUR"' in await page.input_value("#rule")
    await page.click("text=Try it on samples")
    await page.wait_for_selector("#preview table")
    await visit.picture("5-patch")


async def _replays_by_a_ramp(visit: Visit) -> None:
    page = visit.page
    await visit.go("/failures?text=unknown_currency&sort=largest")
    await page.keyboard.press("j")
    await page.keyboard.press("r")
    await page.wait_for_selector("#replay-group[open]")
    await page.fill("#replay-group [name=reason]", "the currency is mapped now")
    await page.fill("#replay-group [name=stages]", "1, 5")
    await visit.picture("6-replay")
    await page.click("#replay-group >> text=Start")
    await page.wait_for_url("**/campaigns/cmp_*")
    await page.wait_for_selector(".badge:has-text('done'), .badge:has-text('stopped')")
    await visit.picture("7-campaign")
    await visit.go("/campaigns")
    await visit.picture("8-campaigns")


async def _discards(visit: Visit) -> None:
    page = visit.page
    await visit.go("/failures")
    await page.wait_for_selector("tr[data-row]")
    await page.click("tr[data-row] >> nth=0 >> a[data-open]")
    await page.click("text=Discard")
    await page.select_option("#discard-group [name=reason]", "test_data")
    await page.click("text=Discard all")
    await page.wait_for_selector("text=discarded.")
    await visit.go("/failures?state=muted")
    await visit.picture("9-empty")
