"""The message log's hash chains."""

from __future__ import annotations

from sqlalchemy import PrimaryKeyConstraint, Table

from store.tables.columns import bytes_column, metadata, number, row_id

# One row a partition of the log: where its chain ends. A transaction appends to any free one.
log_heads = Table(
    "log_heads",
    metadata,
    row_id("partition"),
    number("sequence"),
    bytes_column("hash"),
)

log_blocks = Table(
    "log_blocks",
    metadata,
    number("partition"),
    number("sequence"),
    number("at"),
    number("rows"),
    bytes_column("entries", nullable=True),
    bytes_column("entries_digest"),
    bytes_column("hash"),
    PrimaryKeyConstraint("partition", "sequence"),
)
