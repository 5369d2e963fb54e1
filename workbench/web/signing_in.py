"""Signing in and out: throttled, the same answer for every failure, a new session every time."""

from __future__ import annotations

import hashlib
from datetime import datetime

import structlog
from fastapi import Request

from canonical.errors import GatewayError
from store.access import people, sessions
from store.access.people import User
from store.access.sessions import ThrottleKey
from store.database import Connection
from workbench.access.passwords import digest_of, new_secret
from workbench.web import cookies
from workbench.web.access import LONGEST
from workbench.web.requests import remote_of
from workbench.web.site import Site

TRIES_A_NAME = 5
TRIES_AN_ADDRESS = 20

log = structlog.get_logger(__name__)


class WrongPassword(GatewayError):
    """Name or password is wrong; which of them is not told."""

    default_code = "wrong_password"


class TooManyTries(GatewayError):
    """Signing in is paused until then."""

    default_code = "too_many_tries"

    def __init__(self, until: datetime) -> None:
        super().__init__("too many tries; signing in is paused for a while")
        self.until = until


async def sign_in(site: Site, request: Request, name: str, password: str) -> str:
    """Begin a session for who knows the password; the secret of its cookie.

    Raises TooManyTries, WrongPassword.
    """
    now = site.clock()
    keys = throttle_keys(request, name)
    until = await site.database.write(lambda connection: sessions.admit(connection, keys, now))
    if until is not None:
        log.warning("signing in is paused", until=until.isoformat())
        raise TooManyTries(until)
    known = await site.database.read(
        lambda connection: people.password_of(connection, name.strip().lower())
    )
    stored = known[1] if known else None
    matches, better = await site.passwords.verify(password, stored)
    if not matches or known is None:
        raise WrongPassword("name or password is wrong")

    def forgive(connection: Connection) -> None:
        sessions.forgive(connection, *keys)
        if better is not None:
            people.replace_hash(connection, known[0].name, known[1], better)

    await site.database.write(forgive)
    return await begin_session(site, request, known[0])


async def begin_session(site: Site, request: Request, user: User) -> str:
    """A new session, in the place of the one this browser had; the secret of its cookie."""
    now, secret = site.clock(), new_secret()
    old = cookies.session_cookie(request, secure=site.is_secure(request))
    await site.database.write(
        lambda connection: sessions.begin_session(
            connection,
            digest_of(secret),
            user.user_id,
            ends_at=now + LONGEST,
            now=now,
            replaced=None if old is None else digest_of(old),
        )
    )
    return secret


def throttle_keys(request: Request, name: str) -> tuple[ThrottleKey, ThrottleKey]:
    """What tries to sign in are counted by: the name, and where they come from."""
    return (
        ThrottleKey(_digest("name", name.strip().lower()), TRIES_A_NAME),
        ThrottleKey(_digest("address", remote_of(request)), TRIES_AN_ADDRESS),
    )


def _digest(kind: str, text: str) -> bytes:
    return hashlib.sha256(f"{kind}\0{text}".encode("utf-8", "replace")).digest()
