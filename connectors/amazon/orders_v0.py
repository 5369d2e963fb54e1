"""Orders of the older Orders API v0, whose documents are split: the order, and its items.

Source: Selling Partner API model Orders v0 (getOrders, getOrder, getOrderItems).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from canonical.message import Item
from canonical.order import OrderCancelled, OrderChanged, OrderLine, OrderPlaced, OrderTotals
from canonical.values import Party
from connectors.amazon.orders import OrderFact, snapshot_message
from connectors.amazon.reading import (
    address,
    addressee,
    identifiers,
    lower_named,
    money,
    required_time,
    unmapped,
)
from connectors.fetching import Fetch
from connectors.kit.json_body import required_text, text
from connectors.kit.records import Record, child, objects, optional_object, pieces
from connectors.raw import RawMessage

_OPEN = frozenset(
    (
        "Pending", "PendingAvailability", "Unshipped", "PartiallyShipped", "Shipped",
        "InvoiceUnconfirmed", "Unfulfillable",
    )
)  # fmt: skip


def order(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """An order; without its items it is told as a part (`complete` is false), with its own key.

    Raises Unsupported with `unmapped_code` for a status that is not documented.
    """
    whole = record.get("OrderItems") is not None
    data = _snapshot(raw, record)
    status, updated_at = data["fulfilment_status"], data["updated_at"]
    if status == "Canceled":
        fact: OrderFact = OrderCancelled(**data, cancelled_at=updated_at)
    elif status not in _OPEN:
        raise unmapped(status, "OrderStatus")
    elif whole and data["placed_at"] == updated_at:
        fact = OrderPlaced(**data)
    else:
        fact = OrderChanged(**data, complete=whole)
    yield snapshot_message(fact, updated_at, at, *(() if whole else ("header",)))


def items(raw: RawMessage, record: Record, at: str) -> Iterator[Fetch]:
    """Items without their order name no version of it: the order is fetched, items included."""
    del raw
    yield Fetch(kind="fetch/order", object_id=required_text(record, "AmazonOrderId"), at=at)


def _snapshot(raw: RawMessage, record: Record) -> dict[str, Any]:
    order_id = required_text(record, "AmazonOrderId")
    # Pending orders have no total yet.
    total = money(record, "OrderTotal")
    shipping = lower_named(optional_object(record, "ShippingAddress"))
    return {
        "order_id": order_id,
        "channel": "amazon",
        "account": raw.account,
        "currency": total.currency if total else None,
        "placed_at": required_time(record, "PurchaseDate"),
        "updated_at": required_time(record, "LastUpdateDate"),
        "buyer": _buyer(record),
        "ship_to": addressee(shipping, "ShippingAddress"),
        "delivery_address": address(shipping, "ShippingAddress"),
        "lines": tuple(_line(item, path) for path, item in objects(record, "OrderItems")),
        "totals": OrderTotals(total=total),
        "fulfilment_status": required_text(record, "OrderStatus"),
        "references": identifiers(
            [
                ("order", order_id),
                ("seller_order_id", text(record, "SellerOrderId")),
                ("replaced_order", text(record, "ReplacedOrderId")),
                ("buyer_po_number", _buyer_field(record, "PurchaseOrderNumber")),
            ]
        ),
    }


def _buyer(record: Record) -> Party | None:
    found = Party(name=_buyer_field(record, "BuyerName"), email=_buyer_field(record, "BuyerEmail"))
    return None if found == Party() else found


def _buyer_field(record: Record, field: str) -> str | None:
    return text(child(record, "BuyerInfo"), field, "BuyerInfo")


def _line(item: Record, path: str) -> OrderLine:
    # Prices are of all pieces of the line, so no unit price is stated.
    return OrderLine(
        line_id=required_text(item, "OrderItemId", path),
        sku=text(item, "SellerSKU", path),
        product=identifiers([("asin", text(item, "ASIN", path))]),
        description=text(item, "Title", path),
        quantity=pieces(item, "QuantityOrdered", path),
        discount=money(item, "PromotionDiscount", path),
        tax=money(item, "ItemTax", path),
        total=money(item, "ItemPrice", path),
    )
