"""What subscribers have handled, and what they try again."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from store.tables.columns import metadata, number, text_column

subscriber_inbox = Table(
    "subscriber_inbox",
    metadata,
    text_column("subscriber"),
    text_column("message_id"),
    number("handled_at"),
    PrimaryKeyConstraint("subscriber", "message_id"),
    Index("subscriber_inbox_by_message_id", "message_id"),
    sqlite_with_rowid=False,
)

subscriber_retries = Table(
    "subscriber_retries",
    metadata,
    text_column("subscriber"),
    text_column("message_id"),
    text_column("stream"),
    text_column("envelope"),
    number("attempts"),
    number("due_at"),
    text_column("error_code"),
    text_column("message"),
    number("first_failed_at"),
    number("claimed_until", nullable=True),
    PrimaryKeyConstraint("subscriber", "message_id"),
    Index("subscriber_retries_due", "subscriber", "due_at"),
)
