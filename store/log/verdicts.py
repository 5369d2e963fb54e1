"""Verdicts: which of a batch of messages are new, and which were known, outdated or contradict.

Everything is decided against the unique keys of the database, in the transaction that stores the
messages; keys are always taken in sorted order, so that transactions never wait in a ring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from store.records import NewMessage
from store.statements import insert_free, select_among
from store.tables import entity_versions, fact_keys
from store.times import micros


class Candidate(NamedTuple):
    """A message and the receipt it came out of."""

    receipt_id: int
    message: NewMessage


class _Holder(NamedTuple):
    """The message that holds a key, and the content known under it."""

    row_id: int
    content_digest: bytes


_FACT_KEY = ("key_digest", "content_digest", "message_row_id", "receipt_id", "created_at")
_ENTITY_VERSION = ("entity_digest", "version", "message_row_id")


def judge(connection: Connection, candidates: Sequence[Candidate], now: datetime) -> list[str]:
    """The verdict on each message, in their order: new, duplicate, stale or conflict.

    The key of a new or stale message is taken for ever. A conflict changes nothing: the content
    known first stays the one that later reports are compared with.
    """
    holders = _take_keys(connection, candidates, now)
    stale = _stale_rows(connection, [one.message for one in candidates if _holds(one, holders)])
    return [_verdict(one.message, holders[one.message.key_digest], stale) for one in candidates]


def _holds(one: Candidate, holders: Mapping[bytes, _Holder]) -> bool:
    return holders[one.message.key_digest].row_id == one.message.row_id


def _verdict(message: NewMessage, holder: _Holder, stale: set[int]) -> str:
    if holder.row_id == message.row_id:
        return "stale" if message.row_id in stale else "new"
    return "duplicate" if holder.content_digest == message.content_digest else "conflict"


def _take_keys(
    connection: Connection, candidates: Sequence[Candidate], now: datetime
) -> dict[bytes, _Holder]:
    """Who holds the keys of this batch, after the free ones are taken by the batch itself."""
    wanted: dict[bytes, Candidate] = {}
    for one in candidates:
        wanted.setdefault(one.message.key_digest, one)
    created = micros(now)
    values = [
        (digest, one.message.content_digest, one.message.row_id, one.receipt_id, created)
        for digest, one in sorted(wanted.items())
    ]
    if insert_free(connection, fact_keys, _FACT_KEY, values) == len(values):
        return {digest: _Holder(row_id, content) for digest, content, row_id, *_ in values}
    statement = select(*(fact_keys.c[name] for name in _FACT_KEY[:3]))
    found = select_among(connection, statement, fact_keys.c.key_digest, sorted(wanted))
    return {
        bytes(row.key_digest): _Holder(row.message_row_id, bytes(row.content_digest))
        for row in found
    }


def _stale_rows(connection: Connection, firsts: Sequence[NewMessage]) -> set[int]:
    """The rows whose entity is already known in a newer version; the others advance it."""
    versioned = [
        (one.entity_digest, one.version, one.row_id)
        for one in firsts
        if one.entity_digest is not None and one.version is not None
    ]
    if not versioned:
        return set()
    current = _lock_versions(connection, versioned)
    stored = dict(current)
    holders: dict[bytes, int] = {}
    stale = set()
    for entity, version, row_id in versioned:
        if version < current[entity]:
            stale.add(row_id)
        else:
            current[entity], holders[entity] = version, row_id
    newer = {entity: version for entity, version in current.items() if version != stored[entity]}
    _advance(connection, newer, holders)
    return stale


def _lock_versions(
    connection: Connection, versioned: Sequence[tuple[bytes, str, int]]
) -> dict[bytes, str]:
    """The version each entity is at, held against others; one that is not known yet starts here."""
    start: dict[bytes, tuple[bytes, str, int]] = {}
    for one in versioned:
        start.setdefault(one[0], one)
    values = sorted(start.values())
    if insert_free(connection, entity_versions, _ENTITY_VERSION, values) == len(values):
        return {entity: version for entity, version, _ in values}
    known = (
        select(entity_versions.c.entity_digest, entity_versions.c.version)
        .order_by(entity_versions.c.entity_digest)
        .with_for_update()
    )
    found = select_among(connection, known, entity_versions.c.entity_digest, sorted(start))
    return {bytes(row.entity_digest): row.version for row in found}


def _advance(
    connection: Connection, newer: Mapping[bytes, str], holders: Mapping[bytes, int]
) -> None:
    if newer:
        connection.execute(
            update(entity_versions)
            .where(entity_versions.c.entity_digest == bindparam("entity"))
            .values(version=bindparam("newer"), message_row_id=bindparam("holder")),
            [
                {"entity": entity, "newer": newer[entity], "holder": holders[entity]}
                for entity in sorted(newer)
            ],
        )
