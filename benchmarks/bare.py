"""The bare parts of a message's way, each alone and as cheap as it can be done.

A process of its own: `python -m benchmarks.bare STORE_URL STREAMS_URL SECONDS` says one JSON
object: part → CPU µs a message and messages a second.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import hmac
import json
import sqlite3
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import lz4.frame
import redis
from hiredis import pack_command

from benchmarks.bare_translation import canonical_json, check_against_connector, entry_of
from benchmarks.payloads import SECRET, body, order_id

BATCH = 100
BODIES = 2000
LONE_COMMITS = 100
STREAM = "bench.bare"

T = TypeVar("T")
Result = dict[str, float]
Insert = Callable[[int, list[bytes]], Awaitable[None]]

RAW_TABLE = (
    "CREATE TABLE raw (id bigint PRIMARY KEY, delivery {binary} NOT NULL UNIQUE, received_at bigint"
    " NOT NULL, headers text NOT NULL, digest {binary} NOT NULL, body {binary} NOT NULL)"
)
MESSAGE_TABLE = (
    "CREATE TABLE message (id bigint PRIMARY KEY, key {binary} NOT NULL UNIQUE, receipt_id bigint"
    " NOT NULL, type text NOT NULL, subject text NOT NULL, correlation text NOT NULL, data text"
    " NOT NULL, state text NOT NULL)"
)
HEADERS = json.dumps({"content-type": "application/json", "x-shopify-topic": "orders/create"})


def raw_row(index: int, content: bytes) -> tuple[int, bytes, int, str, bytes, bytes]:
    """A row of the raw table: the body packed, the delivery under its key."""
    digest = hashlib.sha256(content).digest()
    key = hashlib.sha256(b"orders/create:evt-%d" % index).digest()[:16]
    return index, key, 1_772_442_000_000_000, HEADERS, digest, lz4.frame.compress(content)


def message_row(index: int, data: bytes) -> tuple[int, bytes, int, str, str, str, str, str]:
    """A row of the message table, under the fact's key."""
    number = order_id(index)
    key = hashlib.sha256(b"order:shopify:bench:%d" % number).digest()
    chain = f"shopify/bench/order/{number}"
    kind = "o2c.order.placed"
    return index, key, index, kind, f"order/{number}", chain, data.decode(), "pending"


# ── timing ───────────────────────────────────────────────────────────────────────────────────────


def timed(seconds: float, batches: Iterator[T], work: Callable[[T], Any], size: int) -> Result:
    """Run work over batches for so long. Making a batch is not measured."""
    cpu = wall = 0.0
    done = 0
    while wall < seconds:
        batch = next(batches)
        cpu_before, before = time.process_time(), time.perf_counter()
        work(batch)
        cpu += time.process_time() - cpu_before
        wall += time.perf_counter() - before
        done += size
    return {"cpu_us": cpu / done * 1e6, "per_s": done / wall}


# ── parts without a store ────────────────────────────────────────────────────────────────────────


def signature_part(seconds: float) -> Result:
    """HMAC-SHA256 of a body, compared in constant time."""
    bodies = [body(index) for index in range(BATCH)]
    wanted = [hmac.digest(SECRET, one, "sha256") for one in bodies]

    def check(_: None) -> None:
        for content, known in zip(bodies, wanted, strict=True):
            hmac.compare_digest(hmac.digest(SECRET, content, "sha256"), known)

    return timed(seconds, iter(lambda: None, 0), check, BATCH)


def translation_part(seconds: float) -> Result:
    """JSON → the canonical model → JSON."""
    bodies = [body(index) for index in range(BATCH)]

    def translate(_: None) -> None:
        for content in bodies:
            canonical_json(content)

    return timed(seconds, iter(lambda: None, 0), translate, BATCH)


# ── the stream ───────────────────────────────────────────────────────────────────────────────────


def append_part(url: str, seconds: float) -> Result:
    """XADD in pipelines of a hundred, packed by hiredis."""
    connection = redis.Redis.from_url(url).connection_pool.get_connection()
    batches = iter(entries, None)

    def append(batch: list[tuple[str | bytes, ...]]) -> None:
        connection.send_packed_command(
            [b"".join([pack_command(("XADD", STREAM, "*", *fields)) for fields in batch])]  # type: ignore[arg-type, no-untyped-call]
        )
        for _ in batch:
            connection.read_response()

    return timed(seconds, batches, append, BATCH)


def consume_part(url: str, seconds: float) -> Result:
    """XREADGROUP of a hundred and one XACK for them."""
    client = redis.Redis.from_url(url)
    client.xgroup_create(STREAM, "bare", id="0", mkstream=True)

    def refilled() -> Iterator[None]:
        while True:
            if not client.xpending(STREAM, "bare") or client.xinfo_groups(STREAM)[0]["lag"] < BATCH:
                with client.pipeline(transaction=False) as pipeline:
                    for fields in entries() * 50:
                        pipeline.execute_command("XADD", STREAM, "*", *fields)  # type: ignore[no-untyped-call]
                    pipeline.execute()
            yield

    def consume(_: None) -> None:
        answer: Any = client.xreadgroup("bare", "one", {STREAM: ">"}, count=BATCH)
        client.xack(STREAM, "bare", *[entry_id for entry_id, _ in answer[0][1]])

    return timed(seconds, refilled(), consume, BATCH)


