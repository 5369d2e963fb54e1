"""How much waits, and since when: counts for the metrics, each from an index of what waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from store.fingerprints import FIELD
from store.log.outbox import oldest_pending, pending_count
from store.statements import is_state
from store.tables import dead_letters, failure_groups, fetches, receipts, subscriber_retries
from store.times import moment_or_none


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits in the store."""

    receipts: int
    """Receipts not translated yet."""
    oldest_receipt: datetime | None
    """Since when the oldest of them waits."""
    messages: int
    """Messages not published yet."""
    oldest_message: datetime | None
    dead: Mapping[tuple[str, ...], int]
    """Open dead letters by connector and stage."""
    retries: Mapping[tuple[str, ...], int]
    """Messages that wait for another try, by subscriber."""
    fetches: Mapping[tuple[str, ...], int]
    """Objects still to be fetched, by connector and account."""


def backlog(connection: Connection) -> Backlog:
    """What waits now, on one snapshot."""
    return Backlog(
        receipts=_pending_receipts(connection),
        oldest_receipt=_oldest_receipt(connection),
        messages=pending_count(connection),
        oldest_message=oldest_pending(connection),
        dead=_dead(connection),
        retries=_retries(connection),
        fetches=_fetches(connection),
    )


def _pending_receipts(connection: Connection) -> int:
    # In their order: that leads SQLite to the index of the pending alone.
    pending = (
        select(receipts.c.id).where(is_state(receipts.c.state, "pending")).order_by(receipts.c.id)
    )
    return connection.scalar(select(func.count()).select_from(pending.subquery())) or 0


def _oldest_receipt(connection: Connection) -> datetime | None:
    """A replayed receipt waits since it was reopened."""
    statement = (
        select(func.coalesce(receipts.c.reopened_at, receipts.c.received_at))
        .where(is_state(receipts.c.state, "pending"))
        .order_by(receipts.c.id)
        .limit(1)
    )
    return moment_or_none(connection.scalar(statement))


def _dead(connection: Connection) -> Mapping[tuple[str, ...], int]:
    """From the groups' counters: however many letters there are, there are few groups."""
    groups, letters = failure_groups.c, dead_letters.c
    grouped = (
        select(groups.connector, groups.stage, func.sum(groups.open_count))
        .where(groups.grouping == FIELD, groups.open_count > 0)
        .group_by(groups.connector, groups.stage)
    )
    not_grouped_yet = (
        select(letters.connector, letters.stage, func.count())
        .where(letters.group_field.is_(None), letters.state == "open")
        .group_by(letters.connector, letters.stage)
    )
    return _counts(connection, grouped) + _counts(connection, not_grouped_yet)


def _retries(connection: Connection) -> Mapping[tuple[str, ...], int]:
    by = subscriber_retries.c.subscriber
    return _counts(connection, select(by, func.count()).group_by(by))


def _fetches(connection: Connection) -> Mapping[tuple[str, ...], int]:
    by = fetches.c.connector, fetches.c.account
    pending = is_state(fetches.c.state, "pending")
    return _counts(connection, select(*by, func.count()).where(pending).group_by(*by))


def _counts(connection: Connection, statement: Select[Any]) -> Counter[tuple[str, ...]]:
    """Rows of labels and a number at the end."""
    found = connection.execute(statement)
    return Counter({tuple(labels): int(number) for *labels, number in found})
