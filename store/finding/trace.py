"""Explaining: from anything a person may have in hand to what happened, in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from canonical.errors import Malformed
from canonical.keys import Key, message_id
from store.failures.attempts import attempt_row
from store.failures.dead_letters import dead_letter
from store.ids import MESSAGE, RECEIPT, parse_id
from store.intake.inbox import delivery_key_digest, receipt_row
from store.log.facts import rows_of_fact
from store.log.outbox import message_row
from store.records import Attempt, DeadLetter, MessageRow, ReceiptRow, Retry
from store.statements import among
from store.subscriptions import retry_row
from store.tables import (
    attempts,
    dead_letters,
    deliveries,
    message_references,
    messages,
    receipts,
    subscriber_inbox,
    subscriber_retries,
)
from store.times import moment

MOST = 1000
"""Rows of one kind that are looked at; a correlation may hold any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """Where a search led."""

    receipt_ids: tuple[int, ...]
    message_row_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """A message that a subscriber is done with."""

    subscriber: str
    message_id: str
    handled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Everything known about a trail; each list in the order of time."""

    receipts: list[ReceiptRow]
    messages: list[MessageRow]
    attempts: list[Attempt]
    dead_letters: list[DeadLetter]
    handled: list[Handled]
    retries: list[Retry]


def find(connection: Connection, reference: str) -> Trail:
    """Where a receipt, message, fact key, delivery key, correlation or other reference leads.

    The receipts are those named and those the messages came out of.
    """
    text = reference.strip()
    rows = _matching_messages(connection, text)
    named = _matching_receipts(connection, text)
    return Trail(
        receipt_ids=tuple(sorted(named | {receipt for _, receipt in rows})),
        message_row_ids=tuple(sorted({row for row, _ in rows} | _rows_of(connection, named))),
    )


def _matching_messages(connection: Connection, text: str) -> set[tuple[int, int]]:
    by_reference = select(message_references.c.message_row_id).where(
        message_references.c.value == text
    )
    facts = [
        row
        for one in (text, message_id(Key(text).digest))
        for row in rows_of_fact(connection, one, most=MOST)
    ]
    # Apart: each has an index of its own, and an OR of them would read the table.
    wanted = [
        among(connection, messages.c.id, facts),
        messages.c.correlation == text,
        messages.c.id.in_(by_reference),
    ]
    row_id = _number(MESSAGE, text)
    if row_id is not None:
        wanted.append(messages.c.id == row_id)
    return {
        (found.id, found.receipt_id)
        for condition in wanted
        for found in connection.execute(
            select(messages.c.id, messages.c.receipt_id).where(condition).limit(MOST)
        )
    }


def _matching_receipts(connection: Connection, text: str) -> set[int]:
    holders = set(
        connection.scalars(
            select(deliveries.c.receipt_id).where(
                deliveries.c.delivery_key_digest == delivery_key_digest(text)
            )
        )
    )
    number = _number(RECEIPT, text)
    wanted = holders | ({number} if number is not None else set())
    # A redelivery leads to the first receipt, and the first to its redeliveries.
    ids = sorted(wanted)
    found = connection.execute(
        select(receipts.c.id, receipts.c.first_receipt_id).where(
            among(connection, receipts.c.id, ids)
        )
    ).all()
    firsts = {one.first_receipt_id for one in found if one.first_receipt_id is not None}
    known = {int(one.id) for one in found} | firsts
    again = connection.scalars(
        select(receipts.c.id)
        .where(among(connection, receipts.c.first_receipt_id, sorted(known)))
        .limit(MOST)
    )
    return known | set(again)


def _rows_of(connection: Connection, receipt_ids: Iterable[int]) -> set[int]:
    statement = (
        select(messages.c.id)
        .where(among(connection, messages.c.receipt_id, sorted(receipt_ids)))
        .limit(MOST)
    )
    return set(connection.scalars(statement))


def _number(prefix: str, text: str) -> int | None:
    try:
        return parse_id(prefix, text)
    except Malformed:
        return None


def timeline(connection: Connection, trail: Trail) -> Timeline:
    """What happened along a trail."""
    rows, ids = list(trail.message_row_ids), list(trail.receipt_ids)
    found = [
        message_row(one)
        for one in _ordered(
            connection,
            select(messages).where(among(connection, messages.c.id, rows)),
            messages.c.created_at,
            messages.c.id,
        )
    ]
    message_ids = sorted({one.message_id for one in found if one.message_id is not None})
    return Timeline(
        receipts=_receipts(connection, ids),
        messages=found,
        attempts=_attempts(connection, ids, message_ids),
        dead_letters=_dead_letters(connection, ids, message_ids),
        handled=_handled(connection, message_ids),
        retries=_retries(connection, message_ids),
    )


def _ordered(connection: Connection, statement: Select[Any], *columns: Any) -> list[Any]:
    return list(connection.execute(statement.order_by(*columns).limit(MOST)))


def _receipts(connection: Connection, ids: list[int]) -> list[ReceiptRow]:
    statement = select(receipts).where(among(connection, receipts.c.id, ids))
    columns = (receipts.c.received_at, receipts.c.id)
    return [receipt_row(one) for one in _ordered(connection, statement, *columns)]


def _attempts(connection: Connection, ids: list[int], message_ids: list[str]) -> list[Attempt]:
    table = attempts.c
    statement = select(attempts).where(
        or_(
            among(connection, table.receipt_id, ids),
            among(connection, table.message_id, message_ids),
        )
    )
    return [attempt_row(one) for one in _ordered(connection, statement, table.at, table.id)]


def _dead_letters(
    connection: Connection, ids: list[int], message_ids: list[str]
) -> list[DeadLetter]:
    table = dead_letters.c
    statement = select(dead_letters).where(
        or_(
            among(connection, table.receipt_id, ids),
            among(connection, table.message_id, message_ids),
        )
    )
    columns = (table.first_failed_at, table.id)
    return [dead_letter(one) for one in _ordered(connection, statement, *columns)]


def _handled(connection: Connection, message_ids: list[str]) -> list[Handled]:
    table = subscriber_inbox.c
    statement = select(subscriber_inbox).where(among(connection, table.message_id, message_ids))
    return [
        Handled(
            subscriber=one.subscriber,
            message_id=one.message_id,
            handled_at=moment(one.handled_at),
        )
        for one in _ordered(connection, statement, table.handled_at, table.subscriber)
    ]


def _retries(connection: Connection, message_ids: list[str]) -> list[Retry]:
    table = subscriber_retries.c
    statement = select(subscriber_retries).where(among(connection, table.message_id, message_ids))
    columns = (table.due_at, table.subscriber)
    return [retry_row(one) for one in _ordered(connection, statement, *columns)]
