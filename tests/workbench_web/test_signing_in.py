"""Signing in: links, passwords, sessions, throttles."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from store.access import people
from store.access.audit_entries import list_audit
from tests.workbench_web.browsing import PASSWORD, Browser, somebody
from tests.workbench_web.conftest import Clock
from workbench.access.people import first_run_link
from workbench.access.roles import Role
from workbench.web.site import Site

Visit = Callable[..., Browser]


async def first_link(site: Site) -> str:
    """The path of the link that is printed when nobody is there yet."""
    link = await first_run_link(site.database, "http://gateway.example", site.clock())
    assert link is not None
    parts = urlsplit(link)
    assert parts.netloc == "gateway.example"
    return f"{parts.path}?{parts.query}"


def secret_of(link: str) -> str:
    """The secret in a link."""
    return link.partition("link=")[2]


async def test_the_first_run_makes_an_administrator(site: Site, browser: Browser) -> None:
    link = await first_link(site)
    assert "first administrator" in (await browser.get(link)).text
    form = {"link": secret_of(link), "name": "ada", "password": PASSWORD, "again": PASSWORD}
    answer = await browser.post("/workbench/welcome", form, token_from=link)
    assert answer.status_code == 303
    me = await browser.get("/api/v1/me")
    assert me.json()["by"] == "ada"
    assert me.json()["role"] == "admin"
    assert await first_run_link(site.database, "http://gateway.example", site.clock()) is None
    again = await browser.post("/workbench/welcome", form | {"name": "eve"})
    assert again.status_code == 404
    assert [one.name for one in await site.database.read(people.list_users)] == ["ada"]


async def test_a_first_run_link_runs_out(site: Site, browser: Browser, clock: Clock) -> None:
    link = await first_link(site)
    clock.advance(minutes=30)
    assert (await browser.get(link)).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"password": "short", "again": "short"}, "at least 12 characters"),
        ({"again": "something else entirely"}, "the two passwords differ"),
        ({"name": "Ada Okafor"}, "a name is 1 to 40"),
        ({"name": "gateway"}, "a name is 1 to 40"),
        ({"name": "adalovelace", "password": "adalovelace-1", "again": "adalovelace-1"}, "no name"),
        ({"password": "aaaaaaaaaaaaaaa", "again": "aaaaaaaaaaaaaaa"}, "different characters"),
    ],
)
async def test_what_is_wrong_is_said_and_the_link_stays_good(
    site: Site, browser: Browser, wrong: dict[str, str], says: str
) -> None:
    link = await first_link(site)
    form = {"link": secret_of(link), "name": "ada", "password": PASSWORD, "again": PASSWORD}
    answer = await browser.post("/workbench/welcome", form | wrong)
    assert answer.status_code == 422
    assert says in answer.text
    assert (await browser.post("/workbench/welcome", form)).status_code == 303


async def test_signing_in_and_out(site: Site, browser: Browser) -> None:
    await somebody(site, "ada", Role.OPERATOR)
    assert (await browser.get("/workbench")).headers[
        "location"
    ] == "/workbench/login?next=/workbench"
    answer = await browser.sign_in("Ada ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/workbench")
    assert (await browser.get("/workbench")).status_code == 200
    kept = dict(browser.client.cookies)
    assert (await browser.post("/workbench/logout")).status_code == 303
    assert not browser.signed_in
    browser.client.cookies.update(kept)
    assert (await browser.get("/workbench")).status_code == 303
    actions = [one.action for one in await site.database.read(list_audit)]
    assert actions[:2] == ["session.end", "session.begin"]


async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(
    site: Site, visit: Visit
) -> None:
    await somebody(site, "ada", Role.ADMIN)
    await somebody(site, "invited", Role.VIEWER, password=False)
    out = await somebody(site, "grace", Role.ADMIN)
    await site.database.write(
        lambda c: people.disable_user(c, out.name, by="ada", now=site.clock())
    )
    browser = visit()
    answers = [
        await browser.sign_in("ada", "not the password"),
        await browser.sign_in("nobody"),
        await browser.sign_in("grace"),
        await browser.sign_in("invited"),
        await browser.sign_in("ada", "x" * 2000),
    ]
    assert {one.status_code for one in answers} == {401}
    assert all("Name or password is wrong." in one.text for one in answers)
    assert not browser.signed_in


async def test_a_session_is_new_with_every_sign_in(site: Site, browser: Browser) -> None:
    await somebody(site, "ada", Role.ADMIN)
    browser.client.cookies.set("o2c_session", "planted" + "x" * 36, domain="gateway.example")
    planted = browser.client.cookies["o2c_session"]
    assert (await browser.sign_in("ada")).status_code == 303
    first = browser.client.cookies["o2c_session"]
    assert first != planted
    # The form is shown to who is signed out only; another tab may still have it.
    await browser.client.post(
        "/workbench/login",
        data={
            "name": "ada",
            "password": PASSWORD,
            "csrf_token": await browser.form_token("/workbench/account"),
        },
    )
    second = browser.client.cookies["o2c_session"]
    assert second != first
    browser.client.cookies.set("o2c_session", first, domain="gateway.example")
    assert (await browser.get("/workbench")).status_code == 303


async def test_cookies_are_for_this_site_only(site: Site, visit: Visit) -> None:
    await somebody(site, "ada", Role.ADMIN)
    plain = (await visit().sign_in("ada")).headers["set-cookie"]
    assert plain.startswith("o2c_session=")
    secure = (await visit(base="https://gateway.example").sign_in("ada")).headers["set-cookie"]
    assert secure.startswith("__Host-o2c_session=")
    assert "Secure" in secure
    for cookie in (plain, secure):
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie


async def test_a_session_ends_after_two_idle_hours_and_after_twelve(
    site: Site, browser: Browser, clock: Clock
) -> None:
    await browser.enter_as(await somebody(site, "ada", Role.VIEWER))
    for _ in range(7):
        clock.advance(minutes=100)
        assert (await browser.get("/api/v1/me")).status_code == 200
    clock.advance(minutes=25)
    assert (await browser.get("/api/v1/me")).status_code == 401
    await browser.enter_as(await somebody(site, "grace", Role.VIEWER))
    clock.advance(hours=2)
    assert (await browser.get("/api/v1/me")).status_code == 401


async def test_guessing_at_a_name_is_paused(site: Site, visit: Visit, clock: Clock) -> None:
    await somebody(site, "ada", Role.ADMIN)
    for number in range(5):
        guess = await visit(f"198.51.100.{number}").sign_in("ada", "a wrong guess")
        assert guess.status_code == 401
    held = await visit("198.51.100.99").sign_in("ada")
    assert held.status_code == 429
    assert held.headers["retry-after"] == "30"
    assert "Too many tries" in held.text
    clock.advance(seconds=30)
    assert (await visit("198.51.100.99").sign_in("ada")).status_code == 303


async def test_guessing_from_an_address_is_paused(site: Site, visit: Visit) -> None:
    await somebody(site, "ada", Role.ADMIN)
    browser = visit("2001:db8:1:2:aaaa::1")
    for number in range(20):
        assert (await browser.sign_in(f"guess{number}", "x")).status_code == 401
    neighbour = visit("2001:db8:1:2:bbbb::9")
    assert (await neighbour.sign_in("ada")).status_code == 429
    assert (await visit("192.0.2.1").sign_in("ada")).status_code == 303


@pytest.mark.parametrize(
    ("wanted", "goes"),
    [
        ("/workbench/people?x=1", "/workbench/people?x=1"),
        ("https://evil.example/workbench", "/workbench"),
        ("//evil.example", "/workbench"),
        ("/workbench\\@evil.example", "/workbench"),
        ("/workbenchevil", "/workbench"),
        ("javascript:alert(1)", "/workbench"),
        ("/workbench/x\r\nSet-Cookie: a=b", "/workbench"),
    ],
)
async def test_one_comes_back_to_our_own_pages_only(
    site: Site, browser: Browser, wanted: str, goes: str
) -> None:
    await somebody(site, "ada", Role.ADMIN)
    answer = await browser.sign_in("ada", next=wanted)
    assert answer.headers["location"] == goes


async def test_another_password_ends_the_other_sessions(site: Site, visit: Visit) -> None:
    await somebody(site, "ada", Role.VIEWER)
    here, elsewhere = visit(), visit()
    await here.sign_in("ada")
    await elsewhere.sign_in("ada")
    before = here.client.cookies["o2c_session"]
    new = "quite another phrase"
    form = {"current": PASSWORD, "password": new, "again": new}
    refused = await here.post("/workbench/account/password", form | {"current": "not it, I fear"})
    assert refused.status_code == 422
    assert "that is not your password" in refused.text
    assert (await here.post("/workbench/account/password", form)).status_code == 303
    assert here.client.cookies["o2c_session"] != before
    assert (await here.get("/workbench")).status_code == 200
    assert (await elsewhere.get("/workbench")).status_code == 303
    assert (await elsewhere.sign_in("ada")).status_code == 401
    assert (await elsewhere.sign_in("ada", new)).status_code == 303


async def test_other_sessions_can_be_ended(site: Site, visit: Visit) -> None:
    user = await somebody(site, "ada", Role.VIEWER)
    here, elsewhere = visit(), visit()
    await here.enter_as(user)
    await elsewhere.enter_as(user)
    assert (await here.post("/workbench/account/sessions/end")).status_code == 303
    assert (await here.get("/workbench")).status_code == 200
    assert (await elsewhere.get("/workbench")).status_code == 303
