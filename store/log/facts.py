"""From a message's CloudEvents id to the rows that report its fact."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, select

from canonical.keys import message_id
from store.statements import not_state
from store.tables import fact_keys, messages

_EXACT = 6
"""So many first bytes of a message id are those of its key's digest (see `message_id`)."""


def first_row(connection: Connection, wanted: str) -> int | None:
    """The row that holds the fact's key: its first report. None for an unknown id, or none."""
    try:
        start = UUID(wanted).bytes[:_EXACT]
    except ValueError:
        return None
    digests = fact_keys.c.key_digest
    statement = select(digests, fact_keys.c.message_row_id).where(
        digests >= start, digests < start + b"\xff" * (32 - _EXACT)
    )
    for digest, row_id in connection.execute(statement):
        if message_id(bytes(digest)) == wanted.lower():
            return int(row_id)
    return None


def rows_of_fact(connection: Connection, wanted: str, *, most: int = 1000) -> list[int]:
    """The rows of all reports of a fact, first the one that holds its key; at most so many."""
    first = first_row(connection, wanted)
    if first is None:
        return []
    repeated = (
        select(messages.c.id)
        .where(messages.c.message_id == wanted.lower(), not_state(messages.c.verdict, "new"))
        .order_by(messages.c.id)
        .limit(most)
    )
    return [first, *(row for row in connection.scalars(repeated) if row != first)]
