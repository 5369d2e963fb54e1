"""Shipments, alone or within their order: shipped, delivered, held, cancelled.

Source: ShipBob API reference, Shipment; status reference (statuses and status details).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from canonical.errors import Malformed
from canonical.keys import Key, Version
from canonical.message import Ignored, Item, Message, Problem
from canonical.order import OrderHeld, OrderLineResponse
from canonical.shipment import (
    DeliveryStatus,
    DeliveryStatusChanged,
    ShipmentConfirmed,
    ShipmentLine,
    ShipmentReversed,
)
from canonical.values import Identifier, Party
from connectors.kit.json_body import join, required_text, text
from connectors.kit.records import Record, child, each, first_time, objects, required_time
from connectors.raw import RawMessage
from connectors.shipbob.goods import shipment_lines
from connectors.shipbob.reading import identifiers, unmapped

_NOT_GONE = ("None", "Processing", "LabeledCreated", "ImportReview", "CleanSweeped")
_HOLDS = ("OnHold", "Exception")
_DELIVERED = "Delivered"
_WAITING = "Processing"
_CARRIAGE = {
    "InTransit": DeliveryStatus.IN_TRANSIT,
    "OutForDelivery": DeliveryStatus.IN_TRANSIT,
    "DeliveryException": DeliveryStatus.FAILED,
    _DELIVERED: DeliveryStatus.DELIVERED,
}
"""Status details of a shipment that has left, in ShipBob's words."""


