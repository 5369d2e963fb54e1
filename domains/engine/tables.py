"""Where domains keep their facts and what they derived; every row is of one domain.

Typed rows for lists and reports are in tables of each domain's own.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from store.tables.columns import metadata, number, row_id, text_column

# The facts, as they came. `corrected_by` leaves a fact aside for the one that replaces it.
evidence = Table(
    "domain_evidence",
    metadata,
    text_column("domain"),
    text_column("message_id"),
    text_column("type"),
    text_column("source"),
    text_column("idempotency_key"),
    number("occurred_at"),
    number("arrived_at"),
    text_column("version", nullable=True),
    text_column("receipt"),
    text_column("correlation"),
    text_column("corrects", nullable=True),
    text_column("corrected_by", nullable=True),
    text_column("data"),
    PrimaryKeyConstraint("domain", "message_id"),
    Index("domain_evidence_by_message", "message_id"),
    Index("domain_evidence_by_corrected", "domain", "corrects"),
)

# Under which names facts are filed. `strong` is 1 or 0.
filed_names = Table(
    "domain_names",
    metadata,
    text_column("domain"),
    text_column("name"),
    text_column("message_id"),
    number("strong"),
    PrimaryKeyConstraint("domain", "name", "message_id"),
    Index("domain_names_by_message", "domain", "message_id"),
    sqlite_with_rowid=False,
)

# What is to be derived again, and from when. `mark` changes with every reason: what was marked
# while it was being derived is derived once more.
due_names = Table(
    "domain_due",
    metadata,
    text_column("domain"),
    text_column("name"),
    number("due_at"),
    number("mark"),
    PrimaryKeyConstraint("domain", "name"),
    Index("domain_due_by_time", "domain", "due_at"),
)

records = Table(
    "domain_records",
    metadata,
    text_column("domain"),
    text_column("key"),
    text_column("kind"),
    text_column("label"),
    text_column("status"),
    text_column("state"),
    text_column("digest"),
    number("created_at"),
    number("updated_at"),
    PrimaryKeyConstraint("domain", "key"),
    Index("domain_records_by_kind", "domain", "kind", "key"),
    Index("domain_records_by_status", "domain", "kind", "status", "key"),
)

# Which facts a record rests on.
record_facts = Table(
    "domain_record_facts",
    metadata,
    text_column("domain"),
    text_column("record_key"),
    text_column("message_id"),
    PrimaryKeyConstraint("domain", "record_key", "message_id"),
    Index("domain_record_facts_by_message", "domain", "message_id"),
    sqlite_with_rowid=False,
)

# By which names people look for a record.
record_names = Table(
    "domain_record_names",
    metadata,
    text_column("domain"),
    text_column("record_key"),
    text_column("scheme"),
    text_column("value"),
    PrimaryKeyConstraint("domain", "record_key", "scheme", "value"),
    Index("domain_record_names_by_value", "value"),
    sqlite_with_rowid=False,
)

# Facts that wait for their cause.
parked = Table(
    "domain_parked",
    metadata,
    text_column("domain"),
    text_column("message_id"),
    text_column("awaits"),
    text_column("kind"),
    text_column("owner"),
    text_column("explanation"),
    number("since"),
    number("until"),
    PrimaryKeyConstraint("domain", "message_id", "awaits"),
    Index("domain_parked_by_time", "domain", "since", "message_id"),
)

# What was announced last of each thing, and what has still to be handed to the gateway.
announced = Table(
    "domain_announced",
    metadata,
    text_column("domain"),
    text_column("type"),
    text_column("subject"),
    text_column("digest"),
    number("revision"),
    PrimaryKeyConstraint("domain", "type", "subject"),
)
outbox = Table(
    "domain_outbox",
    metadata,
    row_id(),
    text_column("domain"),
    text_column("body"),
    Index("domain_outbox_by_domain", "domain", "id"),
)

decisions = Table(
    "domain_decisions",
    metadata,
    text_column("domain"),
    text_column("id"),
    text_column("record_key"),
    number("at"),
    text_column("by"),
    text_column("action"),
    text_column("subject"),
    text_column("given"),
    text_column("reason"),
    PrimaryKeyConstraint("domain", "id"),
    Index("domain_decisions_by_record", "domain", "record_key"),
)

TABLES: Final[tuple[Table, ...]] = (
    evidence,
    filed_names,
    due_names,
    records,
    record_facts,
    record_names,
    parked,
    announced,
    outbox,
    decisions,
)
