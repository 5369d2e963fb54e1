"""What stands around a failure: its attempts, its payload's messages, others of their chains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, or_, select

from store.failures.attempts import attempt_row
from store.log.outbox import message_row
from store.log.replays import is_scheduled
from store.records import Attempt, DeadLetter, MessageRow
from store.statements import among
from store.tables import attempts, messages

MOST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Each list is cut at a hundred."""

    attempts: tuple[Attempt, ...]
    messages: tuple[MessageRow, ...]
    others: tuple[MessageRow, ...]
    is_scheduled: bool


def neighbours(connection: Connection, letter: DeadLetter) -> Neighbours:
    """What stands around a failure."""
    own = _messages_of(connection, letter)
    scheduled = letter.subscriber is not None and letter.message_id is not None
    return Neighbours(
        attempts=tuple(_attempts(connection, letter)),
        messages=tuple(own),
        others=tuple(_others(connection, own)),
        is_scheduled=scheduled
        and is_scheduled(connection, letter.subscriber or "", letter.message_id or ""),
    )


def _messages_of(connection: Connection, letter: DeadLetter) -> list[MessageRow]:
    if letter.receipt_id is None:
        return []
    statement = (
        select(messages)
        .where(messages.c.receipt_id == letter.receipt_id)
        .order_by(messages.c.position)
        .limit(MOST)
    )
    return [message_row(found) for found in connection.execute(statement)]


def _attempts(connection: Connection, letter: DeadLetter) -> list[Attempt]:
    """The newest hundred, oldest first."""
    table = attempts.c
    about = [
        column == value
        for column, value in (
            (table.receipt_id, letter.receipt_id),
            (table.message_id, letter.message_id),
        )
        if value is not None
    ]
    if not about:
        return []
    newest = select(attempts).where(or_(*about)).order_by(table.id.desc()).limit(MOST)
    return [attempt_row(found) for found in reversed(connection.execute(newest).all())]


def _others(connection: Connection, own: list[MessageRow]) -> list[MessageRow]:
    chains = sorted({one.correlation for one in own if one.correlation})[:MOST]
    if not chains:
        return []
    statement = (
        select(messages)
        .where(
            among(connection, messages.c.correlation, chains),
            messages.c.receipt_id != own[0].receipt_id,
        )
        .order_by(messages.c.id)
        .limit(MOST)
    )
    return [message_row(found) for found in connection.execute(statement)]
