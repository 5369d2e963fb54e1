"""The workbench over a full store: how long each page and list takes, and by which indexes."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from httpx import ASGITransport, AsyncClient
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.filling import fill
from benchmarks.machine import described
from benchmarks.plans import Plans, plans_of
from benchmarks.processes import Failed
from benchmarks.report import write
from benchmarks.servers import Postgresql
from benchmarks.workbench_rows import Known, add_rows, sizes
from connectors import registry
from routing.accounts import Account, Accounts
from routing.router import Router
from store.access.proposals import PROPOSAL
from store.database import Connection, Database, open_database
from store.ids import DEAD_LETTER, MESSAGE, RECEIPT, IdSource, show_id
from store.mending.campaigns import CAMPAIGN
from store.mending.failure_groups import GROUP
from store.mending.reprocessed import DIFFERENCE
from store.mending.reprocessing import REPROCESSING
from workbench.access.people import Maker, TokenWish, add_token
from workbench.access.roles import Role
from workbench.bench import Bench
from workbench.finding.following import Followers
from workbench.web.app import build_app
from workbench.web.site import Site

RECEIPTS, DEAD = 1_000_000, 100_000
TIMES = 60
QUICK_MS = 250
"""Of p99: a page beyond it is called slow."""
FOLLOW_S = 600
LARGE = 5000
"""Rows from which on reading a table from end to end is a fault."""
T = TypeVar("T")

PAGES = (
    "/workbench", "/workbench/overview/plot", "/api/v1/overview", "/api/v1/audit",
    "/workbench/failures", "/workbench/failures?sort=largest", "/workbench/failures?by=code",
    "/workbench/failures?text=field_77", "/workbench/groups/rows", "/workbench/groups/{group}",
    "/workbench/groups/{group}?state=replayed", "/workbench/groups/{group}/patch",
    "/api/v1/failure-groups", "/api/v1/failure-groups/{group}",
    "/api/v1/failure-groups/{group}/failures", "/api/v1/failures",
    "/api/v1/failures?after={letter}", "/api/v1/failures/{letter}",
    "/api/v1/failures/{letter}/payload",
    "/workbench/failures/{letter}", "/workbench/failures/{letter}/dry-run",
    "/workbench/campaigns", "/workbench/campaigns/{campaign}", "/api/v1/campaigns",
    "/api/v1/campaigns/{campaign}", "/api/v1/campaigns/{campaign}/items",
    "/workbench/conflicts", "/workbench/conflicts?after={conflict}",
    "/workbench/conflicts?connector=shopify&account=bench",
    "/workbench/conflicts?connector=stripe",
    "/workbench/conflicts?verdict=stale", "/workbench/conflicts?verdict=duplicate",
    "/workbench/conflicts?verdict=duplicate&after={message}",
    "/workbench/conflicts?verdict=duplicate&connector=stripe",
    "/workbench/conflicts?verdict=decided", "/workbench/conflicts/{conflict}",
    "/api/v1/conflicts", "/api/v1/conflicts/{conflict}",
    "/workbench/reprocessing", "/workbench/reprocessing/{run}",
    "/workbench/reprocessing/{run}?after={difference}",
    "/workbench/reprocessing/{run}?outcome=gone", "/workbench/reprocessing/{run}/progress",
    "/api/v1/reprocessings", "/api/v1/reprocessings/{run}",
    "/api/v1/reprocessings/{run}/differences?state=found",
    "/workbench/proposals", "/workbench/proposals?show=applied", "/workbench/proposals/waiting",
    "/workbench/proposals/{proposal}", "/api/v1/proposals", "/api/v1/proposals/{proposal}",
    "/workbench/receipts", "/workbench/receipts?after={receipt}",
    "/workbench/receipts/{receipt}", "/api/v1/receipts", "/api/v1/receipts/{receipt}",
    "/workbench/messages/{message}", "/api/v1/messages/{message}",
    "/workbench/search?q=OLD-77", "/api/v1/search?q=OLD-77", "/workbench/trace?ref={receipt}",
    "/api/v1/trace?ref={receipt}", "/workbench/audit-log", "/workbench/audit-log?actor=ada",
    "/api/v1/audit-log", "/workbench/people", "/workbench/account",
)  # fmt: skip


class Watched:
    """A store whose reads are explained while `seen` is a list."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.seen: list[Plans] | None = None

    @property
    def dialect(self) -> str:
        """As the store's."""
        return self._database.dialect

    async def read(self, work: Callable[[Connection], T], /) -> T:
        """Run it, and note by what."""
        seen = self.seen
        if seen is None:
            return await self._database.read(work)

        def explained(connection: Connection) -> T:
            results: list[T] = []
            seen.append(plans_of(connection, lambda c: results.append(work(c))))
            return results[0]

        return await self._database.read(explained)

    async def write(self, work: Callable[[Connection], T], /) -> T:
        """Run it."""
        return await self._database.write(work)

    async def close(self) -> None:
        """Close it."""
        await self._database.close()


