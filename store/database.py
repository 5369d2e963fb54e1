"""The two ways of running a query: every query is a function of a connection, on either engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from canonical.errors import Unsupported

__all__ = ["Connection", "Database", "open_database"]

T = TypeVar("T")


class Database(Protocol):
    """A store that is open."""

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""

    async def write(self, work: Callable[[Connection], T], /) -> T:
        """Run `work` in a transaction; when this returns it is durable.

        `work` may be run again after a lost race. Raises Unavailable when the store cannot take
        it (then nothing of it is stored, unless the connection broke during the commit itself),
        and whatever `work` raises.
        """

    async def read(self, work: Callable[[Connection], T], /) -> T:
        """Run `work`, which only reads, on one snapshot. Raises Unavailable."""

    async def close(self) -> None:
        """Finish what was accepted and let go of all connections."""


async def open_database(url: str, *, migrate: bool = True) -> Database:
    """Open `sqlite:///path` or `postgresql://…`, brought up to the newest tables.

    Raises Unsupported (`unknown_store`) for any other address, Unavailable when it cannot be
    opened.
    """
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise Unsupported("the store's address is not a URL", code="unknown_store") from error
    match address.get_backend_name():
        case "sqlite":
            from store.engines.sqlite import open_sqlite  # noqa: PLC0415 - one of two drivers is loaded

            return await open_sqlite(address, migrate=migrate)
        case "postgresql":
            from store.engines.postgresql import open_postgresql  # noqa: PLC0415

            return await open_postgresql(address, migrate=migrate)
        case other:
            raise Unsupported(f"{other[:40]!r} is no store known here", code="unknown_store")
