"""What has been published, in the order of the log: what streams are filled again from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import ColumnElement, Connection, and_, or_, select

from store.log.outbox import load_outbox
from store.records import OutboxRow
from store.statements import is_state
from store.tables import messages

_MAX_ID = (1 << 63) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A message that was published, without what it says."""

    row_id: int
    message_id: str
    destinations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Messages in the order of their row ids."""

    rows: Sequence[OutboxRow]
    """Those whose data is still kept."""
    last_id: int
    """Go on behind this one."""
    without_data: int
    """How many the retention has left nothing of to publish."""


def newest_published(
    connection: Connection, since: int, limit: int, *, owner: str | None = None
) -> list[Published]:
    """The last messages published with a row id of `since` or above, newest first.

    Where messages wait, only those before the oldest that waits are looked at: behind it may lie
    any number of waiting ones. With an owner, see `published_page`.
    """
    waiting = select(messages.c.id).where(is_state(messages.c.state, "pending"))
    oldest = connection.scalar(waiting.order_by(messages.c.id).limit(1)) if owner is None else None
    statement = (
        select(messages.c.id, messages.c.message_id, messages.c.destinations)
        .where(messages.c.id >= since, messages.c.id < (oldest or _MAX_ID))
        .where(_on_the_road(owner))
        .order_by(messages.c.id.desc())
        .limit(limit)
    )
    return [
        Published(
            row_id=found.id,
            message_id=found.message_id,
            destinations=tuple(orjson.loads(found.destinations)),
        )
        for found in connection.execute(statement)
    ]


def published_page(
    connection: Connection,
    behind: int,
    limit: int,
    *,
    until: int | None = None,
    owner: str | None = None,
) -> Page | None:
    """The next messages published with row ids above `behind` and below `until`; None at the end.

    With an owner, messages that another process has claimed count too: it may have appended them,
    and be about to say so.
    """
    statement = (
        select(messages.c.id)
        .where(messages.c.id > behind, messages.c.id < (until or _MAX_ID))
        .where(_on_the_road(owner))
        .order_by(messages.c.id)
        .limit(limit)
    )
    ids = list(connection.execute(statement).scalars())
    if not ids:
        return None
    rows = load_outbox(connection, ids)
    return Page(rows=rows, last_id=ids[-1], without_data=len(ids) - len(rows))


def id_of_newest(connection: Connection, count: int, since: int) -> int | None:
    """The row id behind which the newest `count` published messages lie; None: it is `since`."""
    statement = (
        select(messages.c.id)
        .where(messages.c.id >= since, _on_the_road(None))
        .order_by(messages.c.id.desc())
        .limit(1)
        .offset(count)
    )
    return connection.scalar(statement)


def row_id_of(connection: Connection, message_id: str) -> int | None:
    """The row of the published message with this CloudEvents id."""
    statement = (
        select(messages.c.id)
        .where(messages.c.message_id == message_id, _on_the_road(None))
        .order_by(messages.c.id)
        .limit(1)
    )
    return connection.scalar(statement)


def _on_the_road(owner: str | None) -> ColumnElement[bool]:
    published = is_state(messages.c.state, "published")
    if owner is None:
        return published
    others = and_(
        is_state(messages.c.state, "pending"),
        messages.c.claimed_by.is_not(None),
        messages.c.claimed_by != owner,
    )
    return or_(published, others)
