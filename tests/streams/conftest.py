"""One Valkey a test session, emptied before every test; what needs a store runs on both."""

from __future__ import annotations

import gc
import warnings
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from embedded.server import StreamServer
from routing.streams import Publisher, client
from store.database import Database
from tests.streams.serving import running_server
from tests.streams.subscribing import Ledger, Stage


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamServer]:
    """The session's server."""
    with running_server(tmp_path_factory.mktemp("v")) as server:
        yield server


@pytest.fixture
async def redis(valkey: StreamServer) -> AsyncIterator[Redis]:
    """A client of the session's server, which is empty and takes writes."""
    connection = client(valkey.url)
    await connection.flushall()
    yield connection
    await connection.aclose()


@pytest.fixture
def publisher(redis: Redis) -> Publisher:
    return Publisher(redis)


@pytest.fixture
async def stage(valkey: StreamServer, redis: Redis, database: Database) -> Stage:
    """An empty server, an empty store, a table for effects, a clock that stands still."""
    ledger = Ledger(database)
    await ledger.prepare()
    return Stage(url=valkey.url, database=database, ledger=ledger)


@pytest.fixture(autouse=True)
def _no_socket_left_to_later_tests() -> Iterator[None]:
    """Collect what a cancelled connect left open, here and not in somebody else's test.

    FastStream cancels its reads without awaiting them; one that was just connecting leaves its
    socket to the garbage collector.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
