"""Failures in groups: counters kept up as failures come and go, and what people say about them."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from store.tables.columns import counted_id, index_where, metadata, number, row_id, text_column

failure_groups = Table(
    "failure_groups",
    metadata,
    row_id(),
    text_column("grouping"),
    text_column("connector"),
    text_column("account"),
    text_column("kind"),
    text_column("stage"),
    text_column("error_code"),
    text_column("field_path"),
    text_column("text"),
    number("open_count"),
    number("total_count"),
    number("failure_count"),
    number("first_seen"),
    number("last_seen"),
    number("opened_at"),
    number("reopened_count"),
    text_column("state"),
    number("closed_at", nullable=True),
    text_column("closed_by", nullable=True),
    text_column("close_reason", nullable=True),
    text_column("owner", nullable=True),
    text_column("severity"),
    number("due_at", nullable=True),
    text_column("tags"),
    number("revision"),
    Index("failure_groups_recent", "grouping", "state", "last_seen", "id"),
    Index("failure_groups_largest", "grouping", "state", "open_count", "id"),
)

failure_hours = Table(
    "failure_hours",
    metadata,
    number("group_id"),
    number("hour"),
    number("failures"),
    PrimaryKeyConstraint("group_id", "hour"),
    sqlite_with_rowid=False,
)

failure_notes = Table(
    "failure_notes",
    metadata,
    counted_id(),
    number("group_id", nullable=True),
    number("dead_letter_id", nullable=True),
    number("at"),
    text_column("author"),
    text_column("text"),
    index_where("failure_notes_by_group", "group_id", "id", where="group_id IS NOT NULL"),
    index_where(
        "failure_notes_by_letter", "dead_letter_id", "id", where="dead_letter_id IS NOT NULL"
    ),
)

resends = Table(
    "resends",
    metadata,
    row_id("receipt_id"),
    number("first_receipt_id"),
    Index("resends_by_first", "first_receipt_id"),
)
