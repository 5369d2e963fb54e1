"""The few statements that SQLite and PostgreSQL are told in different words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cache
from itertools import islice
from typing import Any, TypeVar

import orjson
from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Table,
    TableValuedAlias,
    Text,
    Update,
    any_,
    bindparam,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy import Row as Found
from sqlalchemy.dialects import postgresql, sqlite

from store.engines.sqlite_rows import (
    Outcome,
    insert_new_rows,
    insert_rows,
    insert_tuples,
    run_statement,
    update_tuples,
)

T = TypeVar("T")
Row = Mapping[str, Any]
Values = tuple[Any, ...]

_LONGEST_LIST = 5000
"""SQLite allows 32 766 parameters in one statement."""


def is_postgresql(connection: Connection) -> bool:
    """Whether this is PostgreSQL; otherwise it is SQLite."""
    return connection.dialect.name == "postgresql"


def insert_all(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that all have the same columns; no rows are nothing to do."""
    if not rows:
        return
    if is_postgresql(connection):
        connection.execute(_insert_from_arrays(table, tuple(rows[0])), _arrays(rows))
    else:
        insert_rows(connection, table, rows)


def insert_new(
    connection: Connection, table: Table, rows: Sequence[Row], returned: Column[T]
) -> set[T]:
    """Insert those rows whose keys are free; returns `returned` of each that went in.

    On PostgreSQL a key that another transaction is just taking is waited for: what is not
    returned has been committed by somebody else.
    """
    if not rows:
        return set()
    if is_postgresql(connection):
        new = _insert_from_arrays(table, tuple(rows[0])).on_conflict_do_nothing()
        return set(connection.execute(new.returning(returned), _arrays(rows)).scalars())
    return set(insert_new_rows(connection, table, rows, returned))


