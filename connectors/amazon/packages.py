"""Goods that left: packages of an order, and shipments of Multi-Channel Fulfillment.

Source: Selling Partner API models Orders 2026-01-01 (OrderPackage) and Fulfillment Outbound
2020-07-01 (getFulfillmentOrder).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from canonical.errors import Malformed
from canonical.keys import Key
from canonical.message import Ignored, Item, Message
from canonical.shipment import ShipmentConfirmed, ShipmentLine, ShipmentReversed
from canonical.values import Quantity
from connectors.amazon.reading import identifiers, order_chain, required_time, unmapped
from connectors.fetching import Fetch
from connectors.kit.json_body import as_object, integer, join, required_text, text
from connectors.kit.records import Record, child, each, objects, pieces
from connectors.raw import RawMessage

_GONE = frozenset(("SHIPPED", "IN_TRANSIT", "DELIVERED", "UNDELIVERABLE"))
_CANCELLED = frozenset(("CANCELLED_BY_FULFILLER", "CANCELLED_BY_SELLER"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parcel:
    """What all lines of one package share."""

    account: str
    shipment_id: str
    parts: tuple[str, ...]
    """What names the package in a key."""
    order_id: str
    chain: str
    carrier: str | None
    service: str | None
    tracking_number: str | None
    references: tuple[tuple[str, str | None], ...]

    def message(
        self, line: ShipmentLine, at: str, *, gone_at: datetime | None, taken_back_at: datetime
    ) -> Message:
        """ShipmentConfirmed with the time it left, ShipmentReversed without."""
        shared: dict[str, Any] = {
            "shipment_id": self.shipment_id,
            "source_system": "amazon",
            "account": self.account,
            "order_id": self.order_id,
            "line": line,
            "carrier": self.carrier,
            "service": self.service,
            "tracking_numbers": (self.tracking_number,) if self.tracking_number else (),
            "references": identifiers(
                [*self.references, ("tracking_number", self.tracking_number)]
            ),
        }
        fact: ShipmentConfirmed | ShipmentReversed
        if gone_at is not None:
            fact, verb = ShipmentConfirmed(**shared, shipped_at=gone_at), "shipped"
        else:
            fact, verb = ShipmentReversed(**shared, reversed_at=taken_back_at), "reversed"
        quantity = format(line.shipped.value, "f")
        # `parts` have the package already, so the key takes the item and not the line in it.
        item = line.order_line_id or line.line_id
        key = Key.of("shipment", "amazon", self.account, *self.parts, item, quantity, verb)
        return Message(
            key=key,
            data=fact,
            occurred_at=gone_at or taken_back_at,
            subject=f"shipment/{self.shipment_id}",
            correlation=self.chain,
            partition=self.chain,
            at=at,
        )


def shipped(raw: RawMessage, order: Record, at: str) -> Iterator[Item | Fetch]:
    """What each package of an order took with it; one that cannot be read is a Problem."""
    for path, package in objects(order, "packages"):
        place = join(at, path) if at else path
        yield from each(place, partial(_package, raw, order, package, place))


def _package(raw: RawMessage, order: Record, package: Record, at: str) -> Iterator[Item]:
    status = required_text(child(package, "packageStatus"), "status", "packageStatus")
    if status == "PENDING":
        yield Ignored(reason="the package has not left yet", at=at)
        return
    if status not in _GONE and status != "CANCELLED":
        raise unmapped(status, "packageStatus.status")
    if status == "CANCELLED" and package.get("shipTime") is None:
        yield Ignored(reason="the package was cancelled before it left", at=at)
        return
    gone_at = required_time(package, "shipTime") if status in _GONE else None
    parcel = _order_parcel(raw, order, package)
    skus = _skus(order)
    for item_id, quantity in _item_quantities(package).items():
        line = ShipmentLine(
            line_id=item_id, order_line_id=item_id, sku=skus.get(item_id), shipped=quantity
        )
        taken_back_at = required_time(order, "lastUpdatedTime")
        yield parcel.message(line, at, gone_at=gone_at, taken_back_at=taken_back_at)


def _order_parcel(raw: RawMessage, order: Record, package: Record) -> _Parcel:
    order_id = required_text(order, "orderId")
    # A package's reference is unique only within its order.
    reference = required_text(package, "packageReferenceId")
    return _Parcel(
        account=raw.account,
        shipment_id=f"{order_id}:{reference}",
        parts=(order_id, reference),
        order_id=order_id,
        chain=order_chain(raw.account, order_id),
        carrier=text(package, "carrier"),
        service=text(package, "shippingService"),
        tracking_number=text(package, "trackingNumber"),
        references=(
            ("order", order_id),
            ("shipment", f"{order_id}:{reference}"),
            ("package", reference),
        ),
    )


def _skus(order: Record) -> dict[str, str | None]:
    return {
        required_text(item, "orderItemId", path): text(
            child(item, "product", path), "sellerSku", join(path, "product")
        )
        for path, item in objects(order, "orderItems")
    }


def _item_quantities(package: Record) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for path, item in objects(package, "packageItems"):
        item_id = required_text(item, "orderItemId", path)
        found[item_id] = _added(found.get(item_id), pieces(item, "quantity", path))
    if not found:
        raise Malformed("no items in the package", code="missing_field", path="packageItems")
    return found


def fulfillment_order(raw: RawMessage, document: Record, at: str) -> Iterator[Item | Fetch]:
    """One message for each item and package of a Multi-Channel Fulfillment shipment that left."""
    order = as_object(document.get("fulfillmentOrder"), "fulfillmentOrder")
    order_id = required_text(order, "sellerFulfillmentOrderId", "fulfillmentOrder")
    told = False
    for path, shipment in objects(document, "fulfillmentShipments"):
        told = True
        place = join(at, path) if at else path
        yield from each(place, partial(_shipment, raw, order, order_id, shipment, place))
    if not told:
        yield Ignored(reason="the fulfilment order has no shipments yet", at=at)


def _shipment(
    raw: RawMessage, order: Record, order_id: str, shipment: Record, at: str
) -> Iterator[Item]:
    status = required_text(shipment, "fulfillmentShipmentStatus")
    if status == "PENDING":
        yield Ignored(reason="the shipment has not left yet", at=at)
        return
    if status in _CANCELLED:
        yield Ignored(reason="the shipment was cancelled before it left", at=at)
        return
    if status != "SHIPPED":
        raise unmapped(status, "fulfillmentShipmentStatus")
    gone_at = required_time(shipment, "shippingDate")
    for (item_id, package), line in _fulfilled_lines(shipment).items():
        parcel = _fulfilment_parcel(raw, order, order_id, shipment, package)
        yield parcel.message(line, join(at, item_id), gone_at=gone_at, taken_back_at=gone_at)


def _fulfilled_lines(shipment: Record) -> dict[tuple[str, int], ShipmentLine]:
    """Lines by item and package: an item split by serial number within a package is one line."""
    found: dict[tuple[str, int], ShipmentLine] = {}
    for path, item in objects(shipment, "fulfillmentShipmentItem"):
        item_id = required_text(item, "sellerFulfillmentOrderItemId", path)
        name = (item_id, integer(item, "packageNumber", path) or 0)
        before = found.get(name)
        serial = text(item, "serialNumber", path)
        serials = (*(before.serials if before else ()), *([serial] if serial else []))
        found[name] = ShipmentLine(
            # One item may be in several packages of a shipment: each is a line of its own.
            line_id=f"{item_id}-{name[1]}" if name[1] else item_id,
            order_line_id=item_id,
            sku=text(item, "sellerSku", path),
            shipped=_added(before.shipped if before else None, pieces(item, "quantity", path)),
            serials=serials,
        )
    if not found:
        where = "fulfillmentShipmentItem"
        raise Malformed("no items in the shipment", code="missing_field", path=where)
    return found


def _fulfilment_parcel(
    raw: RawMessage, order: Record, order_id: str, shipment: Record, package: int
) -> _Parcel:
    shipment_id = required_text(shipment, "amazonShipmentId")
    details = _package_details(shipment, package)
    return _Parcel(
        account=raw.account,
        shipment_id=shipment_id,
        parts=(shipment_id, f"package-{package}"),
        order_id=order_id,
        chain=f"amazon/{raw.account}/fulfilment-order/{order_id}",
        carrier=text(details, "carrierCode"),
        service=text(order, "shippingSpeedCategory", "fulfillmentOrder"),
        tracking_number=text(details, "trackingNumber"),
        references=(
            ("fulfillment_order", order_id),
            ("displayable_order", text(order, "displayableOrderId", "fulfillmentOrder")),
            ("shipment", shipment_id),
            ("fulfillment_tracking_number", text(details, "amazonFulfillmentTrackingNumber")),
        ),
    )


def _package_details(shipment: Record, package: int) -> Record:
    for path, details in objects(shipment, "fulfillmentShipmentPackage"):
        if integer(details, "packageNumber", path) == package:
            return details
    return {}


def _added(before: Quantity | None, more: Quantity) -> Quantity:
    return more if before is None else Quantity(value=before.value + more.value)
