"""One's own account: password, sessions, tokens."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from canonical.errors import GatewayError, Malformed
from store.access import api_tokens, people, sessions
from store.access.api_tokens import TOKEN
from store.database import Connection
from store.ids import parse_id
from workbench.access.passwords import SHORTEST, check_password, digest_of
from workbench.access.people import LONGEST_TOKEN_DAYS, TOKEN_DAYS, Maker, TokenWish, add_token
from workbench.access.roles import Role
from workbench.web import cookies
from workbench.web.access import LONGEST, Principal, Viewer
from workbench.web.problems import NotHere, RoleNeeded, status_of
from workbench.web.rendering import redirect, render
from workbench.web.requests import PAGES
from workbench.web.signing_in import TooManyTries, WrongPassword, begin_session, throttle_keys
from workbench.web.site import Site, TheSite

ACCOUNT = f"{PAGES}/account"

router = APIRouter(prefix=ACCOUNT)

Password = Annotated[str, Form(max_length=2000)]


@router.get("")
async def account_page(request: Request, who: Viewer, site: TheSite) -> Response:
    """Password, sessions and tokens of whoever looks."""
    return await _account(request, who, site)


@router.post("/password")
async def change_password(
    request: Request,
    who: Viewer,
    site: TheSite,
    current: Password = "",
    password: Password = "",
    again: Password = "",
) -> Response:
    """Another password: every other session ends, this one goes on under a new secret."""
    _only_people(who)
    try:
        await _change(site, request, who, (current, password, again))
    except GatewayError as error:
        if status_of(error) >= 500 and not isinstance(error, WrongPassword | TooManyTries):
            raise
        return await _account(request, who, site, password_fault=error)
    user = await site.database.read(lambda connection: people.load_user(connection, who.by))
    secret = await begin_session(site, request, user)
    answer = redirect(ACCOUNT, note="Your password is changed; other sessions were ended.")
    cookies.keep_session(
        answer, secret, secure=site.is_secure(request), seconds=int(LONGEST.total_seconds())
    )
    return answer


@router.post("/sessions/end")
async def end_others(who: Viewer, site: TheSite) -> Response:
    """End every other session."""
    user_id, secret = _only_people(who)
    now = site.clock()
    ended = await site.database.write(
        lambda connection: sessions.end_other_sessions(
            connection, user_id, digest_of(secret), by=who.by, now=now
        )
    )
    return redirect(ACCOUNT, note=f"{ended} other sessions were ended.")


@router.post("/tokens")
async def make_token(
    request: Request,
    who: Viewer,
    site: TheSite,
    name: Annotated[str, Form(max_length=100)] = "",
    role: Annotated[str, Form(max_length=20)] = Role.VIEWER,
    days: Annotated[int, Form()] = TOKEN_DAYS,
) -> Response:
    """A new token; its text is on this page and on no other."""
    _only_people(who)
    owner = await site.database.read(lambda connection: people.load_user(connection, who.by))
    maker = Maker(store=site.database, ids=site.ids, by=who.by, now=site.clock())
    try:
        text, token = await add_token(
            maker, TokenWish(name=name, role=role, days=days, owner=owner)
        )
    except Malformed as error:
        return await _account(request, who, site, token_fault=error)
    return await _account(request, who, site, made=(text, token))


@router.post("/tokens/{shown_id}/revoke")
async def revoke(who: Viewer, site: TheSite, shown_id: str) -> Response:
    """End a token of one's own."""
    number, now = parse_id(TOKEN, shown_id), site.clock()

    def end(connection: Connection) -> bool:
        token = api_tokens.load_token(connection, number)
        if who.user_id is None or token.user_id != who.user_id:
            raise NotHere("you have no such token")
        return api_tokens.revoke_token(connection, number, by=who.by, now=now)

    await site.database.write(end)
    return redirect(ACCOUNT, note="The token is revoked.")


async def _change(
    site: Site, request: Request, who: Principal, given: tuple[str, str, str]
) -> None:
    current, password, again = given
    keys, now = throttle_keys(request, who.by), site.clock()
    until = await site.database.write(lambda connection: sessions.admit(connection, keys, now))
    if until is not None:
        raise TooManyTries(until)
    known = await site.database.read(lambda connection: people.password_of(connection, who.by))
    matches, _ = await site.passwords.verify(current, known[1] if known else None)
    if not matches:
        raise WrongPassword("that is not your password", path="current")
    await site.database.write(lambda connection: sessions.forgive(connection, *keys))
    if password != again:
        raise Malformed("the two passwords differ", code="weak_password", path="again")
    check_password(password, who.by, who.display_name)
    hashed = await site.passwords.hash(password)
    await site.database.write(
        lambda connection: people.set_password(connection, who.by, hashed, by=who.by, now=now)
    )


async def _account(
    request: Request,
    who: Principal,
    site: Site,
    *,
    password_fault: GatewayError | None = None,
    token_fault: GatewayError | None = None,
    made: object = None,
) -> Response:
    now, user_id = site.clock(), who.user_id or 0
    tokens, opened = await site.database.read(
        lambda connection: (
            api_tokens.list_tokens(connection, owner=who.by),
            sessions.count_sessions(connection, user_id, now),
        )
    )
    return render(
        request,
        "account.html",
        status_code=422 if password_fault or token_fault else 200,
        here="account",
        tokens=tokens,
        now=now,
        sessions=opened,
        roles=[role for role in Role if who.may(role)],
        days=TOKEN_DAYS,
        most_days=LONGEST_TOKEN_DAYS,
        shortest=SHORTEST,
        password_fault=password_fault,
        token_fault=token_fault,
        made=made,
    )


def _only_people(who: Principal) -> tuple[int, str]:
    """The person and the secret of their session. Raises RoleNeeded for a token."""
    if who.user_id is None or who.secret is None:
        raise RoleNeeded("only a person who is signed in can do this", code="session_needed")
    return who.user_id, who.secret
