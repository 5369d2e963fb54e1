"""What arrived: bytes, inbox, receipts, and what was refused."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, PrimaryKeyConstraint, Table, event

from store.tables.columns import (
    bytes_column,
    counted_id,
    index_where,
    metadata,
    number,
    row_id,
    text_column,
)

raw_payloads = Table(
    "raw_payloads",
    metadata,
    number("receipt_id"),
    number("part"),
    text_column("encoding"),
    bytes_column("body"),
    PrimaryKeyConstraint("receipt_id", "part"),
    # Ids are in the order of time: a partition holds a week (`raw_partitions`).
    postgresql_partition_by="RANGE (receipt_id)",
)


def _arrange(_: Table, connection: Connection, **__: Any) -> None:
    if connection.dialect.name == "postgresql":
        # Bodies come compressed: the server need not try again.
        connection.exec_driver_sql(
            "ALTER TABLE raw_payloads ALTER COLUMN body SET STORAGE EXTERNAL"
        )
        connection.exec_driver_sql(
            "CREATE TABLE raw_payloads_default PARTITION OF raw_payloads DEFAULT"
        )


event.listen(raw_payloads, "after_create", _arrange)

deliveries = Table(
    "deliveries",
    metadata,
    bytes_column("delivery_key_digest"),
    text_column("connector"),
    text_column("account"),
    number("receipt_id"),
    bytes_column("digest"),
    PrimaryKeyConstraint("delivery_key_digest", "connector", "account"),
    sqlite_with_rowid=False,
)

receipts = Table(
    "receipts",
    metadata,
    row_id(),
    text_column("connector"),
    text_column("account"),
    text_column("kind"),
    text_column("delivery_key"),
    text_column("transport"),
    number("received_at"),
    text_column("headers"),
    text_column("filename", nullable=True),
    bytes_column("digest"),
    number("size"),
    text_column("secret_name", nullable=True),
    text_column("traceparent", nullable=True),
    text_column("state"),
    number("first_receipt_id", nullable=True),
    number("message_count"),
    number("ignored_count"),
    text_column("reason", nullable=True),
    number("translated_at", nullable=True),
    number("reopened_at", nullable=True),
    text_column("claimed_by", nullable=True),
    number("claimed_until", nullable=True),
    # By id, not by lease: the oldest are wanted first, and few of those pending are leased.
    index_where("receipts_pending", "id", "claimed_until", where="state = 'pending'"),
    index_where("receipts_repeated", "first_receipt_id", where="first_receipt_id IS NOT NULL"),
    index_where("receipts_polled", "connector", "account", where="transport = 'poll'"),
    # The pending soon change state: they are counted through `receipts_pending`.
    index_where(
        "receipts_by_state",
        *("connector", "account", "state", "message_count"),
        where="state <> 'pending'",
    ),
)

intake_ledger = Table(
    "intake_ledger",
    metadata,
    counted_id(),
    number("at"),
    text_column("connector"),
    text_column("account"),
    number("accepted"),
)

refusals = Table(
    "refusals",
    metadata,
    row_id(),
    number("at"),
    text_column("connector"),
    text_column("account"),
    text_column("code"),
    bytes_column("body_digest"),
    number("size"),
    text_column("remote"),
)
