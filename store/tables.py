"""The tables. The migrations spell them out again; a test holds both to be the same."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

# In SQLite only a column of type INTEGER can be the row id itself; it holds 64 bits there.
Number = BigInteger().with_variant(Integer(), "sqlite")
# Versions are compared byte by byte, whatever the language of the database.
VersionText = Text().with_variant(Text(collation="C"), "postgresql")


def _id(name: str = "id") -> Column[int]:
    return Column(name, Number, primary_key=True, autoincrement=False)


def _counted_id() -> Column[int]:
    return Column("id", Number, primary_key=True, autoincrement=True)


def _number(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, Number, nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _bytes(name: str, *, nullable: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=nullable)


def _only_where(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    condition = text(where)
    return Index(name, *columns, unique=unique, postgresql_where=condition, sqlite_where=condition)


raw_payloads = Table(
    "raw_payloads",
    metadata,
    _number("receipt_id"),
    _number("part"),
    _text("encoding"),
    _bytes("body"),
    PrimaryKeyConstraint("receipt_id", "part"),
)

# The inbox's unique keys. The digest comes first: a delivery key is found without its account.
deliveries = Table(
    "deliveries",
    metadata,
    _bytes("delivery_key_digest"),
    _text("connector"),
    _text("account"),
    _number("receipt_id"),
    _bytes("digest"),
    PrimaryKeyConstraint("delivery_key_digest", "connector", "account"),
    sqlite_with_rowid=False,
)

receipts = Table(
    "receipts",
    metadata,
    _id(),
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
    # By id, not by lease: the oldest are wanted first, and few of those pending are leased.
    _only_where("receipts_pending", "id", "claimed_until", where="state = 'pending'"),
    _only_where("receipts_repeated", "first_receipt_id", where="first_receipt_id IS NOT NULL"),
    _only_where("receipts_polled", "connector", "account", where="transport = 'poll'"),
    Index("receipts_by_state", "connector", "account", "state"),
)

intake_ledger = Table(
    "intake_ledger",
    metadata,
    _counted_id(),
    _number("at"),
    _text("connector"),
    _text("account"),
    _number("accepted"),
)

fact_keys = Table(
    "fact_keys",
    metadata,
    _bytes("key_digest"),
    _bytes("content_digest"),
    _number("message_row_id"),
    _number("receipt_id"),
    _number("created_at"),
    PrimaryKeyConstraint("key_digest"),
    sqlite_with_rowid=False,
)

entity_versions = Table(
    "entity_versions",
    metadata,
    _bytes("entity_digest"),
    Column("version", VersionText, nullable=False),
    _number("message_row_id"),
    PrimaryKeyConstraint("entity_digest"),
    sqlite_with_rowid=False,
)

messages = Table(
    "messages",
    metadata,
    _id(),
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
    UniqueConstraint("receipt_id", "position", name="messages_place"),
    Index("messages_by_message_id", "message_id"),
    Index("messages_by_correlation", "correlation"),
    _only_where("messages_pending", "id", "claimed_until", where="state = 'pending'"),
    Index("messages_by_state", "connector", "account", "state"),
)

message_references = Table(
    "message_references",
    metadata,
    _text("value"),
    _text("scheme"),
    _number("message_row_id"),
    PrimaryKeyConstraint("value", "scheme", "message_row_id"),
    sqlite_with_rowid=False,
)

dead_letters = Table(
    "dead_letters",
    metadata,
    _id(),
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
    Index("dead_letters_by_state", "state", "id"),
    Index("dead_letters_by_receipt", "receipt_id"),
    Index("dead_letters_by_message_id", "message_id"),
    _only_where(
        "dead_letters_open_receipt",
        "receipt_id",
        # A fetch that failed is a thing of its own; several may belong to one receipt.
        where=(
            "state = 'open' AND message_row_id IS NULL AND subscriber IS NULL AND stage <> 'fetch'"
        ),
        unique=True,
    ),
    _only_where(
        "dead_letters_open_row",
        "message_row_id",
        where="state = 'open' AND subscriber IS NULL",
        unique=True,
    ),
    _only_where(
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
    _counted_id(),
    _number("at"),
    _number("receipt_id", nullable=True),
    _number("message_row_id", nullable=True),
    _text("subscriber", nullable=True),
    _text("message_id", nullable=True),
    _text("stage"),
    _text("outcome"),
    _text("error_code", nullable=True),
    _text("message", nullable=True),
    Index("attempts_by_receipt", "receipt_id"),
    Index("attempts_by_message_id", "message_id"),
)

refusals = Table(
    "refusals",
    metadata,
    _id(),
    _number("at"),
    _text("connector"),
    _text("account"),
    _text("code"),
    _bytes("body_digest"),
    _number("size"),
    _text("remote"),
)

audit_log = Table(
    "audit_log",
    metadata,
    _id(),
    _number("at"),
    _text("actor"),
    _text("action"),
    _text("target"),
    _text("details"),
    _bytes("previous_hash"),
    _bytes("hash"),
)

subscriber_inbox = Table(
    "subscriber_inbox",
    metadata,
    _text("subscriber"),
    _text("message_id"),
    _number("handled_at"),
    PrimaryKeyConstraint("subscriber", "message_id"),
    Index("subscriber_inbox_by_message_id", "message_id"),
    sqlite_with_rowid=False,
)

subscriber_retries = Table(
    "subscriber_retries",
    metadata,
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
    PrimaryKeyConstraint("subscriber", "message_id"),
    Index("subscriber_retries_due", "subscriber", "due_at"),
)

poll_cursors = Table(
    "poll_cursors",
    metadata,
    _text("connector"),
    _text("account"),
    _text("poll"),
    _text("cursor", nullable=True),
    _number("since"),
    _number("due_at"),
    _number("last_started", nullable=True),
    _number("last_finished", nullable=True),
    _text("last_error", nullable=True),
    _number("failures"),
    _number("turns"),
    _number("found"),
    _number("new_by_poll"),
    _text("claimed_by", nullable=True),
    _number("claimed_until", nullable=True),
    PrimaryKeyConstraint("connector", "account", "poll"),
)

fetches = Table(
    "fetches",
    metadata,
    _id(),
    _number("receipt_id"),
    _text("connector"),
    _text("account"),
    _text("kind"),
    _text("object_id"),
    _text("at"),
    _text("state"),
    _number("attempts"),
    _number("due_at"),
    _number("created_at"),
    _number("fetched_receipt_id", nullable=True),
    _text("error_code", nullable=True),
    _text("message", nullable=True),
    _text("claimed_by", nullable=True),
    _number("claimed_until", nullable=True),
    UniqueConstraint("receipt_id", "kind", "object_id", name="fetches_wish"),
    _only_where("fetches_pending", "connector", "account", "due_at", where="state = 'pending'"),
)

account_pauses = Table(
    "account_pauses",
    metadata,
    _text("connector"),
    _text("account"),
    _number("since"),
    _text("code"),
    _text("message"),
    PrimaryKeyConstraint("connector", "account"),
)
