"""The tables. The migrations spell them out again; a test holds both to be the same."""

from __future__ import annotations

from store.tables.columns import metadata
from store.tables.failure_groups import (
    failure_groups,
    failure_hours,
    failure_notes,
    resends,
)
from store.tables.failures import attempts, audit_log, dead_letters
from store.tables.following import follow_marks, search_blocks, traffic_hours, traffic_minutes
from store.tables.intake import deliveries, intake_ledger, raw_payloads, receipts, refusals
from store.tables.integrity import log_blocks, log_heads
from store.tables.mending import (
    campaign_items,
    campaigns,
    conflict_decisions,
    corrections,
    edit_leases,
    edits,
    reprocessed,
    reprocessings,
)
from store.tables.messages import entity_versions, fact_keys, message_references, messages
from store.tables.people import (
    api_tokens,
    login_throttles,
    one_time_links,
    proposals,
    sessions,
    users,
)
from store.tables.retention import dropped, retention_marks
from store.tables.sources import account_pauses, fetches, poll_cursors
from store.tables.subscribers import subscriber_inbox, subscriber_retries

__all__ = [
    "account_pauses",
    "api_tokens",
    "attempts",
    "audit_log",
    "campaign_items",
    "campaigns",
    "conflict_decisions",
    "corrections",
    "dead_letters",
    "deliveries",
    "dropped",
    "edit_leases",
    "edits",
    "entity_versions",
    "fact_keys",
    "failure_groups",
    "failure_hours",
    "failure_notes",
    "fetches",
    "follow_marks",
    "intake_ledger",
    "log_blocks",
    "log_heads",
    "login_throttles",
    "message_references",
    "messages",
    "metadata",
    "one_time_links",
    "poll_cursors",
    "proposals",
    "raw_payloads",
    "receipts",
    "refusals",
    "reprocessed",
    "reprocessings",
    "resends",
    "retention_marks",
    "search_blocks",
    "sessions",
    "subscriber_inbox",
    "subscriber_retries",
    "traffic_hours",
    "traffic_minutes",
    "users",
]
