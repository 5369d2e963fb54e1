"""Deciding in a real Chromium: conflicts, reprocessing and proposals, at two widths."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from canonical.message import Message
from connectors import registry
from connectors.contract import Connector
from connectors.raw import RawMessage
from store.database import Database
from tests.workbench.staging import order
from tests.workbench_web.browsing import PASSWORD, somebody
from tests.workbench_web.chromium import NEEDS_CHROMIUM, ON_SQLITE, opened_browser, picture
from tests.workbench_web.staged import House, opened
from transports.http_server import serve
from transports.stopping import Stop
from transports.workbench_http import with_workbench
from workbench.access.roles import Role
from workbench.mending.campaigns import start_campaign
from workbench.mending.editing import edit
from workbench.web.protection import protected

WIDTHS = (1280, 400)

pytestmark = [NEEDS_CHROMIUM, ON_SQLITE]


class Visitor:
    """Somebody at a browser of their own."""

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.address = address
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._note)

    def _note(self, said: Any) -> None:
        if said.type in {"error", "warning"}:
            self.complaints.append(said.text)

    async def go(self, path: str) -> None:
        await self.page.goto(f"{self.address}{path}")

    async def sign_in(self, name: str) -> None:
        await self.go("/workbench/login")
        await self.page.fill("[name=name]", name)
        await self.page.fill("[name=password]", PASSWORD)
        await self.page.keyboard.press("Enter")
        await self.page.wait_for_url("**/workbench")

    async def look(self, name: str) -> None:
        """A picture at each width; nothing may stand out to the side."""
        for width in WIDTHS:
            await self.page.set_viewport_size({"width": width, "height": 800})
            fits = await self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            await picture(self.page, f"{name}-{width}")
            assert fits, (name, width)
        await self.page.set_viewport_size({"width": 1280, "height": 800})


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    async with opened(database, tmp_path) as house:
        yield house


@asynccontextmanager
async def _served(house: House) -> AsyncIterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    app, ready, stop = protected(house.app), asyncio.Event(), Stop(1)
    serving = asyncio.create_task(
        serve(
            with_workbench(app, app),
            host="127.0.0.1",
            port=port,
            on_ready=lambda _address: ready.set(),
            stop=stop,
        )
    )
    await ready.wait()
    yield f"http://127.0.0.1:{port}"
    stop.tell()
    await serving


@pytest.fixture
async def visitors(house: House) -> AsyncIterator[dict[str, Visitor]]:
    """An operator and an approver, each in a browser of their own."""
    await somebody(house.site, "ada", Role.OPERATOR)
    await somebody(house.site, "grace", Role.APPROVER)
    async with _served(house) as address, opened_browser() as browser:
        found = {}
        for name, scheme in (("ada", "light"), ("grace", "dark")):
            context = await browser.new_context(
                viewport={"width": 1280, "height": 800},
                timezone_id="Asia/Tokyo",
                color_scheme=scheme,
            )
            context.set_default_timeout(20_000)
            found[name] = Visitor(await context.new_page(), address)
            await found[name].sign_in(name)
        yield found


def _dearer() -> Connector:
    shop = registry.load("shopify")

    def translate(raw: RawMessage, identity: Any) -> Iterator[Any]:
        for item in shop.translate(raw, identity):
            if not isinstance(item, Message):
                yield item
                continue
            lines = [
                one.model_copy(
                    update={
                        "description": one.description.upper(),
                        "unit_price": one.unit_price.model_copy(update={"amount": 130}),
                    }
                )
                for one in item.data.lines  # type: ignore[attr-defined]
            ]
            yield replace(item, data=item.data.model_copy(update={"lines": tuple(lines)}))

    return replace(shop, translate=translate)


async def test_conflicts_are_decided_by_the_keys(
    house: House, visitors: dict[str, Visitor]
) -> None:
    ada = visitors["ada"]
    await ada.go("/workbench/conflicts")
    await ada.look("conflicts-empty")
    for number in range(1, 5):
        await house.stage.receive(order(number))
        await house.stage.receive(order(number, total=f"{90 + number}.00", note="left <b>out</b>"))
    await ada.go("/workbench/conflicts")
    await ada.look("conflicts")
    await ada.page.keyboard.press("j")
    await ada.page.keyboard.press("Enter")
    await ada.page.wait_for_selector("text=What differs")
    await ada.look("conflict")
    await ada.page.keyboard.press("a")
    assert await ada.page.is_checked("[value=accepted]")
    await ada.page.fill("[name=reason]", "the shop lowered the price")
    await ada.page.click("text=Decide >> nth=-1")
    await ada.page.wait_for_selector("text=it is being published as a correction")
    await house.stage.settle()
    await ada.go("/workbench/conflicts?verdict=decided")
    await ada.look("conflicts-decided")
    await ada.page.click("[data-open]")
    await ada.page.wait_for_selector("text=Published as the correction")
    await ada.look("conflict-decided")
    assert len(house.stage.streams.rows) == 5
    assert ada.complaints == []


async def test_corrections_pass_four_eyes(house: House, visitors: dict[str, Visitor]) -> None:
    ada, grace = visitors["ada"], visitors["grace"]
    for number in range(6):
        await house.stage.receive(order(number))
    await house.stage.renew(_dearer())
    house.take_over()
    await ada.go("/workbench/reprocessing")
    await ada.look("reprocessings-empty")
    await ada.page.keyboard.press("c")
    await ada.page.select_option("[name=connector]", "shopify")
    await ada.page.fill("[name=reason]", "prices were net")
    await ada.page.click("text=Compare >> nth=-1")
    await ada.page.wait_for_selector("progress")
    await ada.look("reprocessing-comparing")
    while await house.stage.campaigns.work_once():
        pass
    await ada.page.wait_for_selector("text=Ask a second person")
    await ada.look("reprocessing")
    await ada.page.keyboard.press("j")
    await ada.page.keyboard.press("x")
    await ada.page.focus("[name=difference] >> nth=0")
    await ada.page.keyboard.press("Space")
    await ada.page.click("text=Leave out the chosen")
    await ada.page.wait_for_selector("text=1 left out.")
    await ada.page.click("text=Ask a second person")
    await ada.page.click("#confirm [data-yes]")
    await ada.page.wait_for_selector("text=You proposed this: somebody else decides.")
    await grace.go("/workbench/conflicts")
    await grace.page.click(".navigation .waiting:has-text('1')")
    await grace.page.wait_for_selector("h1 >> text=Proposals")
    await grace.page.keyboard.press("j")
    await grace.page.keyboard.press("Enter")
    await grace.page.wait_for_selector("text=What would be published")
    await grace.look("proposal-corrections")
    await grace.page.keyboard.press("a")
    await grace.page.click("text=Approve and carry out")
    await grace.page.wait_for_selector("text=Approved, and carried out.")
    while await house.stage.campaigns.work_once():
        pass
    await house.stage.settle()
    assert len(house.stage.streams.rows) == 11
    await ada.go("/workbench/reprocessing")
    await ada.look("reprocessings")
    assert ada.complaints + grace.complaints == []


async def test_proposals_are_seen_whole(house: House, visitors: dict[str, Visitor]) -> None:
    ada, grace = visitors["ada"], visitors["grace"]
    group = await house.stage.fail([1, 2, 3])
    letters = await house.stage.letters()
    body = json.dumps(order(3, tags="mended")).encode()
    await edit(
        house.stage.bench, letters[0].dead_letter_id, body, actor="ada", reason="no such currency"
    )
    rule = {"form": "text", "op": "replace", "old": "ZZZ", "new": "EUR"}
    await start_campaign(
        house.stage.bench, group.group_id, actor="ada", reason="one code for all", rule=rule
    )
    await grace.go("/workbench/proposals")
    await grace.look("proposals")
    await grace.page.click("[data-open] >> nth=1")
    await grace.page.wait_for_selector("text=The payload")
    await grace.look("proposal-edit")
    await grace.page.keyboard.press("r")
    await grace.page.fill("#reject-reason", "ask the shop first")
    await grace.page.click("text=Reject it")
    await grace.page.wait_for_selector("text=Rejected; nothing of it was carried out.")
    await grace.page.click("[data-open] >> nth=0")
    await grace.page.wait_for_selector("text=The rule")
    await grace.look("proposal-patch")
    await ada.go("/workbench/proposals?show=mine")
    await ada.look("proposals-mine")
    await ada.page.click("[data-open] >> nth=0")
    await ada.page.click("text=Withdraw")
    await ada.page.click("#confirm [data-yes]")
    await ada.page.wait_for_selector("text=It is taken back.")
    assert ada.complaints + grace.complaints == []
