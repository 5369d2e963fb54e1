"""What the drift report looks at: samples of receipts, and codes nobody mapped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, distinct, func, or_, select

from store.ids import first_id_at
from store.tables import dead_letters, receipts


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmapped:
    """A code or kind that stopped something, how often, and the first time."""

    connector: str
    kind: str
    error_code: str
    field_path: str
    message: str
    count: int
    first_receipt_id: int | None


def kinds_received(connection: Connection, since: datetime) -> list[tuple[str, str]]:
    """The (connector, kind) pairs of receipts since then."""
    statement = (
        select(receipts.c.connector, receipts.c.kind)
        .where(receipts.c.id >= first_id_at(since), receipts.c.kind != "")
        .group_by(receipts.c.connector, receipts.c.kind)
        .order_by(receipts.c.connector, receipts.c.kind)
    )
    return [(found.connector, found.kind) for found in connection.execute(statement)]


def sample(
    connection: Connection,
    connector: str,
    kind: str,
    *,
    since: datetime | None = None,
    before: datetime | None = None,
    max_bytes: int,
    limit: int,
) -> list[int]:
    """The newest receipts of a kind in a span of time, oldest first; none larger than the bound."""
    statement = select(receipts.c.id).where(
        receipts.c.connector == connector,
        receipts.c.kind == kind,
        receipts.c.state != "redelivered",
        receipts.c.size <= max_bytes,
    )
    if since is not None:
        statement = statement.where(receipts.c.id >= first_id_at(since))
    if before is not None:
        statement = statement.where(receipts.c.id < first_id_at(before))
    newest = connection.scalars(statement.order_by(receipts.c.id.desc()).limit(limit))
    return sorted(newest)


def unmapped_codes(connection: Connection, since: datetime) -> list[Unmapped]:
    """Failures whose reason is a code, kind, version or status that is not known here."""
    table = dead_letters.c
    statement = (
        select(
            table.connector,
            table.kind,
            table.error_code,
            table.field_path,
            table.message,
            func.count(distinct(table.id)).label("times"),
            func.min(table.receipt_id).label("first_receipt_id"),
        )
        .where(
            table.id >= first_id_at(since),
            or_(table.error_code.startswith("unknown_"), table.error_code.startswith("unmapped_")),
        )
        .group_by(table.connector, table.kind, table.error_code, table.field_path, table.message)
        .order_by(func.count(distinct(table.id)).desc())
        .limit(500)
    )
    return [
        Unmapped(
            connector=found.connector,
            kind=found.kind,
            error_code=found.error_code,
            field_path=found.field_path,
            message=found.message,
            count=found.times,
            first_receipt_id=found.first_receipt_id,
        )
        for found in connection.execute(statement)
    ]
