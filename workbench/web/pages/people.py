"""People: who is there, what they may, their links, and every token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from canonical.errors import GatewayError, Malformed
from store.access import api_tokens, people
from store.access.api_tokens import TOKEN
from store.database import Connection
from store.ids import parse_id
from workbench.access.people import Maker, add_user, link_for
from workbench.access.roles import Role, parse_role
from workbench.web.access import Admin, Principal
from workbench.web.navigation import NavigationItem
from workbench.web.problems import status_of
from workbench.web.rendering import redirect, render
from workbench.web.requests import PAGES
from workbench.web.site import Site, TheSite

PEOPLE = f"{PAGES}/people"
NAVIGATION = NavigationItem(
    key="people", title="People", href=PEOPLE, order=80, aside=True, role=Role.ADMIN
)

router = APIRouter(prefix=PEOPLE)


@router.get("")
async def people_page(request: Request, who: Admin, site: TheSite) -> Response:
    """Everybody, and every token."""
    return await _people(request, site)


@router.post("")
async def add(
    request: Request,
    who: Admin,
    site: TheSite,
    name: Annotated[str, Form(max_length=100)] = "",
    display_name: Annotated[str, Form(max_length=200)] = "",
    role: Annotated[str, Form(max_length=20)] = Role.VIEWER,
) -> Response:
    """A new person, and the link to hand to them."""
    maker = _maker(site, who)
    try:
        user = await add_user(maker, name, role, display_name)
        link = await link_for(maker, user.name, site.base_url(request))
    except Malformed as error:
        typed = {"name": name, "display_name": display_name, "role": role}
        return await _people(request, site, fault=error, typed=typed)
    return await _people(request, site, link=(user, link))


@router.post("/{name}/link")
async def make_link(request: Request, who: Admin, site: TheSite, name: str) -> Response:
    """Another link, for who forgot the password."""
    link = await link_for(_maker(site, who), name, site.base_url(request))
    user = await site.database.read(lambda connection: people.load_user(connection, name))
    return await _people(request, site, link=(user, link))


@router.post("/{name}/role")
async def change_role(
    request: Request, who: Admin, site: TheSite, name: str, role: Annotated[str, Form()]
) -> Response:
    """Another role; it counts from the next request."""
    given, now = parse_role(role), site.clock()
    return await _change(
        site,
        lambda connection: people.set_role(connection, name, given, by=who.by, now=now),
        note=f"{name} is now {given}.",
    )


@router.post("/{name}/disable")
async def disable(request: Request, who: Admin, site: TheSite, name: str) -> Response:
    """Shut somebody out; what they did stays theirs."""
    now = site.clock()
    return await _change(
        site,
        lambda connection: people.disable_user(connection, name, by=who.by, now=now),
        note=f"{name} is shut out.",
    )


@router.post("/{name}/enable")
async def enable(request: Request, who: Admin, site: TheSite, name: str) -> Response:
    """Let somebody in again."""
    now = site.clock()
    return await _change(
        site,
        lambda connection: people.enable_user(connection, name, by=who.by, now=now),
        note=f"{name} may come in again.",
    )


@router.post("/tokens/{shown_id}/revoke")
async def revoke(request: Request, who: Admin, site: TheSite, shown_id: str) -> Response:
    """End anybody's token."""
    number, now = parse_id(TOKEN, shown_id), site.clock()
    return await _change(
        site,
        lambda connection: api_tokens.revoke_token(connection, number, by=who.by, now=now),
        note="The token is revoked.",
    )


async def _change(site: Site, change: Callable[[Connection], Any], *, note: str) -> Response:
    try:
        await site.database.write(change)
    except GatewayError as error:
        if status_of(error) != 422:
            raise
        return redirect(PEOPLE, note=str(error), kind="bad")
    return redirect(PEOPLE, note=note)


async def _people(
    request: Request,
    site: Site,
    *,
    fault: GatewayError | None = None,
    typed: dict[str, str] | None = None,
    link: object = None,
) -> Response:
    users, tokens = await site.database.read(
        lambda connection: (people.list_users(connection), api_tokens.list_tokens(connection))
    )
    return render(
        request,
        "people.html",
        status_code=422 if fault else 200,
        here="people",
        users=users,
        tokens=tokens,
        now=site.clock(),
        roles=list(Role),
        fault=fault,
        typed=typed or {"name": "", "display_name": "", "role": Role.OPERATOR},
        link=link,
    )


def _maker(site: Site, who: Principal) -> Maker:
    return Maker(store=site.database, ids=site.ids, by=who.by, now=site.clock())
