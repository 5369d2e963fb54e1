"""API tokens: kept as digests, recognised by them, and never shown again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, update
from sqlalchemy import Row as Found

from canonical.errors import Unsupported
from store.access.audit_log import append_audit
from store.ids import show_id
from store.statements import insert_all
from store.tables import api_tokens, users
from store.times import micros, moment, moment_or_none

TOKEN = "tok"  # noqa: S105 - see below
"""The prefix of a token's shown id, which is no secret."""

NOTED_EVERY = timedelta(minutes=1)
"""A use is written down at most this often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A token as it is listed; `prefix` is how its owner recognises it."""

    token_id: int
    name: str
    prefix: str
    role: str
    user_id: int | None
    owner: str | None
    """The person it belongs to; None: a program's."""
    owner_role: str | None
    made_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token to be kept."""

    token_id: int
    name: str
    prefix: str
    digest: bytes
    role: str
    user_id: int | None
    expires_at: datetime


def add_token(connection: Connection, token: NewToken, *, by: str, now: datetime) -> ApiToken:
    """Keep a new token."""
    row = {
        "id": token.token_id,
        "name": token.name,
        "prefix": token.prefix,
        "digest": token.digest,
        "role": token.role,
        "user_id": token.user_id,
        "made_by": by,
        "created_at": micros(now),
        "expires_at": micros(token.expires_at),
    }
    insert_all(connection, api_tokens, [row])
    known = {"name": token.name, "prefix": token.prefix, "role": token.role}
    _note(connection, now, by, ("token.add", token.token_id), **known)
    return load_token(connection, token.token_id)


def recognise_token(connection: Connection, digest: bytes, now: datetime) -> ApiToken | None:
    """The token with this digest, if it is good now and its owner is not shut out."""
    found = connection.execute(
        _with_owner().where(
            api_tokens.c.digest == digest,
            api_tokens.c.revoked_at.is_(None),
            api_tokens.c.expires_at > micros(now),
            users.c.disabled_at.is_(None),
        )
    ).first()
    if found is None or (found.user_id is not None and found.owner is None):
        return None
    return _token(found)


def is_use_due(token: ApiToken, now: datetime) -> bool:
    """Whether the last use written down is old enough to be written again."""
    return token.last_used_at is None or now - token.last_used_at >= NOTED_EVERY


def note_use(connection: Connection, token_id: int, now: datetime) -> None:
    """Write down that a token was used."""
    connection.execute(
        update(api_tokens).where(api_tokens.c.id == token_id).values(last_used_at=micros(now))
    )


def load_token(connection: Connection, token_id: int) -> ApiToken:
    """One token. Raises Unsupported (`unknown_token`)."""
    found = connection.execute(_with_owner().where(api_tokens.c.id == token_id)).first()
    if found is None:
        raise Unsupported("there is no such token", code="unknown_token")
    return _token(found)


def list_tokens(connection: Connection, *, owner: str | None = None) -> list[ApiToken]:
    """All tokens, or one person's; newest first."""
    statement = _with_owner().order_by(api_tokens.c.id.desc())
    if owner is not None:
        statement = statement.where(users.c.name == owner)
    return [_token(found) for found in connection.execute(statement)]


def revoke_token(connection: Connection, token_id: int, *, by: str, now: datetime) -> bool:
    """End a token for good; False when it had ended already. Raises Unsupported."""
    token = load_token(connection, token_id)
    open_token: ColumnElement[bool] = api_tokens.c.revoked_at.is_(None)
    changed = connection.execute(
        update(api_tokens)
        .where(api_tokens.c.id == token_id, open_token)
        .values(revoked_at=micros(now), revoked_by=by)
    )
    if changed.rowcount:
        known = {"name": token.name, "prefix": token.prefix}
        _note(connection, now, by, ("token.revoke", token_id), **known)
    return changed.rowcount > 0


def _with_owner() -> Any:
    owner = users.c.name.label("owner")
    owner_role = users.c.role.label("owner_role")
    return select(api_tokens, owner, owner_role).outerjoin(
        users, users.c.id == api_tokens.c.user_id
    )


def _note(
    connection: Connection, now: datetime, by: str, did: tuple[str, int], **details: str
) -> None:
    action, token_id = did
    target = show_id(TOKEN, token_id)
    append_audit(connection, at=now, actor=by, action=action, target=target, details=details)


def _token(found: Found[Any]) -> ApiToken:
    return ApiToken(
        token_id=found.id,
        name=found.name,
        prefix=found.prefix,
        role=found.role,
        user_id=found.user_id,
        owner=found.owner,
        owner_role=found.owner_role,
        made_by=found.made_by,
        created_at=moment(found.created_at),
        expires_at=moment(found.expires_at),
        last_used_at=moment_or_none(found.last_used_at),
        revoked_at=moment_or_none(found.revoked_at),
    )
