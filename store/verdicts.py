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
from store.statements import insert_new, select_among
from store.tables import entity_versions, fact_keys
from store.times import micros


class Candidate(NamedTuple):
    """A message and the receipt it came out of."""

    receipt_id: int
    message: NewMessage


def judge(connection: Connection, candidates: Sequence[Candidate], now: datetime) -> list[str]:
    """The verdict on each message, in their order: new, duplicate, stale or conflict.

    The key of a new or stale message is taken for ever. A conflict changes nothing: the content
    known first stays the one that later reports are compared with.
    """
    firsts = _take_keys(connection, candidates, now)
    known = _known_contents(connection, candidates, firsts)
    stale = _stale_rows(connection, [one for one in candidates if _is_first(one, firsts)])
    return [_verdict(one.message, firsts, known, stale) for one in candidates]


def _is_first(one: Candidate, firsts: Mapping[bytes, NewMessage]) -> bool:
    first = firsts.get(one.message.key_digest)
    return first is not None and first.row_id == one.message.row_id


def _verdict(
    message: NewMessage,
    firsts: Mapping[bytes, NewMessage],
    known: Mapping[bytes, bytes],
    stale: set[int],
) -> str:
    first = firsts.get(message.key_digest)
    if first is not None and first.row_id == message.row_id:
        return "stale" if message.row_id in stale else "new"
    content = first.content_digest if first is not None else known[message.key_digest]
    return "duplicate" if content == message.content_digest else "conflict"


def _take_keys(
    connection: Connection, candidates: Sequence[Candidate], now: datetime
) -> dict[bytes, NewMessage]:
    """The messages of this batch that are the first of their key anywhere."""
    wanted: dict[bytes, Candidate] = {}
    for one in candidates:
        wanted.setdefault(one.message.key_digest, one)
    created = micros(now)
    rows = [
        {
            "key_digest": digest,
            "content_digest": wanted[digest].message.content_digest,
            "message_row_id": wanted[digest].message.row_id,
            "receipt_id": wanted[digest].receipt_id,
            "created_at": created,
        }
        for digest in sorted(wanted)
    ]
    taken = insert_new(connection, fact_keys, rows, fact_keys.c.key_digest)
    return {digest: one.message for digest, one in wanted.items() if digest in taken}


def _known_contents(
    connection: Connection, candidates: Sequence[Candidate], firsts: Mapping[bytes, NewMessage]
) -> dict[bytes, bytes]:
    digests = {one.message.key_digest for one in candidates} - firsts.keys()
    statement = select(fact_keys.c.key_digest, fact_keys.c.content_digest)
    found = select_among(connection, statement, fact_keys.c.key_digest, sorted(digests))
    return {bytes(row.key_digest): bytes(row.content_digest) for row in found}


def _stale_rows(connection: Connection, firsts: Sequence[Candidate]) -> set[int]:
    """The rows whose entity is already known in a newer version; the others advance it."""
    versioned = [
        (one.message.entity_digest, one.message.version, one.message.row_id)
        for one in firsts
        if one.message.entity_digest is not None and one.message.version is not None
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
    start: dict[bytes, tuple[str, int]] = {}
    for entity, version, row_id in versioned:
        start.setdefault(entity, (version, row_id))
    rows = [
        {"entity_digest": entity, "version": start[entity][0], "message_row_id": start[entity][1]}
        for entity in sorted(start)
    ]
    begun = insert_new(connection, entity_versions, rows, entity_versions.c.entity_digest)
    current = {entity: start[entity][0] for entity in begun}
    known = (
        select(entity_versions.c.entity_digest, entity_versions.c.version)
        .order_by(entity_versions.c.entity_digest)
        .with_for_update()
    )
    others = sorted(start.keys() - begun)
    for row in select_among(connection, known, entity_versions.c.entity_digest, others):
        current[bytes(row.entity_digest)] = row.version
    return current


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
