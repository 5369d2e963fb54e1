"""`gateway users` and `gateway tokens`: what is printed of people, and done for them by shell."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime

from rich.table import Table

from canonical.errors import Unsupported
from configuration import HttpSettings
from store.access import api_tokens, people
from store.access.api_tokens import TOKEN, ApiToken
from store.access.people import User
from store.database import Database
from store.ids import IdSource, parse_id, show_id
from workbench.access.people import Maker, TokenWish, add_token, add_user, first_run_link, link_for
from workbench.access.roles import parse_role
from workbench.showing import console, harmless, time_text


def shell_actor() -> str:
    """Who is at the shell, as the audit log names them: `cli:NAME`."""
    return f"cli:{getpass.getuser()}"


def address_of(http: HttpSettings) -> str:
    """How a browser on this machine reaches the gateway, unless it is configured."""
    if http.public_url:
        return http.public_url
    host = "127.0.0.1" if http.host in {"0.0.0.0", "::"} else http.host  # noqa: S104 - no binding
    return f"http://{f'[{host}]' if ':' in host else host}:{http.port}"


async def add_and_link(
    store: Database,
    http: HttpSettings,
    name: str,
    role: str,
    *,
    display_name: str,
    url: str | None,
) -> None:
    """Add a person and print their link. Raises Malformed."""
    user = await add_user(_maker(store), name, role, display_name)
    print(f"{user.name} is {user.role}. To set the password, once and within half an hour:")
    print(await link_for(_maker(store), user.name, url or address_of(http)))


async def print_link(
    store: Database, http: HttpSettings, name: str | None, *, url: str | None
) -> None:
    """Print a link for a person, or for the first administrator.

    Raises Unsupported (`unknown_user`, `not_the_first`).
    """
    base = url or address_of(http)
    if name is not None:
        print(await link_for(_maker(store), name, base))
        return
    link = await first_run_link(store, base, datetime.now(UTC), by=shell_actor())
    if link is None:
        raise Unsupported("there are users already: name the one it is for", code="not_the_first")
    print(link)


async def change_role(store: Database, name: str, role: str) -> None:
    """Give a person another role and say so."""
    given, now = parse_role(role), datetime.now(UTC)
    user = await store.write(
        lambda connection: people.set_role(connection, name, given, by=shell_actor(), now=now)
    )
    print(f"{user.name} is {user.role}")


async def shut_out(store: Database, name: str) -> None:
    """Shut a person out and say so."""
    now = datetime.now(UTC)
    user = await store.write(
        lambda connection: people.disable_user(connection, name, by=shell_actor(), now=now)
    )
    print(f"{user.name} is shut out")


async def let_in(store: Database, name: str) -> None:
    """Let a person in again and say so."""
    now = datetime.now(UTC)
    user = await store.write(
        lambda connection: people.enable_user(connection, name, by=shell_actor(), now=now)
    )
    print(f"{user.name} may come in again")


async def print_users(store: Database, *, as_json: bool) -> None:
    """Print everybody; as JSON an array of objects."""
    found = await store.read(people.list_users)
    if as_json:
        documents = [
            {
                "name": one.name,
                "full_name": one.display_name,
                "role": one.role,
                "state": state_of(one),
                "since": time_text(one.created_at),
            }
            for one in found
        ]
        print(json.dumps(documents, indent=2))
        return
    table = Table("name", "full name", "role", "state", "since")
    for one in found:
        since = time_text(one.created_at)
        table.add_row(one.name, harmless(one.display_name), one.role, state_of(one), since)
    console().print(table if found else "nobody yet: gateway users link, or gateway users add NAME")


def state_of(user: User) -> str:
    """`active`, `invited` (no password yet) or `shut out`."""
    if user.disabled_at is not None:
        return "shut out"
    return "active" if user.has_password else "invited"


async def make_token(
    store: Database, name: str, role: str, *, days: int, owner: str | None
) -> None:
    """Make a token and print it. Raises Malformed, Unsupported (`unknown_user`)."""
    user = None
    if owner is not None:
        user = await store.read(lambda connection: people.load_user(connection, owner))
    wish = TokenWish(name=name, role=role, days=days, owner=user)
    text, token = await add_token(_maker(store), wish)
    shown = show_id(TOKEN, token.token_id)
    print(f"{shown}, {token.role}, good until {time_text(token.expires_at)}. Shown this once:")
    print(text)


async def print_tokens(store: Database, *, as_json: bool) -> None:
    """Print every token; as JSON an array of objects."""
    found = await store.read(api_tokens.list_tokens)
    rows = [_token_row(one, datetime.now(UTC)) for one in found]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = Table("id", "name", "begins", "owner", "role", "state", "last used", "expires")
    for row in rows:
        table.add_row(*(harmless(str(value)) for value in row.values()))
    console().print(table if rows else "no tokens")


async def revoke(store: Database, shown_id: str) -> bool:
    """End a token; False when it had ended. Raises Malformed, Unsupported (`unknown_token`)."""
    number, now = parse_id(TOKEN, shown_id), datetime.now(UTC)
    ended = await store.write(
        lambda connection: api_tokens.revoke_token(connection, number, by=shell_actor(), now=now)
    )
    print(f"{shown_id}: {'revoked' if ended else 'was revoked before'}")
    return ended


def _token_row(token: ApiToken, now: datetime) -> dict[str, str]:
    state = "expired" if token.expires_at <= now else "active"
    return {
        "id": show_id(TOKEN, token.token_id),
        "name": token.name,
        "begins": token.prefix,
        "owner": token.owner or "a program",
        "role": token.role,
        "state": "revoked" if token.revoked_at else state,
        "last_used": time_text(token.last_used_at),
        "expires": time_text(token.expires_at),
    }


def _maker(store: Database) -> Maker:
    return Maker(store=store, ids=IdSource(), by=shell_actor(), now=datetime.now(UTC))
