"""What is asked for: polls, fetches, and who is paused."""

from __future__ import annotations

from sqlalchemy import PrimaryKeyConstraint, Table, UniqueConstraint

from store.tables.columns import index_where, metadata, number, row_id, text_column

poll_cursors = Table(
    "poll_cursors",
    metadata,
    text_column("connector"),
    text_column("account"),
    text_column("poll"),
    text_column("cursor", nullable=True),
    number("since"),
    number("due_at"),
    number("last_started", nullable=True),
    number("last_finished", nullable=True),
    text_column("last_error", nullable=True),
    number("failures"),
    number("turns"),
    number("found"),
    number("new_by_poll"),
    text_column("claimed_by", nullable=True),
    number("claimed_until", nullable=True),
    PrimaryKeyConstraint("connector", "account", "poll"),
)

fetches = Table(
    "fetches",
    metadata,
    row_id(),
    number("receipt_id"),
    text_column("connector"),
    text_column("account"),
    text_column("kind"),
    text_column("object_id"),
    text_column("at"),
    text_column("state"),
    number("attempts"),
    number("due_at"),
    number("created_at"),
    number("fetched_receipt_id", nullable=True),
    text_column("error_code", nullable=True),
    text_column("message", nullable=True),
    text_column("claimed_by", nullable=True),
    number("claimed_until", nullable=True),
    UniqueConstraint("receipt_id", "kind", "object_id", name="fetches_wish"),
    index_where("fetches_pending", "connector", "account", "due_at", where="state = 'pending'"),
)

account_pauses = Table(
    "account_pauses",
    metadata,
    text_column("connector"),
    text_column("account"),
    number("since"),
    text_column("code"),
    text_column("message"),
    PrimaryKeyConstraint("connector", "account"),
)
