"""What subscribers have handled, and what they will be given again (EIP: Idempotent Receiver)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, select, tuple_, update
from sqlalchemy import Row as Found

from store.failures.attempts import record_attempts
from store.failures.dead_letters import close_open
from store.records import Attempt, Retry
from store.statements import among, free_at, insert_new, select_among, upsert
from store.tables import dead_letters, subscriber_inbox, subscriber_retries
from store.times import micros, moment, moment_or_none

_DUE = subscriber_retries.c.due_at


def already_handled(
    connection: Connection, subscriber: str, message_ids: Sequence[str]
) -> set[str]:
    """Those of the messages this subscriber has handled."""
    statement = select(subscriber_inbox.c.message_id).where(
        subscriber_inbox.c.subscriber == subscriber
    )
    found = select_among(connection, statement, subscriber_inbox.c.message_id, message_ids)
    return {row.message_id for row in found}


def mark_handled(
    connection: Connection, subscriber: str, message_ids: Sequence[str], now: datetime
) -> set[str]:
    """Note messages as handled; returns those that were not noted before.

    In the transaction of the subscriber's own effects this is what makes them happen once.
    """
    rows = [
        {"subscriber": subscriber, "message_id": one, "handled_at": micros(now)}
        for one in sorted(set(message_ids))
    ]
    return insert_new(connection, subscriber_inbox, rows, subscriber_inbox.c.message_id)


def schedule_retry(connection: Connection, retry: Retry, now: datetime) -> None:
    """Give a message to its subscriber again at `due_at`; replaces an earlier schedule of it."""
    upsert(
        connection,
        subscriber_retries,
        {
            "subscriber": retry.subscriber,
            "message_id": retry.message_id,
            "stream": retry.stream,
            "envelope": retry.envelope,
            "attempts": retry.attempts,
            "due_at": micros(retry.due_at),
            "error_code": retry.error_code,
            "message": retry.message,
            "first_failed_at": micros(retry.first_failed_at),
            "claimed_until": None,
        },
    )
    record_attempts(
        connection,
        [
            Attempt(
                at=now,
                subscriber=retry.subscriber,
                message_id=retry.message_id,
                stage="subscribe",
                outcome="retry_scheduled",
                error_code=retry.error_code,
                message=retry.message,
            )
        ],
    )


def due_retries(
    connection: Connection, subscriber: str, now: datetime, limit: int, lease: timedelta
) -> list[Retry]:
    """Lease what is due, longest overdue first."""
    table = subscriber_retries
    due = (
        select(table.c.subscriber, table.c.message_id)
        .where(table.c.subscriber == subscriber, micros(now) >= _DUE)
        .where(free_at(table.c.claimed_until, micros(now)))
        .order_by(_DUE)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = connection.execute(
        update(table)
        .where(tuple_(table.c.subscriber, table.c.message_id).in_(due))
        .values(claimed_until=micros(now + lease))
        .returning(table)
    )
    return sorted((retry_row(found) for found in claimed), key=lambda retry: retry.due_at)


def finish_retry(
    connection: Connection,
    subscriber: str,
    message_id: str,
    now: datetime,
    *,
    succeeded: bool = True,
) -> bool:
    """Take a retry off the schedule; False when it was not on it.

    After success an open dead letter of it is resolved; otherwise it is the caller's to open one.
    """
    table = subscriber_retries
    gone = connection.execute(
        delete(table).where(table.c.subscriber == subscriber, table.c.message_id == message_id)
    )
    if succeeded:
        close_open(
            connection,
            state="resolved",
            by="gateway",
            reason="the subscriber handled it",
            now=now,
            subscriber=subscriber,
            message_id=message_id,
        )
    record_attempts(
        connection,
        [
            Attempt(
                at=now,
                subscriber=subscriber,
                message_id=message_id,
                stage="subscribe",
                outcome="succeeded" if succeeded else "failed",
            )
        ],
    )
    return gone.rowcount > 0


def retry_count(connection: Connection, subscriber: str) -> int:
    """How many messages wait for another try."""
    statement = select(func.count()).where(subscriber_retries.c.subscriber == subscriber)
    return connection.scalar(statement) or 0


def oldest_retry(connection: Connection, subscriber: str) -> datetime | None:
    """When the one that is due first is, or was, due."""
    statement = select(func.min(_DUE)).where(subscriber_retries.c.subscriber == subscriber)
    return moment_or_none(connection.scalar(statement))


def retry_row(found: Found[Any]) -> Retry:
    """A row of the table as a value."""
    return Retry(
        subscriber=found.subscriber,
        message_id=found.message_id,
        stream=found.stream,
        envelope=found.envelope,
        attempts=found.attempts,
        due_at=moment(found.due_at),
        error_code=found.error_code,
        message=found.message,
        first_failed_at=moment(found.first_failed_at),
    )


def set_aside(connection: Connection, subscriber: str, message_ids: Sequence[str]) -> set[str]:
    """Those of the messages that failed before and wait for their retry or for a person.

    Another copy of one on a stream is not another try.
    """
    retries, dead = subscriber_retries.c, dead_letters.c
    waiting = select(retries.message_id).where(retries.subscriber == subscriber)
    buried = select(dead.message_id).where(
        dead.subscriber == subscriber, dead.state.in_(("open", "discarded"))
    )
    return {
        row.message_id
        for row in (
            *select_among(connection, waiting, retries.message_id, message_ids),
            *select_among(connection, buried, dead.message_id, message_ids),
        )
    }


def unmark_handled(connection: Connection, subscriber: str, message_ids: Sequence[str]) -> None:
    """Take back marks of this same transaction: those messages failed after all."""
    connection.execute(
        delete(subscriber_inbox).where(
            subscriber_inbox.c.subscriber == subscriber,
            among(connection, subscriber_inbox.c.message_id, message_ids),
        )
    )
