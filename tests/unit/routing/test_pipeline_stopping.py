"""How a pipeline ends: what it holds is worked off or let go of, whatever is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from canonical.errors import Unavailable
from chaos.payloads import statement_body
from configuration import Role
from connectors import registry
from connectors.raw import RawMessage
from routing.accounts import Account, Accounts
from routing.pipeline import Pipeline, PipelineSettings
from routing.router import Router
from store.database import Connection, Database
from store.intake import inbox
from store.log import outbox
from store.records import OutboxRow

T = TypeVar("T")
LEASE = timedelta(minutes=5)
ACCOUNT = Account(connector=registry.load("camt"), name="bank")


class Road:
    """Streams that take everything, once they are open."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.subjects: list[str] = []

    async def publish(self, rows: Sequence[OutboxRow]) -> object:
        await self.open.wait()
        self.subjects += [row.subject for row in rows]
        return len(rows)


class Leaving:
    """A store that may go away."""

    def __init__(self, database: Database) -> None:
        self.away = False
        self._database = database

    @property
    def dialect(self) -> str:
        return self._database.dialect

    async def write(self, work: Callable[[Connection], T], /) -> T:
        if self.away:
            raise Unavailable("the store is away")
        return await self._database.write(work)

    async def read(self, work: Callable[[Connection], T], /) -> T:
        return await self._database.read(work)

    async def close(self) -> None:
        await self._database.close()


@pytest.fixture
def road() -> Road:
    return Road()


@pytest.fixture
async def store(database: Database) -> Leaving:
    return Leaving(database)


def _pipeline(store: Leaving, road: Road, folder: Path, *roles: Role) -> Pipeline:
    return Pipeline(
        store,
        Accounts([ACCOUNT]),
        Router(),
        road,
        spool_folder=folder,
        settings=PipelineSettings(
            roles=frozenset(roles or Role), lease=LEASE, sweep_s=0.02, max_waiting=10
        ),
    )


async def _accept(pipeline: Pipeline, name: str) -> None:
    body = statement_body([name], message=name)
    raw = RawMessage(body, account="bank", received_at=datetime.now(UTC), filename=name)
    await pipeline.receiver.accept(ACCOUNT, raw, transport="file", secret=None)


async def _free_now(store: Leaving) -> tuple[int, int]:
    """Receipts and messages that another process could take at once."""
    now = datetime.now(UTC)
    receipts = await store.write(lambda one: inbox.claim_receipts(one, "other", now, LEASE, 10))
    messages = await store.write(lambda one: outbox.claim_outbox(one, "other", now, LEASE, 10))
    return len(receipts), len(messages)


async def test_what_is_in_hand_is_published_before_the_end(
    store: Leaving, road: Road, tmp_path: Path
) -> None:
    pipeline = _pipeline(store, road, tmp_path)
    await pipeline.start(alone=False)
    await _accept(pipeline, "A1")
    draining = asyncio.create_task(pipeline.drain(60))
    road.open.set()
    await draining
    assert len(road.subjects) == 1
    await pipeline.stop()


async def test_what_cannot_be_finished_is_anybody_s_at_once(
    store: Leaving, road: Road, tmp_path: Path
) -> None:
    pipeline = _pipeline(store, road, tmp_path)
    await pipeline.start(alone=False)
    await _accept(pipeline, "A1")
    await pipeline.drain(0.2)
    await pipeline.stop()
    assert sum(await _free_now(store)) == 1
    assert not road.subjects


async def test_it_ends_without_the_store_too(store: Leaving, road: Road, tmp_path: Path) -> None:
    pipeline = _pipeline(store, road, tmp_path)
    await pipeline.start(alone=False)
    await _accept(pipeline, "A1")
    store.away = True
    await pipeline.drain(0.2)
    await pipeline.stop()
    store.away = False


@pytest.mark.parametrize(
    ("roles", "free"), [([Role.INGEST], (1, 0)), ([Role.INGEST, Role.WORKER], (0, 1))]
)
async def test_what_another_role_is_to_do_is_not_held(
    store: Leaving, road: Road, tmp_path: Path, roles: list[Role], free: tuple[int, int]
) -> None:
    pipeline = _pipeline(store, road, tmp_path, *roles)
    road.open.set()
    await pipeline.start(alone=False)
    await _accept(pipeline, "A1")
    await pipeline.settle()
    assert await _free_now(store) == free
    await pipeline.stop()
    assert not road.subjects
