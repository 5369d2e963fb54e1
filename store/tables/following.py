"""What is kept up behind the pipeline: how much came through when, and what search looks in."""

from __future__ import annotations

from sqlalchemy import PrimaryKeyConstraint, Table

from store.tables.columns import bytes_column, metadata, number, row_id, text_column

# How far each follower is, and who is at it.
follow_marks = Table(
    "follow_marks",
    metadata,
    text_column("name"),
    number("position"),
    text_column("claimed_by", nullable=True),
    number("claimed_until", nullable=True),
    PrimaryKeyConstraint("name"),
)

# `start` counts minutes, or hours, since 1970. `what` is `received`, `failed` or a verdict, with
# the family behind it where there is one: `new:order`.
traffic_minutes, traffic_hours = (
    Table(
        f"traffic_{span}",
        metadata,
        number("start"),
        text_column("connector"),
        text_column("account"),
        text_column("what"),
        number("number"),
        number("last_at"),
        PrimaryKeyConstraint("start", "connector", "account", "what"),
        sqlite_with_rowid=False,
    )
    for span in ("minutes", "hours")
)

# The words and amounts of some hundred messages that stand next to each other, packed.
search_blocks = Table(
    "search_blocks",
    metadata,
    row_id("first_id"),
    number("last_id"),
    number("rows"),
    bytes_column("words"),
    bytes_column("amounts"),
)
