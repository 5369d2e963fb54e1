"""People and tokens, by page and by API."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from store.access import api_tokens
from tests.workbench_web.browsing import PASSWORD, Browser, bearer, somebody
from tests.workbench_web.conftest import Clock
from workbench.access.roles import Role
from workbench.web.site import Site

Visit = Callable[..., Browser]
LINK = re.compile(r"http://gateway\.example(/workbench/welcome\?link=([\w-]{43}))<")
TOKEN = re.compile(r"o2c_[\w-]{43}")


@pytest.fixture
async def admin(site: Site, browser: Browser) -> Browser:
    """The browser of an administrator."""
    await browser.enter_as(await somebody(site, "ada", Role.ADMIN))
    return browser


async def test_a_person_is_invited_and_comes_in(admin: Browser, visit: Visit) -> None:
    form = {"name": "grace", "display_name": "Grace Lindqvist", "role": "operator"}
    shown = await admin.post("/workbench/people", form, token_from="/workbench/people")
    link = LINK.search(shown.text)
    assert link is not None
    guest = visit()
    assert "Hello, Grace Lindqvist" in (await guest.get(link[1])).text
    given = {"link": link[2], "password": PASSWORD, "again": PASSWORD}
    assert (await guest.post("/workbench/welcome", given)).status_code == 303
    assert (await guest.get("/api/v1/me")).json()["role"] == "operator"
    assert (await visit().get(link[1])).status_code == 404
    again = await admin.post("/workbench/people", form)
    assert again.status_code == 422
    assert "Somebody has that name already." in again.text


async def test_roles_are_changed_and_people_shut_out(
    site: Site, admin: Browser, visit: Visit
) -> None:
    other = visit()
    await other.enter_as(await somebody(site, "grace", Role.VIEWER))
    await admin.post("/workbench/people/grace/role", {"role": "approver"})
    assert (await other.get("/api/v1/me")).json()["role"] == "approver"
    await admin.post("/workbench/people/grace/disable")
    assert (await other.get("/api/v1/me")).status_code == 401
    link = await admin.post("/workbench/people/grace/link")
    assert link.status_code == 422
    await admin.post("/workbench/people/grace/enable")
    assert (await visit().sign_in("grace")).status_code == 303


async def test_the_last_administrator_stays(admin: Browser) -> None:
    await admin.post("/workbench/people/ada/role", {"role": "viewer"})
    shown = await admin.get("/workbench/people")
    assert "somebody must be left who is an administrator" in shown.text
    assert (await admin.get("/api/v1/me")).json()["role"] == "admin"


async def test_a_token_is_shown_once_and_works_until_revoked(admin: Browser, visit: Visit) -> None:
    made = await admin.post("/workbench/account/tokens", {"name": "nightly", "role": "operator"})
    token = TOKEN.search(made.text)
    assert token is not None
    assert not TOKEN.search((await admin.get("/workbench/account")).text)
    program = visit()
    me = await program.get("/api/v1/me", authorization=f"Bearer {token[0]}")
    assert me.json() == {
        "by": "ada", "display_name": "ada", "role": "operator", "may": ["viewer", "operator"],
    }  # fmt: skip
    # A token is for the API and for looking; it has no account page of its own.
    session_only = await program.client.post(
        "/workbench/account/sessions/end", headers={"authorization": f"Bearer {token[0]}"}
    )
    assert session_only.status_code == 403
    shown_id = re.search(r"tokens/(tok_\w+)/revoke", (await admin.get("/workbench/account")).text)
    assert shown_id is not None
    await admin.post(f"/workbench/account/tokens/{shown_id[1]}/revoke")
    gone = await program.get("/api/v1/me", authorization=f"Bearer {token[0]}")
    assert gone.status_code == 401


async def test_nobody_revokes_anothers_token_but_administrators(
    site: Site, admin: Browser, visit: Visit
) -> None:
    owner = await somebody(site, "grace", Role.OPERATOR)
    headers = await bearer(site, Role.OPERATOR, owner)
    other = visit()
    await other.enter_as(await somebody(site, "eve", Role.OPERATOR))
    listed = (await admin.get("/api/v1/tokens")).json()["items"]
    shown_id = listed[0]["id"]
    assert (await other.post(f"/workbench/account/tokens/{shown_id}/revoke")).status_code == 404
    assert (await other.get("/api/v1/me", **headers)).status_code == 200
    await admin.post(f"/workbench/people/tokens/{shown_id}/revoke")
    assert (await other.get("/api/v1/me", **headers)).status_code == 401


async def test_a_token_asks_for_no_more_than_its_owner_has(site: Site, browser: Browser) -> None:
    await browser.enter_as(await somebody(site, "grace", Role.APPROVER))
    refused = await browser.post("/workbench/account/tokens", {"name": "x", "role": "operator"})
    assert refused.status_code == 422
    assert "reaches no further than its owner" in refused.text
    for wrong in ({"name": ""}, {"days": "0"}, {"days": "731"}, {"role": "king"}):
        form = {"name": "x", "role": "viewer", "days": "90"} | wrong
        assert (await browser.post("/workbench/account/tokens", form)).status_code == 422


async def test_a_use_is_noted_once_a_minute(site: Site, browser: Browser, clock: Clock) -> None:
    headers = await bearer(site, Role.VIEWER)
    start = clock.now
    noted = []
    for _ in range(4):
        await browser.get("/api/v1/me", **headers)
        token = (await site.database.read(api_tokens.list_tokens))[0]
        noted.append(token.last_used_at)
        clock.advance(seconds=25)
    assert noted == [start, start, start, start + timedelta(seconds=75)]


async def test_a_token_expires(site: Site, browser: Browser, clock: Clock) -> None:
    headers = await bearer(site, Role.VIEWER)
    clock.advance(days=90)
    assert (await browser.get("/api/v1/me", **headers)).status_code == 401


async def test_people_and_tokens_by_api(site: Site, admin: Browser) -> None:
    headers = {"x-csrf-token": await admin.form_token("/workbench/account")}
    client = admin.client
    made = await client.post(
        "/api/v1/users", json={"name": "grace", "role": "operator"}, headers=headers
    )
    assert (made.status_code, made.json()["has_password"]) == (201, False)
    link = await client.post("/api/v1/users/grace/link", headers=headers)
    assert link.json()["link"].startswith("http://gateway.example/workbench/welcome?link=")
    first = (await admin.get("/api/v1/users?limit=1")).json()
    assert ([one["name"] for one in first["items"]], first["next"]) == (["ada"], "ada")
    rest = (await admin.get("/api/v1/users?limit=1&after=ada")).json()
    assert ([one["name"] for one in rest["items"]], rest["next"]) == (["grace"], None)
    token = await client.post("/api/v1/tokens", json={"name": "report"}, headers=headers)
    assert token.status_code == 201
    assert token.json()["owner"] == "ada"
    assert TOKEN.fullmatch(token.json()["token"])
    ended = await client.delete(f"/api/v1/tokens/{token.json()['id']}", headers=headers)
    assert ended.status_code == 204
    assert (await admin.get("/api/v1/tokens")).json()["items"][0]["revoked_at"]


async def test_the_log_is_verified_on_its_page(admin: Browser) -> None:
    shown = await admin.get("/workbench/audit-log/verification", hx_request="true")
    assert "The chain is whole" in shown.text
    assert (await admin.get("/api/v1/audit-log/verification")).json()["broken_at"] is None
