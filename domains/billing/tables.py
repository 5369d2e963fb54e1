"""Billing's own tables, for lists and reports.

Amounts and quantities are text in plain digits, days `YYYY-MM-DD`, times microseconds since 1970.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Index, Table

from store.tables.columns import counted_id, metadata, number, text_column

INVOICES: Final = "billing_invoices"
LINES: Final = "billing_lines"
CANDIDATES: Final = "billing_candidates"

# Invoices and credit notes; `kind` tells them apart. `disputed` is 1 or 0.
invoices = Table(
    INVOICES,
    metadata,
    counted_id(),
    text_column("record_key"),
    text_column("kind"),
    text_column("seller"),
    text_column("number"),
    text_column("type"),
    text_column("order", nullable=True),
    text_column("issue_date"),
    text_column("due_date", nullable=True),
    text_column("currency"),
    text_column("payable"),
    text_column("state"),
    text_column("electronic"),
    number("disputed"),
    text_column("network", nullable=True),
    text_column("network_status", nullable=True),
    number("issued_at"),
    number("sent_at", nullable=True),
    Index("billing_invoices_by_record", "record_key"),
    Index("billing_invoices_by_number", "number"),
    Index("billing_invoices_by_state", "state", "issue_date"),
)

# Lines of invoices and credit notes, with what they bill. `shipment` is the candidate's record.
lines = Table(
    LINES,
    metadata,
    counted_id(),
    text_column("record_key"),
    text_column("line"),
    text_column("order_line", nullable=True),
    text_column("sku", nullable=True),
    text_column("quantity", nullable=True),
    text_column("unit", nullable=True),
    text_column("net", nullable=True),
    text_column("currency"),
    text_column("shipment", nullable=True),
    text_column("sources", nullable=True),
    Index("billing_lines_by_record", "record_key"),
    Index("billing_lines_by_sku", "sku"),
)

# Goods to be billed, one row a shipment; the quantities are sums over lines of any unit.
candidates = Table(
    CANDIDATES,
    metadata,
    counted_id(),
    text_column("record_key"),
    text_column("basis"),
    text_column("source"),
    text_column("account"),
    text_column("shipment"),
    text_column("order", nullable=True),
    text_column("state"),
    text_column("gate"),
    number("shipped_at"),
    number("gate_allowed_at", nullable=True),
    number("invoiced_at", nullable=True),
    text_column("shipped"),
    text_column("allowed"),
    text_column("invoiced"),
    Index("billing_candidates_by_record", "record_key"),
    Index("billing_candidates_by_state", "state", "gate_allowed_at"),
)

TABLES: Final[tuple[Table, ...]] = (invoices, lines, candidates)
