"""What people do about failures: edits, ramped replays, corrections, reprocessing."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint, Table, text

from store.tables.columns import (
    bytes_column,
    index_where,
    metadata,
    number,
    row_id,
    text_column,
)
from store.tables.messages import messages

edit_leases = Table(
    "edit_leases",
    metadata,
    row_id("dead_letter_id"),
    text_column("editor"),
    number("since"),
    number("until"),
)

edits = Table(
    "edits",
    metadata,
    row_id(),
    number("dead_letter_id"),
    number("original_receipt_id"),
    number("edited_receipt_id", nullable=True),
    number("campaign_id", nullable=True),
    text_column("state"),
    number("at"),
    text_column("editor"),
    text_column("reason"),
    number("proposal_id", nullable=True),
    number("applied_at", nullable=True),
    bytes_column("digest"),
    number("size"),
    bytes_column("body", nullable=True),
    Index("edits_by_letter", "dead_letter_id"),
    Index("edits_by_original", "original_receipt_id"),
    index_where(
        "edits_by_copy", "edited_receipt_id", where="edited_receipt_id IS NOT NULL", unique=True
    ),
)

campaigns = Table(
    "campaigns",
    metadata,
    row_id(),
    text_column("kind"),
    text_column("state"),
    number("group_id"),
    text_column("grouping"),
    text_column("rule", nullable=True),
    text_column("started_by"),
    text_column("reason"),
    number("proposal_id", nullable=True),
    number("created_at"),
    number("finished_at", nullable=True),
    text_column("stages"),
    number("threshold_percent"),
    number("per_second", nullable=True),
    number("stage"),
    number("released_in_stage"),
    number("succeeded_in_stage"),
    number("failed_in_stage"),
    number("total"),
    number("released"),
    number("succeeded"),
    number("failed"),
    number("skipped"),
    number("last_letter_id"),
    number("cursor"),
    number("released_at", nullable=True),
    text_column("stop_reason", nullable=True),
    number("revision"),
    text_column("claimed_by", nullable=True),
    number("claimed_until", nullable=True),
    Index("campaigns_by_group", "group_id"),
    index_where(
        "campaigns_under_way",
        "group_id",
        where="state IN ('proposed', 'running', 'paused', 'stopped')",
        unique=True,
    ),
    index_where("campaigns_running", "id", where="state = 'running'"),
)

campaign_items = Table(
    "campaign_items",
    metadata,
    number("campaign_id"),
    number("dead_letter_id"),
    number("receipt_id", nullable=True),
    text_column("state"),
    number("released_at"),
    number("attempts_before"),
    number("settled_at", nullable=True),
    text_column("error_code", nullable=True),
    PrimaryKeyConstraint("campaign_id", "dead_letter_id"),
    Index("campaign_items_by_state", "campaign_id", "state", "dead_letter_id"),
)

corrections = Table(
    "corrections",
    metadata,
    bytes_column("key_digest"),
    number("number"),
    number("message_row_id"),
    number("corrects_row_id"),
    number("at"),
    text_column("actor"),
    text_column("reason"),
    PrimaryKeyConstraint("key_digest", "number"),
    sqlite_with_rowid=False,
)

conflict_decisions = Table(
    "conflict_decisions",
    metadata,
    row_id("message_row_id"),
    text_column("decision"),
    number("at"),
    text_column("actor"),
    text_column("reason"),
    number("correction_row_id", nullable=True),
)

reprocessings = Table(
    "reprocessings",
    metadata,
    row_id(),
    text_column("connector"),
    text_column("account", nullable=True),
    text_column("kind", nullable=True),
    number("since_id"),
    number("until_id"),
    text_column("started_by"),
    text_column("reason"),
    number("created_at"),
    number("finished_at", nullable=True),
    text_column("state"),
    number("cursor"),
    number("receipts"),
    number("same"),
    number("changed"),
    number("new"),
    number("gone"),
    number("failing"),
    number("published"),
    number("left_out"),
    text_column("published_by", nullable=True),
    number("revision"),
    text_column("claimed_by", nullable=True),
    number("claimed_until", nullable=True),
    index_where("reprocessings_running", "id", where="state IN ('comparing', 'publishing')"),
)

reprocessed = Table(
    "reprocessed",
    metadata,
    row_id(),
    number("reprocessing_id"),
    number("receipt_id"),
    text_column("outcome"),
    text_column("state"),
    text_column("key"),
    text_column("at"),
    number("message_row_id", nullable=True),
    text_column("error_code", nullable=True),
    bytes_column("content_digest", nullable=True),
    text_column("differences"),
    number("correction_row_id", nullable=True),
    Index("reprocessed_by_run", "reprocessing_id", "state", "id"),
)

# Conflicts and stale messages are few and asked for newest first, whatever their account.
for _state, _name in (("conflict", "messages_conflicts"), ("stale", "messages_stale")):
    _condition = text(f"state = '{_state}'")
    Index(_name, messages.c.id, postgresql_where=_condition, sqlite_where=_condition)
