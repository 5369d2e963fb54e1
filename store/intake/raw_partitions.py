"""Raw payloads by week on PostgreSQL: partitions made ahead, and dropped whole.

Receipt ids are in the order of time, so a range of them is a week. A week is long enough that a
year is few partitions, each of which a reader may have to look at, and short enough that retention
keeps a body for at most seven days more than it was asked to. What no week was made for lands in
the default partition and is found there; nothing depends on this housekeeping being done.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, Connection, column, func, select, table, text
from sqlalchemy.exc import DBAPIError

from store.ids import first_id_at
from store.statements import is_postgresql

WEEKS_AHEAD: Final = 4
_WEEK: Final = timedelta(days=7)
_DEFAULT: Final = table("raw_payloads_default", column("receipt_id", BigInteger))
_LOCK: Final = 0x6F32635F726177
"""The advisory lock of whoever makes or drops partitions."""
_PATIENCE: Final = "1s"
"""How long a change of partitions may wait for readers; whoever comes later waits behind it."""
_GAVE_UP: Final = "55P03"
"""lock_not_available (PostgreSQL, appendix A)."""


class Partition(NamedTuple):
    """The receipts from `first_id` to before `before_id`; None: from the beginning."""

    name: str
    first_id: int | None
    before_id: int


def ensure_partitions(
    connection: Connection, now: datetime, *, since: datetime | None = None
) -> list[str]:
    """Make the partitions of this week and the next four; returns the names of the new ones.

    Cheap when there is nothing to do, and safe in several processes at once. A week whose rows
    wait in the default partition already is left to it, as is one that readers leave no room for.
    `since` begins earlier. Nothing on SQLite, where the bodies are one table.
    """
    if not is_postgresql(connection):
        return []
    wanted = list(_weeks(since or now, now + WEEKS_AHEAD * _WEEK))
    if not _missing(connection, wanted):
        return []
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    # Asked again: whoever held the lock may have made them.
    return [one.name for one in _missing(connection, wanted) if _make(connection, one)]


def _weeks(since: datetime, until: datetime) -> Iterator[Partition]:
    monday = since.astimezone(UTC).date() - timedelta(days=since.astimezone(UTC).weekday())
    start = datetime.combine(monday, time(), UTC)
    while start <= until:
        year, week, _ = start.isocalendar()
        name = f"raw_payloads_{year}_w{week:02}"
        yield Partition(name, first_id_at(start), first_id_at(start + _WEEK))
        start += _WEEK


def _missing(connection: Connection, wanted: list[Partition]) -> list[Partition]:
    there = partitions(connection)
    return [
        one
        for one in wanted
        if not any(
            (held.first_id or 0) < one.before_id and (one.first_id or 0) < held.before_id
            for held in there
        )
    ]


_BOUNDS = text("""
    SELECT child.relname AS name, pg_get_expr(child.relpartbound, child.oid) AS bounds
    FROM pg_inherits
    JOIN pg_class child ON child.oid = inhrelid
    WHERE inhparent = 'raw_payloads'::regclass
""")
_RANGE = re.compile(r"FOR VALUES FROM \((?:'(\d+)'|MINVALUE)\) TO \('(\d+)'\)")


def partitions(connection: Connection) -> list[Partition]:
    """All but the default, oldest first; none on SQLite."""
    if not is_postgresql(connection):
        return []
    found = [(name, _RANGE.fullmatch(bounds)) for name, bounds in connection.execute(_BOUNDS)]
    ranges = [
        Partition(name, None if one[1] is None else int(one[1]), int(one[2]))
        for name, one in found
        if one
    ]
    return sorted(ranges, key=lambda one: one.before_id)


def _make(connection: Connection, week: Partition) -> bool:
    """Attach a new table: unlike CREATE … PARTITION OF this lets inserts and reads go on."""
    held = _DEFAULT.c.receipt_id
    its_own = select(held).where(held >= week.first_id, held < week.before_id).limit(1)
    if connection.scalar(its_own) is not None:
        return False
    return _patiently(
        connection,
        f"CREATE TABLE IF NOT EXISTS {week.name}"
        " (LIKE raw_payloads INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING INDEXES)",
        f"ALTER TABLE raw_payloads ATTACH PARTITION {week.name}"
        f" FOR VALUES FROM ({week.first_id}) TO ({week.before_id})",
    )


def drop_partition(connection: Connection, partition: Partition) -> bool:
    """Drop a partition with all its bodies; False when readers left no room for it in a second."""
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    return _patiently(connection, f"DROP TABLE IF EXISTS {partition.name}")


def _patiently(connection: Connection, *statements: str) -> bool:
    """Run statements that need a table to themselves, or none of them."""
    try:
        with connection.begin_nested():
            connection.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
            for statement in statements:
                connection.execute(text(statement))
            connection.execute(text("SET LOCAL lock_timeout = DEFAULT"))
    except DBAPIError as error:
        origin: Any = error.orig
        if getattr(origin, "sqlstate", None) == _GAVE_UP:
            return False
        raise
    return True
