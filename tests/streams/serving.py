"""A real stream server for tests, and waiting for what happens on it."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import redis
from redis.asyncio import Redis

from embedded.server import StreamServer, start

DEADLINE_S = 20.0


@contextmanager
def running_server(folder: Path) -> Iterator[StreamServer]:
    """A Valkey of its own in this folder, ended for good afterwards."""
    server = start(folder)
    try:
        yield server
    finally:
        shut_down(server)
        server.stop()


def shut_down(server: StreamServer) -> None:
    """End the server, whoever is connected."""
    with suppress(redis.ConnectionError), redis.Redis.from_url(server.url) as connection:
        connection.shutdown(nosave=True)


def process_id(url: str) -> int:
    """The process behind a server."""
    with redis.Redis.from_url(url) as connection:
        return int(connection.info("server")["process_id"])


def kill(url: str) -> None:
    """End the server as a power cut would."""
    os.kill(process_id(url), signal.SIGKILL)


async def command(connection: Redis, *parts: str) -> object:
    """Any command, as one would type it."""
    answer: object = await connection.execute_command(*parts)  # type: ignore[no-untyped-call]
    return answer


async def entries_of(connection: Redis, stream: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Everything on a stream."""
    return cast("list[tuple[bytes, dict[bytes, bytes]]]", await connection.xrange(stream))


async def until(
    condition: Callable[[], bool | Awaitable[bool]], *, within_s: float = DEADLINE_S
) -> None:
    """Wait until the condition holds; fail when it does not in time."""
    async with asyncio.timeout(within_s):
        while True:
            holds = condition()
            if await holds if inspect.isawaitable(holds) else holds:
                return
            await asyncio.sleep(0.01)
