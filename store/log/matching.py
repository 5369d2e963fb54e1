"""Which rows of a receipt a translation meets again, and which are new.

A receipt is translated more than once when a process died over it (the chunks recorded stay), or
when a person replays it (by then a connector may find more, fewer or other records). Either way a
row that is there stays one row, and nothing that is found for the first time is passed over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, func, select
from sqlalchemy import Row as Found

from store.records import FailedRecord, NewMessage, Translation
from store.statements import select_among
from store.tables import dead_letters, messages

T = TypeVar("T", NewMessage, FailedRecord)


class OpenReceipt(NamedTuple):
    """A pending receipt, held by this transaction."""

    receipt_id: int
    kind: str
    message_count: int
    reopened_at: datetime | None


@dataclass(slots=True, kw_only=True)
class Plan:
    """What is to be written for one translation."""

    translation: Translation
    receipt: OpenReceipt
    new: list[NewMessage] = field(default_factory=list)
    revived: list[NewMessage] = field(default_factory=list)
    """Records that were dead and are messages now, under their row's id and place."""
    failures: list[FailedRecord] = field(default_factory=list)
    failed_again: list[tuple[int, FailedRecord]] = field(default_factory=list)
    """(row id, failure) of records that were dead before."""

    @property
    def added(self) -> int:
        """How many rows the receipt gets."""
        return len(self.new) + len(self.failures)


def plan(connection: Connection, translation: Translation, receipt: OpenReceipt) -> Plan:
    """Sort a translation into what is there and what is to be written."""
    if receipt.reopened_at is not None:
        return _replayed(connection, translation, receipt)
    if receipt.message_count:
        return _continued(connection, translation, receipt)
    return Plan(
        translation=translation,
        receipt=receipt,
        new=list(translation.messages),
        failures=list(translation.failures),
    )


def _continued(connection: Connection, translation: Translation, receipt: OpenReceipt) -> Plan:
    """A later chunk, or one that may have been recorded before: known by its places."""
    placed: list[NewMessage | FailedRecord] = [*translation.messages, *translation.failures]
    statement = select(messages.c.position, messages.c.message_id, messages.c.at).where(
        messages.c.receipt_id == receipt.receipt_id
    )
    there = {
        found.position: (found.message_id, found.at)
        for found in select_among(
            connection, statement, messages.c.position, [one.position for one in placed]
        )
    }
    # A place taken by something else: another version of the connector counts differently.
    ends = _ends(connection, receipt.receipt_id, placed)
    return Plan(
        translation=translation,
        receipt=receipt,
        new=list(_missing(translation.messages, there, ends)),
        failures=list(_missing(translation.failures, there, ends)),
    )


def _missing(
    found: Sequence[T], there: dict[int, tuple[str | None, str]], ends: Iterator[int]
) -> Iterator[T]:
    for one in found:
        if one.position not in there:
            yield one
        elif not _same(one, *there[one.position]):
            yield one._replace(position=next(ends))


def _same(one: NewMessage | FailedRecord, found_id: str | None, found_at: str) -> bool:
    if isinstance(one, NewMessage):
        return found_id == one.message_id
    return found_id is None and found_at == one.at


def _ends(
    connection: Connection, receipt_id: int, placed: Iterable[NewMessage | FailedRecord] = ()
) -> Iterator[int]:
    """The places behind all others; asked for only when one is needed."""
    last = connection.scalar(
        select(func.max(messages.c.position)).where(messages.c.receipt_id == receipt_id)
    )
    behind = [-1 if last is None else int(last), *(one.position for one in placed)]
    yield from count(max(behind) + 1)


class _Pool:
    """Rows that can each be met once, by some feature of theirs."""

    def __init__(
        self, rows: Iterable[Found[Any]], feature: Callable[[Found[Any]], Hashable]
    ) -> None:
        self._rows: defaultdict[Hashable, list[Found[Any]]] = defaultdict(list)
        for row in rows:
            self._rows[feature(row)].append(row)

    def take(self, feature: Hashable, taken: set[int]) -> Found[Any] | None:
        waiting = self._rows[feature]
        while waiting:
            row = waiting.pop(0)
            if row.id not in taken:
                taken.add(row.id)
                return row
        return None


def _replayed(connection: Connection, translation: Translation, receipt: OpenReceipt) -> Plan:
    """A translation done anew: met by key and place in the payload, by place, then by key."""
    made = Plan(translation=translation, receipt=receipt)
    by_key = _rows_by_key(connection, translation)
    failed = _Pool(_failed_rows(connection, receipt.receipt_id), lambda row: row.at)
    ends = _ends(connection, receipt.receipt_id)
    taken: set[int] = set()
    exact = _Pool(by_key, lambda row: (row.message_id, row.at))
    left = [
        one for one in translation.messages if exact.take((one.message_id, one.at), taken) is None
    ]
    left = [one for one in left if not _revive(made, failed.take(one.at, taken), one)]
    same_key = _Pool(by_key, lambda row: row.message_id)
    for one in left:
        if same_key.take(one.message_id, taken) is None:
            made.new.append(one._replace(position=next(ends)))
    for failure in translation.failures:
        row = failed.take(failure.at, taken)
        if row is None:
            made.failures.append(failure._replace(position=next(ends)))
        elif not _given_up(row):
            made.failed_again.append((row.id, failure))
    return made


def _revive(made: Plan, row: Found[Any] | None, message: NewMessage) -> bool:
    """Give a dead row to the message it has become; False when there is no such row."""
    if row is None:
        return False
    if not _given_up(row):
        made.revived.append(message._replace(row_id=row.id, position=row.position))
    return True


def _given_up(row: Found[Any]) -> bool:
    """Whether a person discarded this record: then it stays so, whatever becomes of it later."""
    return bool(row.letter_state == "discarded")


def _rows_by_key(connection: Connection, translation: Translation) -> list[Found[Any]]:
    statement = select(messages.c.id, messages.c.message_id, messages.c.at).where(
        messages.c.receipt_id == translation.receipt_id
    )
    wanted = {one.message_id for one in translation.messages}
    found = select_among(connection, statement, messages.c.message_id, sorted(wanted))
    return sorted(found, key=lambda row: int(row.id))


def _failed_rows(connection: Connection, receipt_id: int) -> list[Found[Any]]:
    """The rows of records that did not become messages, with their dead letters."""
    statement = (
        select(
            messages.c.id,
            messages.c.position,
            messages.c.at,
            dead_letters.c.state.label("letter_state"),
        )
        .join_from(dead_letters, messages, messages.c.id == dead_letters.c.message_row_id)
        .where(dead_letters.c.receipt_id == receipt_id, dead_letters.c.subscriber.is_(None))
        .where(messages.c.verdict == "problem")
        .order_by(messages.c.position)
    )
    return list(connection.execute(statement))
