"""Rows of orders and their lines, for lists and reports.

Amounts and quantities are texts in plain digits; times are microseconds since 1970, UTC.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Index, Table

from store.tables.columns import metadata, number, text_column

# One row an order; its dimensions as `canonical.chain.OrderStateChanged` names them.
order_orders = Table(
    "order_orders",
    metadata,
    text_column("record_key"),
    text_column("channel"),
    text_column("account"),
    text_column("order_id"),
    text_column("order_number", nullable=True),
    text_column("currency", nullable=True),
    text_column("total", nullable=True),
    number("placed_at", nullable=True),
    text_column("document"),
    text_column("approval"),
    text_column("credit"),
    text_column("allocation"),
    text_column("fulfilment"),
    text_column("billing"),
    text_column("payment"),
    text_column("closure"),
    # 1 or 0.
    number("test"),
    Index("order_orders_by_record", "record_key"),
    Index("order_orders_by_closure", "closure", "placed_at"),
)

# One row a line. `open` is what is ordered and has neither shipped nor been cancelled.
order_lines = Table(
    "order_lines",
    metadata,
    text_column("record_key"),
    text_column("line_id"),
    text_column("sku", nullable=True),
    text_column("unit"),
    text_column("unit_price", nullable=True),
    text_column("ordered"),
    text_column("allocated"),
    text_column("back_ordered"),
    text_column("shipped"),
    text_column("reversed"),
    text_column("returned"),
    text_column("invoiced"),
    text_column("open"),
    Index("order_lines_by_record", "record_key"),
    Index("order_lines_by_sku", "sku"),
)

TABLES: Final[tuple[Table, ...]] = (order_orders, order_lines)
