"""Giving a SQLite file's free pages back to the disk, where the file was made to allow it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from store.retaining.retention import Phase, Step
from store.statements import is_postgresql

_PAGES: Final = 2000
_INCREMENTAL: Final = 2
"""PRAGMA auto_vacuum of a file whose free pages can be given back a few at a time."""


def space_phases() -> list[Phase]:
    """Free pages, a few thousand a step; nothing on PostgreSQL."""

    def run(connection: Connection, _: None, dry: bool) -> Step:
        if is_postgresql(connection) or _pragma(connection, "auto_vacuum") != _INCREMENTAL:
            return Step(0)
        free = _pragma(connection, "freelist_count")
        if dry or not free:
            return Step(free)
        vacuumed = connection.exec_driver_sql(f"PRAGMA incremental_vacuum({_PAGES})")
        if vacuumed.returns_rows:
            vacuumed.all()  # a page is freed by each
        left = _pragma(connection, "freelist_count")
        return Step(free - left, after=0 if 0 < left < free else None)

    return [Phase(name="pages given back", begin=None, run=run)]


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
