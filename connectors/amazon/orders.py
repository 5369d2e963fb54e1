"""Orders of the Orders API 2026-01-01: one document has the order, its items and its packages.

Source: Selling Partner API model Orders 2026-01-01 (getOrder, searchOrders).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from canonical.errors import Malformed
from canonical.keys import Key, Version
from canonical.message import Item, Message
from canonical.order import OrderCancelled, OrderChanged, OrderLine, OrderPlaced, OrderTotals
from canonical.values import Money, Party
from connectors.amazon.packages import shipped
from connectors.amazon.reading import (
    address,
    addressee,
    identifiers,
    money,
    order_chain,
    required_time,
    unmapped,
)
from connectors.fetching import Fetch
from connectors.kit.json_body import join, required_text, text
from connectors.kit.records import Record, child, objects, optional_object, pieces
from connectors.raw import RawMessage

OrderFact = OrderPlaced | OrderChanged | OrderCancelled

_STATUS = "fulfillment.fulfillmentStatus"
_OPEN = frozenset(
    (
        "PENDING_AVAILABILITY", "PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED",
        "UNFULFILLABLE",
    )
)  # fmt: skip


def order(raw: RawMessage, record: Record, at: str) -> Iterator[Item | Fetch]:
    """The order as it is now, then what its packages shipped.

    Raises Unsupported with `unmapped_code` for a status that is not documented.
    """
    data = _snapshot(raw, record)
    status = data["fulfilment_status"]
    if status == "CANCELLED":
        fact: OrderFact = OrderCancelled(
            **data, cancelled_at=data["updated_at"], reason=_cancel_reason(record)
        )
    elif status in _OPEN:
        untouched = data["placed_at"] == data["updated_at"]
        fact = OrderPlaced(**data) if untouched else OrderChanged(**data)
    else:
        raise unmapped(status, _STATUS)
    yield snapshot_message(fact, data["updated_at"], at)
    yield from shipped(raw, record, at)


def snapshot_message(fact: OrderFact, updated_at: datetime, at: str, *more_key: str) -> Message:
    """The message of an order's state; `more_key` sets apart what tells only a part of it."""
    entity = Key.of("order", "amazon", fact.account, fact.order_id)
    version = Version.at(updated_at)
    chain = order_chain(fact.account, fact.order_id)
    return Message(
        key=entity.extended(version.text, *more_key),
        data=fact,
        occurred_at=updated_at,
        subject=f"order/{fact.order_id}",
        correlation=chain,
        partition=chain,
        entity=entity,
        version=version,
        at=at,
    )


def _snapshot(raw: RawMessage, record: Record) -> dict[str, Any]:
    order_id = required_text(record, "orderId")
    fulfilment = child(record, "fulfillment")
    where = "recipient.deliveryAddress"
    delivery = optional_object(child(record, "recipient"), "deliveryAddress", "recipient")
    totals = _totals(record)
    return {
        "order_id": order_id,
        "channel": "amazon",
        "account": raw.account,
        "currency": totals.total.currency if totals.total else None,
        "placed_at": required_time(record, "createdTime"),
        "updated_at": required_time(record, "lastUpdatedTime"),
        "buyer": _buyer(record),
        "ship_to": addressee(delivery, where),
        "delivery_address": address(delivery, where),
        "lines": _lines(record),
        "totals": totals,
        # Without it, a cancelled order could not be told from an open one.
        "fulfilment_status": required_text(fulfilment, "fulfillmentStatus", "fulfillment"),
        "references": identifiers(_references(record, order_id)),
    }


def _references(record: Record, order_id: str) -> Iterator[tuple[str, str | None]]:
    yield "order", order_id
    for path, alias in objects(record, "orderAliases"):
        yield required_text(alias, "aliasType", path).lower()[:60], text(alias, "aliasId", path)
    yield "buyer_po_number", text(child(record, "buyer"), "buyerPurchaseOrderNumber", "buyer")
    for path, other in objects(record, "associatedOrders"):
        yield "associated_order", text(other, "orderId", path)
    for path, other in objects(record, "fulfillmentOrders"):
        yield "fulfillment_order", text(other, "fulfillmentOrderId", path)


def _buyer(record: Record) -> Party | None:
    buyer = child(record, "buyer")
    name = text(buyer, "buyerName", "buyer") or text(buyer, "buyerCompanyName", "buyer")
    found = Party(name=name, email=text(buyer, "buyerEmail", "buyer"))
    return None if found == Party() else found


def _lines(record: Record) -> tuple[OrderLine, ...]:
    if record.get("orderItems") is None:
        raise Malformed("orderItems is missing", code="missing_field", path="orderItems")
    return tuple(_line(item, path) for path, item in objects(record, "orderItems"))


def _line(item: Record, path: str) -> OrderLine:
    product, where = child(item, "product", path), join(path, "product")
    parts = _breakdown(item, path)
    return OrderLine(
        line_id=required_text(item, "orderItemId", path),
        sku=text(product, "sellerSku", where),
        product=identifiers([("asin", text(product, "asin", where))]),
        description=text(product, "title", where),
        quantity=pieces(item, "quantityOrdered", path),
        unit_price=money(child(product, "price", where), "unitPrice", join(where, "price")),
        discount=parts.get("DISCOUNT"),
        tax=parts.get("TAX"),
        total=money(child(item, "proceeds", path), "proceedsTotal", join(path, "proceeds")),
    )


def _totals(record: Record) -> OrderTotals:
    parts = _breakdown(record, "")
    return OrderTotals(
        subtotal=parts.get("ITEM"),
        discount=parts.get("DISCOUNT"),
        shipping=parts.get("SHIPPING"),
        tax=parts.get("TAX"),
        total=money(child(record, "proceeds"), "grandTotal", "proceeds"),
    )


def _breakdown(record: Record, path: str) -> dict[str, Money]:
    """The parts of the proceeds by their type. A discount is positive: it reduces what is paid."""
    found: dict[str, Money] = {}
    where = join(path, "proceeds")
    for place, part in objects(child(record, "proceeds", path), "breakdowns", where):
        kind = required_text(part, "type", place)
        amount = money(part, "subtotal", place)
        if kind in found:
            raise Malformed("one type of proceeds twice", code="repeated_part", path=place)
        if amount is not None:
            negative = kind == "DISCOUNT" and amount.amount < 0
            found[kind] = amount.negated() if negative else amount
    return found


def _cancel_reason(record: Record) -> str | None:
    """Why the items were cancelled, where all that say so agree."""
    reasons = set()
    for path, item in objects(record, "orderItems"):
        where = join(path, "cancellation")
        done = child(child(item, "cancellation", path), "cancellationExecution", where)
        reasons.add(text(done, "cancelReason", join(where, "cancellationExecution")))
    reasons.discard(None)
    return reasons.pop() if len(reasons) == 1 else None
