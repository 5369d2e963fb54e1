"""The message log: a hash chain for each of its partitions, over every message row ever recorded.

Each transaction that records messages appends one block to the chain of a partition nobody else
is appending to: the rows' ids and digests, under a hash that covers the block before it. A row
that is changed or taken away later no longer agrees with its block, and a block that is changed
or taken away breaks its chain. Whoever can rewrite everything can also rewrite the chains: a head
noted elsewhere (`heads`) shows that too.

Retention drops rows by whole blocks, and empties those: what is left of a block (how many rows,
the digest of its entries) still links the chain, and how many rows went is counted apart, so that
a block cannot be emptied in passing to hide what it spoke of.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, and_, bindparam, func, select, update

from store.retained import LOGGED as DROPPED_ROWS
from store.retained import dropped_by_connector
from store.statements import insert_values, is_postgresql, not_state, run, select_among
from store.tables import log_blocks, log_heads, messages
from store.times import micros

LOGGED = (
    "id", "receipt_id", "position", "connector", "account", "message_id", "key", "type", "source",
    "subject", "occurred_at", "entity", "version", "correlation", "partition_key", "traceparent",
    "schema_uri", "data",
)  # fmt: skip
"""The columns of a message that never change once it is recorded, in the order they are hashed."""

_ENTRY = struct.Struct(">q32s")
_NUMBERS = struct.Struct(">qqqq")
_BLOCK = ("partition", "sequence", "at", "rows", "entries", "entries_digest", "hash")
_BLOCKS_AT_ONCE = 200


class Head(NamedTuple):
    """Where a partition's chain ends; sequence 0 has no block yet."""

    partition: int
    sequence: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something in the store that is not what was recorded."""

    code: str
    """row_changed, row_missing, row_unlogged, block_missing, block_changed, block_emptied (more
    than retention has dropped) or head_changed."""
    where: str
    """The message's row id, or partition and sequence of a block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCheck:
    """What a verification looked at and found."""

    blocks: int
    rows: int
    """In blocks that retention has not emptied."""
    faults: Sequence[Fault]
    """The first of them, at most as many as asked for."""


def append_block(connection: Connection, rows: Sequence[Sequence[Any]], now: datetime) -> None:
    """Log message rows, given by their values in the order of `LOGGED` (and whatever follows)."""
    if not rows:
        return
    head = _free_head(connection)
    entries = b"".join([_ENTRY.pack(row[0], row_digest(row[: len(LOGGED)])) for row in rows])
    digest = hashlib.sha256(entries).digest()
    at, sequence = micros(now), head.sequence + 1
    chained = _hash(head.hash, head.partition, sequence, at, len(rows), digest)
    block = (head.partition, sequence, at, len(rows), entries, digest, chained)
    insert_values(connection, log_blocks, _BLOCK, [block])
    run(connection, _MOVE, {"of": head.partition, "to": sequence, "chained": chained})


_MOVE = (
    update(log_heads)
    .where(log_heads.c.partition == bindparam("of"))
    .values(sequence=bindparam("to"), hash=bindparam("chained"))
)


def row_digest(values: Sequence[Any]) -> bytes:
    """The digest of a row's values in the order of `LOGGED`."""
    return hashlib.sha256(orjson.dumps(values)).digest()


def _hash(before: bytes, *numbers_and_digest: Any) -> bytes:
    *numbers, digest = numbers_and_digest
    return hashlib.sha256(before + _NUMBERS.pack(*numbers) + digest).digest()


_HEADS = select(log_heads.c.partition, log_heads.c.sequence, log_heads.c.hash)
_ANY_FREE = _HEADS.order_by(log_heads.c.partition).limit(1).with_for_update(skip_locked=True)
_FIRST = _HEADS.where(log_heads.c.partition == 0).with_for_update()


