"""A day in real browsers: thousands of failures of five causes, each mended in its own way.

The gateway is a process of its own, with its store, its stream server and its doors; people sit at
Chromium. After every step both sides of the audit are equal, the audit log's chain is whole, and
nothing stands on the streams twice.

There are four thousand failures on SQLite, and eight hundred on PostgreSQL unless the environment
variable WORKBENCH_FAILURES says `all`: then as many.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance import shop_floor
from tests.acceptance.conftest import Gateway, environment_of_gateways, until
from tests.acceptance.shop_floor import (
    CONFIGURATION,
    EIGHT_HUNDRED,
    FOUR_THOUSAND,
    MENDED,
    SECRETS,
    SOLD,
    Causes,
    Published,
)
from tests.workbench_web.chromium import ARGUMENTS, CHROMIUM, NEEDS_CHROMIUM

PASSWORD = "a horse, a battery, a staple"
LONGEST_MS = 120_000
RULE = '{"form": "text", "op": "replace", "old": "\\"EURO\\"", "new": "\\"EUR\\""}'

pytestmark = NEEDS_CHROMIUM


@dataclass
class Person:
    """Somebody at a browser of their own."""

    name: str
    page: Any
    gateway: Gateway

    def go(self, path: str) -> None:
        self.page.goto(self.gateway.address + path)

    def follow(self, kind: str, name: str, leads_to: str) -> None:
        """Click a link or a button that leads to another page, and wait until that is all there."""
        self.page.get_by_role(kind, name=name, exact=True).last.click()
        self.page.wait_for_url(leads_to)

    def see(self, text: str) -> None:
        """Wait until it stands on the page."""
        self.page.get_by_text(text).first.wait_for()

    def press(self, name: str) -> None:
        """Press a button by what stands on it."""
        self.page.get_by_role("button", name=name, exact=True).last.click()

    def confirm(self) -> None:
        self.page.click("#confirm [data-yes]")

    def open_group(self, connector: str, code: str) -> None:
        """The group of a connector and an error code."""
        self.go(f"/workbench/failures?connector={connector}&text={code}")
        self.page.locator("table.groups a[data-open]").click()
        self.page.wait_for_url("**/workbench/groups/grp_*")

    def follow_campaign(self) -> None:
        """Watch until it is over."""
        self.page.wait_for_url("**/workbench/campaigns/cmp_*")
        badge = self.page.locator("#campaign .badge", has_text=re.compile(r"^(done|stopped)$"))
        badge.first.wait_for(timeout=LONGEST_MS)
        assert badge.first.text_content() == "done"

    def picture(self, name: str) -> None:
        """Where somebody names a folder for it."""
        if folder := os.environ.get("WORKBENCH_SCREENSHOTS"):
            self.page.screenshot(path=Path(folder) / f"day-{name}.png")


@dataclass
class Day:
    """The gateway, and the people who work with it."""

    gateway: Gateway
    folder: Path
    causes: Causes
    ada: Person
    grace: Person
    token: str

    def api(self, path: str) -> Any:
        """What the REST API says, to whoever may look."""
        headers = {"authorization": f"Bearer {self.token}"}
        address = f"{self.gateway.address}/api/v1{path}"
        answered = httpx.get(address, headers=headers, timeout=60)
        assert answered.status_code == 200, answered.text
        return answered.json()

    def published(self) -> Published:
        return Published(self.gateway.entries("o2c.order"))

    def settled(self) -> dict[str, Any]:
        """The audit, once nothing waits."""

        def look() -> Any:
            told = self.api("/audit")
            pending = told["all"]["receipts"]["pending"] + told["all"]["messages"]["pending"]
            return None if pending else told

        told: dict[str, Any] = until(look, "nothing is pending")
        return told

    def holds_without(self, *waiting: str, corrections: int = 0) -> None:
        """What is promised after every step, of which some causes' failures still wait."""
        assert self.settled()["balanced"]
        assert self.api("/audit-log/verification")["broken_at"] is None
        found = self.published()
        facts = self.causes.published - sum(getattr(self.causes, cause) for cause in waiting)
        assert found.once
        assert (found.facts, found.corrections) == (facts, corrections)

    def open_failures(self) -> dict[str, int]:
        """Open failures by connector and code."""
        listed = self.api("/failure-groups?limit=200")["items"]
        return {
            f"{one['connector']} {one['error_code']}": one["open_count"]
            for one in listed
            if one["open_count"]
        }


