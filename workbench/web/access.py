"""Who is asking, and whether they may. Every route says for whom it is, or the site does not start.

async def page(request: Request, who: Operator) -> Response: ...
@router.get("/x", dependencies=[requires(Role.VIEWER)])
@router.get("/login", dependencies=[anybody])
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.datastructures import UploadFile

from store.access import api_tokens, sessions
from store.access.api_tokens import ApiToken
from store.access.sessions import Session
from workbench.access.passwords import TOKEN_START, digest_of
from workbench.access.roles import Role, may
from workbench.web import cookies
from workbench.web.problems import ForgedRequest, NotSignedIn, RoleNeeded
from workbench.web.requests import comes_from_our_pages, is_unsafe
from workbench.web.site import site_of

IDLE = timedelta(hours=2)
LONGEST = timedelta(hours=12)
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Whoever asks: a person in a session, a person's token, or a program's token."""

    by: str
    """The actor as the audit log and four eyes know it: the person's name, or `token:NAME`."""
    display_name: str
    roles: tuple[Role, ...]
    """All must allow what is asked for: a token's role, and its owner's."""
    user_id: int | None
    session: Session | None = None
    secret: str | None = None
    """The session cookie's secret."""

    @property
    def role(self) -> Role:
        """The first of the roles: the token's or the person's own."""
        return self.roles[0]

    def may(self, needed: Role) -> bool:
        """Whether a route for this role is open to them. Templates ask it too."""
        return all(may(held, needed) for held in self.roles)


Guard = Callable[[Request], Awaitable[Principal]]


@cache
def guard_of(role: Role) -> Guard:
    """The dependency that lets in who may do what this role is for."""

    async def guard(request: Request) -> Principal:
        who = await whoever(request)
        if who is None:
            raise NotSignedIn("sign in, or send a token that is good")
        if not who.may(role):
            raise RoleNeeded(f"this needs the role {role}; yours is {who.role}")
        await refuse_forgery(request)
        return who

    return guard


async def let_in(request: Request) -> None:
    """The dependency of routes that are for everybody; forms are guarded here too."""
    await whoever(request)
    await refuse_forgery(request)


def requires(role: Role) -> Any:
    """Declares a route's role: `dependencies=[requires(Role.VIEWER)]`."""
    return Depends(guard_of(role))


anybody = Depends(let_in)
"""Declares that a route is for everybody: `dependencies=[anybody]`."""

Viewer = Annotated[Principal, requires(Role.VIEWER)]
Operator = Annotated[Principal, requires(Role.OPERATOR)]
Approver = Annotated[Principal, requires(Role.APPROVER)]
Admin = Annotated[Principal, requires(Role.ADMIN)]


async def whoever(request: Request) -> Principal | None:
    """Who is asking; looked up once a request. A token that is shown is all that counts."""
    if not hasattr(request.state, "who"):
        shown = request.headers.get("authorization")
        look = _by_session(request) if shown is None else _by_token(request, shown)
        request.state.who = await look
    who: Principal | None = request.state.who
    return who


async def refuse_forgery(request: Request) -> None:
    """Raises ForgedRequest when a browser was made to ask for a change."""
    if not is_unsafe(request) or "authorization" in request.headers:
        return
    site = site_of(request)
    secret = cookies.form_secret(request, secure=site.is_secure(request))
    given = await _given_token(request)
    if not (
        comes_from_our_pages(request, site.base_url(request))
        and secret is not None
        and cookies.is_form_token(given, secret)
    ):
        raise ForgedRequest("this form is too old, or not ours: load the page again")


@dataclass(frozen=True, slots=True)
class DeclaredRoute:
    """A route, and for whom it is; None: for everybody."""

    method: str
    path: str
    role: Role | None


def declared_routes(router: APIRouter, prefix: str = "") -> Iterator[DeclaredRoute]:
    """The routes of a router. Raises TypeError for one that does not say for whom it is.

    Of several roles the last one counts as declared; all of them are asked for.
    """
    for route in router.routes:
        if not isinstance(route, APIRoute):
            raise TypeError(f"{route} is no route whose role can be read")
        calls = set(_calls(route.dependant))
        declared = [role for role in Role if guard_of(role) in calls]
        if not declared and let_in not in calls:
            raise TypeError(
                f"{prefix}{route.path} does not say for whom it is: see workbench/web/access.py"
            )
        for method in sorted(route.methods or ()):
            yield DeclaredRoute(method, prefix + route.path, declared[-1] if declared else None)


def _calls(dependant: Dependant) -> Iterator[Any]:
    for one in dependant.dependencies:
        yield one.call
        yield from _calls(one)


async def _by_session(request: Request) -> Principal | None:
    site = site_of(request)
    secret = cookies.session_cookie(request, secure=site.is_secure(request))
    if secret is None:
        return None
    digest, now = digest_of(secret), site.clock()
    found = await site.database.read(
        lambda connection: sessions.find_session(connection, digest, idle=IDLE, now=now)
    )
    if found is None:
        return None
    if now - found.last_seen_at >= sessions.SEEN_EVERY:
        await site.database.write(lambda connection: sessions.note_seen(connection, digest, now))
    return Principal(
        by=found.name,
        display_name=found.display_name,
        roles=(Role(found.role),),
        user_id=found.user_id,
        session=found,
        secret=secret,
    )


async def _by_token(request: Request, shown: str) -> Principal | None:
    scheme, _, text = shown.partition(" ")
    if scheme.lower() != "bearer" or not text.startswith(TOKEN_START):
        return None
    site = site_of(request)
    digest, now = digest_of(text.strip()), site.clock()
    token = await site.database.read(
        lambda connection: api_tokens.recognise_token(connection, digest, now)
    )
    if token is None:
        return None
    if api_tokens.is_use_due(token, now):
        await site.database.write(
            lambda connection: api_tokens.note_use(connection, token.token_id, now)
        )
    return _holder(token)


def _holder(token: ApiToken) -> Principal:
    roles = (Role(token.role),) + ((Role(token.owner_role),) if token.owner_role else ())
    return Principal(
        by=token.owner or f"token:{token.name}",
        display_name=token.owner or token.name,
        roles=roles,
        user_id=token.user_id,
    )


async def _given_token(request: Request) -> str:
    header = request.headers.get(cookies.HEADER)
    if header is not None:
        return header
    if not request.headers.get("content-type", "").startswith(_FORM_TYPES):
        return ""
    value = (await request.form()).get(cookies.FIELD, "")
    return "" if isinstance(value, UploadFile) else value
