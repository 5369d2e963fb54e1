"""The tables. The migrations spell them out again; a test holds both to be the same."""

from __future__ import annotations

from store.tables.columns import metadata
from store.tables.failures import attempts, audit_log, dead_letters
from store.tables.intake import deliveries, intake_ledger, raw_payloads, receipts, refusals
from store.tables.integrity import log_blocks, log_heads
from store.tables.messages import entity_versions, fact_keys, message_references, messages
from store.tables.sources import account_pauses, fetches, poll_cursors
from store.tables.subscribers import subscriber_inbox, subscriber_retries

__all__ = [
    "account_pauses",
    "attempts",
    "audit_log",
    "dead_letters",
    "deliveries",
    "entity_versions",
    "fact_keys",
    "fetches",
    "intake_ledger",
    "log_blocks",
    "log_heads",
    "message_references",
    "messages",
    "metadata",
    "poll_cursors",
    "raw_payloads",
    "receipts",
    "refusals",
    "subscriber_inbox",
    "subscriber_retries",
]