def order(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """An order's shipments; one that cannot be read becomes a Problem, the others go on."""
    order_id = required_text(record, "id")
    some = False
    for path, one in objects(record, "shipments"):
        some = True
        place = join(at, path) if at else path
        whole = {**one, "order_id": one.get("order_id") or order_id}
        yield from each(place, partial(shipment, raw, whole, place))
    if not some:
        yield Ignored(reason="the order has no shipment yet", at=at)


def shipment(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """What the status of a shipment says.

    Raises Unsupported with code `unmapped_code` for a status that is not documented.
    """
    status = required_text(record, "status").replace(" ", "")
    if status == "Completed":
        yield from _confirmed(raw, record, at)
        yield from _carriage(raw, record, at)
    elif status in _HOLDS:
        yield _held(raw, record, status, at)
    elif status == "Cancelled":
        yield from _cancelled(raw, record, at)
    elif status in _NOT_GONE:
        yield Ignored(reason=f"the shipment is {status}: it has not left ShipBob", at=at)
    else:
        raise unmapped(status, "status")


def delivered(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """`order.shipment.delivered`: as any shipment, and a Problem where it does not say when."""
    found = list(shipment(raw, record, at))
    yield from found
    told = [one.data for one in found if isinstance(one, Message)]
    if not any(isinstance(one, DeliveryStatusChanged) for one in told):
        yield Problem(
            code="missing_field",
            message="the topic tells a delivery, the shipment does not",
            path="delivery_date",
            at=at,
        )


def _confirmed(raw: RawMessage, record: Record, at: str) -> Iterator[Message]:
    shipped_at = _left_at(record)
    if shipped_at is None:
        raise Malformed(
            "when it left is not told", code="missing_field", path="actual_fulfillment_date"
        )
    for line in _lines(record):
        fact = ShipmentConfirmed(
            **_common(raw, record, line), shipped_at=shipped_at, ship_from=_location(record)
        )
        yield _line_message(raw, fact, line, "shipped", at)


def _cancelled(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    # Only what had left can be taken back. Before, nothing was confirmed, and the order may still
    # be filled by another shipment.
    if _left_at(record) is None:
        yield Ignored(reason="cancelled before it shipped: nothing to take back", at=at)
        return
    reversed_at = required_time(record, "last_update_at")
    for line in _lines(record):
        fact = ShipmentReversed(
            **_common(raw, record, line), reversed_at=reversed_at, reason=_detail_names(record)
        )
        yield _line_message(raw, fact, line, "reversed", at)


def _left_at(record: Record) -> datetime | None:
    # Freight has no dated fulfilment, but a shipping date.
    dated = first_time(record, "actual_fulfillment_date")
    return dated or first_time(child(record, "tracking"), "shipping_date", path="tracking")


def _lines(record: Record) -> tuple[ShipmentLine, ...]:
    lines = shipment_lines(record)
    if not lines:
        raise Malformed("nothing is in the shipment", code="missing_field", path="products")
    return lines


def _line_message(
    raw: RawMessage,
    fact: ShipmentConfirmed | ShipmentReversed,
    line: ShipmentLine,
    verb: str,
    at: str,
) -> Message:
    chain = _chain(raw.account, fact.order_id)
    pieces = format(line.shipped.value, "f")
    moment = fact.shipped_at if isinstance(fact, ShipmentConfirmed) else fact.reversed_at
    key = Key.of("shipment", "shipbob", raw.account, fact.shipment_id, line.line_id, pieces, verb)
    return Message(
        key=key,
        data=fact,
        occurred_at=moment,
        subject=f"shipment/{fact.shipment_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def _common(raw: RawMessage, record: Record, line: ShipmentLine) -> dict[str, Any]:
    tracking = child(record, "tracking")
    number = text(tracking, "tracking_number", "tracking")
    return {
        "shipment_id": required_text(record, "id"),
        "source_system": "shipbob",
        "account": raw.account,
        "order_id": required_text(record, "order_id"),
        "line": line,
        "carrier": text(tracking, "carrier", "tracking"),
        "service": text(tracking, "carrier_service", "tracking"),
        "tracking_numbers": (number,) if number else (),
        "references": _references(record),
    }


def _references(record: Record) -> tuple[Identifier, ...]:
    tracking = child(record, "tracking")
    return identifiers(
        [
            ("shipment", text(record, "id")),
            ("order", text(record, "order_id")),
            # The id the order has in the shop it came from.
            ("reference", text(record, "reference_id")),
            ("tracking_number", text(tracking, "tracking_number", "tracking")),
            ("bill_of_lading", text(tracking, "bol", "tracking")),
            ("pro_number", text(tracking, "pro_number", "tracking")),
        ]
    )


def _location(record: Record) -> Party | None:
    number = text(child(record, "location"), "id", "location")
    return Party(identifiers=identifiers([("location", number)])) if number else None


def _carriage(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """How far the carrier is, by the status details; a dated delivery counts without one."""
    told = False
    for path, detail in objects(record, "status_details"):
        name = required_text(detail, "name", path)
        if name in _CARRIAGE:
            told = told or name == _DELIVERED
            yield _delivery_message(raw, record, name, at)
        elif name != _WAITING:
            error = unmapped(name, join(path, "name"))
            yield Problem(code=error.code, message=str(error), path=error.path, at=at)
    if not told and record.get("delivery_date"):
        yield _delivery_message(raw, record, _DELIVERED, at)


def _delivery_message(raw: RawMessage, record: Record, name: str, at: str) -> Message:
    shipment_id = required_text(record, "id")
    order_id = required_text(record, "order_id")
    dated = ("delivery_date",) if name == _DELIVERED else ()
    moment = required_time(record, *dated, "last_tracking_update_at", "last_update_at")
    tracking = child(record, "tracking")
    carrier = text(tracking, "carrier", "tracking") or "shipbob"
    number = text(tracking, "tracking_number", "tracking") or shipment_id
    chain = _chain(raw.account, order_id)
    return Message(
        key=Key.of(
            "delivery", "shipbob", raw.account, carrier, number, name, Version.at(moment).text
        ),
        data=DeliveryStatusChanged(
            tracking_number=number,
            carrier=carrier,
            status=_CARRIAGE[name],
            occurred_at=moment,
            carrier_code=name,
            terminal=name == _DELIVERED,
            shipment_id=shipment_id,
            order_id=order_id,
            references=_references(record),
        ),
        occurred_at=moment,
        subject=f"shipment/{shipment_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def _held(raw: RawMessage, record: Record, status: str, at: str) -> Message:
    shipment_id = required_text(record, "id")
    order_id = required_text(record, "order_id")
    moment = required_time(record, "last_update_at")
    entity = Key.of("hold", "shipbob", raw.account, shipment_id)
    version = Version.at(moment)
    chain = _chain(raw.account, order_id)
    return Message(
        key=entity.extended(status, version.text),
        data=OrderHeld(
            order_id=order_id,
            response_id=shipment_id,
            responded_at=moment,
            hold=status,
            reason=_detail_names(record),
            lines=tuple(
                OrderLineResponse(
                    line_id=line.line_id, sku=line.sku, response=status, quantity=line.shipped
                )
                for line in shipment_lines(record)
            ),
            references=_references(record),
        ),
        occurred_at=moment,
        subject=f"order/{order_id}",
        correlation=chain,
        partition=chain,
        entity=entity,
        version=version,
        at=at,
    )


def _detail_names(record: Record) -> str | None:
    named = [text(detail, "name", path) for path, detail in objects(record, "status_details")]
    return ", ".join(dict.fromkeys(name for name in named if name)) or None


def _chain(account: str, order_id: str | None) -> str:
    return f"shipbob/{account}/order/{order_id}"
