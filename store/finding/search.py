"""What search reads: blocks of messages' words, and messages newest first in bounded windows.

A block is a summary of some hundred messages that stand next to each other. It says what cannot
be in them; whether something is, is read in the messages. docs/adr/0006-search.md says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, delete, func, select

from store import retained
from store.ids import first_id_at
from store.log.outbox import message_row
from store.records import MessageRow
from store.statements import among, upsert
from store.tables import message_references, messages, search_blocks

BLOCK_ROWS: Final = 256
SETTLED: Final = timedelta(seconds=60)
"""Messages are put into blocks when they are so old that no transaction brings older ones."""
Filters = Mapping[str, Sequence[str]]
"""Column → the values that fit: of connector, account, type and state."""
_MOST_REFERENCES: Final = 200


class Block(NamedTuple):
    """A summary of the messages from `first_id` to `last_id`."""

    first_id: int
    last_id: int
    rows: int
    words: bytes
    amounts: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Messages of a stretch of the store, newest first."""

    rows: Sequence[MessageRow]
    """Those that fit."""
    lowest: int | None
    """The last one that was looked at; None where there was none."""


def to_summarise(connection: Connection, after: int, now: datetime) -> list[MessageRow]:
    """The next block's messages; fewer than a block's where the others are too young."""
    statement = (
        select(messages)
        .where(messages.c.id > after, messages.c.id < first_id_at(now - SETTLED))
        .order_by(messages.c.id)
        .limit(BLOCK_ROWS)
    )
    return [message_row(one) for one in connection.execute(statement)]


def put_block(connection: Connection, block: Block) -> None:
    """Keep a block, in the place of the one that began there."""
    upsert(connection, search_blocks, block._asdict())


def late_block(connection: Connection, newest: int = 16) -> int | None:
    """The end before a block whose messages have become more: from there on they are summed up
    again. Only the newest blocks are looked at."""
    blocks = connection.execute(
        select(search_blocks.c.first_id, search_blocks.c.last_id, search_blocks.c.rows)
        .order_by(search_blocks.c.first_id.desc())
        .limit(newest)
    ).all()
    for first_id, last_id, rows in reversed(blocks):
        before = connection.scalar(
            select(func.max(search_blocks.c.last_id)).where(search_blocks.c.first_id < first_id)
        )
        here = select(func.count()).where(messages.c.id > (before or 0), messages.c.id <= last_id)
        if (connection.scalar(here) or 0) > rows:
            return before or 0
    return None


def drop_blocks_behind(connection: Connection, position: int) -> None:
    """Forget the blocks that begin behind this message."""
    connection.execute(delete(search_blocks).where(search_blocks.c.first_id > position))


def forget_blocks(connection: Connection) -> int:
    """Drop blocks whose messages retention has dropped; how many."""
    before = retained.marked(connection, retained.MESSAGES)
    gone = delete(search_blocks).where(search_blocks.c.last_id < before)
    return connection.execute(gone).rowcount


def blocks_before(connection: Connection, before: int, floor: int, limit: int) -> list[Block]:
    """Blocks with messages from `floor` up to, not including, `before`; the newest first."""
    table = search_blocks.c
    statement = (
        select(search_blocks)
        .where(table.first_id < before, table.last_id >= floor)
        .order_by(table.first_id.desc())
        .limit(limit)
    )
    return [
        Block(one.first_id, one.last_id, one.rows, bytes(one.words), bytes(one.amounts))
        for one in connection.execute(statement)
    ]


def newest_block_end(connection: Connection) -> int:
    """The last message that is in a block; 0 where there is none."""
    statement = select(search_blocks.c.last_id).order_by(search_blocks.c.first_id.desc()).limit(1)
    return connection.scalar(statement) or 0


def not_in_blocks(connection: Connection, after: int, most: int) -> int:
    """How many messages stand behind this one, counted up to `most`."""
    some = select(messages.c.id).where(messages.c.id > after).order_by(messages.c.id).limit(most)
    return connection.scalar(select(func.count()).select_from(some.subquery())) or 0


def messages_between(
    connection: Connection, first: int, last: int, filters: Filters
) -> list[MessageRow]:
    """Messages with ids from `first` to `last` that fit the filters, newest first."""
    statement = select(messages).where(messages.c.id >= first, messages.c.id <= last)
    fitting = statement.where(*_conditions(filters, messages.c)).order_by(messages.c.id.desc())
    return [message_row(one) for one in connection.execute(fitting)]


def window(connection: Connection, before: int, floor: int, rows: int, filters: Filters) -> Window:
    """So many messages before one of them, and which of these fit the filters."""
    looked_at = (
        select(messages)
        .where(messages.c.id < before, messages.c.id >= floor)
        .order_by(messages.c.id.desc())
        .limit(rows)
    )
    stretch = looked_at.with_only_columns(messages.c.id).subquery()
    lowest = connection.scalar(select(func.min(stretch.c.id)))
    if lowest is None:
        return Window(rows=(), lowest=None)
    found = messages_between(connection, lowest, before - 1, filters)
    return Window(rows=found, lowest=lowest)


def _conditions(filters: Filters, columns: Any) -> list[ColumnElement[bool]]:
    return [columns[name].in_(values) for name, values in filters.items() if values]


def by_reference(connection: Connection, beginning: str) -> list[MessageRow]:
    """Messages with a reference that begins so, newest first; at most two hundred."""
    table = message_references.c
    statement: Select[Any] = (
        select(table.message_row_id)
        .where(table.value >= beginning, table.value < beginning + "\U0010ffff")
        .limit(_MOST_REFERENCES)
    )
    ids = sorted(set(connection.scalars(statement)))
    return load_messages(connection, ids)


def load_messages(connection: Connection, ids: Sequence[int]) -> list[MessageRow]:
    """These messages, newest first."""
    statement = select(messages).where(among(connection, messages.c.id, list(ids)))
    ordered = statement.order_by(messages.c.id.desc())
    return [message_row(one) for one in connection.execute(ordered)]