def entries() -> list[tuple[str | bytes, ...]]:
    """A hundred stream entries as flat fields."""
    return _ENTRIES


_ENTRIES = [entry_of(index, canonical_json(body(index))) for index in range(BATCH)]


# ── the store ────────────────────────────────────────────────────────────────────────────────────


async def timed_inserts(
    seconds: float, start: int, insert: Insert, payloads: list[bytes]
) -> Result:
    """Commit batches of a hundred for so long."""
    cpu = wall = 0.0
    done = 0
    while wall < seconds:
        batch = [payloads[(done + offset) % len(payloads)] for offset in range(BATCH)]
        cpu_before, before = time.process_time(), time.perf_counter()
        await insert(start + done, batch)
        cpu += time.process_time() - cpu_before
        wall += time.perf_counter() - before
        done += BATCH
    return {"cpu_us": cpu / done * 1e6, "per_s": done / wall}


async def lone_commits_ms(insert: Insert, payload: bytes) -> float:
    """The median of single rows, each in a commit of its own."""
    took = []
    for number in range(LONE_COMMITS):
        before = time.perf_counter()
        await insert(10**9 + number, [payload])
        took.append((time.perf_counter() - before) * 1000)
    return statistics.median(took)


async def store_parts(url: str, seconds: float) -> dict[str, Any]:
    """Both inserts, and a lone commit, on the engine of this address."""
    bodies = [body(index) for index in range(BODIES)]
    messages = [canonical_json(one) for one in bodies]
    inserts = await (_sqlite(url) if url.startswith("sqlite") else _postgresql(url))
    raw, message = inserts
    lone = await lone_commits_ms(raw, bodies[0])
    return {
        "insert_raw": await timed_inserts(seconds, 0, raw, bodies),
        "insert_message": await timed_inserts(seconds, 0, message, messages),
        "lone_commit_ms": lone,
    }


async def _sqlite(url: str) -> tuple[Insert, Insert]:
    connection = sqlite3.connect(Path(url.removeprefix("sqlite:///")), isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    for table in (RAW_TABLE, MESSAGE_TABLE):
        connection.execute(table.format(binary="blob"))

    def into(table: str, places: str, rows: list[tuple[Any, ...]]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            f"INSERT INTO {table} VALUES ({places}) ON CONFLICT DO NOTHING",  # noqa: S608 - ours
            rows,
        )
        connection.execute("COMMIT")

    async def raw(start: int, batch: list[bytes]) -> None:
        into("raw", "?,?,?,?,?,?", [raw_row(start + i, one) for i, one in enumerate(batch)])

    async def message(start: int, batch: list[bytes]) -> None:
        rows = [message_row(start + i, one) for i, one in enumerate(batch)]
        into("message", "?,?,?,?,?,?,?,?", rows)

    return raw, message


async def _postgresql(url: str) -> tuple[Insert, Insert]:
    connection = await asyncpg.connect(url)
    for table in (RAW_TABLE, MESSAGE_TABLE):
        await connection.execute(table.format(binary="bytea"))
    await connection.execute("ALTER TABLE raw ALTER body SET STORAGE EXTERNAL")
    to_raw = await connection.prepare(_unnest("raw", "bigint bytea bigint text bytea bytea"))
    to_message = await connection.prepare(
        _unnest("message", "bigint bytea bigint text text text text text")
    )

    async def raw(start: int, batch: list[bytes]) -> None:
        rows = [raw_row(start + i, one) for i, one in enumerate(batch)]
        await to_raw.fetch(*map(list, zip(*rows, strict=True)))

    async def message(start: int, batch: list[bytes]) -> None:
        rows = [message_row(start + i, one) for i, one in enumerate(batch)]
        await to_message.fetch(*map(list, zip(*rows, strict=True)))

    return raw, message


def _unnest(table: str, types: str) -> str:
    arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(types.split(), start=1))
    return (
        f"INSERT INTO {table} SELECT * FROM unnest({arrays})"  # noqa: S608 - our own words
        " ON CONFLICT DO NOTHING RETURNING id"
    )


async def main(store_url: str, streams_url: str, seconds: float) -> dict[str, Any]:
    """Every part once."""
    check_against_connector()
    gc.collect()
    gc.freeze()
    return {
        "signature": signature_part(seconds),
        "translate": translation_part(seconds),
        **await store_parts(store_url, seconds),
        "append": append_part(streams_url, seconds),
        "consume": consume_part(streams_url, seconds),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))), flush=True)
