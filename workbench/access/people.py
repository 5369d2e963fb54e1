"""Users, links and tokens: the rules, for the command line, the API and the pages alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from canonical.errors import Malformed
from store.access import api_tokens, people
from store.access.api_tokens import ApiToken, NewToken
from store.access.people import NewLink, User
from store.database import Connection, Database
from store.ids import IdSource
from workbench.access.passwords import (
    SHOWN_CHARACTERS,
    Passwords,
    check_password,
    digest_of,
    new_secret,
    new_token,
)
from workbench.access.roles import Role, may, parse_role

LINK_LIFE = timedelta(minutes=30)
TOKEN_DAYS = 90
LONGEST_TOKEN_DAYS = 730
WELCOME = "/workbench/welcome"

_NAME = re.compile(r"[a-z][a-z0-9._-]{0,39}")
_SPOKEN_FOR = frozenset({"gateway", "cli", "token", "system", "anonymous", "everyone"})
"""Names that stand for something else in the audit log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """What people are made with: where, by whom, when."""

    store: Database
    ids: IdSource
    by: str
    """The actor as the audit log names it."""
    now: datetime


def check_name(name: str) -> str:
    """A name somebody can have. Raises Malformed (`bad_name`)."""
    name = name.strip().lower()
    if not _NAME.fullmatch(name) or name in _SPOKEN_FOR:
        raise Malformed(
            "a name is 1 to 40 of a-z, 0-9, '.', '_' and '-', and begins with a letter",
            code="bad_name",
            path="name",
        )
    return name


def check_display_name(text: str, name: str) -> str:
    """What a person is called on pages; their name when empty. Raises Malformed (`bad_name`)."""
    text = " ".join(text.split()) or name
    if len(text) > 80 or not text.isprintable():
        raise Malformed("at most 80 printable characters", code="bad_name", path="display_name")
    return text


async def add_user(maker: Maker, name: str, role: str, display_name: str = "") -> User:
    """Add a person; they set their password by a link. Raises Malformed."""
    name = check_name(name)
    shown, given = check_display_name(display_name, name), parse_role(role)
    number = maker.ids.next()
    return await maker.store.write(
        lambda connection: people.add_user(
            connection,
            user_id=number,
            name=name,
            display_name=shown,
            role=given,
            by=maker.by,
            now=maker.now,
        )
    )


async def link_for(maker: Maker, name: str, base_url: str) -> str:
    """A link by which a person sets their password, once, within half an hour.

    Raises Unsupported (`unknown_user`), Malformed (`user_disabled`).
    """
    secret = new_secret()

    def make(connection: Connection) -> None:
        user = people.load_user(connection, name)
        if user.disabled_at is not None:
            raise Malformed("let the person in again first", code="user_disabled")
        link = NewLink(
            digest=digest_of(secret), user_id=user.user_id, expires_at=maker.now + LINK_LIFE
        )
        people.add_link(connection, link, by=maker.by, now=maker.now)

    await maker.store.write(make)
    return _address(base_url, secret)


async def first_run_link(
    store: Database, base_url: str, now: datetime, *, by: str = "gateway"
) -> str | None:
    """A link by which the first administrator makes themself known; None when there are users.

    `base_url` is how a browser reaches the gateway, e.g. `http://127.0.0.1:8080`. The link is good
    for half an hour and once; every start makes a new one until somebody has used one.
    """
    if not await store.read(people.nobody_yet):
        return None
    secret = new_secret()
    link = NewLink(digest=digest_of(secret), user_id=None, expires_at=now + LINK_LIFE)
    await store.write(lambda connection: people.add_link(connection, link, by=by, now=now))
    return _address(base_url, secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """What somebody filled in who came by a link."""

    secret: str
    password: str
    name: str = ""
    display_name: str = ""


async def accept_welcome(
    store: Database, ids: IdSource, passwords: Passwords, welcome: Welcome, now: datetime
) -> User:
    """Set the password of whoever a link is for; the first administrator also chooses a name.

    Raises Unsupported (`unknown_link`), Malformed (`bad_name`, `weak_password`).
    """
    digest = digest_of(welcome.secret)
    good, user = await store.read(lambda connection: people.find_link(connection, digest, now))
    if good and user is None:
        return await _first_admin(store, ids, passwords, welcome, now)
    names = (user.name, user.display_name) if user else ()
    check_password(welcome.password, *names)
    hashed = await passwords.hash(welcome.password) if good else ""
    return await store.write(lambda connection: people.use_link(connection, digest, hashed, now))


async def _first_admin(
    store: Database, ids: IdSource, passwords: Passwords, welcome: Welcome, now: datetime
) -> User:
    name = check_name(welcome.name)
    shown = check_display_name(welcome.display_name, name)
    check_password(welcome.password, name, shown)
    hashed = await passwords.hash(welcome.password)
    number = ids.next()
    return await store.write(
        lambda connection: people.use_first_link(
            connection,
            digest_of(welcome.secret),
            user_id=number,
            name=name,
            display_name=shown,
            password_hash=hashed,
            now=now,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenWish:
    """A token somebody asks for."""

    name: str
    role: str
    days: int = TOKEN_DAYS
    owner: User | None = None
    """Whose it is: it never reaches further than its owner. None: a program's."""


async def add_token(maker: Maker, wish: TokenWish) -> tuple[str, ApiToken]:
    """Make a token: its text, which is shown this once, and what is kept of it.

    Raises Malformed (`bad_token`, `unknown_role`, `role_too_high`).
    """
    name, role = " ".join(wish.name.split()), parse_role(wish.role)
    if not (name and len(name) <= 60 and name.isprintable()):
        raise Malformed("a token needs a name of 1 to 60 characters", code="bad_token", path="name")
    if not 1 <= wish.days <= LONGEST_TOKEN_DAYS:
        raise Malformed(
            f"a token lives 1 to {LONGEST_TOKEN_DAYS} days", code="bad_token", path="days"
        )
    if wish.owner is not None and not may(Role(wish.owner.role), role):
        raise Malformed(
            "a token reaches no further than its owner", code="role_too_high", path="role"
        )
    text = new_token()
    kept = NewToken(
        token_id=maker.ids.next(),
        name=name,
        prefix=text[:SHOWN_CHARACTERS],
        digest=digest_of(text),
        role=role,
        user_id=wish.owner.user_id if wish.owner else None,
        expires_at=maker.now + timedelta(days=wish.days),
    )
    token = await maker.store.write(
        lambda connection: api_tokens.add_token(connection, kept, by=maker.by, now=maker.now)
    )
    return text, token


def _address(base_url: str, secret: str) -> str:
    return f"{base_url.rstrip('/')}{WELCOME}?link={secret}"
