"""Exceptions and a record in a real Chromium: at two widths, light and dark, by the keyboard."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from domains.contract import Owner
from store.database import Database
from tests.workbench_web.browsing import PASSWORD
from tests.workbench_web.chromium import NEEDS_CHROMIUM, ON_SQLITE, opened_page, picture
from tests.workbench_web.exceptional import KEY, NASTY, SHORT, Office, many, opened_office
from transports.http_server import serve
from transports.stopping import Stop
from transports.workbench_http import with_workbench
from workbench.access.roles import Role
from workbench.web.protection import protected

pytestmark = [NEEDS_CHROMIUM, ON_SQLITE]

WIDTHS = ((1280, 800), (400, 800))
LONG = "a-reference-that-nobody-broke-into-parts/" * 4


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    """An office whose clock is the browser's."""
    async with opened_office(database) as opened:
        opened.clock[0] = datetime.now(UTC)
        yield opened


@pytest.fixture
async def address(office: Office) -> AsyncIterator[str]:
    """Where browsers reach it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    app, ready, stop = protected(office.app), asyncio.Event(), Stop(1)
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
async def page() -> AsyncIterator[Any]:
    """A page whose complaints are collected in `complaints`."""
    async with opened_page() as opened:
        yield opened


async def _look(page: Any, name: str) -> None:
    """The page as it is, at two widths, light and dark; nothing sticks out."""
    await page.evaluate("scrollTo(0, 0)")
    for width, height in WIDTHS:
        await page.set_viewport_size({"width": width, "height": height})
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for theme in ("light", "dark"):
            await page.evaluate(
                "theme => { document.documentElement.dataset.theme = theme }", theme
            )
            await picture(page, f"{name}-{theme}-{width}")
    await page.set_viewport_size({"width": 1280, "height": 800})


async def _arrive(office: Office) -> None:
    """Exceptions of several owners and ages."""
    today = office.now
    for days, owner in ((40, Owner.FINANCE), (16, Owner.SALES), (8, Owner.OPERATIONS)):
        office.clock[0] = today
        office.advance(days=-days)
        found = [replace(one, owner=owner, record=f"{days}/{one.record}") for one in many(3)]
        await office.derive(*found)
    office.clock[0] = today
    wild = replace(
        SHORT, kind="unknown_order", record="fact-1", owner=Owner.IT, explanation=NASTY * 9,
        involved=(LONG,), expected=None, received=None, balance=None,
    )  # fmt: skip
    await office.derive(replace(SHORT, involved=("R-1002", LONG)), wild)


async def test_an_hour_at_the_exceptions(page: Any, office: Office, address: str) -> None:
    await _arrive(office)
    await office.person("ada", Role.OPERATOR)
    (shown,) = await office.ids(kind="short_payment", record=KEY)
    await page.goto(f"{address}/workbench/login?next=/workbench/exceptions")
    await page.fill("[name=name]", "ada")
    await page.fill("[name=password]", PASSWORD)
    await page.click("button:has-text('Sign in')")
    await page.wait_for_url("**/workbench/exceptions")
    await _look(page, "exceptions")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/workbench/exceptions/exc_*")
    await page.goto(f"{address}/workbench/exceptions/{shown}")
    await page.keyboard.press("t")
    await page.wait_for_selector("text=It is ada’s now.")
    await page.click("summary:has-text('Write off')")
    await page.fill("#values-write_off", '{"amount": "20.00"}')
    await page.fill("#reason-write_off", "an old customer")
    await page.click("button:has-text('Propose')")
    await page.wait_for_selector("text=waits for a second person")
    await _look(page, "exception")
    await page.keyboard.press("r")
    await page.wait_for_selector("dialog#resolve[open]")
    await page.select_option("#field-reason", "customer_agreed")
    await page.fill("#resolve-words", "They pay the rest in May.")
    await picture(page, "exception-resolve")
    await page.click("button:has-text('Resolve it')")
    await page.wait_for_selector("text=settled with customer")
    await page.keyboard.press("o")
    await page.wait_for_url("**/workbench/records/cash?key=**")
    await _look(page, "record")
    await page.keyboard.press("u")
    await page.wait_for_url("**/workbench/records/cash")
    await _look(page, "records")
    await page.goto("about:blank")
    assert page.complaints == []
