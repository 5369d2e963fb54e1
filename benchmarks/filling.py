"""Stores that have seen much: rows as the gateway leaves them, made by the database itself.

They are spread over 90 days, of which the last was 8 days ago: no stream is refilled from them.
Bodies and messages are small (60 and 300 bytes) to
spare the disk: what is measured depends on rows and indexes, not on what lies apart from them.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template

import asyncpg
from sqlalchemy.engine import make_url

from store.database import open_database
from store.ids import first_id_at
from store.intake.raw_partitions import ensure_partitions
from store.times import micros

ROWS = Path(__file__).with_name("growth.sql")
SPREAD = timedelta(days=90)
LAST = timedelta(days=8)
"""Ago."""
BYTES_A_RECEIPT = 2600
"""Of disk, with the indexes, by either engine at most; measured, rounded up."""
REFERENCE = "OLD-{}"
"""What the message of a delivery is found by."""
_CHUNK = 100_000
_HEAD = "UPDATE log_heads SET sequence = (SELECT count(*) FROM log_blocks) WHERE partition = 0"
_BECAME = {
    "dead": "(i % 200 = 0)",
    "redelivered": "(i % 50 = 2)",
    "ignored": "(i % 20 = 3)",
    "translated": "(i % 200 <> 0 AND i % 50 <> 2 AND i % 20 <> 3)",
}
_SQLITE = {
    "numbers": "WITH RECURSIVE n(i) AS (SELECT {} UNION ALL SELECT i + 1 FROM n WHERE i < {})",
    "digest": "randomblob(32)",
    "key16": "randomblob(16)",
    "key32": "randomblob(32)",
    "entity32": "randomblob(32)",
    "random60": "randomblob(60)",
    "random800": "randomblob(800)",
    "uuid": "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-8' ||"
    " substr(hex(randomblob(2)), 2) || '-a' || substr(hex(randomblob(2)), 2) || '-' ||"
    " hex(randomblob(6)))",
}


def _sha(salt: str) -> str:
    return f"sha256(('{salt}' || i)::bytea)"


_POSTGRESQL = {
    "numbers": "WITH n(i) AS (SELECT generate_series({}::bigint, {}))",
    "digest": _sha("d"),
    "key16": f"substring({_sha('k')}, 1, 16)",
    "key32": _sha("f"),
    "entity32": _sha("e"),
    "random60": f"{_sha('b')} || substring({_sha('c')}, 1, 28)",
    "random800": " || ".join(_sha(f"r{number}") for number in range(25)),
    "uuid": "gen_random_uuid()::text",
}


def fill(store_url: str, receipts: int) -> None:
    """Make a store's tables, and so many receipts in them."""
    now = datetime.now(UTC)
    asyncio.run(_prepare(store_url, now))
    if store_url.startswith("sqlite"):
        _fill_sqlite(make_url(store_url).database or "", receipts, now)
    else:
        asyncio.run(_fill_postgresql(store_url, receipts, now))


async def _prepare(store_url: str, now: datetime) -> None:
    database = await open_database(store_url)
    await database.write(lambda c: ensure_partitions(c, now, since=now - LAST - SPREAD))
    await database.close()


def _statements(engine: dict[str, str], receipts: int, now: datetime) -> Iterator[list[str]]:
    """The statements of one bounded number of deliveries after the other."""
    began = now - LAST - SPREAD
    first, last = first_id_at(began), first_id_at(now - LAST)
    apart = (last - first) // receipts
    words = {
        **_BECAME,
        **engine,
        "id": f"({first} + i * {apart})",
        "id_before": f"({first} + (i - 1) * {apart})",
        "message": f"({first} + i * {apart} + 1)",
        "at": f"({micros(began)} + i * {SPREAD // timedelta(microseconds=receipts)})",
    }
    rows = Template(ROWS.read_text(encoding="utf-8").partition("\n\n")[2])
    for start in range(1, receipts + 1, _CHUNK):
        numbers = engine["numbers"].format(start, min(start + _CHUNK - 1, receipts))
        yield rows.substitute(words | {"numbers": numbers}).split(";\n")[:-1]


def _fill_sqlite(path: str, receipts: int, now: datetime) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in ("journal_mode = WAL", "synchronous = OFF", "cache_size = -1000000"):
            connection.execute(f"PRAGMA {pragma}")
        for statements in _statements(_SQLITE, receipts, now):
            for one in ("BEGIN", *statements, "COMMIT"):
                connection.execute(one)
        connection.execute(_HEAD)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


async def _fill_postgresql(store_url: str, receipts: int, now: datetime) -> None:
    connection = await asyncpg.connect(store_url)
    try:
        await connection.execute("SET synchronous_commit = off")
        for statements in _statements(_POSTGRESQL, receipts, now):
            for one in statements:
                await connection.execute(one, timeout=3600)
        await connection.execute(_HEAD)
        # As autovacuum leaves a store that has been running.
        await connection.execute("VACUUM ANALYZE", timeout=3600)
        await connection.execute("CHECKPOINT", timeout=600)
    finally:
        await connection.close()
