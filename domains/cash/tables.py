"""Cash's own tables, for lists and reports: amounts as plain digits, times as microseconds."""

from __future__ import annotations

from sqlalchemy import Index, Table

from store.tables.columns import metadata, number, text_column

cash_receivables = Table(
    "cash_receivables",
    metadata,
    text_column("record_key"),
    text_column("seller"),
    text_column("number"),
    text_column("document_type"),
    text_column("order_id", nullable=True),
    text_column("issue_date"),
    text_column("due_date", nullable=True),
    text_column("currency"),
    text_column("original"),
    text_column("allocated"),
    text_column("credited"),
    text_column("written_off"),
    text_column("adjusted"),
    text_column("open"),
    text_column("state"),
    number("disputed"),
    number("paid_at", nullable=True),
    number("auto"),
    Index("cash_receivables_by_record", "record_key"),
    Index("cash_receivables_by_state", "state", "due_date"),
)
"""One row an invoice; `auto` is 1 where it was reconciled without a person's decision."""

cash_receipts = Table(
    "cash_receipts",
    metadata,
    text_column("record_key"),
    text_column("bank_account"),
    text_column("booking_date"),
    text_column("currency"),
    text_column("amount"),
    text_column("applied"),
    text_column("unapplied"),
    text_column("state"),
    text_column("payout", nullable=True),
    Index("cash_receipts_by_record", "record_key"),
    Index("cash_receipts_by_state", "state", "booking_date"),
)
"""One row a credit on an account of ours; of the account the last four digits."""

cash_allocations = Table(
    "cash_allocations",
    metadata,
    text_column("record_key"),
    text_column("allocation"),
    text_column("source"),
    text_column("receivable"),
    text_column("currency"),
    text_column("amount"),
    text_column("state"),
    text_column("confidence"),
    number("auto"),
    number("allocated_at"),
    Index("cash_allocations_by_record", "record_key"),
    Index("cash_allocations_by_receivable", "receivable"),
)
"""One row an allocation plan, kept with the record of the money."""

cash_payments = Table(
    "cash_payments",
    metadata,
    text_column("record_key"),
    text_column("gateway"),
    text_column("account"),
    text_column("payment_id"),
    text_column("order_id", nullable=True),
    text_column("currency"),
    text_column("captured"),
    text_column("refunded"),
    text_column("charged_back"),
    text_column("applied"),
    text_column("unapplied"),
    text_column("state"),
    number("cleared"),
    number("captured_at", nullable=True),
    Index("cash_payments_by_record", "record_key"),
    Index("cash_payments_by_state", "state"),
)
"""One row a payment at a gateway."""

cash_payouts = Table(
    "cash_payouts",
    metadata,
    text_column("record_key"),
    text_column("gateway"),
    text_column("account"),
    text_column("payout_id"),
    text_column("currency"),
    text_column("net"),
    text_column("at_bank"),
    text_column("state"),
    number("settled_at"),
    Index("cash_payouts_by_record", "record_key"),
    Index("cash_payouts_by_state", "state"),
)
"""One row a payout."""

TABLES: tuple[Table, ...] = (
    cash_receivables,
    cash_receipts,
    cash_allocations,
    cash_payments,
    cash_payouts,
)
