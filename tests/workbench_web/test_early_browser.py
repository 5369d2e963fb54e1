"""A slow machine: the page is seen, pressed and typed in before its scripts are there."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from store.database import open_database
from store.ids import DEAD_LETTER, RECEIPT, show_id
from store.mending.failure_groups import GROUP
from tests.workbench_web.browsing import PASSWORD, somebody
from tests.workbench_web.chromium import NEEDS_CHROMIUM, opened_page
from tests.workbench_web.failing import opened_stage, served, site_over
from workbench.access.roles import Role
from workbench.mending.editing import begin_edit

pytestmark = [NEEDS_CHROMIUM, pytest.mark.asyncio(loop_scope="module")]

RULE = json.dumps({"form": "text", "op": "replace", "old": "ZZZ", "new": "EUR"})

PARSED = """new Promise(done => {
    if (document.readyState === "loading") document.addEventListener("readystatechange", done);
    else done();
})"""


@dataclass
class Slow:
    """A page whose scripts come when they are let: all but what runs before it is drawn."""

    page: Any
    address: str
    group: str
    letter: str
    receipt: str
    scripts: asyncio.Event = field(default_factory=asyncio.Event)

    async def sign_in(self) -> None:
        await self.page.goto(f"{self.address}/workbench/login?next=/workbench/account")
        await self.page.fill("[name=name]", "ada")
        await self.page.fill("[name=password]", PASSWORD)
        await self.page.click("button:has-text('Sign in')")
        await self.page.wait_for_url("**/workbench/account")

    async def hold_back(self, route: Any) -> None:
        if not route.request.url.endswith(("/theme.js", "/early.js")):
            await self.scripts.wait()
        await route.continue_()

    async def see(self, path: str) -> None:
        """The page as far as it is there without its scripts."""
        self.scripts.clear()
        await self.page.goto(f"{self.address}/workbench{path}", wait_until="commit")
        await self.page.evaluate(PARSED)
        assert await self.page.evaluate("window.htmx === undefined")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Slow]:
    """One browser for all of this: nothing here changes what the next one sees."""
    folder = tmp_path_factory.mktemp("early")
    (folder / "spool").mkdir()
    store = shutil.copyfile(sqlite_template, folder / "store.db")
    database = await open_database(f"sqlite:///{store}", migrate=False)
    async with opened_stage(database, folder / "spool") as stage:
        group = await stage.fail(range(3))
        (letter, *_) = await stage.letters()
        assert letter.receipt_id is not None
        site = site_over(stage)
        await somebody(site, "ada", Role.OPERATOR)
        await begin_edit(stage.bench, letter.dead_letter_id, actor="ada")
        async with served(site) as address, opened_page() as page:
            made = Slow(
                page,
                address,
                group=show_id(GROUP, group.group_id),
                letter=show_id(DEAD_LETTER, letter.dead_letter_id),
                receipt=show_id(RECEIPT, letter.receipt_id),
            )
            await made.sign_in()
            await page.route("**/*.js", made.hold_back)
            yield made
    await database.close()


@pytest_asyncio.fixture(loop_scope="module")
async def slow(shared: Slow) -> AsyncIterator[Slow]:
    yield shared
    shared.scripts.set()
    await shared.page.goto("about:blank")
    assert shared.page.complaints == []


async def test_a_rule_is_tried_as_it_was_typed(slow: Slow) -> None:
    await slow.see(f"/groups/{slow.group}/patch")
    await slow.page.fill("#rule", RULE)
    await slow.page.click("text=Try it on samples")
    slow.scripts.set()
    await slow.page.wait_for_selector("#preview >> text=would succeed")
    assert await slow.page.input_value("#rule") == RULE


async def test_an_edit_is_tried_as_it_was_typed(slow: Slow) -> None:
    await slow.see(f"/failures/{slow.letter}/edit")
    mended = (await slow.page.input_value("#text")).replace("ZZZ", "EUR")
    await slow.page.fill("#text", mended)
    await slow.page.click("text=Try it")
    slow.scripts.set()
    await slow.page.wait_for_selector("#tried >> text=would succeed")
    assert await slow.page.input_value("#text") == mended


async def test_whoever_types_is_not_led_away(slow: Slow) -> None:
    await slow.see(f"/failures/{slow.letter}/edit")
    await slow.page.focus("#text")
    slow.scripts.set()
    await slow.page.wait_for_selector(".editor-lines >> text=1")
    place = "(text => [text.selectionStart, text.selectionEnd])(document.querySelector('#text'))"
    assert await slow.page.evaluate(place) == [0, 0]


async def test_no_question_goes_unasked(slow: Slow) -> None:
    await slow.see(f"/groups/{slow.group}/patch")
    await slow.page.fill("#rule", RULE)
    await slow.page.fill("[name=reason]", "ZZZ is EUR")
    await slow.page.click("text=Patch and replay")
    slow.scripts.set()
    await slow.page.wait_for_selector("#confirm[open]")
    assert slow.page.url.endswith("/patch")
    await slow.page.click("#confirm >> text=Cancel")


async def test_keys_are_not_lost_and_keep_their_order(slow: Slow) -> None:
    await slow.see("/failures")
    for key in ("j", "Enter"):
        await slow.page.keyboard.press(key)
    slow.scripts.set()
    await slow.page.wait_for_url(f"**/workbench/groups/{slow.group}")


async def test_what_was_meant_for_a_field_is_no_command(slow: Slow) -> None:
    await slow.see("/failures")
    for key in ("/", "j"):
        await slow.page.keyboard.press(key)
    slow.scripts.set()
    await slow.page.wait_for_selector("input:focus")
    assert await slow.page.query_selector("[data-row][aria-selected=true]") is None


async def test_a_button_pressed_twice_is_pressed_once(slow: Slow) -> None:
    await slow.see("/account")
    for _ in range(2):
        await slow.page.click("[data-theme-switch]")
    slow.scripts.set()
    await slow.page.wait_for_selector("html[data-theme=dark]")


async def test_what_was_opened_shows_its_content(slow: Slow) -> None:
    await slow.see(f"/trace?ref={slow.receipt}")
    await slow.page.click("summary >> text=payload >> nth=0")
    slow.scripts.set()
    await slow.page.wait_for_selector(".payload .code")
