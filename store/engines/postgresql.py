"""PostgreSQL: the same synchronous queries, run over asyncpg."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from canonical.errors import Unavailable

T = TypeVar("T")

_TRIES = 5
_LOST_RACES = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock (PostgreSQL, appendix A): run again, it may well succeed."""
_OUT_OF_ORDER = ("08", "25P03", "53", "57P")
"""Connection, out of resources (disk full, too many connections), shutting down or starting."""

_SESSION = {
    "application_name": "o2c-gateway",
    # A 2xx says the bytes are durable: whatever the server's default is, commits wait for the disk.
    "synchronous_commit": "on",
    "jit": "off",
    # A process that is frozen in a transaction lets go of its locks before its leases end.
    "idle_in_transaction_session_timeout": "10s",
}


class PostgresqlDatabase:
    """A PostgreSQL database; any number of processes may share it."""

    dialect = "postgresql"

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def write(self, work: Callable[[Connection], T], /) -> T:
        """Run `work` in a transaction, again after a deadlock. Raises Unavailable."""
        async with _reported():
            async for attempt in _retrying():
                with attempt:
                    async with self._engine.begin() as connection:
                        return await connection.run_sync(work)
        raise AssertionError("unreachable")

    async def read(self, work: Callable[[Connection], T], /) -> T:
        """Run `work` on one snapshot. Raises Unavailable."""
        async with _reported(), self._engine.connect() as connection:
            await connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            async with connection.begin():
                return await connection.run_sync(work)

    async def close(self) -> None:
        """Let go of all connections."""
        await self._engine.dispose()


def _retrying() -> AsyncRetrying:
    return AsyncRetrying(
        retry=retry_if_exception(_is_lost_race),
        stop=stop_after_attempt(_TRIES),
        wait=wait_random_exponential(multiplier=0.01, max=0.2),
        reraise=True,
    )


def _sqlstate(error: BaseException) -> str:
    origin: Any = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(origin, "sqlstate", None) or "")


def _is_lost_race(error: BaseException) -> bool:
    return _sqlstate(error) in _LOST_RACES


@asynccontextmanager
async def _reported() -> AsyncIterator[None]:
    """Turns what a driver says about its connection into Unavailable."""
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("all connections are in use", code="store_busy") from error
    except (DBAPIError, asyncpg.PostgresError) as error:
        state = _sqlstate(error)
        broken = isinstance(error, DBAPIError) and error.connection_invalidated
        if broken or state.startswith(_OUT_OF_ORDER) or state in _LOST_RACES:
            raise _unavailable(state) from error
        raise
    except (OSError, asyncpg.InterfaceError) as error:
        raise _unavailable(type(error).__name__) from error


def _unavailable(what: str) -> Unavailable:
    return Unavailable(f"PostgreSQL: {what or 'connection lost'}", code="store_unavailable")


async def open_postgresql(url: URL, *, migrate: bool) -> PostgresqlDatabase:
    """Connect, whatever driver the address names. Raises Unavailable when nobody answers."""
    engine = create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        pool_size=10,
        max_overflow=10,
        pool_timeout=10,
        pool_recycle=1800,
        connect_args={"timeout": 10, "server_settings": _SESSION},
    )
    database = PostgresqlDatabase(engine)
    try:
        await database.write(_bring_up if migrate else _greet)
    except BaseException:
        await engine.dispose()
        raise
    return database


def _bring_up(connection: Connection) -> None:
    from store.migrating import migrate  # noqa: PLC0415 - a second to load

    migrate(connection)


def _greet(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT 1")
