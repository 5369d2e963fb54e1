"""A spool folder that takes nothing ends no gateway, and what was spooled is not left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from canonical.errors import Unavailable
from chaos.payloads import statement_body
from connectors import registry
from routing.accounts import Account, Accounts
from routing.pipeline import Pipeline, PipelineSettings
from routing.router import Router
from store.database import Connection, Database
from store.records import OutboxRow
from transports.files import FileDoor

T = TypeVar("T")
SOON = timedelta(milliseconds=50)


class Road:
    """Streams that remember what they took."""

    def __init__(self) -> None:
        self.subjects: set[str] = set()
        self._news = asyncio.Event()

    async def publish(self, rows: Sequence[OutboxRow]) -> object:
        self.subjects |= {row.subject for row in rows}
        self._news.set()
        return len(rows)

    async def holds(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.subjects) < count:
                await self._news.wait()
                self._news.clear()


class Outage:
    """A store that takes nothing, so many times, while there is a copy in the spool folder."""

    def __init__(self, database: Database, spool: Path) -> None:
        self.failures = 0
        self._database = database
        self._spool = spool

    @property
    def dialect(self) -> str:
        return self._database.dialect

    async def write(self, work: Callable[[Connection], T], /) -> T:
        if self.failures and any(self._spool.iterdir()):
            self.failures -= 1
            raise Unavailable("the store is away")
        return await self._database.write(work)

    async def read(self, work: Callable[[Connection], T], /) -> T:
        return await self._database.read(work)

    async def close(self) -> None:
        await self._database.close()


class Bench:
    """A pipeline with a spool folder of its own, and a door for files."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self.spool = folder / "spool"
        self.spool.mkdir()
        self.account = Account(connector=registry.load("camt"), name="bank")
        self.road = Road()
        self.store = Outage(database, self.spool)
        self.pipeline = Pipeline(
            self.store,
            Accounts([self.account]),
            Router(),
            self.road,
            spool_folder=self.spool,
            settings=PipelineSettings(lease=SOON, sweep_s=0.02),
        )
        self._door = FileDoor(
            self.store, self.pipeline.receiver, self.pipeline.ids, max_file_bytes=50_000_000
        )

    async def take(self, name: str, count: int, *, padding: int = 0) -> None:
        references = [f"{name}-{number}" for number in range(count)]
        path = self.folder / f"{name}.xml"
        path.write_bytes(statement_body(references, message=name, padding=padding))
        await self._door.take(path, self.account)


@pytest.fixture
async def bench(tmp_path: Path, database: Database) -> AsyncIterator[Bench]:
    made = Bench(tmp_path, database)
    await made.pipeline.start(alone=False)
    yield made
    await made.pipeline.stop()


async def test_without_room_for_a_copy_the_others_go_on_and_it_is_tried_again(
    bench: Bench,
) -> None:
    bench.spool.rmdir()
    await bench.take("large", 3, padding=600_000)
    await bench.take("small", 2)
    await bench.road.holds(2)

    bench.spool.mkdir()
    await bench.road.holds(5)
    await bench.pipeline.settle()
    assert list(bench.spool.iterdir()) == []


async def test_a_store_that_goes_away_leaves_no_copy_behind(bench: Bench) -> None:
    bench.store.failures = 2
    await bench.take("large", 3, padding=600_000)
    await bench.road.holds(3)
    await bench.pipeline.settle()
    assert (bench.store.failures, list(bench.spool.iterdir())) == (0, [])
