"""How a store's queries are run: the indexes in the plans of what a function asks."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, event

_SQLITE_INDEX = re.compile(r"USING (?:COVERING )?INDEX (\w+)")
_SQLITE_KEY = re.compile(r"(?:SCAN|SEARCH) (\w+) USING (?:INTEGER )?PRIMARY KEY")
_SQLITE_SCAN = re.compile(r"SCAN (\w+)(?: |$)(?!USING|VIRTUAL)")
_NO_TABLE = re.compile(r"CONSTANT|json_each|anon_\d+|\d+|given")  # SCAN 16-ROW VALUES CLAUSE
_EXPLAINED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


@dataclass(frozen=True, slots=True)
class Plans:
    """What the statements of a piece of work are run by."""

    indexes: frozenset[str]
    """Names; `pkey of TABLE` where SQLite names a primary key by its table only."""
    scans: frozenset[str]
    """Tables read from end to end."""


def plans_of(connection: Connection, work: Callable[[Connection], object]) -> Plans:
    """Run some work and explain each statement it made, in the same transaction."""
    with _listening(connection) as statements:
        work(connection)
    steps = [step for one in dict(statements).items() for step in _explained(connection, *one)]
    return Plans(
        indexes=frozenset(name for kind, name in steps if kind == "index"),
        scans=frozenset(name for kind, name in steps if kind == "scan"),
    )


@contextmanager
def _listening(connection: Connection) -> Iterator[list[tuple[str, Any]]]:
    heard: list[tuple[str, Any]] = []

    def hear(_: Connection, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if statement.lstrip().startswith(_EXPLAINED):
            heard.append((statement, parameters))

    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        # The hot path goes past SQLAlchemy; the driver tells statements with their values in them.
        driver.set_trace_callback(lambda statement: hear(connection, None, statement, ()))
    else:
        event.listen(connection, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        if isinstance(driver, sqlite3.Connection):
            driver.set_trace_callback(None)
        else:
            event.remove(connection, "before_cursor_execute", hear)


def _explained(
    connection: Connection, statement: str, parameters: Any
) -> Iterator[tuple[str, str]]:
    if connection.dialect.name == "postgresql":
        found = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        told = found.scalar_one()
        for plan in json.loads(told) if isinstance(told, str) else told:
            yield from _nodes(plan["Plan"])
        return
    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
        yield from _details(row.detail)


def _nodes(node: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "Index Name" in node:
        yield "index", node["Index Name"]
    elif node["Node Type"] == "Seq Scan":
        yield "scan", node["Relation Name"]
    for below in node.get("Plans", ()):
        yield from _nodes(below)


def _details(text: str) -> Iterator[tuple[str, str]]:
    if index := _SQLITE_INDEX.search(text):
        yield "index", index[1]
    elif key := _SQLITE_KEY.search(text):
        yield "index", f"pkey of {key[1]}"
    elif (scan := _SQLITE_SCAN.match(text)) and not _NO_TABLE.fullmatch(scan[1]):
        yield "scan", scan[1]