def insert_missing(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert those rows whose keys are free and leave the others as they are."""
    if not rows:
        return
    if is_postgresql(connection):
        missing = _insert_from_arrays(table, tuple(rows[0])).on_conflict_do_nothing()
        connection.execute(missing, _arrays(rows))
    else:
        insert_rows(connection, table, rows, missing_only=True)


def insert_values(
    connection: Connection, table: Table, names: tuple[str, ...], values: Sequence[Values]
) -> None:
    """`insert_all` for rows given as tuples, in the order of `names`: the hot path's way."""
    if not values:
        return
    if is_postgresql(connection):
        connection.execute(_insert_from_arrays(table, names), _columns(names, values))
    else:
        insert_tuples(connection, table, names, values)


def insert_free(
    connection: Connection, table: Table, names: tuple[str, ...], values: Sequence[Values]
) -> int:
    """Insert those tuples whose keys are free; how many went in.

    Whoever gets fewer than it gave asks for the keys and compares whose rows stand there. On
    PostgreSQL a key that another transaction is just taking is waited for: what did not go in has
    been committed by somebody else.
    """
    if not values:
        return 0
    if is_postgresql(connection):
        free = _insert_from_arrays(table, names).on_conflict_do_nothing()
        return connection.execute(free, _columns(names, values)).rowcount
    return insert_tuples(connection, table, names, values, missing_only=True)


def run(
    connection: Connection, statement: Select[Any] | Update, given: Mapping[str, Any]
) -> Outcome:
    """Run a statement of the hot path, built once and kept: on SQLite past SQLAlchemy."""
    if not is_postgresql(connection):
        return run_statement(connection, statement, given)
    result = connection.execute(statement, given)
    rows = [tuple(row) for row in result] if result.returns_rows else []
    return Outcome(rows, result.rowcount)


def upsert(connection: Connection, table: Table, row: Row) -> None:
    """Insert a row, or replace what stands under its primary key."""
    keys = [one.name for one in table.primary_key]
    dialect = postgresql if is_postgresql(connection) else sqlite
    statement = dialect.insert(table).values(**row)
    changed = {name: statement.excluded[name] for name in row if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


def update_all(
    connection: Connection, table: Table, rows: Sequence[Row], *, added: tuple[str, ...] = ()
) -> None:
    """Set each row's columns in the row with its `id`; those in `added` are counted up instead."""
    if not rows:
        return
    names = tuple(rows[0])
    update_values(
        connection, table, names, [tuple(row[name] for name in names) for row in rows], added=added
    )


def update_values(
    connection: Connection,
    table: Table,
    names: tuple[str, ...],
    values: Sequence[Values],
    *,
    added: tuple[str, ...] = (),
) -> None:
    """`update_all` for rows given as tuples, in the order of `names`."""
    if not values:
        return
    if is_postgresql(connection):
        connection.execute(_update_from_arrays(table, names, added), _columns(names, values))
    else:
        update_tuples(connection, table, names, values, added=added)


def among(
    connection: Connection, column: ColumnElement[Any], values: Sequence[Any]
) -> ColumnElement[bool]:
    """`column IN values`, as one array, so that one prepared statement serves every length."""
    if is_postgresql(connection):
        return column == any_(bindparam(None, list(values), type_=ARRAY(column.type)))
    if isinstance(column.type, Integer):
        return column.in_(select(_json_values(_json_array(values))))
    return column.in_(values)  # SQLite's JSON has no bytes


def listed(column: Column[int], *, postgresql: bool) -> ColumnElement[bool]:
    """`column IN :listed`, for a statement that is built once and given `listing(…)` each time."""
    if postgresql:
        return column == any_(bindparam("listed", type_=ARRAY(column.type)))
    return column.in_(select(_json_values(bindparam("listed", type_=Text))))


def listing(connection: Connection, numbers: Sequence[int]) -> Sequence[int] | str:
    """The value of the parameter `listed`."""
    return list(numbers) if is_postgresql(connection) else _json_array(numbers)


def select_among(
    connection: Connection,
    statement: Select[Any],
    column: ColumnElement[Any],
    values: Iterable[Any],
) -> Iterator[Found[Any]]:
    """The rows of a select whose `column` is among any number of values, in slices."""
    waiting = iter(values)
    while part := list(islice(waiting, _LONGEST_LIST)):
        yield from connection.execute(statement.where(among(connection, column, part)))


def storable(text: str) -> str:
    """Text that both engines take: what UTF-8 or PostgreSQL cannot hold becomes U+FFFD."""
    if text.isascii() and "\0" not in text:
        return text
    clean = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return clean.replace("\0", "\ufffd")


def is_state(column: ColumnElement[str], state: str) -> ColumnElement[bool]:
    """`column = 'state'` in the text of the statement: a partial index needs to see the word."""
    return column == _word(state)


def not_state(column: ColumnElement[str], state: str) -> ColumnElement[bool]:
    """`column <> 'state'` in the text of the statement, for a partial index without that state."""
    return column != _word(state)


def _word(state: str) -> ColumnElement[str]:
    if not state.isalpha():
        raise ValueError("only a word of our own may stand in a statement's text")
    return literal_column(f"'{state}'", Text)


def free_at(
    column: ColumnElement[int], now: int, lease: timedelta | None = None
) -> ColumnElement[bool]:
    """Nobody's lease, or one that has run out.

    With `lease`, how long leases are, also one that ends so late that only a clock that was far
    ahead can have given it: it would be held for hours.
    """
    free = column.is_(None) | (column <= now)
    return free if lease is None else free | (column > now + 2 * lease // timedelta(microseconds=1))


@cache
def _insert_from_arrays(table: Table, names: tuple[str, ...]) -> postgresql.Insert:
    given = _given(table, names)
    chosen = select(*(given.c[name] for name in names))
    return postgresql.insert(table).from_select(list(names), chosen)


@cache
def _update_from_arrays(table: Table, names: tuple[str, ...], added: tuple[str, ...]) -> Update:
    given = _given(table, names)
    changed = _changed(table, added, {name: given.c[name] for name in names})
    return update(table).where(table.c.id == given.c.id).values(changed)


def _changed(
    table: Table, added: tuple[str, ...], given: Mapping[str, ColumnElement[Any]]
) -> dict[str, ColumnElement[Any]]:
    return {
        name: table.c[name] + value if name in added else value
        for name, value in given.items()
        if name != "id"
    }


def _given(table: Table, names: tuple[str, ...]) -> TableValuedAlias:
    # One array a column: one statement serves every number of rows, and is prepared once.
    arrays = [bindparam(f"{name}_", type_=ARRAY(table.c[name].type)) for name in names]
    return func.unnest(*arrays).table_valued(*names, name="given").render_derived()


def _json_array(values: Sequence[Any]) -> str:
    return orjson.dumps(list(values)).decode()


def _json_values(array: str | ColumnElement[str]) -> ColumnElement[int]:
    return func.json_each(array).table_valued("value").c.value


def _columns(names: tuple[str, ...], values: Sequence[Values]) -> dict[str, list[Any]]:
    columns = zip(*values, strict=True)
    return {f"{name}_": list(column) for name, column in zip(names, columns, strict=True)}


def _arrays(rows: Sequence[Row]) -> dict[str, list[Any]]:
    return {f"{name}_": [row[name] for row in rows] for name in rows[0]}
