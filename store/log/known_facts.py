"""What is known under a key: the content that later reports are compared with, and its message."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from store.log.outbox import message_row
from store.records import MessageRow
from store.statements import select_among
from store.tables import corrections, entity_versions, fact_keys, messages


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFact:
    """A fact that has been reported before."""

    key_digest: bytes
    content_digest: bytes
    first_row_id: int
    current_row_id: int
    """The last correction's message, or the first's."""
    message: MessageRow | None
    """The current message; None when retention has dropped it."""


def known_facts(connection: Connection, key_digests: Iterable[bytes]) -> dict[bytes, KnownFact]:
    """Those of the keys that are known."""
    wanted = sorted(set(key_digests))
    columns = (
        fact_keys.c.key_digest,
        fact_keys.c.content_digest,
        fact_keys.c.message_row_id,
    )
    found = {
        bytes(row.key_digest): row
        for row in select_among(connection, select(*columns), columns[0], wanted)
    }
    corrected = latest_corrections(connection, found)
    current = {digest: corrected.get(digest, row.message_row_id) for digest, row in found.items()}
    rows = {
        row.id: message_row(row)
        for row in select_among(
            connection, select(messages), messages.c.id, sorted(set(current.values()))
        )
    }
    return {
        digest: KnownFact(
            key_digest=digest,
            content_digest=bytes(row.content_digest),
            first_row_id=row.message_row_id,
            current_row_id=current[digest],
            message=rows.get(current[digest]),
        )
        for digest, row in found.items()
    }


def latest_corrections(connection: Connection, key_digests: Iterable[bytes]) -> dict[bytes, int]:
    """The row ids of the last corrections under these keys, where there are any."""
    table = corrections.c
    last = select(table.key_digest, func.max(table.number).label("number")).group_by(
        table.key_digest
    )
    numbers = {
        (bytes(row.key_digest), row.number)
        for row in select_among(connection, last, table.key_digest, sorted(set(key_digests)))
    }
    statement = select(table.key_digest, table.number, table.message_row_id)
    found = select_among(
        connection, statement, table.key_digest, sorted({digest for digest, _ in numbers})
    )
    return {
        bytes(row.key_digest): row.message_row_id
        for row in found
        if (bytes(row.key_digest), row.number) in numbers
    }


def known_versions(connection: Connection, entity_digests: Iterable[bytes]) -> dict[bytes, str]:
    """The version each of these entities is at, where it is known."""
    table = entity_versions.c
    statement = select(table.entity_digest, table.version)
    found = select_among(connection, statement, table.entity_digest, sorted(set(entity_digests)))
    return {bytes(row.entity_digest): row.version for row in found}
