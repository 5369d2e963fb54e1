"""The Outbox: a message row in state `pending` is to be published; nothing else says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Update, bindparam, func, select, update
from sqlalchemy import Row as Found

from store.log.facts import first_row
from store.log.partition_order import behind_another, claim_alone
from store.records import MessageRow, NewMessage, OutboxRow, Translation
from store.statements import (
    free_at,
    is_postgresql,
    is_state,
    listed,
    listing,
    not_state,
    run,
    select_among,
)
from store.tables import messages
from store.times import micros, moment, moment_or_none

_SAME = (
    "receipt_id",
    "connector",
    "account",
    "message_id",
    "key",
    "type",
    "source",
    "subject",
    "entity",
    "version",
    "correlation",
    "partition_key",
    "traceparent",
    "schema_uri",
    "data",
)
"""Columns that stand in the table as they stand in a row."""
_OUTBOX = tuple(messages.c[name] for name in ("id", "occurred_at", "destinations", *_SAME))


def rows_of(translations: Iterable[Translation], row_ids: Iterable[int]) -> list[OutboxRow]:
    """The outbox rows of messages just recorded, without asking the store.

    Ids of rows that are not among the translations (a replay gives a message its old row) are
    left to `claim_outbox`.
    """
    wanted = set(row_ids)
    return [
        _outbox_row_of(translation, message)
        for translation in translations
        for message in translation.messages
        if message.row_id in wanted
    ]


def _outbox_row_of(translation: Translation, message: NewMessage) -> OutboxRow:
    return OutboxRow(
        row_id=message.row_id,
        receipt_id=translation.receipt_id,
        connector=translation.connector,
        account=translation.account,
        message_id=message.message_id,
        key=message.key,
        type=message.type,
        source=message.source,
        subject=message.subject,
        occurred_at=message.occurred_at,
        entity=message.entity,
        version=message.version,
        correlation=message.correlation,
        partition_key=message.partition_key,
        traceparent=translation.traceparent,
        schema_uri=message.schema_uri,
        data=message.data,
        destinations=message.destinations,
    )


def claim_outbox(
    connection: Connection, owner: str, now: datetime, lease: timedelta, limit: int
) -> list[OutboxRow]:
    """Lease the oldest pending messages that nobody holds, in the order of their ids.

    What stands behind a message of its partition that somebody holds is left for later.
    """
    claim_alone(connection)
    free = (
        select(messages.c.id)
        .where(is_state(messages.c.state, "pending"))
        .where(free_at(messages.c.claimed_until, micros(now), lease))
        .order_by(messages.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=messages)
    )
    if is_postgresql(connection):
        free = free.where(~behind_another(messages.alias("older"), micros(now), lease))
    claimed = connection.execute(
        update(messages)
        .where(messages.c.id.in_(free))
        .values(claimed_by=owner, claimed_until=micros(now + lease))
        .returning(*_OUTBOX)
    )
    return sorted((_outbox_row(found) for found in claimed), key=lambda row: row.row_id)


def mark_published(connection: Connection, row_ids: Sequence[int], now: datetime) -> int:
    """Take messages off the outbox; returns how many were still on it."""
    given = {"listed": listing(connection, row_ids), "moment": micros(now)}
    return run(connection, _mark(postgresql=is_postgresql(connection)), given).changed


@cache
def _mark(*, postgresql: bool) -> Update:
    return (
        update(messages)
        .where(listed(messages.c.id, postgresql=postgresql), is_state(messages.c.state, "pending"))
        .values(
            state="published", published_at=bindparam("moment"), claimed_by=None, claimed_until=None
        )
    )


def release_claims(connection: Connection, owner: str) -> None:
    """Let go of this owner's messages: anybody may publish them at once."""
    connection.execute(
        update(messages)
        .where(is_state(messages.c.state, "pending"), messages.c.claimed_by == owner)
        .values(claimed_by=None, claimed_until=None)
    )


def release_all_claims(connection: Connection) -> None:
    """Void every lease. Only right where no other process serves this store."""
    connection.execute(
        update(messages)
        .where(is_state(messages.c.state, "pending"), messages.c.claimed_until.is_not(None))
        .values(claimed_by=None, claimed_until=None)
    )


def pending_count(connection: Connection) -> int:
    """How many messages wait to be published."""
    # In their order: that leads SQLite to the index of the pending alone, however many are done.
    pending = (
        select(messages.c.id).where(is_state(messages.c.state, "pending")).order_by(messages.c.id)
    )
    return connection.scalar(select(func.count()).select_from(pending.subquery())) or 0


def oldest_pending(connection: Connection) -> datetime | None:
    """Since when the oldest of them waits."""
    statement = (
        select(messages.c.created_at)
        .where(is_state(messages.c.state, "pending"))
        .order_by(messages.c.id)
        .limit(1)
    )
    return moment_or_none(connection.scalar(statement))


def load_outbox(connection: Connection, row_ids: Sequence[int]) -> list[OutboxRow]:
    """These messages, pending or not, in the order of their ids; rows without data are left out."""
    statement = select(*_OUTBOX).where(messages.c.data.is_not(None))
    rows = select_among(connection, statement, messages.c.id, row_ids)
    return sorted((_outbox_row(found) for found in rows), key=lambda row: row.row_id)


def load_routed(connection: Connection, wanted: str) -> OutboxRow | None:
    """The message with this CloudEvents id as it was routed, or None."""
    found = connection.execute(
        select(*_OUTBOX).where(
            messages.c.id == first_row(connection, wanted), messages.c.verdict == "new"
        )
    ).first()
    return None if found is None else _outbox_row(found)


def load_message(connection: Connection, row_id: int) -> MessageRow | None:
    """One message row, whatever its verdict, or None."""
    found = connection.execute(select(messages).where(messages.c.id == row_id)).first()
    return None if found is None else message_row(found)


def list_messages(
    connection: Connection,
    *,
    state: str,
    connector: str | None = None,
    account: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[MessageRow]:
    """Messages in a state (conflicts to look into, say), newest first, page by page."""
    statement = select(messages).where(messages.c.state == state, _settled_or_not(state))
    if connector is not None:
        statement = statement.where(messages.c.connector == connector)
    if account is not None:
        statement = statement.where(messages.c.account == account)
    if before is not None:
        statement = statement.where(messages.c.id < before)
    found = connection.execute(statement.order_by(messages.c.id.desc()).limit(limit))
    return [message_row(one) for one in found]


def _settled_or_not(state: str) -> ColumnElement[bool]:
    """What leads to the index that has this state's rows."""
    pending = state == "pending"
    return (is_state if pending else not_state)(messages.c.state, "pending")


def _outbox_row(found: Found[Any]) -> OutboxRow:
    return OutboxRow(
        row_id=found.id,
        occurred_at=moment(found.occurred_at),
        destinations=tuple(orjson.loads(found.destinations)),
        **{name: getattr(found, name) for name in _SAME},
    )


def message_row(found: Found[Any]) -> MessageRow:
    """A row of the table as a value."""
    return MessageRow(
        row_id=found.id,
        position=found.position,
        occurred_at=moment_or_none(found.occurred_at),
        content_digest=found.content_digest,
        destinations=tuple(orjson.loads(found.destinations)),
        at=found.at,
        verdict=found.verdict,
        state=found.state,
        created_at=moment(found.created_at),
        published_at=moment_or_none(found.published_at),
        **{name: getattr(found, name) for name in _SAME},
    )
