"""Many rows at once into SQLite, past the work that SQLAlchemy does for every row.

That work is two thirds of the time. Rows go to the driver directly, which is right because no
column of these tables needs converting on its way in.

A statement takes many rows at once: the driver lets go of the interpreter's lock for every step
of a statement, and has to wait for it again while the event loop is busy. A statement run row by
row waits for every row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache, partial
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Insert, Select, Table, Update
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError

Row = Mapping[str, Any]

_ROWS_A_STATEMENT = 500
_SIZES = (64, 16, 4, 1)
"""Rows a statement takes: few different statements, all of them prepared once."""
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
    return _many(connection, partial(_insert, table, names, missing_only), values)


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


class Outcome(NamedTuple):
    """What a statement answered."""

    rows: Sequence[tuple[Any, ...]]
    changed: int


def run_statement(
    connection: Connection, statement: Select[Any] | Update, given: Mapping[str, Any]
) -> Outcome:
    """Run a statement that is built once; its parameters are all given by name."""
    driver = _driver(connection)
    compiled = _prepared(statement)
    values = tuple([given.get(name, compiled.fixed.get(name)) for name in compiled.order])
    try:
        cursor = driver.execute(compiled.text, values)
        return Outcome(cursor.fetchall(), cursor.rowcount)
    except sqlite3.Error as error:
        raise _as_sqlalchemy(compiled.text, error) from error


def update_tuples(
    connection: Connection,
    table: Table,
    names: tuple[str, ...],
    values: Sequence[tuple[Any, ...]],
    *,
    added: tuple[str, ...],
) -> None:
    """Set the columns of the rows with these ids; those in `added` are counted up instead."""
    _many(connection, partial(_update, table, names, added), values)


def _many(
    connection: Connection, statement: Callable[[int], str], values: Sequence[tuple[Any, ...]]
) -> int:
    """Run a statement that takes so many rows over all rows; how many were changed."""
    driver = _driver(connection)
    changed = start = 0
    for size in _SIZES:
        text = statement(size)
        while len(values) - start >= size:
            part = chain.from_iterable(values[start : start + size])
            changed += _run(driver, text, tuple(part))
            start += size
    return changed


def _run(driver: sqlite3.Connection, text: str, values: tuple[Any, ...]) -> int:
    try:
        return driver.execute(text, values).rowcount
    except sqlite3.Error as error:
        raise _as_sqlalchemy(text, error) from error


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - the engine's own
    return driver


def _as_sqlalchemy(text: str, error: sqlite3.Error) -> BaseException:
    return DBAPIError.instance(text, None, error, sqlite3.Error)


def _tuples(names: Sequence[str], rows: Iterable[Row]) -> Iterator[tuple[Any, ...]]:
    return map(itemgetter(*names), rows)


@cache
def _insert(table: Table, names: tuple[str, ...], missing_only: bool, rows: int) -> str:
    otherwise = " ON CONFLICT DO NOTHING" if missing_only else ""
    return f"INSERT INTO {table.name} ({_columns(names)}) {_places(names, rows)}{otherwise}"


@cache
def _update(table: Table, names: tuple[str, ...], added: tuple[str, ...], rows: int) -> str:
    changed = ", ".join(
        f'"{name}" = given."{name}"' + (f' + {table.name}."{name}"' if name in added else "")
        for name in names
        if name != "id"
    )
    return (
        f"WITH given ({_columns(names)}) AS ({_places(names, rows)}) "  # noqa: S608 - our own names
        f"UPDATE {table.name} SET {changed} FROM given WHERE {table.name}.id = given.id"
    )


def _columns(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _places(names: tuple[str, ...], rows: int) -> str:
    one = f"({', '.join('?' * len(names))})"
    return f"VALUES {', '.join([one] * rows)}"


@lru_cache(maxsize=1024)
def _insert_many(
    table: Table, names: tuple[str, ...], returned: Column[Any], rows: int
) -> _Compiled:
    one = _compiled(sqlite.insert(table).on_conflict_do_nothing().returning(returned), names)
    places = f"({', '.join('?' * len(names))})"
    many = one.text.replace(f"VALUES {places}", f"VALUES {', '.join([places] * rows)}")
    return one._replace(text=many)


class _Prepared(NamedTuple):
    text: str
    order: tuple[str, ...]
    fixed: Mapping[str, Any]
    """Parameters that stand in the statement itself."""


@cache
def _prepared(statement: Select[Any] | Update) -> _Prepared:
    compiled = statement.compile(dialect=_DIALECT)
    return _Prepared(str(compiled), tuple(compiled.positiontup or ()), compiled.params)


def _compiled(statement: Insert, names: tuple[str, ...]) -> _Compiled:
    compiled = statement.compile(dialect=_DIALECT, column_keys=list(names))
    return _Compiled(str(compiled), tuple(compiled.positiontup or ()))
