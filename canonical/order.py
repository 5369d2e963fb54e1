"""Facts of the order family: quotes, orders, returns asked for."""

from __future__ import annotations

from typing import ClassVar

from canonical.payload import Payload
from canonical.values import (
    Address,
    Currency,
    Identifier,
    Money,
    Party,
    Quantity,
    Text,
    Time,
    Value,
)


class OrderLine(Value):
    """One line of an order or quote."""

    line_id: str
    sku: Text | None = None
    product: tuple[Identifier, ...] = ()
    description: Text | None = None
    quantity: Quantity
    unit_price: Money | None = None
    discount: Money | None = None
    tax: Money | None = None
    total: Money | None = None
    requested_delivery: Time | None = None


class OrderTotals(Value):
    """Totals of an order in its own currency."""

    subtotal: Money | None = None
    discount: Money | None = None
    shipping: Money | None = None
    tax: Money | None = None
    total: Money | None = None


class _OrderSnapshot(Payload):
    order_id: str
    """The channel's own id of the order, exactly as sent."""
    channel: str
    """The connector's name; with the account and the id it names the order."""
    account: str
    order_number: Text | None = None
    """The number people use, where it differs from the id."""
    currency: Currency | None = None
    placed_at: Time | None = None
    updated_at: Time | None = None
    buyer: Party | None = None
    bill_to: Party | None = None
    ship_to: Party | None = None
    delivery_address: Address | None = None
    lines: tuple[OrderLine, ...] = ()
    totals: OrderTotals = OrderTotals()
    payment_status: Text | None = None
    """The sender's own word for it; the order domain keeps its own status."""
    fulfilment_status: Text | None = None
    payment_terms: Text | None = None
    test: bool = False


class OrderPlaced(_OrderSnapshot):
    """An order exists at the channel."""

    TYPE: ClassVar[str] = "o2c.order.placed"


class OrderChanged(_OrderSnapshot):
    """An order is now as described. `complete` is false where only the changed parts are told."""

    TYPE: ClassVar[str] = "o2c.order.changed"
    # One version of an order may be told as placed and as changed: the order itself must agree.
    CONTEXT: ClassVar[frozenset[str]] = frozenset({"complete", "change"})
    complete: bool = True
    change: Text | None = None
    """The sender's word for what happened, e.g. `paid`, `edited`."""


class OrderCancelled(_OrderSnapshot):
    """The channel cancelled the order; what that means locally is the order domain's decision."""

    TYPE: ClassVar[str] = "o2c.order.cancelled"
    # Some senders give no time of the cancellation, only of each report of it.
    CONTEXT: ClassVar[frozenset[str]] = frozenset({"cancelled_at"})
    cancelled_at: Time
    reason: Text | None = None


class OrderLineResponse(Value):
    """What the seller says of one ordered line."""

    line_id: str
    sku: Text | None = None
    response: Text
    quantity: Quantity | None = None
    unit_price: Money | None = None
    scheduled: Time | None = None


class _OrderResponse(Payload):
    order_id: str
    response_id: str
    responded_at: Time
    lines: tuple[OrderLineResponse, ...] = ()
    reason: Text | None = None


class OrderConfirmed(_OrderResponse):
    """The seller's system (ERP, EDI 855) accepted the order, wholly or with changes by line."""

    TYPE: ClassVar[str] = "o2c.order.confirmed"
    with_changes: bool = False


class OrderRejected(_OrderResponse):
    """The seller's system rejected the order."""

    TYPE: ClassVar[str] = "o2c.order.rejected"


class OrderHeld(_OrderResponse):
    """The order is on hold (credit, fraud, address …) or, with `released`, no longer is."""

    TYPE: ClassVar[str] = "o2c.order.held"
    hold: Text
    released: bool = False


class QuoteAccepted(Payload):
    """A customer accepted a quote."""

    TYPE: ClassVar[str] = "o2c.quote.accepted"
    CONTEXT: ClassVar[frozenset[str]] = frozenset({"references"})
    quote_id: str
    channel: str
    account: str
    quote_number: Text | None = None
    accepted_at: Time
    buyer: Party | None = None
    currency: Currency | None = None
    lines: tuple[OrderLine, ...] = ()
    totals: OrderTotals = OrderTotals()


class ReturnLine(Value):
    """One line of goods coming back."""

    line_id: str
    order_line_id: Text | None = None
    sku: Text | None = None
    quantity: Quantity
    reason: Text | None = None
    condition: Text | None = None
    disposition: Text | None = None


class ReturnRequested(Payload):
    """Somebody wants to send goods back."""

    TYPE: ClassVar[str] = "o2c.return.requested"
    # Some senders give no time of the request, only of each report of it.
    CONTEXT: ClassVar[frozenset[str]] = frozenset({"requested_at"})
    return_id: str
    order_id: str
    channel: str
    account: str
    requested_at: Time
    lines: tuple[ReturnLine, ...] = ()
    status: Text | None = None
    reason: Text | None = None


FACTS: tuple[type[Payload], ...] = (
    OrderPlaced,
    OrderChanged,
    OrderCancelled,
    OrderConfirmed,
    OrderRejected,
    OrderHeld,
    QuoteAccepted,
    ReturnRequested,
)
