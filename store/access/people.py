"""Users and the one-time links by which they set their passwords. Every change is audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, func, select, update
from sqlalchemy import Row as Found

from canonical.errors import Malformed, Unsupported
from store.access.audit_log import append_audit
from store.statements import insert_all, insert_new
from store.tables import one_time_links, sessions, users
from store.times import micros, moment, moment_or_none

ADMIN = "admin"
"""The role of which somebody must always be left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person; the password's hash stays in the store."""

    user_id: int
    name: str
    display_name: str
    role: str
    has_password: bool
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLink:
    """A link to be made: only the digest of its secret is kept."""

    digest: bytes
    user_id: int | None
    """None: whoever opens it becomes the first administrator."""
    expires_at: datetime


def add_user(
    connection: Connection,
    *,
    user_id: int,
    name: str,
    display_name: str,
    role: str,
    by: str,
    now: datetime,
) -> User:
    """Add a person without a password yet. Raises Malformed (`name_taken`)."""
    row = {
        "id": user_id,
        "name": name,
        "display_name": display_name,
        "role": role,
        "created_at": micros(now),
    }
    if not insert_new(connection, users, [row], users.c.id):
        raise Malformed("somebody has that name already", code="name_taken", path="name")
    _note(connection, now, by, ("user.add", name), role=role)
    return load_user(connection, name)


def find_user(connection: Connection, name: str) -> User | None:
    """The person of this name, or None."""
    found = connection.execute(select(users).where(users.c.name == name)).first()
    return None if found is None else _user(found)


def load_user(connection: Connection, name: str) -> User:
    """The person of this name. Raises Unsupported (`unknown_user`)."""
    user = find_user(connection, name)
    if user is None:
        raise Unsupported("there is nobody of that name", code="unknown_user", path="name")
    return user


def list_users(connection: Connection) -> list[User]:
    """Everybody, by name."""
    return [_user(found) for found in connection.execute(select(users).order_by(users.c.name))]


def nobody_yet(connection: Connection) -> bool:
    """Whether there is no user at all."""
    return not connection.scalar(select(exists(select(users.c.id))))


def password_of(connection: Connection, name: str) -> tuple[User, str] | None:
    """A person who can sign in, with the password's hash; None for anybody else."""
    found = connection.execute(
        select(users).where(
            users.c.name == name, users.c.disabled_at.is_(None), users.c.password_hash.is_not(None)
        )
    ).first()
    return None if found is None else (_user(found), found.password_hash)


def set_password(
    connection: Connection, name: str, password_hash: str, *, by: str, now: datetime
) -> None:
    """Set a password and end every session that the old one began."""
    user = load_user(connection, name)
    _set_password(connection, user, password_hash, now)
    _note(connection, now, by, ("user.password", name))


def replace_hash(connection: Connection, name: str, old: str, new: str) -> None:
    """The same password, hashed with today's parameters; nothing if it was changed meanwhile."""
    connection.execute(
        update(users)
        .where(users.c.name == name, users.c.password_hash == old)
        .values(password_hash=new)
    )


def set_role(connection: Connection, name: str, role: str, *, by: str, now: datetime) -> User:
    """Give a person another role. Raises Malformed (`last_admin`) for the only administrator."""
    user = load_user(connection, name)
    if user.role == role:
        return user
    if role != ADMIN:
        _keep_an_admin(connection, user)
    connection.execute(update(users).where(users.c.id == user.user_id).values(role=role))
    _note(connection, now, by, ("user.role", name), was=user.role, role=role)
    return load_user(connection, name)


def disable_user(connection: Connection, name: str, *, by: str, now: datetime) -> User:
    """Shut a person out: sessions end, links and tokens no longer work. Raises as `set_role`."""
    user = load_user(connection, name)
    if user.disabled_at is not None:
        return user
    _keep_an_admin(connection, user)
    connection.execute(
        update(users).where(users.c.id == user.user_id).values(disabled_at=micros(now))
    )
    connection.execute(delete(sessions).where(sessions.c.user_id == user.user_id))
    connection.execute(delete(one_time_links).where(one_time_links.c.user_id == user.user_id))
    _note(connection, now, by, ("user.disable", name))
    return load_user(connection, name)


def enable_user(connection: Connection, name: str, *, by: str, now: datetime) -> User:
    """Let a person in again."""
    user = load_user(connection, name)
    if user.disabled_at is None:
        return user
    connection.execute(update(users).where(users.c.id == user.user_id).values(disabled_at=None))
    _note(connection, now, by, ("user.enable", name))
    return load_user(connection, name)


