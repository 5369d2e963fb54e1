"""Sessions of signed-in people, and how often somebody may try to sign in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from store.access.audit_log import append_audit
from store.statements import among, insert_all, insert_missing, upsert
from store.tables import login_throttles, sessions, users
from store.times import micros, moment

SEEN_EVERY = timedelta(minutes=1)
"""When a session was last seen is written down at most this often."""

FORGOTTEN_AFTER = timedelta(minutes=15)
"""Failures count for this long after the last of them."""
SWEPT_AFTER = timedelta(days=1)
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who is signed in."""

    user_id: int
    name: str
    display_name: str
    role: str
    created_at: datetime
    last_seen_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class ThrottleKey:
    """Something tries to sign in are counted by."""

    digest: bytes
    free: int
    """So many failures cost nothing; each one more doubles the pause."""


def begin_session(
    connection: Connection,
    digest: bytes,
    user_id: int,
    *,
    ends_at: datetime,
    now: datetime,
    replaced: bytes | None,
) -> None:
    """Keep a new session; the one it replaces ends, and what has run out is swept away."""
    connection.execute(delete(sessions).where(sessions.c.ends_at <= micros(now)))
    connection.execute(
        delete(login_throttles).where(login_throttles.c.last_at <= micros(now - SWEPT_AFTER))
    )
    if replaced is not None:
        connection.execute(delete(sessions).where(sessions.c.digest == replaced))
    row = {
        "digest": digest,
        "user_id": user_id,
        "created_at": micros(now),
        "last_seen_at": micros(now),
        "ends_at": micros(ends_at),
    }
    insert_all(connection, sessions, [row])
    name = connection.scalar(select(users.c.name).where(users.c.id == user_id)) or ""
    append_audit(connection, at=now, actor=name, action="session.begin", target=name, details={})


def find_session(
    connection: Connection, digest: bytes, *, idle: timedelta, now: datetime
) -> Session | None:
    """The session with this digest, if it has not run out and its person is not shut out."""
    found = connection.execute(
        select(sessions, users.c.name, users.c.display_name, users.c.role)
        .join(users, users.c.id == sessions.c.user_id)
        .where(
            sessions.c.digest == digest,
            sessions.c.ends_at > micros(now),
            sessions.c.last_seen_at > micros(now - idle),
            users.c.disabled_at.is_(None),
        )
    ).first()
    if found is None:
        return None
    times = {name: moment(getattr(found, name)) for name in _TIMES}
    return Session(
        user_id=found.user_id,
        name=found.name,
        display_name=found.display_name,
        role=found.role,
        **times,
    )


_TIMES = ("created_at", "last_seen_at", "ends_at")


def note_seen(connection: Connection, digest: bytes, now: datetime) -> None:
    """Write down that a session is in use."""
    connection.execute(
        update(sessions).where(sessions.c.digest == digest).values(last_seen_at=micros(now))
    )


def end_session(connection: Connection, digest: bytes, *, by: str, now: datetime) -> None:
    """End one session."""
    ended = connection.execute(delete(sessions).where(sessions.c.digest == digest))
    if ended.rowcount:
        append_audit(connection, at=now, actor=by, action="session.end", target=by, details={})


def end_other_sessions(
    connection: Connection, user_id: int, kept: bytes, *, by: str, now: datetime
) -> int:
    """End a person's sessions but this one; how many there were."""
    ended = connection.execute(
        delete(sessions).where(sessions.c.user_id == user_id, sessions.c.digest != kept)
    ).rowcount
    if ended:
        details = {"others": ended}
        append_audit(connection, at=now, actor=by, action="session.end", target=by, details=details)
    return ended


def count_sessions(connection: Connection, user_id: int, now: datetime) -> int:
    """How many sessions a person has open."""
    chosen = select(func.count()).where(
        sessions.c.user_id == user_id, sessions.c.ends_at > micros(now)
    )
    return int(connection.scalar(chosen) or 0)


def admit(connection: Connection, keys: Sequence[ThrottleKey], now: datetime) -> datetime | None:
    """Let somebody try to sign in, or say when they may.

    A try counts as a failure before it is made, so that tries made at once cannot pass together;
    `forgive` takes it back.
    """
    held = _throttles(connection, keys)
    blocked = [row.blocked_until for row in held.values() if row.blocked_until > micros(now)]
    if blocked:
        return moment(max(blocked))
    for key in keys:
        _count_failure(connection, key, held[key.digest], now)
    return None


def forgive(connection: Connection, name: ThrottleKey, address: ThrottleKey) -> None:
    """After signing in: forget the name's failures, and take back the address's last one."""
    connection.execute(delete(login_throttles).where(login_throttles.c.key == name.digest))
    connection.execute(
        update(login_throttles)
        .where(login_throttles.c.key == address.digest, login_throttles.c.failures > 0)
        .values(failures=login_throttles.c.failures - 1, blocked_until=0)
    )


def _throttles(connection: Connection, keys: Sequence[ThrottleKey]) -> dict[bytes, Any]:
    wanted = sorted(key.digest for key in keys)
    # There before it is looked at: a row can be locked, the lack of one cannot.
    none_yet = {"failures": 0, "last_at": 0, "blocked_until": 0}
    insert_missing(connection, login_throttles, [{"key": one} | none_yet for one in wanted])
    chosen = (
        select(login_throttles)
        .where(among(connection, login_throttles.c.key, wanted))
        .order_by(login_throttles.c.key)
        .with_for_update()
    )
    return {bytes(found.key): found for found in connection.execute(chosen)}


def _count_failure(connection: Connection, key: ThrottleKey, held: Any, now: datetime) -> None:
    fresh = held.last_at <= micros(now - FORGOTTEN_AFTER)
    failures = 1 if fresh else held.failures + 1
    row = {
        "key": key.digest,
        "failures": failures,
        "last_at": micros(now),
        "blocked_until": micros(now + _pause(failures - key.free)),
    }
    upsert(connection, login_throttles, row)


def _pause(failures_too_many: int) -> timedelta:
    if failures_too_many < 0:
        return timedelta()
    return min(FIRST_PAUSE * (1 << min(failures_too_many, 10)), LONGEST_PAUSE)
