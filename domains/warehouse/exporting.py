"""Writes one Parquet file a table: rows of one snapshot to JSON lines, and DuckDB makes the files.

The store is read first and let go of; only then are files made, each beside its place, and all of
them renamed at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Table, select

from canonical.errors import Malformed, Unavailable, Unsupported
from domains.warehouse.columns import TABLES, copying
from store.database import Database

A_PAGE: Final = 2000
"""Rows in memory at a time."""
MEMORY: Final = "512MB"
"""What DuckDB may take; beyond that it uses the disk."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A table that was written."""

    table: str
    rows: int
    path: Path


async def export(
    database: Database, folder: Path, tables: Sequence[Table] = TABLES
) -> tuple[Exported, ...]:
    """Write `<table>.parquet` into the folder, which is made, over what is there of that name.

    All files are of one moment. Where it fails, nothing in the folder has changed. Raises
    Unsupported (`no_duckdb`) where DuckDB is not installed, Malformed (`unfit_value`) for a value
    that does not fit its column, Unavailable (`folder_unwritable`, `not_exported`).
    """
    duckdb = _duckdb()
    try:
        with _scratch(folder) as scratch:
            made = Path(scratch)
            counts = await database.read(lambda connection: _write_all(connection, tables, made))
            await asyncio.to_thread(_convert_all, duckdb, tables, made)
            return tuple(_put(one, counts[one.name], made, folder) for one in tables)
    except OSError as error:
        raise Unavailable(
            f"the folder cannot be written: {error.strerror}", code="folder_unwritable"
        ) from error


def _scratch(folder: Path) -> TemporaryDirectory[str]:
    """In the folder itself: only on its own disk a file is renamed at once."""
    folder.mkdir(parents=True, exist_ok=True)
    return TemporaryDirectory(dir=folder, prefix=".o2c-export-")


def _duckdb() -> ModuleType:
    try:
        import duckdb  # noqa: PLC0415 - an extra, loaded when it is needed
    except ImportError as error:
        raise Unsupported(
            "this needs DuckDB: pip install 'o2c-gateway[warehouse]'", code="no_duckdb"
        ) from error
    return duckdb


def _write_all(connection: Connection, tables: Sequence[Table], folder: Path) -> dict[str, int]:
    """Every table as JSON lines. Returns how many rows each has."""
    return {one.name: _write(connection, one, folder / f"{one.name}.ndjson") for one in tables}


def _write(connection: Connection, table: Table, path: Path) -> int:
    # orjson takes no subclass of str for a key, which SQLAlchemy's names are.
    names = [str(one.name) for one in table.columns]
    count = 0
    with path.open("wb") as file:
        for page in _pages(connection, table):
            lines = (orjson.dumps(dict(zip(names, row, strict=True))) + b"\n" for row in page)
            file.writelines(lines)
            count += len(page)
    return count


def _pages(connection: Connection, table: Table) -> Iterator[Sequence[Sequence[Any]]]:
    statement = select(table).execution_options(yield_per=A_PAGE)
    return iter(connection.execute(statement).partitions())


def _convert_all(duckdb: Any, tables: Sequence[Table], folder: Path) -> None:
    # Nothing is fetched from anywhere; what JSON and Parquet need comes with DuckDB.
    config = {"autoinstall_known_extensions": "false", "memory_limit": MEMORY}
    with duckdb.connect(config=config | {"temp_directory": str(folder)}) as connection:
        for one in tables:
            source, target = folder / f"{one.name}.ndjson", folder / f"{one.name}.parquet"
            try:
                connection.execute(copying(one, str(source), str(target)))
            except duckdb.ConversionException as error:
                raise Malformed(
                    f"a value of the table {one.name} does not fit its column in Parquet",
                    code="unfit_value",
                    path=one.name,
                ) from error
            except duckdb.Error as error:
                raise Unavailable(
                    f"DuckDB cannot write {one.name}: {type(error).__name__}", code="not_exported"
                ) from error
            source.unlink()


def _put(table: Table, rows: int, made: Path, folder: Path) -> Exported:
    path = folder / f"{table.name}.parquet"
    (made / path.name).replace(path)
    return Exported(table.name, rows, path)
