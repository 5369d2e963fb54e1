"""Which tables are exported, and what their columns are in Parquet."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Integer, Table

from domains.engine.tables import records
from domains.exceptions.tables import exceptions
from domains.installed import INSTALLED

TABLES: Final[tuple[Table, ...]] = (
    *(table for one in INSTALLED.values() for table in one.tables.values()),
    records,
    exceptions,
)
AMOUNTS: Final = frozenset(
    {
        "adjusted", "allocated", "allowed", "amount", "applied", "at_bank", "back_ordered",
        "captured", "charged_back", "credited", "invoiced", "net", "open", "ordered", "original",
        "payable", "quantity", "refunded", "returned", "reversed", "shipped", "total",
        "unapplied", "unit_price", "written_off",
    }
)  # fmt: skip
"""Texts of these names are plain digits."""
DAYS: Final = frozenset({"booking_date", "due_date", "issue_date"})
TIMES: Final = frozenset({"since"})
"""Numbers of these names, and those that end in `_at`, are microseconds since 1970."""
LARGEST_OBJECT: Final = 64 * 2**20
"""Of one row as JSON, in bytes."""


def json_type(column: Column[object]) -> str:
    """What it is on its way to DuckDB."""
    return "BIGINT" if _is_number(column) else "VARCHAR"


def parquet_type(column: Column[object]) -> str:
    """DECIMAL(38,12), DATE, TIMESTAMP (UTC), BIGINT or VARCHAR."""
    if _is_number(column):
        is_time = column.name.endswith("_at") or column.name in TIMES
        return "TIMESTAMP" if is_time else "BIGINT"
    if column.name in AMOUNTS:
        return "DECIMAL(38,12)"
    return "DATE" if column.name in DAYS else "VARCHAR"


def _is_number(column: Column[object]) -> bool:
    return isinstance(column.type, Integer)


def conversion(column: Column[object]) -> str:
    """The column as DuckDB's SQL makes it of what JSON said."""
    name, kind = quoted(column.name), parquet_type(column)
    if kind == "TIMESTAMP":
        return f"make_timestamp({name}) AS {name}"
    return f"CAST({name} AS {kind}) AS {name}"


def copying(table: Table, source: str, target: str) -> str:
    """The statement that makes a Parquet file of newline-delimited JSON."""
    columns = list(table.columns)
    chosen = ", ".join(conversion(one) for one in columns)
    told = ", ".join(f"{literal(one.name)}: {literal(json_type(one))}" for one in columns)
    return (
        f"COPY (SELECT {chosen} FROM read_json({literal(source)}, columns = {{{told}}},"  # noqa: S608 - names of our own tables
        f" format = 'newline_delimited', maximum_object_size = {LARGEST_OBJECT}))"
        f" TO {literal(target)} (FORMAT parquet)"
    )


def quoted(name: str) -> str:
    """A name in SQL; `order` is a word of its own there."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"
