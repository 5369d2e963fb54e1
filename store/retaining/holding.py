"""What retention must leave: receipts that somebody or something still works on."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import islice
from typing import Any, Final

from sqlalchemy import Column, CompoundSelect, Connection, Select, exists, func, or_, select, union

from store.statements import is_postgresql, is_state, listed, listing
from store.tables import (
    dead_letters,
    fetches,
    messages,
    receipts,
    reprocessings,
    subscriber_retries,
)

_AT_ONCE: Final = 5000


def held_receipts(connection: Connection, receipt_ids: Iterable[int]) -> set[int]:
    """Those of these receipts that nothing may be dropped of, however old it is.

    They are pending (so is what a person replays) or dead, have an open dead letter or an object
    to fetch, are in the range of a reprocessing that is not over, or have a message that waits to
    be published, decided upon, or given to a subscriber again.
    """
    statement = _among(postgresql=is_postgresql(connection))
    wanted = iter(sorted(set(receipt_ids)))
    held: set[int] = set()
    while part := list(islice(wanted, _AT_ONCE)):
        held.update(connection.scalars(statement, {"listed": listing(connection, part)}))
    return held


def any_held(connection: Connection, first_id: int | None, before_id: int) -> bool:
    """Whether any receipt of a range is held."""
    return any(
        connection.scalar(statement.where(column >= (first_id or 0), column < before_id).limit(1))
        is not None
        for statement, column in _holding()
    )


@cache
def _among(*, postgresql: bool) -> CompoundSelect[Any]:
    return union(
        *(
            statement.where(listed(column, postgresql=postgresql))
            for statement, column in _holding()
        )
    )


@cache
def _holding() -> tuple[tuple[Select[Any], Column[int]], ...]:
    """Each reason by itself, for its own index."""
    of_receipt, of_message = receipts.c.id, messages.c.receipt_id
    of_letter, of_fetch = dead_letters.c.receipt_id, fetches.c.receipt_id
    reasons = [
        *(
            (select(of_receipt), of_receipt, is_state(receipts.c.state, state))
            for state in _RECEIPT
        ),
        *(
            (select(of_message), of_message, is_state(messages.c.state, state))
            for state in _MESSAGE
        ),
        (select(of_letter), of_letter, is_state(dead_letters.c.state, "open")),
        (select(of_fetch), of_fetch, is_state(fetches.c.state, "pending")),
        (select(of_message), of_message, _TRIED_AGAIN),
        (select(of_message), of_message, _FAILED_AT_A_SUBSCRIBER),
        (select(of_receipt), of_receipt, _REPROCESSED),
    ]
    return tuple((statement.where(reason), column) for statement, column, reason in reasons)


_RECEIPT = ("pending", "dead")
_MESSAGE = ("pending", "dead", "conflict")
_TRIED_AGAIN = messages.c.message_id.in_(select(subscriber_retries.c.message_id))
# In a join, or by an index of states, SQLite would go through all that is open for each message.
_FAILED_AT_A_SUBSCRIBER = exists().where(
    dead_letters.c.message_id == messages.c.message_id,
    func.coalesce(dead_letters.c.state, "") == "open",
)
_REPROCESSED = exists().where(
    reprocessings.c.connector == receipts.c.connector,
    reprocessings.c.since_id <= receipts.c.id,
    reprocessings.c.until_id > receipts.c.id,
    or_(*(is_state(reprocessings.c.state, one) for one in ("comparing", "compared", "publishing"))),
)
