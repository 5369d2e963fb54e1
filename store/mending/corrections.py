"""Corrections: other content under a known key, published as a message of its own.

A correction has the entity and the version of what it corrects, the key with `/correction/N`
behind it (N counts from 1), and the data as it should have been. Its envelope names
the corrected message (`corrects`, see `corrected_id`). From then on reports of the fact are
compared with the corrected content.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, func, select, update

from canonical.errors import Unsupported
from canonical.keys import Key, message_id
from store.log.message_log import LOGGED, append_block
from store.mending.contested import Contested
from store.statements import insert_all, insert_missing
from store.tables import (
    corrections,
    entity_versions,
    fact_keys,
    message_references,
    messages,
    receipts,
)
from store.times import micros

CORRECTION: Final = "/correction/"
"""Stands in the key of every correction."""
_CORRECTION: Final = re.compile(rf"(?s)(.+){CORRECTION}([1-9]\d*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a fact should have said, and where that came from."""

    row_id: int
    """The id its message gets."""
    receipt_id: int
    key: str
    """Of the fact, without a correction's end."""
    content_digest: bytes
    type: str
    source: str
    subject: str
    occurred_at: datetime
    entity: str | None
    version: str | None
    correlation: str
    partition_key: str
    traceparent: str | None
    schema_uri: str
    data: str
    destinations: Sequence[str]
    references: Sequence[tuple[str, str]]
    """(scheme, value)"""
    at: str
    connector: str
    account: str


def corrected_id(key: str) -> str | None:
    """The CloudEvents id of the message that the one with this key corrects; None for others.

    It is the fact's own first message, however often it was corrected.
    """
    found = _CORRECTION.fullmatch(key)
    return None if found is None else message_id(Key(found[1]).digest)


def publish_correction(
    connection: Connection, content: Content, *, actor: str, reason: str, now: datetime
) -> int:
    """Publish other content under a known key; the new message's row id.

    Raises Unsupported (`unknown_key`), Contested: `already_so` when that is the known content,
    `outdated` when a newer version of its entity has been routed.
    """
    base = Key(content.key)
    known = connection.execute(
        select(fact_keys).where(fact_keys.c.key_digest == base.digest).with_for_update()
    ).first()
    if known is None:
        raise Unsupported("nothing is known under this key", code="unknown_key")
    if bytes(known.content_digest) == content.content_digest:
        raise Contested("this is what is known already", code="already_so")
    _refuse_outdated(connection, content)
    table = corrections.c
    last = connection.scalar(select(func.max(table.number)).where(table.key_digest == base.digest))
    number = (last or 0) + 1
    key = base.extended("correction", number)
    insert_all(connection, fact_keys, [_fact_row(content, key, now)])
    connection.execute(
        update(fact_keys)
        .where(fact_keys.c.key_digest == base.digest)
        .values(content_digest=content.content_digest)
    )
    _write_message(connection, content, key, now)
    row = {
        "key_digest": base.digest,
        "number": number,
        "message_row_id": content.row_id,
        "corrects_row_id": known.message_row_id,
        "at": micros(now),
        "actor": actor,
        "reason": reason,
    }
    insert_all(connection, corrections, [row])
    return content.row_id


def _refuse_outdated(connection: Connection, content: Content) -> None:
    if content.entity is None or content.version is None:
        return
    table = entity_versions.c
    current = connection.scalar(
        select(table.version).where(table.entity_digest == Key(content.entity).digest)
    )
    if current is not None and content.version < current:
        raise Contested("a newer version has been routed since", code="outdated")


def _fact_row(content: Content, key: Key, now: datetime) -> dict[str, Any]:
    return {
        "key_digest": key.digest,
        "content_digest": content.content_digest,
        "message_row_id": content.row_id,
        "receipt_id": content.receipt_id,
        "created_at": micros(now),
    }


def _write_message(connection: Connection, content: Content, key: Key, now: datetime) -> None:
    """Put the message behind the others of its receipt, and on the outbox."""
    connection.execute(
        update(receipts)
        .where(receipts.c.id == content.receipt_id)
        .values(message_count=receipts.c.message_count + 1)
    )
    last = connection.scalar(
        select(func.max(messages.c.position)).where(messages.c.receipt_id == content.receipt_id)
    )
    same = (
        "receipt_id", "type", "source", "subject", "entity", "version", "correlation",
        "partition_key", "traceparent", "schema_uri", "data", "content_digest", "at", "connector",
        "account",
    )  # fmt: skip
    row = {name: getattr(content, name) for name in same} | {
        "id": content.row_id,
        "position": -1 if last is None else int(last),
        "message_id": message_id(key.digest),
        "key": key.text,
        "occurred_at": micros(content.occurred_at),
        "destinations": orjson.dumps(list(content.destinations)).decode(),
        "verdict": "new",
        "state": "pending" if content.destinations else "discarded",
        "created_at": micros(now),
    }
    row["position"] += 1
    insert_all(connection, messages, [row])
    append_block(connection, [tuple(row[name] for name in LOGGED)], now)
    found_by = [
        {"value": value, "scheme": scheme, "message_row_id": content.row_id}
        for scheme, value in content.references
    ]
    insert_missing(connection, message_references, found_by)
