"""What retention has dropped: counted exactly, and up to where."""

from __future__ import annotations

from sqlalchemy import PrimaryKeyConstraint, Table

from store.tables.columns import metadata, number, text_column

# The other side of what is no longer there: the audit adds these to the rows it counts.
dropped = Table(
    "dropped",
    metadata,
    text_column("part"),
    text_column("connector"),
    text_column("account"),
    number("rows"),
    PrimaryKeyConstraint("part", "connector", "account"),
)

# Written before anything is dropped: what is older and missing was dropped, not lost.
retention_marks = Table(
    "retention_marks",
    metadata,
    text_column("part"),
    number("before_id"),
    number("at"),
    PrimaryKeyConstraint("part"),
)
