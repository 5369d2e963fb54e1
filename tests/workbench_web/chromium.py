"""Chromium for tests, and the pictures that somebody may want of what it shows."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What pages do in a browser is the same on either engine; what they show is tested on both."""


@asynccontextmanager
async def opened_browser() -> AsyncIterator[Any]:
    """A browser without a window."""
    async_api = pytest.importorskip("playwright.async_api")
    async with async_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@asynccontextmanager
async def opened_page(**options: Any) -> AsyncIterator[Any]:
    """A page whose complaints are collected in `complaints`."""
    async with opened_browser() as browser:
        context = await browser.new_context(
            viewport={"width": 1280, "height": 800}, color_scheme="light", **options
        )
        context.set_default_timeout(20_000)
        page = await context.new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda said: _note(page, said))
        yield page


def _note(page: Any, said: Any) -> None:
    # That a page is not there is told by the browser too; that is what was asked for.
    if said.type in {"error", "warning"} and "404 (Not Found)" not in said.text:
        page.complaints.append(said.text)


async def picture(page: Any, name: str) -> None:
    """The whole page as it is now, where somebody names a folder for it: it takes its time."""
    if folder := os.environ.get("WORKBENCH_SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
