"""What receipts became: keys, versions, messages and what they are found by."""

from __future__ import annotations

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table, UniqueConstraint

from store.tables.columns import (
    VersionText,
    bytes_column,
    index_where,
    metadata,
    number,
    row_id,
    text_column,
)

fact_keys = Table(
    "fact_keys",
    metadata,
    bytes_column("key_digest"),
    bytes_column("content_digest"),
    number("message_row_id"),
    number("receipt_id"),
    number("created_at"),
    PrimaryKeyConstraint("key_digest"),
    sqlite_with_rowid=False,
)

entity_versions = Table(
    "entity_versions",
    metadata,
    bytes_column("entity_digest"),
    Column("version", VersionText, nullable=False),
    number("message_row_id"),
    PrimaryKeyConstraint("entity_digest"),
    sqlite_with_rowid=False,
)

messages = Table(
    "messages",
    metadata,
    row_id(),
    number("receipt_id"),
    number("position"),
    text_column("connector"),
    text_column("account"),
    text_column("message_id", nullable=True),
    text_column("key"),
    text_column("type"),
    text_column("source"),
    text_column("subject"),
    number("occurred_at", nullable=True),
    text_column("entity", nullable=True),
    text_column("version", nullable=True),
    text_column("correlation"),
    text_column("partition_key"),
    text_column("traceparent", nullable=True),
    text_column("schema_uri"),
    text_column("data", nullable=True),
    bytes_column("content_digest", nullable=True),
    text_column("destinations"),
    text_column("at"),
    text_column("verdict"),
    text_column("state"),
    number("created_at"),
    number("published_at", nullable=True),
    text_column("claimed_by", nullable=True),
    number("claimed_until", nullable=True),
    UniqueConstraint("receipt_id", "position", name="messages_place"),
    Index("messages_by_correlation", "correlation"),
    index_where("messages_pending", "id", "claimed_until", where="state = 'pending'"),
    # Only where several processes publish: what is pending of a partition (`partition_order`).
    index_where("messages_in_line", "partition_key", "id", where="state = 'pending'").ddl_if(
        dialect="postgresql"
    ),
    index_where("messages_by_state", "connector", "account", "state", where="state <> 'pending'"),
    # The first report of a fact is found through its key (`facts.rows_of_fact`).
    index_where("messages_repeated", "message_id", where="verdict <> 'new'"),
)

message_references = Table(
    "message_references",
    metadata,
    text_column("value"),
    text_column("scheme"),
    number("message_row_id"),
    PrimaryKeyConstraint("value", "scheme", "message_row_id"),
    sqlite_with_rowid=False,
)
