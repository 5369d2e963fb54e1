"""Rows of the four domains, for lists and reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _order()
    _shipment()
    _deliveries()
    _billing()
    _cash()
    _gateways()


def downgrade() -> None:
    for table in (
        "cash_payouts",
        "cash_payments",
        "cash_allocations",
        "cash_receipts",
        "cash_receivables",
        "billing_candidates",
        "billing_lines",
        "billing_invoices",
        "shipment_returns",
        "shipment_deliveries",
        "shipment_lines",
        "shipment_shipments",
        "order_lines",
        "order_orders",
    ):
        op.drop_table(table)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, NUMBER, nullable=nullable, autoincrement=False)


def _counted(name: str) -> sa.Column[int]:
    return sa.Column(name, NUMBER, nullable=False, autoincrement=True)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _each(
    kind: Callable[..., sa.Column[Any]], *names: str, nullable: bool = False
) -> list[sa.Column[Any]]:
    return [kind(name, nullable=nullable) for name in names]


def _order() -> None:
    op.create_table(
        "order_orders",
        *_each(_text, "record_key", "channel", "account", "order_id"),
        *_each(_text, "order_number", "currency", "total", nullable=True),
        _number("placed_at", nullable=True),
        *_each(
            _text,
            "document",
            "approval",
            "credit",
            "allocation",
            "fulfilment",
            "billing",
            "payment",
            "closure",
        ),
        _number("test"),
    )
    op.create_index("order_orders_by_closure", "order_orders", ["closure", "placed_at"])
    op.create_index("order_orders_by_record", "order_orders", ["record_key"])
    op.create_table(
        "order_lines",
        *_each(_text, "record_key", "line_id"),
        _text("sku", nullable=True),
        _text("unit"),
        _text("unit_price", nullable=True),
        *_each(
            _text,
            "ordered",
            "allocated",
            "back_ordered",
            "shipped",
            "reversed",
            "returned",
            "invoiced",
            "open",
        ),
    )
    op.create_index("order_lines_by_record", "order_lines", ["record_key"])
    op.create_index("order_lines_by_sku", "order_lines", ["sku"])


def _shipment() -> None:
    op.create_table(
        "shipment_shipments",
        *_each(_text, "record_key", "source_system", "account", "shipment_id"),
        *_each(_text, "order_key", "order_id", "carrier", nullable=True),
        _text("status"),
        _text("delivery", nullable=True),
        _text("gate"),
        _text("reason_class", nullable=True),
        _number("reversed"),
        _text("same_goods_as", nullable=True),
        *_each(_number, "shipped_at", "delivered_at", nullable=True),
    )
    op.create_index("shipment_shipments_by_gate", "shipment_shipments", ["gate", "shipped_at"])
    op.create_index("shipment_shipments_by_order", "shipment_shipments", ["order_key"])
    op.create_index("shipment_shipments_by_record", "shipment_shipments", ["record_key"])
    op.create_table(
        "shipment_lines",
        *_each(_text, "record_key", "line_id"),
        *_each(_text, "order_line_id", "sku", nullable=True),
        *_each(_text, "unit", "shipped", "reversed", "allowed"),
        *_each(_text, "ordered", "back_ordered", nullable=True),
    )
    op.create_index("shipment_lines_by_record", "shipment_lines", ["record_key"])


def _deliveries() -> None:
    op.create_table(
        "shipment_deliveries",
        *_each(_text, "record_key", "carrier", "tracking", "status"),
        _text("reason_class", nullable=True),
        _number("attempts"),
        *_each(
            _number,
            "first_attempt",
            "promised_at",
            "delivered_at",
            "on_time",
            "shipped_at",
            nullable=True,
        ),
        _text("order_key", nullable=True),
    )
    op.create_index("shipment_deliveries_by_record", "shipment_deliveries", ["record_key"])
    op.create_index(
        "shipment_deliveries_by_status", "shipment_deliveries", ["status", "shipped_at"]
    )
    op.create_index("shipment_deliveries_by_time", "shipment_deliveries", ["delivered_at"])
    op.create_table(
        "shipment_returns",
        *_each(_text, "record_key", "source_system", "account", "return_id"),
        _text("order_key", nullable=True),
        _text("status"),
        *_each(_number, "requested_at", "received_at", nullable=True),
        *_each(
            _text,
            "stage",
            "line_id",
            "order_line_id",
            "sku",
            "unit",
            "quantity",
            "reason",
            "disposition",
            nullable=True,
        ),
    )
    op.create_index("shipment_returns_by_order", "shipment_returns", ["order_key"])
    op.create_index("shipment_returns_by_record", "shipment_returns", ["record_key"])


def _billing() -> None:
    op.create_table(
        "billing_invoices",
        _counted("id"),
        *_each(_text, "record_key", "kind", "seller", "number", "type"),
        _text("order", nullable=True),
        _text("issue_date"),
        _text("due_date", nullable=True),
        *_each(_text, "currency", "payable", "state", "electronic"),
        _number("disputed"),
        *_each(_text, "network", "network_status", nullable=True),
        _number("issued_at"),
        _number("sent_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("billing_invoices_by_number", "billing_invoices", ["number"])
    op.create_index("billing_invoices_by_record", "billing_invoices", ["record_key"])
    op.create_index("billing_invoices_by_state", "billing_invoices", ["state", "issue_date"])
    op.create_table(
        "billing_lines",
        _counted("id"),
        *_each(_text, "record_key", "line"),
        *_each(_text, "order_line", "sku", "quantity", "unit", "net", nullable=True),
        _text("currency"),
        *_each(_text, "shipment", "sources", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("billing_lines_by_record", "billing_lines", ["record_key"])
    op.create_index("billing_lines_by_sku", "billing_lines", ["sku"])
    op.create_table(
        "billing_candidates",
        _counted("id"),
        *_each(_text, "record_key", "basis", "source", "account", "shipment"),
        _text("order", nullable=True),
        *_each(_text, "state", "gate"),
        _number("shipped_at"),
        *_each(_number, "gate_allowed_at", "invoiced_at", nullable=True),
        *_each(_text, "shipped", "allowed", "invoiced"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("billing_candidates_by_record", "billing_candidates", ["record_key"])
    op.create_index(
        "billing_candidates_by_state", "billing_candidates", ["state", "gate_allowed_at"]
    )


def _cash() -> None:
    op.create_table(
        "cash_receivables",
        *_each(_text, "record_key", "seller", "number", "document_type"),
        _text("order_id", nullable=True),
        _text("issue_date"),
        _text("due_date", nullable=True),
        *_each(
            _text,
            "currency",
            "original",
            "allocated",
            "credited",
            "written_off",
            "adjusted",
            "open",
            "state",
        ),
        _number("disputed"),
        _number("paid_at", nullable=True),
        _number("auto"),
    )
    op.create_index("cash_receivables_by_record", "cash_receivables", ["record_key"])
    op.create_index("cash_receivables_by_state", "cash_receivables", ["state", "due_date"])
    op.create_table(
        "cash_receipts",
        *_each(
            _text,
            "record_key",
            "bank_account",
            "booking_date",
            "currency",
            "amount",
            "applied",
            "unapplied",
            "state",
        ),
        _text("payout", nullable=True),
    )
    op.create_index("cash_receipts_by_record", "cash_receipts", ["record_key"])
    op.create_index("cash_receipts_by_state", "cash_receipts", ["state", "booking_date"])


def _gateways() -> None:
    op.create_table(
        "cash_allocations",
        *_each(
            _text,
            "record_key",
            "allocation",
            "source",
            "receivable",
            "currency",
            "amount",
            "state",
            "confidence",
        ),
        *_each(_number, "auto", "allocated_at"),
    )
    op.create_index("cash_allocations_by_receivable", "cash_allocations", ["receivable"])
    op.create_index("cash_allocations_by_record", "cash_allocations", ["record_key"])
    op.create_table(
        "cash_payments",
        *_each(_text, "record_key", "gateway", "account", "payment_id"),
        _text("order_id", nullable=True),
        *_each(
            _text,
            "currency",
            "captured",
            "refunded",
            "charged_back",
            "applied",
            "unapplied",
            "state",
        ),
        _number("cleared"),
        _number("captured_at", nullable=True),
    )
    op.create_index("cash_payments_by_record", "cash_payments", ["record_key"])
    op.create_index("cash_payments_by_state", "cash_payments", ["state"])
    op.create_table(
        "cash_payouts",
        *_each(
            _text,
            "record_key",
            "gateway",
            "account",
            "payout_id",
            "currency",
            "net",
            "at_bank",
            "state",
        ),
        _number("settled_at"),
    )
    op.create_index("cash_payouts_by_record", "cash_payouts", ["record_key"])
    op.create_index("cash_payouts_by_state", "cash_payouts", ["state"])
