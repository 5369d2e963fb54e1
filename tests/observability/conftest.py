"""A whole gateway in a test, from its HTTP door to a real Valkey, with an account of Shopify's."""

from __future__ import annotations

import gc
import logging
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from embedded.server import StreamServer
from routing.streams import client
from store.database import Database
from tests.observability.gateway import Gateway, gateway_over
from tests.streams.serving import running_server
from workbench.logs import configure_logs


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamServer]:
    """The session's server."""
    with running_server(tmp_path_factory.mktemp("v")) as server:
        yield server


@pytest.fixture
async def emptied(valkey: StreamServer) -> StreamServer:
    """The session's server without any stream."""
    redis = client(valkey.url)
    await redis.flushall()
    await redis.aclose()
    return valkey


@pytest.fixture
async def gateway(
    emptied: StreamServer, database: Database, tmp_path: Path
) -> AsyncIterator[Gateway]:
    """A gateway without tracing over an empty store and empty streams."""
    async with gateway_over(database, emptied.url, tmp_path) as opened:
        yield opened


@pytest.fixture
def logs() -> Iterator[None]:
    """Logs as a serving process has them; what they say is on stderr."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook
    configure_logs({"GATEWAY_LOG_LEVEL": "debug"})
    # Or loggers that were used here would keep this configuration for other tests.
    structlog.configure(cache_logger_on_first_use=False)
    yield
    sys.excepthook, threading.excepthook = hooks
    structlog.reset_defaults()
    root.handlers[:], level = before
    root.setLevel(level)


@pytest.fixture(autouse=True)
def _no_socket_left_to_later_tests() -> Iterator[None]:
    """Collect what a cancelled connect left open, here and not in somebody else's test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
