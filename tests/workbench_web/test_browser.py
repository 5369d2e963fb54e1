"""The pages in a real Chromium: signing in, looking around at two widths, keys, no complaint."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from store.database import Database
from store.ids import IdSource
from tests.workbench_web.browsing import PASSWORD
from tests.workbench_web.chromium import NEEDS_CHROMIUM, ON_SQLITE, opened_page, picture
from transports.http_server import serve
from transports.stopping import Stop
from transports.workbench_http import with_workbench
from workbench.access.people import first_run_link
from workbench.web.app import build_workbench
from workbench.web.site import Site

PAGES = ("", "/people", "/account", "/audit-log", "/components", "/nothing-here")

pytestmark = [NEEDS_CHROMIUM, ON_SQLITE]


@dataclass(frozen=True)
class Served:
    """A workbench that browsers can reach."""

    port: int
    link: str
    """The first administrator's."""

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
async def served(database: Database) -> AsyncIterator[Served]:
    """A workbench nobody has used yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    site = Site(database=database, version="1.2.3", ids=IdSource())
    link = await first_run_link(database, f"http://127.0.0.1:{port}", site.clock())
    app, ready, stop = build_workbench(site), asyncio.Event(), Stop(1)
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
    yield Served(port, link or "")
    stop.tell()
    await serving


@pytest.fixture
async def page() -> AsyncIterator[Any]:
    """A page whose complaints are collected in `complaints`."""
    async with opened_page(timezone_id="Asia/Tokyo") as opened:
        yield opened


async def _become_admin(page: Any, served: Served) -> None:
    await page.goto(served.link)
    await page.fill("[name=name]", "ada")
    await page.fill("[name=display_name]", "Ada Okafor")
    await page.fill("[name=password]", PASSWORD)
    await page.fill("[name=again]", PASSWORD)
    await page.click("text=Set password and sign in")
    await page.wait_for_url("**/workbench")


async def _look_around(page: Any, served: Served, name: str) -> None:
    for path in PAGES:
        await page.goto(f"{served.address}/workbench{path}")
        await page.wait_for_function(
            "document.querySelector('[data-zone]').textContent === 'Asia/Tokyo'"
        )
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        await picture(page, f"{name}{path.replace('/', '-')}")


async def test_a_first_visit(page: Any, served: Served) -> None:
    await _become_admin(page, served)
    await _adds_a_person(page, served)
    await _makes_a_token(page, served)
    await _uses_the_keys(page, served)
    for width, height in ((1280, 800), (400, 800)):
        await page.set_viewport_size({"width": width, "height": height})
        await _look_around(page, served, f"light-{width}")
        await page.click("[data-theme-switch]")
        assert (await page.evaluate("document.documentElement.dataset.theme")) == "dark"
        await _look_around(page, served, f"dark-{width}")
        await page.click("[data-theme-switch]")
    await _comes_by_a_link_from_another_site(page, served)
    await _signs_out_and_in(page, served)
    assert page.complaints == []


async def _adds_a_person(page: Any, served: Served) -> None:
    await page.goto(f"{served.address}/workbench/people")
    await page.keyboard.press("c")
    await page.fill("#add-person [name=name]", "grace")
    await page.click("text=Add and make a link")
    assert "/workbench/welcome?link=" in await page.text_content("#new-link")
    await page.select_option("[aria-label='Role of grace']", "approver")
    await page.wait_for_selector("text=grace is now approver.")
    await page.click("text=Shut out")
    await page.click("#confirm [data-yes]")
    await page.wait_for_selector("text=grace is shut out.")


async def _makes_a_token(page: Any, served: Served) -> None:
    await page.goto(f"{served.address}/workbench/account")
    await page.click("text=New token")
    await page.fill("#new-token-dialog [name=name]", "nightly report")
    await page.click("text=Make it")
    assert (await page.text_content("#new-token")).startswith("o2c_")


async def _uses_the_keys(page: Any, served: Served) -> None:
    await page.goto(f"{served.address}/workbench/audit-log")
    await page.keyboard.press("v")
    await page.wait_for_selector("text=The chain is whole")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("k")
    assert (await page.evaluate("document.querySelector('[data-row]').ariaSelected")) == "true"
    shown, exact = await page.evaluate(
        "(t => [t.textContent, t.dateTime])(document.querySelector('time'))"
    )
    tokyo = "new Date(t).toLocaleString('sv-SE', {timeZone: 'Asia/Tokyo'})"
    assert shown == await page.evaluate(f"t => {tokyo}", exact)
    assert (await page.get_attribute("time >> nth=0", "title")).endswith(" UTC")
    await page.keyboard.press("/")
    await page.keyboard.type("ada")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/audit-log?actor=ada**")
    await page.keyboard.press("?")
    assert await page.is_visible("#help")
    await page.keyboard.press("Escape")
    await page.goto(f"{served.address}/workbench/components")
    async with page.expect_request("**/components/part") as asked:
        await page.click("text=Swap by htmx")
    assert (await asked.value).headers["x-csrf-token"]
    await page.wait_for_selector(".toast.good >> text=Swapped in by htmx.")
    await page.wait_for_selector(".plot canvas")
    await page.click("text=Attempts")
    assert await page.is_visible("#tab-attempts")
    await page.keyboard.press("ArrowRight")
    assert await page.is_visible("#tab-empty")


async def _comes_by_a_link_from_another_site(page: Any, served: Served) -> None:
    # The same server under another name is another site to the browser.
    await page.goto(f"http://localhost:{served.port}/workbench/login")
    await page.evaluate("to => { location.href = to }", f"{served.address}/workbench/account")
    await page.wait_for_selector("h1 >> text=Ada Okafor")


async def _signs_out_and_in(page: Any, served: Served) -> None:
    await page.click(".menu summary")
    await page.click("text=Sign out")
    await page.wait_for_selector("h1 >> text=Sign in")
    await page.goto(f"{served.address}/workbench/people")
    await page.wait_for_selector("h1 >> text=Sign in")
    await picture(page, "sign-in")
    await page.fill("[name=name]", "ada")
    await page.fill("[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/workbench/people")