def _free_head(connection: Connection) -> Head:
    """A head no other transaction holds; where all are held, the first, after a wait."""
    free = run(connection, _ANY_FREE, {}).rows if is_postgresql(connection) else ()
    partition, sequence, chained = (free or run(connection, _FIRST, {}).rows)[0]
    return Head(partition, sequence, bytes(chained))


def heads(connection: Connection) -> list[Head]:
    """The ends of all chains that have begun: to be noted outside the store."""
    found = connection.execute(
        _HEADS.where(log_heads.c.sequence > 0).order_by(log_heads.c.partition)
    )
    return [Head(one.partition, one.sequence, bytes(one.hash)) for one in found]


def verify_log(connection: Connection, *, most_faults: int = 100) -> LogCheck:
    """Compare every chain, block and row. Reads everything once; needs memory for 200 blocks."""
    faults: list[Fault] = []
    blocks = rows = emptied = 0
    for head in heads(connection):
        for checked, found in _verify_chain(connection, head):
            blocks += 1
            rows += checked.rows
            emptied += checked.emptied
            faults += found[: most_faults - len(faults)]
    faults += [*_uncounted(connection, rows, emptied)][: most_faults - len(faults)]
    return LogCheck(blocks=blocks, rows=rows, faults=faults)


def _uncounted(connection: Connection, rows: int, emptied: int) -> Iterator[Fault]:
    if unlogged := _unlogged(connection, rows):
        yield Fault(code="row_unlogged", where=f"{unlogged} rows")
    if hidden := emptied - dropped_by_connector(connection, DROPPED_ROWS).total():
        yield Fault(code="block_emptied", where=f"{hidden} rows")


class _Checked(NamedTuple):
    """How many rows a block vouches for, or did before it was emptied."""

    rows: int
    emptied: int


def _verify_chain(connection: Connection, head: Head) -> Iterator[tuple[_Checked, list[Fault]]]:
    """Per block: the rows it speaks of, and what is wrong with it or them."""
    expected, before = 1, bytes(32)
    for block in _blocks_of(connection, head.partition):
        where = f"block {head.partition}/{block.sequence}"
        faults = []
        if block.sequence != expected:
            faults.append(Fault(code="block_missing", where=f"block {head.partition}/{expected}"))
        elif not _agrees(block, before):
            faults.append(Fault(code="block_changed", where=where))
        if block.entries is None:
            yield _Checked(0, block.rows), faults
        else:
            faults += _row_faults(connection, bytes(block.entries))
            yield _Checked(block.rows, 0), faults
        expected, before = block.sequence + 1, bytes(block.hash)
    if (expected - 1, before) != (head.sequence, head.hash):
        code = "block_missing" if expected - 1 < head.sequence else "head_changed"
        where = f"block {head.partition}/{head.sequence}"
        yield _Checked(0, 0), [Fault(code=code, where=where)]


def _blocks_of(connection: Connection, partition: int) -> Iterator[Any]:
    last = 0
    statement = select(log_blocks).where(log_blocks.c.partition == partition)
    while found := connection.execute(
        statement.where(log_blocks.c.sequence > last)
        .order_by(log_blocks.c.sequence)
        .limit(_BLOCKS_AT_ONCE)
    ).all():
        yield from found
        last = found[-1].sequence


def _agrees(block: Any, before: bytes) -> bool:
    digest = bytes(block.entries_digest)
    if block.entries is not None and hashlib.sha256(block.entries).digest() != digest:
        return False
    numbers = block.partition, block.sequence, block.at, block.rows
    return _hash(before, *numbers, digest) == bytes(block.hash)


class OldBlock(NamedTuple):
    """A block that still vouches for its rows."""

    partition: int
    sequence: int
    row_ids: list[int]
    intact: bool
    """Whether its rows are what was recorded: what is not may be evidence, and is to be kept."""


Place = tuple[int, int]
"""Partition and sequence."""


