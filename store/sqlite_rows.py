"""Many rows at once into SQLite, past the work that SQLAlchemy does for every row.

That work is two thirds of the time. Rows go to the driver directly, which is right because no
column of these tables needs converting on its way in.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Insert, Table, Update
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError

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
    names = tuple(rows[0])
    values = list(_tuples(names, rows))
    insert_tuples(connection, table, names, values, missing_only=missing_only)


def insert_tuples(
    connection: Connection,
    table: Table,
    names: tuple[str, ...],
    values: Sequence[tuple[Any, ...]],
    *,
    missing_only: bool = False,
) -> int:
    """`insert_rows` for tuples in the order of `names`; how many went in."""
    text = _insert(table, names, missing_only=missing_only)
    return _many(connection, text, values)


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


def update_tuples(
    connection: Connection,
    statement: Update,
    names: tuple[str, ...],
    values: Sequence[tuple[Any, ...]],
) -> None:
    """Run an update once for each tuple; `names` are its parameters without their last `_`."""
    compiled = _update(statement)
    arranged = itemgetter(*[names.index(one.removesuffix("_")) for one in compiled.order])
    _many(connection, compiled.text, list(map(arranged, values)))


def _many(connection: Connection, text: str, values: Sequence[tuple[Any, ...]]) -> int:
    """Past SQLAlchemy: of a statement run for many rows it would make a list of copies first."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - the engine's own
    try:
        return driver.executemany(text, values).rowcount
    except sqlite3.Error as error:
        raise DBAPIError.instance(text, None, error, sqlite3.Error) from error


def _tuples(names: Sequence[str], rows: Iterable[Row]) -> Iterator[tuple[Any, ...]]:
    return map(itemgetter(*names), rows)


@cache
def _insert(table: Table, names: tuple[str, ...], *, missing_only: bool) -> str:
    columns = ", ".join(f'"{table.c[name].name}"' for name in names)
    places = ", ".join("?" * len(names))
    otherwise = " ON CONFLICT DO NOTHING" if missing_only else ""
    return f"INSERT INTO {table.name} ({columns}) VALUES ({places}){otherwise}"  # noqa: S608 - our own names


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
