"""Rows of shipments, their lines, deliveries and returns, for lists and reports.

Quantities are plain digits, times microseconds since 1970, truth values 1 and 0; `order_key` is
the key of the order's record in the order domain.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Index, Table

from store.tables.columns import metadata, number, text_column

shipments = Table(
    "shipment_shipments",
    metadata,
    text_column("record_key"),
    text_column("source_system"),
    text_column("account"),
    text_column("shipment_id"),
    text_column("order_key", nullable=True),
    text_column("order_id", nullable=True),
    text_column("carrier", nullable=True),
    text_column("status"),
    text_column("delivery", nullable=True),
    text_column("gate"),
    text_column("reason_class", nullable=True),
    number("reversed"),
    text_column("same_goods_as", nullable=True),
    number("shipped_at", nullable=True),
    number("delivered_at", nullable=True),
    Index("shipment_shipments_by_record", "record_key"),
    Index("shipment_shipments_by_order", "order_key"),
    Index("shipment_shipments_by_gate", "gate", "shipped_at"),
)

lines = Table(
    "shipment_lines",
    metadata,
    text_column("record_key"),
    text_column("line_id"),
    text_column("order_line_id", nullable=True),
    text_column("sku", nullable=True),
    text_column("unit"),
    text_column("shipped"),
    text_column("reversed"),
    text_column("allowed"),
    text_column("ordered", nullable=True),
    text_column("back_ordered", nullable=True),
    Index("shipment_lines_by_record", "record_key"),
)

deliveries = Table(
    "shipment_deliveries",
    metadata,
    text_column("record_key"),
    text_column("carrier"),
    text_column("tracking"),
    text_column("status"),
    text_column("reason_class", nullable=True),
    number("attempts"),
    number("first_attempt", nullable=True),
    number("promised_at", nullable=True),
    number("delivered_at", nullable=True),
    number("on_time", nullable=True),
    number("shipped_at", nullable=True),
    text_column("order_key", nullable=True),
    Index("shipment_deliveries_by_record", "record_key"),
    Index("shipment_deliveries_by_time", "delivered_at"),
    Index("shipment_deliveries_by_status", "status", "shipped_at"),
)

# One row a line and stage (`requested`, `received`), and one without a line where none is named.
returns = Table(
    "shipment_returns",
    metadata,
    text_column("record_key"),
    text_column("source_system"),
    text_column("account"),
    text_column("return_id"),
    text_column("order_key", nullable=True),
    text_column("status"),
    number("requested_at", nullable=True),
    number("received_at", nullable=True),
    text_column("stage", nullable=True),
    text_column("line_id", nullable=True),
    text_column("order_line_id", nullable=True),
    text_column("sku", nullable=True),
    text_column("unit", nullable=True),
    text_column("quantity", nullable=True),
    text_column("reason", nullable=True),
    text_column("disposition", nullable=True),
    Index("shipment_returns_by_record", "record_key"),
    Index("shipment_returns_by_order", "order_key"),
)

TABLES: Final[tuple[Table, ...]] = (shipments, lines, deliveries, returns)
