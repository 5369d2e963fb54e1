"""Facts of the shipment family: goods leaving, travelling, arriving and coming back."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from canonical.order import ReturnLine
from canonical.payload import Payload
from canonical.values import Address, Identifier, Party, Quantity, Text, Time, Value


class ShipmentLine(Value):
    """One shipped line."""

    line_id: str
    order_line_id: Text | None = None
    sku: Text | None = None
    product: tuple[Identifier, ...] = ()
    description: Text | None = None
    shipped: Quantity
    ordered: Quantity | None = None
    back_ordered: Quantity | None = None
    lot: Text | None = None
    serials: tuple[Text, ...] = ()


class Package(Value):
    """A parcel or pallet; its identifiers include SSCCs and tracking numbers."""

    identifiers: tuple[Identifier, ...] = ()
    weight: Quantity | None = None


class _ShipmentFact(Payload):
    shipment_id: str
    source_system: str
    """The connector's name."""
    account: str
    order_id: Text | None = None
    """The order this shipment belongs to, as the sender names it."""
    line: ShipmentLine | None = None
    """The confirmed line: one message a line; absent where the sender names no lines."""
    carrier: Text | None = None
    service: Text | None = None
    tracking_numbers: tuple[Text, ...] = ()

    # Tracking and times are often told late or corrected; what left the warehouse does not
    # change by it.
    CONTEXT: ClassVar[frozenset[str]] = frozenset(
        {
            "carrier", "service", "tracking_numbers", "packages", "references",
            "shipped_at", "reversed_at",
        }
    )  # fmt: skip


class ShipmentConfirmed(_ShipmentFact):
    """Goods left the warehouse. One message a shipment line: the line is part of the key."""

    TYPE: ClassVar[str] = "o2c.shipment.confirmed"
    confirmation_type: Text = "shipped"
    shipped_at: Time
    ship_from: Party | None = None
    ship_to: Party | None = None
    packages: tuple[Package, ...] = ()


class ShipmentReversed(_ShipmentFact):
    """A confirmation is taken back (cancelled fulfilment, reversed goods issue)."""

    TYPE: ClassVar[str] = "o2c.shipment.reversed"
    reversed_at: Time
    reason: Text | None = None


class DeliveryStatus(StrEnum):
    """Where a delivery stands; `PARTIAL` is derived from packages or lines."""

    CREATED = "CREATED"
    IN_TRANSIT = "IN_TRANSIT"
    DELIVERED = "DELIVERED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    REATTEMPT = "REATTEMPT"
    RETURNED = "RETURNED"


class ReasonClass(StrEnum):
    """Whose doing a failed delivery is."""

    CUSTOMER_ISSUE = "CUSTOMER_ISSUE"
    COMPANY_ISSUE = "COMPANY_ISSUE"
    LOGISTICS_ISSUE = "LOGISTICS_ISSUE"


class DeliveryProof(Value):
    """Who took the goods, and where the proof is kept."""

    signed_by: Text | None = None
    reference: Text | None = None


class DeliveryStatusChanged(Payload):
    """A carrier reported an event of a parcel."""

    TYPE: ClassVar[str] = "o2c.delivery.status_changed"
    # Carriers repeat an event with every later one, with what they have learnt since.
    CONTEXT: ClassVar[frozenset[str]] = frozenset(
        {"carrier_text", "estimated_delivery", "shipment_id", "order_id", "references", "proof"}
    )
    tracking_number: str
    carrier: str
    status: DeliveryStatus
    occurred_at: Time
    carrier_code: Text
    """The carrier's own code, kept as it came."""
    carrier_text: Text | None = None
    reason_class: ReasonClass | None = None
    terminal: bool = False
    shipment_id: Text | None = None
    order_id: Text | None = None
    location: Address | None = None
    estimated_delivery: Time | None = None
    proof: DeliveryProof | None = None


class ReturnReceived(Payload):
    """Returned goods arrived. One message a return, with its lines."""

    TYPE: ClassVar[str] = "o2c.return.received"
    return_id: str
    source_system: str
    account: str
    order_id: Text | None = None
    received_at: Time
    lines: tuple[ReturnLine, ...] = ()


class StockAllocation(Value):
    """How much of an ordered line is reserved, and how much has to wait."""

    line_id: str
    sku: Text | None = None
    allocated: Quantity
    back_ordered: Quantity | None = None


class StockAllocated(Payload):
    """Stock was reserved for an order."""

    TYPE: ClassVar[str] = "o2c.stock.allocated"
    order_id: str
    source_system: str
    account: str
    allocated_at: Time
    lines: tuple[StockAllocation, ...] = ()


FACTS: tuple[type[Payload], ...] = (
    ShipmentConfirmed,
    ShipmentReversed,
    DeliveryStatusChanged,
    ReturnReceived,
    StockAllocated,
)