def add_link(connection: Connection, link: NewLink, *, by: str, now: datetime) -> None:
    """Make a one-time link; what has expired goes, and so does a person's older link."""
    connection.execute(delete(one_time_links).where(one_time_links.c.expires_at <= micros(now)))
    if link.user_id is not None:
        connection.execute(delete(one_time_links).where(one_time_links.c.user_id == link.user_id))
    row = {
        "digest": link.digest,
        "user_id": link.user_id,
        "made_by": by,
        "created_at": micros(now),
        "expires_at": micros(link.expires_at),
    }
    insert_all(connection, one_time_links, [row])
    name = None if link.user_id is None else _name_of(connection, link.user_id)
    _note(connection, now, by, ("user.link", name or "first administrator"))


def find_link(connection: Connection, digest: bytes, now: datetime) -> tuple[bool, User | None]:
    """Whether a link is good, and whose it is (None: the first administrator's)."""
    found = connection.execute(
        select(one_time_links.c.user_id).where(
            one_time_links.c.digest == digest, one_time_links.c.expires_at > micros(now)
        )
    ).first()
    if found is None:
        return False, None
    if found.user_id is None:
        return nobody_yet(connection), None
    user = _by_id(connection, found.user_id)
    return user is not None and user.disabled_at is None, user


def use_link(connection: Connection, digest: bytes, password_hash: str, now: datetime) -> User:
    """Set the password of the person a link was made for; the link is gone afterwards.

    Raises Unsupported (`unknown_link`).
    """
    good, user = find_link(connection, digest, now)
    taken = connection.execute(delete(one_time_links).where(one_time_links.c.digest == digest))
    if not good or user is None or not taken.rowcount:
        raise _no_link()
    _set_password(connection, user, password_hash, now)
    _note(connection, now, user.name, ("user.password", user.name), by_means_of="link")
    return load_user(connection, user.name)


def use_first_link(
    connection: Connection,
    digest: bytes,
    *,
    user_id: int,
    name: str,
    display_name: str,
    password_hash: str,
    now: datetime,
) -> User:
    """Make the first administrator; every such link is gone afterwards.

    Raises Unsupported (`unknown_link`), also when somebody was quicker.
    """
    good, _ = find_link(connection, digest, now)
    # Deleting them all lets one of two that come at once find its own gone.
    taken = connection.execute(
        delete(one_time_links)
        .where(one_time_links.c.user_id.is_(None))
        .returning(one_time_links.c.digest)
    ).scalars()
    if not good or digest not in {bytes(one) for one in taken}:
        raise _no_link()
    user = add_user(
        connection,
        user_id=user_id,
        name=name,
        display_name=display_name,
        role=ADMIN,
        by=name,
        now=now,
    )
    _set_password(connection, user, password_hash, now)
    return load_user(connection, name)


def _set_password(connection: Connection, user: User, password_hash: str, now: datetime) -> None:
    connection.execute(
        update(users)
        .where(users.c.id == user.user_id)
        .values(password_hash=password_hash, password_set_at=micros(now))
    )
    connection.execute(delete(sessions).where(sessions.c.user_id == user.user_id))


def _keep_an_admin(connection: Connection, leaving: User) -> None:
    if leaving.role != ADMIN or leaving.disabled_at is not None:
        return
    # Locked, so that of two administrators who shut each other out one is refused.
    held = connection.execute(
        select(users.c.id)
        .where(users.c.role == ADMIN, users.c.disabled_at.is_(None))
        .order_by(users.c.id)
        .with_for_update()
    ).scalars()
    if not set(held) - {leaving.user_id}:
        raise Malformed("somebody must be left who is an administrator", code="last_admin")


def _by_id(connection: Connection, user_id: int) -> User | None:
    found = connection.execute(select(users).where(users.c.id == user_id)).first()
    return None if found is None else _user(found)


def _name_of(connection: Connection, user_id: int) -> str | None:
    return connection.scalar(select(users.c.name).where(users.c.id == user_id))


def count_admins(connection: Connection) -> int:
    """How many administrators can sign in, or could once they have a password."""
    chosen = select(func.count()).where(users.c.role == ADMIN, users.c.disabled_at.is_(None))
    return int(connection.scalar(chosen) or 0)


def _no_link() -> Unsupported:
    return Unsupported("this link was used or has expired; ask for another", code="unknown_link")


def _note(
    connection: Connection, now: datetime, by: str, did: tuple[str, str], **details: str
) -> None:
    action, target = did
    append_audit(connection, at=now, actor=by, action=action, target=target, details=details)


def _user(found: Found[Any]) -> User:
    return User(
        user_id=found.id,
        name=found.name,
        display_name=found.display_name,
        role=found.role,
        has_password=found.password_hash is not None,
        created_at=moment(found.created_at),
        disabled_at=moment_or_none(found.disabled_at),
    )
