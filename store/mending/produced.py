"""What a receipt has produced: the facts that came out of it first."""

from __future__ import annotations

from sqlalchemy import Connection, select

from store.mending.corrections import corrected_id
from store.tables import messages


def published_keys(
    connection: Connection, receipt_id: int, limit: int
) -> list[tuple[int, str, str]]:
    """(row id, key, place in the payload) of a receipt's new messages, corrections left out."""
    table = messages.c
    found = connection.execute(
        select(table.id, table.key, table.at)
        .where(
            table.receipt_id == receipt_id,
            table.verdict == "new",
        )
        .order_by(table.position)
        .limit(limit)
    )
    return [(one.id, one.key, one.at) for one in found if corrected_id(one.key) is None]