@pytest.fixture(scope="session")
def tills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The till's connector in its first release; made once, as making it loads it."""
    return shop_floor.install_till(tmp_path_factory.mktemp("distribution") / "tills")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def gateway(request: pytest.FixtureRequest, tmp_path: Path, tills: Path) -> Iterator[Gateway]:
    """A gateway with a connector of another distribution."""
    environment = environment_of_gateways() | SECRETS
    installed = Path(shutil.copytree(tills, tmp_path / "tills"))
    environment["PYTHONPATH"] += f"{os.pathsep}{installed}"
    if request.param == "postgresql":
        environment["GATEWAY_STORE_URL"] = request.getfixturevalue("postgresql_url")
    (tmp_path / "gateway.toml").write_text(CONFIGURATION)
    running = Gateway(tmp_path, environment)
    running.start()
    try:
        yield running
    finally:
        running.end()


def _made(gateway: Gateway, pattern: str, *arguments: str) -> str:
    """Something a command prints."""
    told = gateway.command(*arguments)
    found = re.search(pattern, told.stdout)
    assert found is not None, told.stdout + told.stderr
    return found[0]


def _enter(gateway: Gateway, browser: Any, name: str, role: str) -> Person:
    link = _made(
        gateway, r"http://\S+", "users", "add", name, "--role", role, "--url", gateway.address
    )
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto(link)
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=again]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/workbench")
    return Person(name, page, gateway)


@pytest.fixture
def causes(gateway: Gateway) -> Causes:
    """On PostgreSQL a request costs more and shows no more."""
    on_postgresql = "GATEWAY_STORE_URL" in gateway.environment
    every = os.environ.get("WORKBENCH_FAILURES") == "all"
    return EIGHT_HUNDRED if on_postgresql and not every else FOUR_THOUSAND


@pytest.fixture
def day(gateway: Gateway, causes: Causes) -> Iterator[Day]:
    sync_api = pytest.importorskip("playwright.sync_api")
    token = _made(gateway, r"o2c_[\w-]{43}", "tokens", "add", "probe", "--role", "viewer")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        ada = _enter(gateway, browser, "ada", "operator")
        grace = _enter(gateway, browser, "grace", "approver")
        yield Day(gateway, gateway.folder, causes, ada, grace, token)
        browser.close()