@dataclass(slots=True)
class Looked:
    """What a page took, in milliseconds, and by which indexes it was read."""

    path: str
    took: list[float] = field(default_factory=list)
    size: int = 0
    indexes: frozenset[str] = frozenset()
    scans: frozenset[str] = frozenset()
    """Large tables that were read from end to end."""
    failed: str = ""

    @property
    def p50(self) -> float:
        return statistics.median(self.took)

    @property
    def p99(self) -> float:
        return sorted(self.took)[max(0, round(len(self.took) * 0.99) - 1)]

    @property
    def verdict(self) -> str:
        if self.failed:
            return self.failed
        if self.scans:
            return f"FAIL: reads all of {', '.join(sorted(self.scans))}"
        return "slow" if self.p99 > QUICK_MS else "ok"


def compare(
    console: Console,
    out: Path,
    stores: Sequence[str],
    server: Postgresql | None,
    *,
    receipts: int = RECEIPTS,
    dead: int = DEAD,
    times: int = TIMES,
) -> None:
    """Print a table for each engine, and write all of it to a file."""
    told: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": described(),
        "arguments": {"receipts": receipts, "dead_letters": dead, "times": times},
        "stores": {},
    }
    for store in stores:
        try:
            looked = _measured(console, store, server, receipts, dead, times)
        except Failed as error:
            console.print(f"{store}: {error}", markup=False)
            continue
        console.print(_table(store, looked, receipts, dead))
        told["stores"][store] = [_told(one) for one in looked]
    write(out / "workbench.json", told)
    console.print("written to benchmarks/out/workbench.json", markup=False)


def _measured(  # noqa: PLR0917 - what, where, how much
    console: Console, store: str, server: Postgresql | None, receipts: int, dead: int, times: int
) -> list[Looked]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="o2c-bench-web-")))
        if store == "sqlite":
            url = f"sqlite:///{folder / 'store.db'}"
        elif server is None:
            raise Failed("there is no PostgreSQL")
        else:
            url = stack.enter_context(server.database())
        began = time.monotonic()
        fill(url, receipts)
        console.print(f"{store}: filled in {time.monotonic() - began:.0f} s", style="dim")
        return asyncio.run(_look(console, url, dead, times))


async def _look(console: Console, url: str, dead: int, times: int) -> list[Looked]:
    database = Watched(await open_database(url, migrate=False))
    try:
        began = time.monotonic()
        known = await add_rows(database, dead)
        await _follow(console, database)
        await database.write(_analyse)
        large = {name for name, rows in (await database.read(sizes)).items() if rows >= LARGE}
        console.print(f"rows added in {time.monotonic() - began:.0f} s", style="dim")
        async with await _visitor(database) as client:
            return [await _page(client, database, path, known, large, times) for path in PAGES]
    finally:
        await database.close()


