"""Every route says for whom it is, and holds to it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi import APIRouter, FastAPI
from httpx import Response

from tests.workbench_web.browsing import Browser, bearer, somebody
from workbench.access.roles import GRANTS, Role, may
from workbench.web.access import Admin, Approver, DeclaredRoute, Operator, Viewer, declared_routes
from workbench.web.site import Site

EXPECTED: dict[tuple[str, str], Role | None] = {
    ("GET", "/workbench"): Role.VIEWER,
    ("GET", "/workbench/login"): None,
    ("POST", "/workbench/login"): None,
    ("POST", "/workbench/logout"): None,
    ("GET", "/workbench/welcome"): None,
    ("POST", "/workbench/welcome"): None,
    ("GET", "/workbench/static/{mark}/{name}"): None,
    ("GET", "/workbench/account"): Role.VIEWER,
    ("POST", "/workbench/account/password"): Role.VIEWER,
    ("POST", "/workbench/account/tokens"): Role.VIEWER,
    ("GET", "/workbench/people"): Role.ADMIN,
    ("POST", "/workbench/people"): Role.ADMIN,
    ("POST", "/workbench/people/{name}/link"): Role.ADMIN,
    ("POST", "/workbench/people/{name}/role"): Role.ADMIN,
    ("POST", "/workbench/people/{name}/disable"): Role.ADMIN,
    ("POST", "/workbench/people/{name}/enable"): Role.ADMIN,
    ("POST", "/workbench/people/tokens/{shown_id}/revoke"): Role.ADMIN,
    ("GET", "/workbench/audit-log"): Role.VIEWER,
    ("GET", "/api/v1/me"): Role.VIEWER,
    ("GET", "/api/v1/users"): Role.ADMIN,
    ("POST", "/api/v1/users"): Role.ADMIN,
    ("PATCH", "/api/v1/users/{name}"): Role.ADMIN,
    ("POST", "/api/v1/users/{name}/link"): Role.ADMIN,
    ("GET", "/api/v1/tokens"): Role.ADMIN,
    ("POST", "/api/v1/tokens"): Role.ADMIN,
    ("DELETE", "/api/v1/tokens/{shown_id}"): Role.ADMIN,
    ("GET", "/api/v1/audit"): Role.VIEWER,
    ("GET", "/api/v1/audit-log"): Role.VIEWER,
    ("GET", "/api/v1/openapi.json"): Role.VIEWER,
}
"""The routes of people and the frame, written down a second time: loosening one is noticed."""

EVERYBODY: tuple[Role | None, ...] = (None, *Role)
LEAVES_SESSION = "/workbench/logout"


def _address(route: DeclaredRoute) -> str:
    """The route's path with something in each of its parameters that is not there."""
    parts = route.path.split("/")
    return "/".join("nothing" if part.startswith("{") else part for part in parts)


def _is_streaming(route: DeclaredRoute) -> bool:
    # Who is let in to a stream stays; that others are not is tested like everywhere.
    return route.path.endswith(("/stream", "/events"))


def _refused(answer: Response) -> bool:
    to_sign_in = answer.status_code == 303 and "/workbench/login" in answer.headers["location"]
    by_role = answer.status_code == 403 and "role_needed" in answer.text
    return answer.status_code == 401 or to_sign_in or by_role


def test_the_routes_are_for_whom_they_should_be(app: FastAPI) -> None:
    declared = {(one.method, one.path): one.role for one in app.state.routes}
    assert {key: declared[key] for key in EXPECTED} == EXPECTED


def test_only_signing_in_is_for_everybody(app: FastAPI) -> None:
    public = {one.path for one in app.state.routes if one.role is None}
    assert public == {path for (_, path), role in EXPECTED.items() if role is None}


@pytest.mark.parametrize("role", EVERYBODY)
@pytest.mark.parametrize("by", ["session", "token"])
async def test_nobody_gets_further_than_their_role(
    app: FastAPI, site: Site, browser: Browser, role: Role | None, by: str
) -> None:
    await somebody(site, "root", Role.ADMIN)
    headers = {}
    if role is not None and by == "token":
        headers = await bearer(site, role)
    elif role is not None:
        await browser.enter_as(await somebody(site, "ada", role))
        headers = {"x-csrf-token": await browser.form_token("/workbench/account")}
    wrong = []
    for route in app.state.routes:
        allowed = route.role is None or (role is not None and may(role, route.role))
        if route.path == LEAVES_SESSION or (allowed and _is_streaming(route)):
            continue
        answer = await browser.client.request(route.method, _address(route), headers=headers)
        if route.role is not None and _refused(answer) == allowed:
            wrong.append(f"{route.method} {route.path}: {answer.status_code}")
        if answer.status_code >= 500:
            wrong.append(f"{route.method} {route.path}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def test_a_route_without_a_role_does_not_start() -> None:
    router = APIRouter()

    @router.get("/careless")
    async def careless() -> None: ...

    with pytest.raises(TypeError, match="/x/careless does not say for whom it is"):
        list(declared_routes(router, "/x"))


def test_a_mounted_application_does_not_start() -> None:
    router, inner = APIRouter(), APIRouter()
    router.include_router(inner)
    router.mount("/other", FastAPI())
    with pytest.raises(TypeError):
        list(declared_routes(router))


def test_roles_are_declared_by_parameters() -> None:
    router = APIRouter()
    for name, alias in {"a": Viewer, "b": Operator, "c": Approver, "d": Admin}.items():

        async def handler(who: alias) -> None: ...  # type: ignore[valid-type]

        handler.__annotations__["who"] = alias
        router.get(f"/{name}")(handler)
    assert [one.role for one in declared_routes(router)] == list(Role)


def test_an_approver_does_not_operate_and_an_operator_does_not_approve() -> None:
    assert not may(Role.APPROVER, Role.OPERATOR)
    assert not may(Role.OPERATOR, Role.APPROVER)
    assert all(may(role, Role.VIEWER) for role in Role)
    assert GRANTS[Role.ADMIN] == frozenset(Role)


async def test_a_token_reaches_no_further_than_its_owner_does_now(
    site: Site, visit: Callable[[], Browser]
) -> None:
    await somebody(site, "root", Role.ADMIN)
    owner = await somebody(site, "ada", Role.ADMIN)
    headers = await bearer(site, Role.ADMIN, owner)
    client = visit().client
    assert (await client.get("/api/v1/users", headers=headers)).status_code == 200
    admin = await bearer(site, Role.ADMIN)
    lowered = await client.patch("/api/v1/users/ada", json={"role": "viewer"}, headers=admin)
    assert lowered.json()["role"] == "viewer"
    assert (await client.get("/api/v1/users", headers=headers)).status_code == 403
    assert (await client.get("/api/v1/me", headers=headers)).json()["may"] == ["viewer"]
    await client.patch("/api/v1/users/ada", json={"disabled": True}, headers=admin)
    assert (await client.get("/api/v1/me", headers=headers)).status_code == 401
