"""What the demo's warehouse says, in the structure of ShipBob's webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from demo.shop import ShopOrder

CARRIER = "FedEx"
WAITING = "Processing"


def shipment_id(order: ShopOrder, ordinal: int = 1) -> int:
    """The warehouse's id of an order's `ordinal`-th shipment."""
    return 90_000_000_000 + order.number * 10 + ordinal


def tracking_number(order: ShopOrder, ordinal: int = 1) -> str:
    """The parcel's number at the carrier."""
    return f"7489{order.number:07d}{ordinal}"


def shipped_document(
    order: ShopOrder,
    moment: datetime,
    *,
    counts: Sequence[int] | None = None,
    ordinal: int = 1,
) -> dict[str, Any]:
    """`order.shipped` with one shipment; of the whole order unless `counts` says otherwise."""
    return {
        "id": _order_id(order),
        "order_number": order.name,
        "reference_id": str(order.order_id),
        "created_date": order.placed_at.isoformat(),
        "purchase_date": order.placed_at.isoformat(),
        "status": "Fulfilled",
        "type": "DTC",
        "channel": {"id": 11, "name": "Nordic Desk"},
        "products": [_ordered(order, index) for index in range(len(order.lines))],
        "recipient": _recipient(),
        "shipments": [shipment_document(order, moment, counts=counts, ordinal=ordinal)],
        "tags": [],
        "shipping_method": "Standard",
    }


def shipment_document(
    order: ShopOrder,
    moment: datetime,
    *,
    counts: Sequence[int] | None = None,
    ordinal: int = 1,
    status: str = "Completed",
    detail: str = WAITING,
    left: bool = True,
) -> dict[str, Any]:
    """One shipment as the topics `order.shipment.*` carry it; `Cancelled` takes it back."""
    taken = order.counts if counts is None else counts
    return {
        "id": shipment_id(order, ordinal),
        "order_id": _order_id(order),
        "reference_id": str(order.order_id),
        "status": status,
        "created_date": order.placed_at.isoformat(),
        "last_update_at": moment.isoformat(),
        "last_tracking_update_at": None,
        "actual_fulfillment_date": moment.isoformat() if left else None,
        "delivery_date": None,
        "estimated_fulfillment_date": moment.isoformat(),
        "estimated_fulfillment_date_status": "FulfilledOnTime",
        "ship_option": "Standard",
        "is_tracking_uploaded": left,
        "insurance_value": None,
        "invoice_amount": 7.85,
        "invoice_currency_code": "EUR",
        "location": {"id": 8, "name": "Example FC (Utrecht)"},
        "measurements": {"depth_in": 4, "length_in": 9, "width_in": 6, "total_weight_oz": 22.5},
        "recipient": _recipient(),
        "products": [_packed(order, index, count) for index, count in enumerate(taken) if count],
        "status_details": [{"id": 200, "name": detail, "description": ""}],
        "tracking": _tracking(order, moment, ordinal) if left else None,
    }


def return_document(
    order: ShopOrder, moment: datetime, counts: Sequence[int], *, ordinal: int = 1
) -> dict[str, Any]:
    """`return.completed`: the pieces came back and were counted."""
    return {
        "id": 30_000_000 + order.number,
        "reference_id": f"RMA-{order.number}",
        "store_order_id": str(order.order_id),
        "status": "Completed",
        "return_type": "Regular",
        "original_shipment_id": shipment_id(order, ordinal),
        "tracking_number": f"R{tracking_number(order, ordinal)}",
        "shipment_tracking_number": tracking_number(order, ordinal),
        "customer_name": "Nordic Desk",
        "channel": {"id": 11, "name": "Nordic Desk"},
        "fulfillment_center": {"id": 8, "name": "Example FC (Utrecht)"},
        "insert_date": moment.isoformat(),
        "awaiting_arrival_date": moment.isoformat(),
        "arrived_date": moment.isoformat(),
        "processing_date": moment.isoformat(),
        "completed_date": moment.isoformat(),
        "cancelled_date": None,
        "invoice": {"amount": 3.5, "currency_code": "EUR"},
        "inventory": [_counted(order, index, count) for index, count in enumerate(counts) if count],
        "status_history": [{"status": "Completed", "timestamp": moment.isoformat()}],
        "transactions": [],
    }


def _order_id(order: ShopOrder) -> int:
    return 70_000_000_000 + order.number


def _ordered(order: ShopOrder, index: int) -> dict[str, Any]:
    line = order.lines[index]
    return {
        "id": 5_001 + index,
        "reference_id": str(48_100_000_000_000 + index),
        "sku": line.sku,
        "quantity": line.quantity,
        "external_line_id": index + 1,
    }


def _packed(order: ShopOrder, index: int, count: int) -> dict[str, Any]:
    line = order.lines[index]
    item = {
        "id": 6_001 + index,
        "name": line.title,
        "quantity": count,
        "quantity_committed": count,
        "lot": None,
        "expiration_date": None,
        "is_dangerous_goods": False,
        "serial_numbers": [],
    }
    return {
        "id": 5_001 + index,
        "reference_id": str(48_100_000_000_000 + index),
        "name": line.title,
        "sku": line.sku,
        "inventory_items": [item],
    }


def _counted(order: ShopOrder, index: int, count: int) -> dict[str, Any]:
    line = order.lines[index]
    done = {"action": "Restock", "quantity_processed": count, "action_reason": None}
    return {
        "id": 6_001 + index,
        "name": line.title,
        "sku": line.sku,
        "quantity": count,
        "action_requested": {"action": "Restock"},
        "action_taken": [done],
    }


def _tracking(order: ShopOrder, moment: datetime, ordinal: int) -> dict[str, Any]:
    number = tracking_number(order, ordinal)
    return {
        "carrier": CARRIER,
        "carrier_service": "Ground",
        "tracking_number": number,
        "shipping_date": moment.isoformat(),
        "bol": None,
        "pro_number": None,
        "scac": None,
        "tracking_url": f"https://www.example.com/track/{number}",
    }


def _recipient() -> dict[str, Any]:
    address = {"address1": "1 Example Street", "city": "Utrecht", "country": "NL"}
    return {"name": "Demo Customer", "email": "customer@example.com", "address": address}
