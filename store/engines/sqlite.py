"""SQLite: one writer thread that lets writes share a commit, and a few readers beside it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from canonical.errors import Unavailable, Unsupported

T = TypeVar("T")

JOBS_A_COMMIT = 64
WAITING_BOUND = 1024
READERS = 4
_BUSY_TIMEOUT_S = 10

_OUT_OF_ORDER = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)
"""The result codes that say something about the file or the disk, not about the statement."""


@dataclass(slots=True, eq=False)
class _Job:
    work: Callable[[Connection], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = field(default=None)

    def settle(self) -> None:
        if self.future.done():  # cancelled meanwhile; what was committed stands
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class SqliteDatabase:
    """A SQLite file with all of this process's writes in one thread."""

    dialect = "sqlite"

    def __init__(self, writer: Connection, reader: Engine) -> None:
        self._writer = writer
        self._reader = reader
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._waiting: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[Connection], T], /) -> T:
        """Run `work` in the writer's next transaction. Raises Unavailable (`store_busy`, …)."""
        loop = asyncio.get_running_loop()
        job = _Job(work, loop, loop.create_future())
        with self._changed:
            if self._closing:
                raise Unavailable("the store is closed", code="store_unavailable")
            if len(self._waiting) >= WAITING_BOUND:
                raise Unavailable("too many writes are waiting", code="store_busy")
            self._waiting.append(job)
            self._changed.notify()
        result: T = await job.future
        return result

    async def read(self, work: Callable[[Connection], T], /) -> T:
        """Run `work` on a reader's own connection. Raises Unavailable."""
        if self._closing:
            raise Unavailable("the store is closed", code="store_unavailable")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, work)

    async def close(self) -> None:
        """Write what is waiting, then close the file."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._thread.join()
        self._readers.shutdown()
        self._reader.dispose()
        # Last: whoever closes the last connection folds the log into the file, and must write.
        self._writer.close()
        self._writer.engine.dispose()

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._reader.begin() as connection:
                return work(connection)
        except DBAPIError as error:
            told = _told(error)
            raise told from told.__cause__

    def _run(self) -> None:
        while jobs := self._next_jobs():
            self._commit_together(jobs)
            _settle(jobs)

    def _next_jobs(self) -> list[_Job]:
        """What is waiting, without waiting for more; empty when the store closes."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), JOBS_A_COMMIT))]

    def _commit_together(self, jobs: list[_Job]) -> None:
        try:
            with self._writer.begin():
                if len(jobs) == 1:
                    jobs[0].result = jobs[0].work(self._writer)
                else:
                    for job in jobs:
                        _run_apart(self._writer, job)
        except Exception as error:  # noqa: BLE001 - the writer outlives every failure
            _fail_all(jobs, error)


def _run_apart(connection: Connection, job: _Job) -> None:
    """Run a job so that its failure undoes its own work only."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - the engine's own
    # By the driver: SQLAlchemy's own savepoints cost more than a small job.
    driver.execute("SAVEPOINT job")
    try:
        job.result = job.work(connection)
    except Exception as error:
        if not driver.in_transaction:
            # A full disk ends the whole transaction: nobody's work is left in it.
            raise
        driver.execute("ROLLBACK TO job")
        job.error = _told(error)
    driver.execute("RELEASE job")


def _fail_all(jobs: list[_Job], error: Exception) -> None:
    told = _told(error)
    if len(jobs) > 1 and not isinstance(told, Unavailable):
        told = Unavailable("the commit failed", code="store_unavailable")
    for job in jobs:
        job.error = told


def _settle(jobs: list[_Job]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = defaultdict(list)
    for job in jobs:
        by_loop[job.loop].append(job)
    for loop, done in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle_here, done)
        except RuntimeError:  # that loop is closed, nobody is waiting any more
            continue


def _settle_here(jobs: list[_Job]) -> None:
    for job in jobs:
        job.settle()


def _told(error: BaseException) -> BaseException:
    """The error as the gateway knows it: trouble with the file is Unavailable."""
    if isinstance(error, DBAPIError) and isinstance(error.orig, sqlite3.Error):
        code = getattr(error.orig, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in _OUT_OF_ORDER:
            name = error.orig.sqlite_errorname
            told = Unavailable(f"SQLite answered {name}", code="store_unavailable")
            told.__cause__ = error
            return told
    return error


async def open_sqlite(url: URL, *, migrate: bool) -> SqliteDatabase:
    """Open (or make) the file. Raises Unavailable when it cannot be opened."""
    if not url.database or url.database == ":memory:":
        raise Unsupported("the store needs a file: sqlite:///path", code="unknown_store")
    return await asyncio.to_thread(_open, Path(url.database), migrate)


def _open(path: Path, migrate: bool) -> SqliteDatabase:
    writer = _engine(path, begin="BEGIN IMMEDIATE", pragmas=_WRITER_PRAGMAS, connections=1)
    reader = _engine(path, begin="BEGIN", pragmas=_READER_PRAGMAS, connections=READERS)
    try:
        connection = writer.connect()
        if migrate:
            from store.migrating import migrate as bring_up  # noqa: PLC0415 - a second to load

            with connection.begin():
                bring_up(connection)
    except Exception as error:  # noqa: BLE001 - nothing stays open behind a failure
        writer.dispose()
        told = _told(error)
        raise told from told.__cause__
    return SqliteDatabase(connection, reader)


# fullfsync is heard on macOS only: there a plain fsync stops at the disk's own cache.
_WRITER_PRAGMAS = (
    # Heard by a new file only. Most pages a message changes are of indexes: fewer, larger ones.
    "page_size = 8192",
    "journal_mode = WAL",
    "synchronous = FULL",
    "fullfsync = ON",
    "foreign_keys = OFF",
    "temp_store = MEMORY",
    "cache_size = -65536",
    "journal_size_limit = 67108864",
    # Pages that many commits change are copied into the file once instead of every 8 MiB.
    "wal_autocheckpoint = 2000",
)
_READER_PRAGMAS = ("query_only = ON", "temp_store = MEMORY", "cache_size = -16384")


def _engine(path: Path, *, begin: str, pragmas: tuple[str, ...], connections: int) -> Engine:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        connect_args={
            "timeout": _BUSY_TIMEOUT_S,
            "check_same_thread": False,
            "cached_statements": 512,
        },
        pool_size=connections,
        max_overflow=0,
    )

    def prepare(connection: sqlite3.Connection, _: object) -> None:
        # The driver's own idea of when a transaction begins is switched off: ours are explicit.
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", start)
    return engine
