"""What failed, how often, and what people did about it."""

from __future__ import annotations

from sqlalchemy import Index, Table

from store.fingerprints import GROUPINGS
from store.tables.columns import (
    bytes_column,
    counted_id,
    index_where,
    metadata,
    number,
    row_id,
    text_column,
)

dead_letters = Table(
    "dead_letters",
    metadata,
    row_id(),
    number("receipt_id", nullable=True),
    number("message_row_id", nullable=True),
    text_column("subscriber", nullable=True),
    text_column("message_id", nullable=True),
    text_column("connector"),
    text_column("account"),
    text_column("kind"),
    text_column("stage"),
    text_column("error_code"),
    text_column("field_path"),
    text_column("record_at"),
    text_column("message"),
    number("attempts"),
    number("first_failed_at"),
    number("last_failed_at"),
    text_column("state"),
    number("closed_at", nullable=True),
    text_column("closed_by", nullable=True),
    text_column("reason", nullable=True),
    # The group it belongs to in each grouping; empty only until the backfill has seen it.
    *(number(f"group_{grouping}", nullable=True) for grouping in GROUPINGS),
    *(
        Index(f"dead_letters_by_{grouping}_group", f"group_{grouping}", "state", "id")
        for grouping in GROUPINGS
    ),
    index_where("dead_letters_ungrouped", "id", where="group_field IS NULL"),
    Index("dead_letters_by_connector", "connector", "state", "id"),
    Index("dead_letters_by_code", "error_code", "state", "id"),
    Index("dead_letters_by_state", "state", "id"),
    Index("dead_letters_by_receipt", "receipt_id"),
    index_where("dead_letters_by_row", "message_row_id", where="message_row_id IS NOT NULL"),
    Index("dead_letters_by_message_id", "message_id"),
    index_where(
        "dead_letters_open_receipt",
        "receipt_id",
        # A fetch that failed is a thing of its own; several may belong to one receipt.
        where=(
            "state = 'open' AND message_row_id IS NULL AND subscriber IS NULL AND stage <> 'fetch'"
        ),
        unique=True,
    ),
    index_where(
        "dead_letters_open_row",
        "message_row_id",
        where="state = 'open' AND subscriber IS NULL",
        unique=True,
    ),
    index_where(
        "dead_letters_open_subscriber",
        "subscriber",
        "message_id",
        where="state = 'open' AND subscriber IS NOT NULL",
        unique=True,
    ),
)

attempts = Table(
    "attempts",
    metadata,
    counted_id(),
    number("at"),
    number("receipt_id", nullable=True),
    number("message_row_id", nullable=True),
    text_column("subscriber", nullable=True),
    text_column("message_id", nullable=True),
    text_column("stage"),
    text_column("outcome"),
    text_column("error_code", nullable=True),
    text_column("message", nullable=True),
    Index("attempts_by_receipt", "receipt_id"),
    Index("attempts_by_message_id", "message_id"),
)

audit_log = Table(
    "audit_log",
    metadata,
    row_id(),
    number("at"),
    text_column("actor"),
    text_column("action"),
    text_column("target"),
    text_column("details"),
    bytes_column("previous_hash"),
    bytes_column("hash"),
)
