"""What retention leaves behind of what it drops: exact counts, and marks of how far it went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from store.statements import is_postgresql
from store.tables import dropped, retention_marks
from store.times import micros

Part = Literal["receipts", "translated", "messages", "logged"]
RECEIPTS: Final = "receipts"
TRANSLATED: Final = "translated"
"""Messages by the count on receipts that were dropped."""
MESSAGES: Final = "messages"
LOGGED: Final = "logged"
"""Messages that a block of the message log vouched for, and no longer does."""
BODIES: Final = "bodies"

Account = tuple[str, str]
"""Connector and account."""


def enter_dropped(connection: Connection, part: Part, counts: Mapping[Account, int]) -> None:
    """Count rows as dropped, in the transaction that drops them."""
    values = [
        {"part": part, "connector": connector, "account": account, "rows": rows}
        for (connector, account), rows in sorted(counts.items())
        if rows
    ]
    for row in values:
        statement = _dialect_insert(connection, dropped).values(row)
        added = dropped.c.rows + statement.excluded.rows
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["part", "connector", "account"], set_={"rows": added}
            )
        )


def dropped_by_connector(connection: Connection, part: Part) -> Counter[str]:
    """How many rows of this kind have been dropped so far."""
    table = dropped.c
    found = connection.execute(
        select(table.connector, func.sum(table.rows))
        .where(table.part == part)
        .group_by(table.connector)
    )
    return Counter({connector: int(rows) for connector, rows in found})


def mark(connection: Connection, part: str, before_id: int, now: datetime) -> None:
    """Note that what is older than this id is being dropped; a mark never goes back."""
    row = {"part": part, "before_id": before_id, "at": micros(now)}
    statement = _dialect_insert(connection, retention_marks).values(row)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["part"],
            set_={name: statement.excluded[name] for name in ("before_id", "at")},
            where=retention_marks.c.before_id < statement.excluded.before_id,
        )
    )


def marked(connection: Connection, part: str) -> int:
    """Before which id retention has dropped this; 0: it never has."""
    found = connection.scalar(
        select(retention_marks.c.before_id).where(retention_marks.c.part == part)
    )
    return found or 0


def _dialect_insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    if is_postgresql(connection):
        return postgresql.insert(table)
    return sqlite.insert(table)