def test_failures_of_five_causes(day: Day) -> None:
    began = time.monotonic()
    for step in STEPS:
        step(day)
        print(f"{time.monotonic() - began:6.1f} s  {step.__name__.strip('_')}")
    assert day.gateway.audit()["balanced"]
    verified = day.gateway.command("audit", "log", "--verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def _they_arrive(day: Day) -> None:
    failing = shop_floor.failing(day.causes)
    requests = [*shop_floor.passing(), *failing, shop_floor.contradicting()]
    assert set(shop_floor.send(day.gateway.address, requests)) == {200}
    day.settled()
    assert sorted(day.open_failures().values()) == sorted(day.causes.counts)
    day.ada.go("/workbench/failures?sort=largest")
    day.ada.page.locator("table.groups tbody tr").nth(4).wait_for()
    assert day.ada.page.locator("table.groups tbody tr").count() == 5
    day.ada.picture("failures")
    day.holds_without("unmapped", "misnamed", "mistyped", "unreadable")


def _one_cause_is_mended_by_configuration(day: Day) -> None:
    assert day.gateway.stop() == 0
    (day.folder / "gateway.toml").write_text(MENDED)
    day.gateway.start()
    _replay_group(day, "mapping", "unmapped_code", "the unit is mapped now")
    day.ada.picture("campaign")
    assert "mapping unmapped_code" not in day.open_failures()
    day.holds_without("misnamed", "mistyped", "unreadable")


def _replay_group(day: Day, connector: str, code: str, reason: str) -> None:
    day.ada.open_group(connector, code)
    day.ada.press("Replay all")
    day.ada.page.fill("#replay-group [name=reason]", reason)
    day.ada.press("Start")
    day.ada.follow_campaign()


def _one_is_patched_as_a_group(day: Day) -> None:
    day.ada.open_group("shopify", "unknown_currency")
    day.ada.follow("link", "Patch", "**/patch")
    day.ada.page.fill("#rule", RULE)
    day.ada.press("Try it on samples")
    day.ada.see("would succeed")
    day.ada.page.fill("#patch-form [name=reason]", "EURO is EUR")
    day.ada.press("Patch and replay")
    day.ada.confirm()
    day.ada.see("It waits for a second person")
    assert day.open_failures()["shopify unknown_currency"] == day.causes.misnamed
    _grace_approves(day, "The rule")
    day.ada.follow_campaign()
    assert "shopify unknown_currency" not in day.open_failures()
    day.holds_without("mistyped", "unreadable")


def _grace_approves(day: Day, seen: str) -> None:
    day.grace.go("/workbench")
    day.grace.page.locator(".navigation .waiting", has_text="1").click()
    day.grace.page.locator("[data-open]").first.click()
    day.grace.see(seen)
    day.grace.picture(f"proposal-{seen.replace(' ', '-').lower()}")
    day.grace.press("Approve")
    day.grace.page.click("#approve button.primary")
    day.grace.see("Approved, and carried out.")


def _one_is_edited_under_four_eyes(day: Day) -> None:
    day.ada.open_group("shopify", "bad_amount")
    day.ada.page.locator("[data-open]").first.click()
    day.ada.page.wait_for_url("**/workbench/failures/dl_*")
    day.ada.picture("failure")
    day.ada.follow("button", "Edit", "**/edit")
    text = day.ada.page.input_value("#text")
    day.ada.page.fill("#text", text.replace("12O.00", "120.00"))
    day.ada.press("Try it")
    day.ada.see("would succeed")
    day.ada.page.fill("#edit-form [name=reason]", "the letter O is a zero")
    day.ada.press("Save and replay")
    day.ada.see("waits for a second person")
    day.holds_without("mistyped", "unreadable")
    _grace_approves(day, "The payload")
    until(lambda: "shopify bad_amount" not in day.open_failures(), "the failure has ended")
    day.holds_without("unreadable")


def _one_is_reprocessed_after_a_connector_fix(day: Day) -> None:
    assert day.gateway.stop() == 0
    shop_floor.release_mended_till(day.folder / "tills")
    day.gateway.start()
    day.ada.go("/workbench/reprocessing")
    day.ada.page.select_option("[name=connector]", "till")
    day.ada.page.fill("[name=reason]", "the amount is gross")
    day.ada.press("Compare")
    day.ada.page.wait_for_url("**/workbench/reprocessing/rep_*")
    day.ada.page.get_by_role("button", name="Ask a second person").wait_for(timeout=LONGEST_MS)
    day.ada.picture("reprocessing")
    run = day.api("/reprocessings")["items"][0]
    assert (run["changed"], run["new"], run["failing"]) == (SOLD, day.causes.unreadable, 0)
    day.ada.press("Ask a second person")
    day.ada.confirm()
    day.ada.see("somebody else decides")
    _grace_approves(day, "What would be published")
    until(lambda: day.api("/reprocessings")["items"][0]["state"] == "done", "all is published")
    day.holds_without("unreadable", corrections=SOLD)
    _replay_group(day, "till", "bad_amount", "the connector is mended")
    day.holds_without(corrections=SOLD)


def _one_is_discarded(day: Day) -> None:
    day.ada.open_group("shopify", "unknown_kind")
    day.ada.press("Discard")
    day.ada.page.select_option("#discard-group [name=reason]", "test_data")
    day.ada.press("Discard all")
    day.ada.see(f"{day.causes.tests} discarded.")
    day.ada.go("/workbench/failures")
    day.ada.see("No failures")
    assert day.open_failures() == {}
    day.holds_without(corrections=SOLD)


def _a_conflict_is_decided(day: Day) -> None:
    day.ada.go("/workbench/conflicts")
    day.ada.page.locator("[data-open]").first.click()
    day.ada.see("What differs")
    day.ada.picture("conflict")
    day.ada.page.check("[value=accepted]")
    day.ada.page.fill("[name=reason]", "the shop lowered the price")
    day.ada.press("Decide")
    day.ada.see("it is being published as a correction")
    day.holds_without(corrections=SOLD + 1)


STEPS = (
    _they_arrive,
    _one_cause_is_mended_by_configuration,
    _one_is_patched_as_a_group,
    _one_is_edited_under_four_eyes,
    _one_is_reprocessed_after_a_connector_fix,
    _one_is_discarded,
    _a_conflict_is_decided,
)
