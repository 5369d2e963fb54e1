"""Followers: what is kept up behind the pipeline, by one process at a time, from a mark on."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from store.statements import free_at, insert_missing
from store.tables import follow_marks
from store.times import micros


def claim(
    connection: Connection, name: str, owner: str, now: datetime, lease: timedelta
) -> int | None:
    """Where a follower goes on, if nobody else is at it; the first time at 0."""
    insert_missing(connection, follow_marks, [{"name": name, "position": 0}])
    table = follow_marks.c
    held = (
        update(follow_marks)
        .where(table.name == name)
        .where(free_at(table.claimed_until, micros(now)) | (table.claimed_by == owner))
        .values(claimed_by=owner, claimed_until=micros(now + lease))
        .returning(table.position)
    )
    position: int | None = connection.scalar(held)
    return position


def move(connection: Connection, name: str, owner: str, before: int, to: int) -> bool:
    """Move a mark, with what was done up to there in the same transaction; False: it was lost."""
    table = follow_marks.c
    moved = connection.execute(
        update(follow_marks)
        .where(table.name == name, table.claimed_by == owner, table.position == before)
        .values(position=to)
    )
    return moved.rowcount > 0


def position(connection: Connection, name: str) -> int:
    """How far a follower is; 0 where it has not begun."""
    return (
        connection.scalar(select(follow_marks.c.position).where(follow_marks.c.name == name)) or 0
    )


def let_go(connection: Connection, owner: str) -> None:
    """Anybody may go on at once."""
    connection.execute(
        update(follow_marks)
        .where(follow_marks.c.claimed_by == owner)
        .values(claimed_by=None, claimed_until=None)
    )
