"""Two questions of a subscriber to its tables, beside those in `store.subscriptions`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from store.statements import among, select_among
from store.tables import dead_letters, subscriber_inbox, subscriber_retries


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
