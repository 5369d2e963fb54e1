"""Growth: what a message and a look cost in stores of several sizes, alternating, in one run."""

from __future__ import annotations

import asyncio
import math
import os
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, text

from benchmarks.contenders import Contender, Place, ours
from benchmarks.filling import BYTES_A_RECEIPT, REFERENCE, fill
from benchmarks.machine import described
from benchmarks.plans import plans_of
from benchmarks.processes import Failed
from benchmarks.report import write
from benchmarks.scenario import measure
from benchmarks.servers import Postgresql, streams
from store.database import Database, open_database
from store.failures import dead_letters
from store.finding import audit, trace
from store.intake import inbox
from store.log import outbox

FLAT = 0.20
"""A figure is flat when it is within this of the smallest store's."""
NOISE_MS = 0.2
"""Of looks: a smaller difference says nothing."""
SPARED_BYTES = 5 * 10**9
"""Of disk, always left free."""
LEASE = timedelta(seconds=30)
PENDING = 100
SENT_APART = 1_000_000
"""Webhooks between the first ones of two rounds."""
LOAD = {
    "cpu_us_per_message": ("CPU, µs a message", False),
    "postgresql_cpu_us": ("PostgreSQL, µs a message", False),
    "messages_per_s": ("messages/s", True),
    "ack_p50_ms": ("ack p50, half load, ms", False),
    "ack_p99_ms": ("ack p99, half load, ms", False),
    "lone_ack_ms": ("lone ack, ms", False),
}
"""Of `scenario.measure`: what it is called, and whether more is better."""

Work = Callable[[Connection], object]
Figures = dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A query that is timed."""

    name: str
    times: int
    work: Callable[[random.Random, int], Work]
    """For a store of so many receipts."""
    writes: bool = False
    grows: str = ""
    """Why it may grow, where it has to."""


class _Undone(Exception):
    """Ends a transaction whose work was only to be timed."""


@dataclass(slots=True)
class Grown:
    """A store of one size, and what was measured of it."""

    size: int
    folder: Path
    store_url: str
    server: Postgresql | None
    rounds: list[Figures] = field(default_factory=list)
    plans: dict[str, list[str]] = field(default_factory=dict)

    def medians(self) -> Figures:
        return {
            name: statistics.median(one[name] for one in self.rounds) for name in self.rounds[0]
        }


def compare(
    console: Console,
    out: Path,
    stores: Sequence[str],
    sizes: Sequence[int],
    server: Postgresql | None,
    *,
    rounds: int,
    seconds: float,
) -> None:
    """Print a table for each engine, and write all of it to a file."""
    told: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": described() | {"nice": os.nice(0)},
        "arguments": {"sizes": list(sizes), "rounds": rounds, "seconds": seconds},
        "stores": {},
    }
    for store in stores:
        try:
            grown = _measured(console, store, sorted(sizes), server, rounds=rounds, seconds=seconds)
        except Failed as error:
            console.print(f"{store}: {error}", markup=False)
            continue
        told["stores"][store] = {
            str(one.size): {"figures": one.medians(), "rounds": one.rounds, "plans": one.plans}
            for one in grown
        }
        console.print(_table(store, grown, rounds, seconds))
        for name, indexes in grown[-1].plans.items():
            console.print(f"  {name}: {', '.join(indexes)}", markup=False)
    write(out / "growth.json", told)
    console.print("written to benchmarks/out/growth.json", markup=False)


def _measured(
    console: Console,
    store: str,
    sizes: Sequence[int],
    server: Postgresql | None,
    *,
    rounds: int,
    seconds: float,
) -> list[Grown]:
    with ExitStack() as stack:
        grown = []
        # Not below a folder that only its owner may enter: PostgreSQL may run as another user.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="o2c-bench-growth-")))
        for size in sizes:
            _refuse_full_disk(folder, size)
            one = _empty(stack, store, size, folder / str(size), server)
            began = time.monotonic()
            fill(one.store_url, size)
            took = time.monotonic() - began
            console.print(f"{store}: {size:,} receipts, filled in {took:.0f} s", style="dim")
            grown.append(one)
        for number in range(rounds):
            for one in grown:
                console.print(f"round {number + 1}: {store}, {one.size:,}", style="dim")
                one.rounds.append(_once(one, number, seconds))
        return grown


def _empty(
    stack: ExitStack, store: str, size: int, folder: Path, server: Postgresql | None
) -> Grown:
    folder.mkdir()
    if store == "sqlite":
        return Grown(size, folder, f"sqlite:///{folder / 'store.db'}", None)
    if server is None:
        raise Failed("there is no PostgreSQL")
    return Grown(size, folder, stack.enter_context(server.database()), server)


def _refuse_full_disk(folder: Path, size: int) -> None:
    """Raises Failed where a store of this size would not leave enough of the disk."""
    free, needed = shutil.disk_usage(folder).free, size * BYTES_A_RECEIPT + SPARED_BYTES
    if free < needed:
        raise Failed(
            f"{size:,} receipts need {needed / 1e9:.0f} GB of disk, {free / 1e9:.0f} are free"
        )


def _once(grown: Grown, number: int, seconds: float) -> Figures:
    with _gateway(grown, number) as contender:
        load = measure(contender, seconds)
    figures = {name: float(load[name]) for name in LOAD}
    return figures | asyncio.run(_look(grown, number))


@contextmanager
def _gateway(grown: Grown, number: int) -> Iterator[Contender]:
    """The gateway over this store, on streams of its own; no round sends what another has sent."""
    folder = grown.folder / f"round-{number}"
    folder.mkdir()
    kind = "sqlite" if grown.server is None else "postgresql"
    with streams(folder / "valkey") as road:
        where = Place(kind, folder, grown.store_url, road, grown.server)
        with ours(where, 1) as contender:
            contender.sent = number * SENT_APART
            yield contender


async def _look(grown: Grown, number: int) -> Figures:
    """The times of the looks, in milliseconds, on a store that has some work pending."""
    chance = random.Random(number)  # noqa: S311 - which rows are asked for
    figures: Figures = {}
    database = await open_database(grown.store_url, migrate=False)
    try:
        await database.write(_leave_pending)
        for look in LOOKS:
            took = [
                await _timed(database, look, look.work(chance, grown.size))
                for _ in range(look.times)
            ]
            figures[f"{look.name} p50"] = _percentile(took, 50)
            figures[f"{look.name} p99"] = _percentile(took, 99)
            grown.plans[look.name] = await _plans(database, look.work(chance, grown.size))
        await database.write(_leave_none_pending)
        figures["receipts"] = await database.read(_receipts)
    finally:
        await database.close()
    return figures


async def _timed(database: Database, look: Look, work: Work) -> float:
    """How long it took inside its transaction; what it wrote is undone."""
    took = 0.0

    def run(connection: Connection) -> None:
        nonlocal took
        began = time.perf_counter()
        work(connection)
        took = time.perf_counter() - began
        if look.writes:
            raise _Undone

    with suppress(_Undone):
        await (database.write(run) if look.writes else database.read(run))
    return took * 1000


async def _plans(database: Database, work: Work) -> list[str]:
    found: list[str] = []

    def run(connection: Connection) -> None:
        plans = plans_of(connection, work)
        found.extend(sorted(plans.indexes))
        found.extend(f"all of {table}" for table in sorted(plans.scans))
        raise _Undone

    with suppress(_Undone):
        await database.write(run)
    return found


def _leave_pending(connection: Connection) -> None:
    """The last of the store's own receipts and messages, as if a process had died over them."""
    for table in ("receipts", "messages"):
        done = "translated" if table == "receipts" else "published"
        last = f"SELECT id FROM {table} WHERE state = '{done}' ORDER BY id DESC LIMIT {PENDING}"  # noqa: S608
        connection.execute(text(f"UPDATE {table} SET state = 'pending' WHERE id IN ({last})"))  # noqa: S608


