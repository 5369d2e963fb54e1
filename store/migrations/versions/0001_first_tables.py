"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
VERSION = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    _inbox()
    _facts()
    _messages()
    _failures()
    _history()
    _subscribers()


def downgrade() -> None:
    for table in (
        "subscriber_retries",
        "subscriber_inbox",
        "audit_log",
        "refusals",
        "attempts",
        "dead_letters",
        "messages",
        "message_references",
        "entity_versions",
        "fact_keys",
        "intake_ledger",
        "receipts",
        "deliveries",
        "raw_payloads",
    ):
        op.drop_table(table)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, NUMBER, nullable=nullable, autoincrement=False)


def _counted(name: str) -> sa.Column[int]:
    return sa.Column(name, NUMBER, nullable=False, autoincrement=True)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _bytes(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)


def _partial(
    name: str, table: str, columns: list[str], where: str, *, unique: bool = False
) -> None:
    condition = sa.text(where)
    op.create_index(
        name, table, columns, unique=unique, postgresql_where=condition, sqlite_where=condition
    )


def _inbox() -> None:
    op.create_table(
        "raw_payloads",
        _number("receipt_id"),
        _number("part"),
        _text("encoding"),
        _bytes("body"),
        sa.PrimaryKeyConstraint("receipt_id", "part"),
    )
    if op.get_context().dialect.name == "postgresql":
        # Bodies come compressed: the server need not try again.
        op.execute("ALTER TABLE raw_payloads ALTER COLUMN body SET STORAGE EXTERNAL")
    op.create_table(
        "deliveries",
        _bytes("delivery_key_digest"),
        _text("connector"),
        _text("account"),
        _number("receipt_id"),
        _bytes("digest"),
        sa.PrimaryKeyConstraint("delivery_key_digest", "connector", "account"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "receipts",
        _number("id"),
        _text("connector"),
        _text("account"),
        _text("kind"),
        _text("delivery_key"),
        _text("transport"),
        _number("received_at"),
        _text("headers"),
        _text("filename", nullable=True),
        _bytes("digest"),
        _number("size"),
        _text("secret_name", nullable=True),
        _text("traceparent", nullable=True),
        _text("state"),
        _number("first_receipt_id", nullable=True),
        _number("message_count"),
        _number("ignored_count"),
        _text("reason", nullable=True),
        _number("translated_at", nullable=True),
        _number("reopened_at", nullable=True),
        _text("claimed_by", nullable=True),
        _number("claimed_until", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("receipts_by_state", "receipts", ["connector", "account", "state"])
    _partial("receipts_pending", "receipts", ["id", "claimed_until"], "state = 'pending'")
    _partial("receipts_repeated", "receipts", ["first_receipt_id"], "first_receipt_id IS NOT NULL")
    op.create_table(
        "intake_ledger",
        _counted("id"),
        _number("at"),
        _text("connector"),
        _text("account"),
        _number("accepted"),
        sa.PrimaryKeyConstraint("id"),
    )


def _facts() -> None:
    op.create_table(
        "fact_keys",
        _bytes("key_digest"),
        _bytes("content_digest"),
        _number("message_row_id"),
        _number("receipt_id"),
        _number("created_at"),
        sa.PrimaryKeyConstraint("key_digest"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "entity_versions",
        _bytes("entity_digest"),
        sa.Column("version", VERSION, nullable=False),
        _number("message_row_id"),
        sa.PrimaryKeyConstraint("entity_digest"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "message_references",
        _text("value"),
        _text("scheme"),
        _number("message_row_id"),
        sa.PrimaryKeyConstraint("value", "scheme", "message_row_id"),
        sqlite_with_rowid=False,
    )


def _messages() -> None:
    op.create_table(
        "messages",
        _number("id"),
        _number("receipt_id"),
        _number("position"),
        _text("connector"),
        _text("account"),
        _text("message_id", nullable=True),
        _text("key"),
        _text("type"),
        _text("source"),
        _text("subject"),
        _number("occurred_at", nullable=True),
        _text("entity", nullable=True),
        _text("version", nullable=True),
        _text("correlation"),
        _text("partition_key"),
        _text("traceparent", nullable=True),
        _text("schema_uri"),
        _text("data", nullable=True),
        _bytes("content_digest", nullable=True),
        _text("destinations"),
        _text("at"),
        _text("verdict"),
        _text("state"),
        _number("created_at"),
        _number("published_at", nullable=True),
        _text("claimed_by", nullable=True),
        _number("claimed_until", nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("receipt_id", "position", name="messages_place"),
    )
    op.create_index("messages_by_correlation", "messages", ["correlation"])
    op.create_index("messages_by_message_id", "messages", ["message_id"])
    op.create_index("messages_by_state", "messages", ["connector", "account", "state"])
    _partial("messages_pending", "messages", ["id", "claimed_until"], "state = 'pending'")


def _failures() -> None:
    op.create_table(
        "dead_letters",
        _number("id"),
        _number("receipt_id", nullable=True),
        _number("message_row_id", nullable=True),
        _text("subscriber", nullable=True),
        _text("message_id", nullable=True),
        _text("connector"),
        _text("account"),
        _text("kind"),
        _text("stage"),
        _text("error_code"),
        _text("field_path"),
        _text("record_at"),
        _text("message"),
        _number("attempts"),
        _number("first_failed_at"),
        _number("last_failed_at"),
        _text("state"),
        _number("closed_at", nullable=True),
        _text("closed_by", nullable=True),
        _text("reason", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("dead_letters_by_message_id", "dead_letters", ["message_id"])
    op.create_index("dead_letters_by_receipt", "dead_letters", ["receipt_id"])
    op.create_index("dead_letters_by_state", "dead_letters", ["state", "id"])
    _partial(
        "dead_letters_open_receipt",
        "dead_letters",
        ["receipt_id"],
        "state = 'open' AND message_row_id IS NULL AND subscriber IS NULL",
        unique=True,
    )
    _partial(
        "dead_letters_open_row",
        "dead_letters",
        ["message_row_id"],
        "state = 'open' AND subscriber IS NULL",
        unique=True,
    )
    _partial(
        "dead_letters_open_subscriber",
        "dead_letters",
        ["subscriber", "message_id"],
        "state = 'open' AND subscriber IS NOT NULL",
        unique=True,
    )


def _history() -> None:
    op.create_table(
        "attempts",
        _counted("id"),
        _number("at"),
        _number("receipt_id", nullable=True),
        _number("message_row_id", nullable=True),
        _text("subscriber", nullable=True),
        _text("message_id", nullable=True),
        _text("stage"),
        _text("outcome"),
        _text("error_code", nullable=True),
        _text("message", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("attempts_by_message_id", "attempts", ["message_id"])
    op.create_index("attempts_by_receipt", "attempts", ["receipt_id"])
    op.create_table(
        "refusals",
        _number("id"),
        _number("at"),
        _text("connector"),
        _text("account"),
        _text("code"),
        _bytes("body_digest"),
        _number("size"),
        _text("remote"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "audit_log",
        _number("id"),
        _number("at"),
        _text("actor"),
        _text("action"),
        _text("target"),
        _text("details"),
        _bytes("previous_hash"),
        _bytes("hash"),
        sa.PrimaryKeyConstraint("id"),
    )


def _subscribers() -> None:
    op.create_table(
        "subscriber_inbox",
        _text("subscriber"),
        _text("message_id"),
        _number("handled_at"),
        sa.PrimaryKeyConstraint("subscriber", "message_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("subscriber_inbox_by_message_id", "subscriber_inbox", ["message_id"])
    op.create_table(
        "subscriber_retries",
        _text("subscriber"),
        _text("message_id"),
        _text("stream"),
        _text("envelope"),
        _number("attempts"),
        _number("due_at"),
        _text("error_code"),
        _text("message"),
        _number("first_failed_at"),
        _number("claimed_until", nullable=True),
        sa.PrimaryKeyConstraint("subscriber", "message_id"),
    )
    op.create_index("subscriber_retries_due", "subscriber_retries", ["subscriber", "due_at"])
