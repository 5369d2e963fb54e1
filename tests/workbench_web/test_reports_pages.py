"""Reports on pages, in the API, on the command line and in a browser."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from domains.reports import REPORTS
from store.database import Database, open_database
from tests.domains.reported import NOW, a_month
from tests.workbench_web.browsing import Browser, bearer, somebody
from tests.workbench_web.chromium import NEEDS_CHROMIUM, ON_SQLITE, picture
from tests.workbench_web.conftest import Clock
from tests.workbench_web.test_browser import Served, _become_admin, page, served
from tests.workbench_web.test_exceptions_commands import Shell
from workbench.access.roles import Role
from workbench.business.reports import Shelf
from workbench.web import shelves
from workbench.web.site import Site

__all__ = ["page", "served"]


@pytest.fixture
async def viewer(site: Site, browser: Browser, clock: Clock) -> Browser:
    """Somebody who may look, at a small month."""
    clock.now = NOW
    await site.database.write(a_month)
    await browser.enter_as(await somebody(site, "vera", Role.VIEWER))
    return browser


async def test_an_index_with_headlines(viewer: Browser) -> None:
    shown = (await viewer.get("/workbench/reports")).text
    assert 'href="/workbench/reports" aria-current="page">Reports' in shown
    for name in REPORTS:
        assert f'href="/workbench/reports/{name}"' in shown
    assert '210.30 <span class="unit">EUR</span>' in shown
    assert "66.7\u202f%" in shown


@pytest.mark.parametrize("name", REPORTS)
async def test_a_page_each(viewer: Browser, name: str) -> None:
    answer = await viewer.get(f"/workbench/reports/{name}")
    assert answer.status_code == 200
    assert f'href="/api/v1/reports/{name}?format=csv"' in answer.text
    assert ("data-plot" in answer.text) == (name in {"delivery", "auto-reconciled"})


async def test_rows_lead_to_records_and_buckets_have_bars(viewer: Browser) -> None:
    shown = (await viewer.get("/workbench/reports/ar-ageing")).text
    assert 'href="/workbench/records/cash?key=receivable/acme/R-1"' in shown
    assert '<rect class="part" width="47.55"' in shown
    assert ">Record<" not in shown


@pytest.mark.parametrize("name", REPORTS)
async def test_nothing_to_report(site: Site, browser: Browser, name: str) -> None:
    await browser.enter_as(await somebody(site, "vera", Role.VIEWER))
    assert (await browser.get("/workbench/reports")).status_code == 200
    shown = (await browser.get(f"/workbench/reports/{name}")).text
    assert "Nothing to list" in shown


async def test_the_api(site: Site, viewer: Browser) -> None:
    token = await bearer(site, Role.VIEWER)
    items = (await viewer.client.get("/api/v1/reports", headers=token)).json()["items"]
    assert [one["name"] for one in items] == list(REPORTS)
    assert items[1]["headline"][0] == {
        "title": "Open", "value": "210.30", "kind": "money", "unit": "EUR",
    }  # fmt: skip
    told = (await viewer.client.get("/api/v1/reports/delivery", headers=token)).json()
    assert told["rows"][0]["on_time"] == "0.6667"
    assert told["series"]["labels"] == ["on time", "late"]
    assert (told["at"], told["count"]) == ("2026-03-31T12:00:00.000Z", 2)
    unknown = await viewer.client.get("/api/v1/reports/colours", headers=token)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_report")
    assert (await viewer.get("/workbench/reports/colours")).status_code == 404
    wrong = await viewer.client.get("/api/v1/reports/dso?format=xml", headers=token)
    assert wrong.status_code == 422


async def test_csv_is_saved_and_holds_no_formula(viewer: Browser) -> None:
    answer = await viewer.get("/api/v1/reports/auto-reconciled?format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == (
        'attachment; filename="auto-reconciled-2026-03-31.csv"'
    )
    first = next(csv.DictReader(io.StringIO(answer.text)))
    assert (first["currency"], first["paid"]) == ("EUR", "200.00")


async def test_nobody_looks_without_signing_in(browser: Browser) -> None:
    assert (await browser.get("/workbench/reports")).status_code == 303
    assert (await browser.get("/api/v1/reports")).status_code == 401


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A data folder with a small month in it."""
    opened = Shell(tmp_path / "data")
    opened.told("exceptions", "list")
    (file,) = opened.data.glob("*.db")
    asyncio.run(_fill(file))
    return opened


async def _fill(file: Path) -> None:
    database = await open_database(f"sqlite:///{file}")
    await database.write(a_month)
    await database.close()


def test_the_command(shell: Shell) -> None:
    assert "ar-ageing" in shell.told("report")
    assert len(json.loads(shell.told("report", "--json"))) == len(REPORTS)
    assert "210.30 EUR" in shell.told("report", "ar-ageing")
    # What looks like markup of the terminal's tables is none.
    assert "[/x]" in shell.told("report", "unapplied-cash")
    assert json.loads(shell.told("report", "dso", "--json"))["rows"][0]["currency"] == "EUR"
    assert shell.told("report", "ar-ageing", "--csv").startswith("invoice,seller,order,currency,")
    assert shell.refused("report", "colours") == "unknown_report"
    assert shell.run("report", "--csv").exit_code == 2
    assert shell.run("report", "dso", "--csv", "--json").exit_code == 2


def test_the_export(shell: Shell, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    told = shell.told("export", "--parquet", str(tmp_path / "out"))
    assert "cash_receivables.parquet: 10 rows" in told.replace("\n", "")
    assert (tmp_path / "out" / "cash_receivables.parquet").is_file()


@NEEDS_CHROMIUM
@ON_SQLITE
async def test_reports_in_a_browser(
    page: Any, served: Served, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.write(a_month)
    # The site's clock is the machine's; the month is long over there.
    monkeypatch.setattr(shelves, "Shelf", lambda store, _clock: Shelf(store, lambda: NOW))
    await _become_admin(page, served)
    for width in (1280, 400):
        await page.set_viewport_size({"width": width, "height": 800})
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            for name in ("", *REPORTS):
                await page.goto(f"{served.address}/workbench/reports/{name}".rstrip("/"))
                await page.wait_for_function(
                    "document.querySelector('[data-zone]').textContent === 'Asia/Tokyo'"
                )
                wide = await page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, (name, width, wide)
                if name in {"delivery", "auto-reconciled"}:
                    await page.wait_for_selector(".uplot canvas")
                await picture(page, f"reports-{name or 'index'}-{scheme}-{width}")
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.goto(f"{served.address}/workbench/reports")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/workbench/reports/ar-ageing")
    async with page.expect_download() as saved:
        await page.keyboard.press("c")
    assert (await saved.value).suggested_filename == "ar-ageing-2026-03-31.csv"
    await page.keyboard.press("u")
    await page.wait_for_url("**/workbench/reports")
    assert page.complaints == []
