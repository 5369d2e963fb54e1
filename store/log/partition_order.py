"""Messages of one partition key leave in the order they were recorded, whoever publishes them.

One process keeps that order by itself. Several on PostgreSQL share a partition by two rules: what
is recorded behind a pending message that somebody else holds (or nobody) is not leased to its
recorder, and claims are made one at a time, passing over what stands behind such a message.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import (
    Connection,
    Exists,
    FromClause,
    Select,
    Text,
    any_,
    bindparam,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from store.statements import free_at, is_postgresql, is_state
from store.tables import messages

_CLAIMING = 0x6F32635F636C6D
"""The advisory lock of whoever is claiming."""


def held_elsewhere(
    connection: Connection, partitions: Iterable[str], owner: str, now: int
) -> set[str]:
    """Those of these partition keys with a pending message that is not this owner's to publish."""
    wanted = sorted(set(partitions))
    if not wanted or not is_postgresql(connection):
        return set()
    given = {"partitions": wanted, "owner": owner, "moment": now}
    return set(connection.scalars(_HELD, given))


_HELD: Select[tuple[str]] = (
    select(messages.c.partition_key)
    .distinct()
    .where(
        messages.c.partition_key == any_(bindparam("partitions", type_=ARRAY(Text))),
        is_state(messages.c.state, "pending"),
        or_(
            messages.c.claimed_by.is_distinct_from(bindparam("owner")),
            messages.c.claimed_until.is_(None),
            messages.c.claimed_until <= bindparam("moment"),
        ),
    )
)


def claim_alone(connection: Connection) -> None:
    """Wait until no other process claims; the next may when this transaction has ended."""
    if is_postgresql(connection):
        connection.execute(select(func.pg_advisory_xact_lock(_CLAIMING)))


def behind_another(older: FromClause, now: int, lease: timedelta) -> Exists:
    """Whether an older message of the same partition is pending and held."""
    return exists().where(
        older.c.partition_key == messages.c.partition_key,
        older.c.id < messages.c.id,
        is_state(older.c.state, "pending"),
        ~free_at(older.c.claimed_until, now, lease),
    )
