"""Receipts newest first, in stretches of bounded size, and what stands around one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, select

from store.intake.inbox import receipt_row
from store.records import ReceiptRow
from store.tables import messages, receipts

STRETCH: Final = 4000
MOST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Receipts that fit, of a stretch of the store."""

    rows: Sequence[ReceiptRow]
    lowest: int | None
    """The last one that was looked at; None where there was none."""


def stretch(
    connection: Connection, before: int, floor: int, filters: Mapping[str, str], limit: int
) -> Stretch:
    """The stretch of receipts before one of them: at most `limit` that fit, newest first."""
    table = receipts.c
    looked_at = (
        select(table.id)
        .where(table.id < before, table.id >= floor)
        .order_by(table.id.desc())
        .limit(STRETCH)
        .subquery()
    )
    lowest = connection.scalar(select(func.min(looked_at.c.id)))
    if lowest is None:
        return Stretch(rows=(), lowest=None)
    fitting = (
        select(receipts)
        .where(table.id >= lowest, table.id < before)
        .where(*(table[name] == value for name, value in filters.items() if value))
        .order_by(table.id.desc())
        .limit(limit)
    )
    return Stretch(rows=[receipt_row(one) for one in connection.execute(fitting)], lowest=lowest)


def again(connection: Connection, receipt_id: int) -> list[ReceiptRow]:
    """The redeliveries of a receipt, oldest first, at most a hundred."""
    statement = select(receipts).where(receipts.c.first_receipt_id == receipt_id)
    found = connection.execute(statement.order_by(receipts.c.id).limit(MOST))
    return [receipt_row(one) for one in found]


def message_ids(connection: Connection, receipt_id: int, limit: int = MOST) -> list[int]:
    """The rows a receipt became, in its order."""
    statement = (
        select(messages.c.id)
        .where(messages.c.receipt_id == receipt_id)
        .order_by(messages.c.position)
        .limit(limit)
    )
    return list(connection.scalars(statement))
