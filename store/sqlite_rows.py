"""Many rows at once into SQLite, past the work that SQLAlchemy does for every row.

That work is two thirds of the time. The statements are still compiled by SQLAlchemy; only the
rows go to the driver directly, which is right because no column of these tables needs converting
on its way in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Insert, Table, Update
from sqlalchemy.dialects import sqlite

Row = Mapping[str, Any]

_ROWS_A_STATEMENT = 500
_DIALECT = sqlite.dialect(paramstyle="qmark")


class _Compiled(NamedTuple):
    text: str
    order: tuple[str, ...]
    """The parameters' names in the order of their places."""


def insert_rows(
    connection: Connection, table: Table, rows: Sequence[Row], *, missing_only: bool = False
) -> None:
    """Insert rows of the same columns; `missing_only` leaves what stands under their keys."""
    statement = _insert(table, tuple(rows[0]), missing_only=missing_only)
    connection.exec_driver_sql(statement.text, list(_tuples(statement.order, rows)))


def insert_new_rows(
    connection: Connection, table: Table, rows: Sequence[Row], returned: Column[Any]
) -> Iterator[Any]:
    """Insert rows whose keys are free; yields `returned` of those that went in."""
    names = tuple(rows[0])
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        part = rows[start : start + _ROWS_A_STATEMENT]
        statement = _insert_many(table, names, returned, len(part))
        values = tuple(chain.from_iterable(_tuples(statement.order, part)))
        yield from connection.exec_driver_sql(statement.text, values).scalars()


def update_rows(connection: Connection, statement: Update, rows: Sequence[Row]) -> None:
    """Run an update once for each row of its parameters."""
    compiled = _update(statement)
    connection.exec_driver_sql(compiled.text, list(_tuples(compiled.order, rows)))


def _tuples(names: Sequence[str], rows: Iterable[Row]) -> Iterator[tuple[Any, ...]]:
    return map(itemgetter(*names), rows)


@cache
def _insert(table: Table, names: tuple[str, ...], *, missing_only: bool) -> _Compiled:
    statement = sqlite.insert(table)
    if missing_only:
        statement = statement.on_conflict_do_nothing()
    return _compiled(statement, names)


@lru_cache(maxsize=1024)
def _insert_many(
    table: Table, names: tuple[str, ...], returned: Column[Any], rows: int
) -> _Compiled:
    one = _compiled(sqlite.insert(table).on_conflict_do_nothing().returning(returned), names)
    places = f"({', '.join('?' * len(names))})"
    many = one.text.replace(f"VALUES {places}", f"VALUES {', '.join([places] * rows)}")
    return one._replace(text=many)


@cache
def _update(statement: Update) -> _Compiled:
    return _compiled(statement, None)


def _compiled(statement: Insert | Update, names: tuple[str, ...] | None) -> _Compiled:
    compiled = statement.compile(dialect=_DIALECT, column_keys=names and list(names))
    return _Compiled(str(compiled), tuple(compiled.positiontup or ()))