async def _follow(console: Console, database: Watched) -> None:
    """Let search and traffic read what is there, as a gateway does beside its work."""
    followers, began = Followers(database, owner="bench"), time.monotonic()
    while await followers.follow_once():
        if time.monotonic() - began > FOLLOW_S:
            console.print("search and traffic are not whole", style="dim")
            return


def _analyse(connection: Connection) -> None:
    # As a store that has been running: SQLite does it at closing, PostgreSQL by autovacuum.
    connection.exec_driver_sql("ANALYZE")


async def _visitor(database: Watched) -> AsyncClient:
    """A client of the workbench over this store, with an administrator's token."""
    ids = IdSource()
    app = build_app(Site(database=database, version="bench", ids=ids))
    accounts = Accounts([Account(connector=registry.load("shopify"), name="bench")])
    app.state.bench = Bench(database=database, accounts=accounts, router=Router(()), ids=ids)
    maker = Maker(store=database, ids=ids, by="cli:bench", now=datetime.now(UTC))
    text, _ = await add_token(maker, TokenWish(name="bench", role=Role.ADMIN))
    return AsyncClient(
        transport=ASGITransport(app, raise_app_exceptions=False),
        base_url="http://gateway.example",
        headers={"authorization": f"Bearer {text}"},
        timeout=120,
    )


async def _page(  # noqa: PLR0917 - who asks whom for what
    client: AsyncClient,
    database: Watched,
    path: str,
    known: Known,
    large: set[str],
    times: int,
) -> Looked:
    looked, chance = Looked(path), random.Random(path)  # noqa: S311 - which rows are asked for
    answer = await client.get(_address(path, known, chance))
    if answer.status_code != 200:
        looked.failed = f"FAIL: answers {answer.status_code}"
        return looked
    looked.size = len(answer.content)
    until = time.monotonic() + 20
    while len(looked.took) < times and (time.monotonic() < until or len(looked.took) < 5):
        address = _address(path, known, chance)
        began = time.perf_counter()
        await client.get(address)
        looked.took.append((time.perf_counter() - began) * 1000)
    database.seen = []
    await client.get(_address(path, known, chance))
    plans, database.seen = database.seen, None
    looked.indexes = frozenset(name for one in plans for name in one.indexes)
    looked.scans = frozenset(name for one in plans for name in one.scans) & large
    return looked


def _address(path: str, known: Known, chance: random.Random) -> str:
    return path.format(
        receipt=show_id(RECEIPT, chance.choice(known.receipts)),
        message=show_id(MESSAGE, chance.choice(known.messages)),
        letter=show_id(DEAD_LETTER, chance.choice(known.letters)),
        group=show_id(GROUP, chance.choice(known.groups)),
        conflict=show_id(MESSAGE, chance.choice(known.conflicts)),
        proposal=show_id(PROPOSAL, chance.choice(known.proposals)),
        campaign=show_id(CAMPAIGN, known.campaign),
        run=show_id(REPROCESSING, known.run),
        difference=show_id(DIFFERENCE, chance.choice(known.differences)),
    )


def _table(store: str, looked: Sequence[Looked], receipts: int, dead: int) -> Table:
    title = f"{store}: {receipts:,} receipts, {dead:,} dead letters"
    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left")
    for name, justify in (
        ("page", "left"), ("p50 ms", "right"), ("p99 ms", "right"), ("KB", "right"),
        ("", "left"), ("by", "left"),
    ):  # fmt: skip
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for one in looked:
        figures = ("–", "–") if not one.took else (f"{one.p50:.1f}", f"{one.p99:.1f}")
        by = ", ".join(sorted(one.indexes))
        table.add_row(one.path, *figures, f"{one.size / 1000:.0f}", one.verdict, by)
    return table


def _told(one: Looked) -> dict[str, Any]:
    figures = {} if not one.took else {"p50_ms": one.p50, "p99_ms": one.p99, "n": len(one.took)}
    return {
        "path": one.path,
        **figures,
        "bytes": one.size,
        "verdict": one.verdict,
        "indexes": sorted(one.indexes),
        "scans": sorted(one.scans),
    }