def _leave_none_pending(connection: Connection) -> None:
    for table, done in (("receipts", "translated"), ("messages", "published")):
        connection.execute(text(f"UPDATE {table} SET state = '{done}' WHERE state = 'pending'"))  # noqa: S608


def _receipts(connection: Connection) -> int:
    return connection.scalar(text("SELECT count(*) FROM receipts")) or 0


def _percentile(values: Sequence[float], rank: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * rank // 100)]


def _audit(_: random.Random, __: int) -> Work:
    return audit.balance


def _trace(chance: random.Random, size: int) -> Work:
    reference = REFERENCE.format(chance.randrange(1, size))

    def run(connection: Connection) -> None:
        trace.timeline(connection, trace.find(connection, reference))

    return run


def _dead(_: random.Random, __: int) -> Work:
    return lambda c: dead_letters.list_dead(c, limit=50)


def _claim_receipts(_: random.Random, __: int) -> Work:
    return lambda c: inbox.claim_receipts(c, "growth", datetime.now(UTC), LEASE, PENDING)


def _claim_outbox(_: random.Random, __: int) -> Work:
    return lambda c: outbox.claim_outbox(c, "growth", datetime.now(UTC), LEASE, PENDING)


def _outbox_size(_: random.Random, __: int) -> Work:
    return outbox.pending_count


LOOKS = (
    Look(name="audit", times=5, work=_audit, grows="it counts every row, by indexes alone"),
    Look(name="trace by a reference", times=200, work=_trace),
    Look(name="first page of dead letters", times=100, work=_dead),
    Look(name="claim 100 receipts", times=100, work=_claim_receipts, writes=True),
    Look(name="claim 100 messages", times=100, work=_claim_outbox, writes=True),
    Look(name="size of the outbox", times=100, work=_outbox_size),
)


def _table(store: str, grown: Sequence[Grown], rounds: int, seconds: float) -> Table:
    title = f"{store}, medians of {rounds} rounds of {seconds:g} s, nice {os.nice(0)}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("what")
    for one in grown:
        table.add_column(f"{one.size:,}\nreceipts", justify="right")
    table.add_column(f"within {FLAT:.0%}")
    medians = [one.medians() for one in grown]
    for name, (title, more) in LOAD.items():
        if name != "postgresql_cpu_us" or store == "postgresql":
            table.add_row(title, *_row([one[name] for one in medians], more_is_better=more))
    for look in LOOKS:
        for rank in ("p50", "p99"):
            values = [one[f"{look.name} {rank}"] for one in medians]
            within_noise = max(values) - values[0] <= NOISE_MS
            told = "flat" if within_noise else look.grows
            table.add_row(f"{look.name} {rank}, ms", *_row(values, grows=told))
    table.add_row("receipts at the end", *(f"{one['receipts']:,.0f}" for one in medians))
    return table


def _row(
    values: Sequence[float], *, more_is_better: bool = False, grows: str = ""
) -> Iterator[str]:
    yield from (_shown(value) for value in values)
    worst = max(_dearer(values[0], one, more_is_better) for one in values)
    yield grows or ("flat" if worst <= 1 + FLAT else f"× {worst:.2f}")


def _dearer(first: float, other: float, more_is_better: bool) -> float:
    before, after = (other, first) if more_is_better else (first, other)
    return after / before if before else math.inf


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