def old_blocks(
    connection: Connection, after: Place, before: datetime, most_rows: int, *, lock: bool = True
) -> tuple[list[OldBlock], Place | None]:
    """Blocks with rows that were appended before a moment, and where to go on; None: nowhere.

    They come partition by partition from behind `after`, at most one block more than has
    `most_rows`, and stay locked until the transaction ends.
    """
    table, at = log_blocks.c, micros(before)
    wanted = (
        select(log_blocks)
        .where(table.partition == after[0], table.sequence > after[1])
        .where(table.entries.is_not(None), table.at < at)
        .where(table.sequence < _first_since(connection, after[0], at))
        .order_by(table.sequence)
        .limit(_BLOCKS_AT_ONCE)
    )
    if lock:
        wanted = wanted.with_for_update()
    found: list[OldBlock] = []
    rows = 0
    for block in connection.execute(wanted).all():
        entries = bytes(block.entries)
        intact = not _row_faults(connection, entries)
        found.append(OldBlock(block.partition, block.sequence, [*_logged(entries)], intact))
        rows += block.rows
        if rows >= most_rows:
            break
    if found:
        return found, (found[-1].partition, found[-1].sequence)
    return found, _next_chain(connection, after[0])


def _first_since(connection: Connection, partition: int, at: int) -> int:
    """The first block of a chain that is not older, by halving: blocks are in order of time."""
    low, high = 1, (connection.scalar(_SEQUENCE, {"of": partition}) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = connection.scalar(_AT, {"of": partition, "number": middle})
        if found is None or found < at:
            low = middle + 1
        else:
            high = middle
    return low


_SEQUENCE = select(log_heads.c.sequence).where(log_heads.c.partition == bindparam("of"))
_AT = select(log_blocks.c.at).where(
    log_blocks.c.partition == bindparam("of"), log_blocks.c.sequence == bindparam("number")
)


def _next_chain(connection: Connection, partition: int) -> Place | None:
    following = connection.scalar(
        select(func.min(log_heads.c.partition)).where(log_heads.c.partition > partition)
    )
    return None if following is None else (following, 0)


def empty_block(connection: Connection, block: OldBlock) -> None:
    """Let a block vouch for nothing any more; its link of the chain stays."""
    connection.execute(
        update(log_blocks)
        .where(log_blocks.c.partition == block.partition, log_blocks.c.sequence == block.sequence)
        .values(entries=None)
    )


def began(connection: Connection) -> int | None:
    """Since when (microseconds) messages are logged, by the first blocks; None: none has been."""
    found: int | None = connection.scalar(_BEGAN)
    return found


_BEGAN = select(func.min(log_blocks.c.at)).join_from(
    log_heads,
    log_blocks,
    and_(log_blocks.c.partition == log_heads.c.partition, log_blocks.c.sequence == 1),
)


def _logged(entries: bytes) -> dict[int, bytes]:
    whole = len(entries) - len(entries) % _ENTRY.size
    return dict(_ENTRY.iter_unpack(entries[:whole]))


def _row_faults(connection: Connection, entries: bytes) -> list[Fault]:
    logged = _logged(entries)
    statement = select(*(messages.c[name] for name in LOGGED))
    found = {
        row.id: row_digest(tuple(row))
        for row in select_among(connection, statement, messages.c.id, logged)
    }
    return [
        Fault(code="row_changed" if row_id in found else "row_missing", where=str(row_id))
        for row_id, digest in logged.items()
        if found.get(row_id) != digest
    ]


def _unlogged(connection: Connection, logged: int) -> int:
    """How many messages recorded since the log began are in no block."""
    began = connection.scalar(select(func.min(log_blocks.c.at)))
    if began is None:
        return 0
    recorded = connection.scalar(
        select(func.count())
        .select_from(messages)
        .where(messages.c.created_at >= began, not_state(messages.c.verdict, "problem"))
    )
    return max((recorded or 0) - logged, 0)
