"""Changes are made on our own pages, or by who shows a token."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.workbench_web.browsing import PASSWORD, Browser, bearer, somebody
from workbench.access.roles import Role
from workbench.web.site import Site

Visit = Callable[..., Browser]
NEW = {"name": "mallory", "role": "admin"}


@pytest.fixture
async def admin(site: Site, browser: Browser) -> Browser:
    """The browser of an administrator."""
    await browser.enter_as(await somebody(site, "ada", Role.ADMIN))
    return browser


async def is_there(site: Site, browser: Browser) -> bool:
    """Whether the change was made."""
    answer = await browser.get("/api/v1/users", **await bearer(site, Role.ADMIN))
    return any(one["name"] == "mallory" for one in answer.json()["items"])


@pytest.mark.parametrize("path", ["/workbench/people", "/api/v1/users"])
async def test_a_session_alone_changes_nothing(site: Site, admin: Browser, path: str) -> None:
    for sent in ({"data": NEW}, {"json": NEW}):
        answer = await admin.client.post(path, **sent)  # type: ignore[arg-type]
        assert answer.status_code == 403
        assert "forged_request" in answer.text
    assert not await is_there(site, admin)


@pytest.mark.parametrize("token", ["", "0" * 64, "é" * 64, "x"])
async def test_a_wrong_token_changes_nothing(site: Site, admin: Browser, token: str) -> None:
    answer = await admin.client.post("/workbench/people", data={"csrf_token": token, **NEW})
    assert answer.status_code == 403
    header = {"x-csrf-token": token.encode()}
    answer = await admin.client.post("/api/v1/users", json=NEW, headers=header)  # type: ignore[arg-type]
    assert answer.status_code == 403
    assert not await is_there(site, admin)


async def test_another_sessions_token_changes_nothing(
    site: Site, admin: Browser, visit: Visit
) -> None:
    mallory = visit()
    await mallory.enter_as(await somebody(site, "eve", Role.VIEWER))
    theirs = await mallory.form_token("/workbench/account")
    anonymous = await visit().form_token()
    for token in (theirs, anonymous):
        answer = await admin.client.post("/workbench/people", data={"csrf_token": token, **NEW})
        assert answer.status_code == 403
    assert not await is_there(site, admin)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
    ],
)
async def test_another_site_changes_nothing_even_with_the_token(
    site: Site, admin: Browser, headers: dict[str, str]
) -> None:
    answer = await admin.post("/workbench/people", NEW, token_from="", **headers)
    assert answer.status_code == 403
    assert not await is_there(site, admin)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "same-origin"},
        {"origin": "http://gateway.example"},
    ],
)
async def test_our_own_form_does(site: Site, admin: Browser, headers: dict[str, str]) -> None:
    assert (await admin.post("/workbench/people", NEW, **headers)).status_code == 200
    assert await is_there(site, admin)


async def test_htmx_and_scripts_send_it_as_a_header(site: Site, admin: Browser) -> None:
    headers = {"x-csrf-token": await admin.form_token("/workbench/account")}
    assert (await admin.client.post("/api/v1/users", json=NEW, headers=headers)).status_code == 201


async def test_a_token_of_the_api_needs_none(site: Site, browser: Browser) -> None:
    headers = await bearer(site, Role.ADMIN)
    answer = await browser.client.post("/api/v1/users", json=NEW, headers=headers)
    assert answer.status_code == 201


async def test_a_bad_token_is_not_replaced_by_a_session(site: Site, admin: Browser) -> None:
    for shown in ("Bearer o2c_wrong", "Basic YTpi", "Bearer", "o2c_", ""):
        assert (await admin.get("/api/v1/me", authorization=shown)).status_code == 401


async def test_signing_in_is_guarded_too(site: Site, browser: Browser) -> None:
    await somebody(site, "ada", Role.ADMIN)
    form = {"name": "ada", "password": PASSWORD}
    assert (await browser.client.post("/workbench/login", data=form)).status_code == 403
    assert not browser.signed_in


async def test_who_is_sent_here_by_another_site_is_asked_again(
    site: Site, admin: Browser, visit: Visit
) -> None:
    stranger = visit()
    sent = await stranger.get("/workbench/people", sec_fetch_site="cross-site")
    assert sent.status_code == 200
    assert '<meta http-equiv="refresh" content="0">' in sent.text
    again = await stranger.get("/workbench/people", sec_fetch_site="same-origin")
    assert again.headers["location"] == "/workbench/login?next=/workbench/people"
    assert (await admin.get("/workbench/people", sec_fetch_site="same-origin")).status_code == 200


async def test_looking_needs_no_token(admin: Browser) -> None:
    assert (await admin.get("/workbench/people")).status_code == 200
