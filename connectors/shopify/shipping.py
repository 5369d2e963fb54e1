"""Fulfilments, their tracking events, and returns.

Source: Shopify REST Admin API reference, Fulfillment and FulfillmentEvent; webhook topics
`fulfillments/*`, `fulfillment_events/create`, `returns/*`; GraphQL enum FulfillmentEventStatus.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

from canonical.errors import Unsupported
from canonical.keys import Key, Version
from canonical.message import Ignored, Item, Message
from canonical.order import ReturnRequested
from canonical.shipment import (
    DeliveryStatus,
    DeliveryStatusChanged,
    ShipmentConfirmed,
    ShipmentReversed,
)
from connectors.kit.json_body import as_list, as_object, join, required_text, text
from connectors.kit.plain import Fields, pieces, unless_empty
from connectors.kit.records import (
    Record,
    child,
    each,
    first_time,
    objects,
    optional_object,
    required_time,
)
from connectors.kit.times import moment_of
from connectors.raw import RawMessage
from connectors.shopify.reading import (
    country_or_name,
    id_in,
    id_of,
    identifiers,
    order_chain,
    required_id,
)

_DELIVERY = {
    "label_purchased": DeliveryStatus.CREATED,
    "label_printed": DeliveryStatus.CREATED,
    "confirmed": DeliveryStatus.CREATED,
    "carrier_picked_up": DeliveryStatus.IN_TRANSIT,
    "in_transit": DeliveryStatus.IN_TRANSIT,
    "delayed": DeliveryStatus.IN_TRANSIT,
    "out_for_delivery": DeliveryStatus.IN_TRANSIT,
    "ready_for_pickup": DeliveryStatus.IN_TRANSIT,
    "attempted_delivery": DeliveryStatus.FAILED,
    "failure": DeliveryStatus.FAILED,
    "delivered": DeliveryStatus.DELIVERED,
    "picked_up": DeliveryStatus.DELIVERED,
}


def fulfillment(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """One message for each line of a fulfilment that shipped or was cancelled.

    Raises Unsupported with code `unmapped_code` for a status that is not documented.
    """
    status = required_text(record, "status")
    match status:
        case "success" | "cancelled":
            yield from _lines(raw, record, status, at)
        case "pending" | "open":
            yield Ignored(reason=f"the fulfilment is {status}: nothing has shipped yet", at=at)
        case "failure" | "error":
            yield Ignored(reason="the fulfilment failed: nothing has shipped", at=at)
        case _:
            raise _unmapped(status)


def event(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """A tracking event, as Shopify heard it from the carrier.

    It names neither the carrier nor a tracking number: Shopify and the fulfilment's id stand for
    them. Raises Unsupported with code `unmapped_code` for a status that is not documented.
    """
    code = required_text(record, "status")
    status = _DELIVERY.get(code)
    if status is None:
        raise _unmapped(code)
    fulfillment_id = required_id(record, "fulfillment_id")
    order_id = id_in(record, "order_id")
    moment = required_time(record, "happened_at")
    own_chain = f"shopify/{raw.account}/shipment/{fulfillment_id}"
    chain = order_chain(raw.account, order_id) if order_id else own_chain
    when = Version.at(moment).text
    yield Message(
        key=Key.of("delivery", "shopify", raw.account, fulfillment_id, code, when),
        data=DeliveryStatusChanged.model_validate(
            {
                "tracking_number": fulfillment_id,
                "carrier": "shopify",
                "status": status,
                "occurred_at": moment,
                "carrier_code": code,
                "carrier_text": text(record, "message"),
                "terminal": status is DeliveryStatus.DELIVERED,
                "shipment_id": fulfillment_id,
                "order_id": order_id,
                "location": _location(record),
                "estimated_delivery": first_time(record, "estimated_delivery_at"),
                "references": identifiers([("fulfillment", fulfillment_id), ("order", order_id)]),
            }
        ),
        occurred_at=moment,
        subject=f"shipment/{fulfillment_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def return_requested(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """`returns/request` and `returns/approve`: goods are to come back.

    The body has no time; the header `x-shopify-triggered-at` has, else the time of receipt counts.
    """
    return_id = id_of(record)
    order_id = id_of(as_object(record.get("order"), "order"), "order")
    status = required_text(record, "status")
    moment = _triggered_at(raw)
    chain = order_chain(raw.account, order_id)
    yield Message(
        key=Key.of("return", "shopify", raw.account, return_id, status),
        data=ReturnRequested.model_validate(
            {
                "return_id": return_id,
                "order_id": order_id,
                "channel": "shopify",
                "account": raw.account,
                "requested_at": moment,
                "lines": [
                    _return_line(line, path) for path, line in objects(record, "return_line_items")
                ],
                "status": status,
                "references": identifiers(
                    [
                        ("return", return_id),
                        ("return_name", text(record, "name")),
                        ("order", order_id),
                    ]
                ),
            }
        ),
        occurred_at=moment,
        subject=f"return/{return_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def _lines(raw: RawMessage, record: Record, status: str, at: str) -> Iterator[Item]:
    told = False
    for path, line in objects(record, "line_items"):
        told = True
        place = join(at, path)
        yield from each(place, partial(_line, raw, record, line, status, place))
    if not told:
        yield Ignored(reason="the fulfilment has no lines", at=at)


def _line(raw: RawMessage, record: Record, line: Record, status: str, at: str) -> Iterator[Item]:
    shipped = _shipment_line(line)
    if not Decimal(shipped["shipped"]["value"]):
        yield Ignored(reason="a line without pieces", at=at)
        return
    common = _common(raw, record, shipped)
    if status == "success":
        # Later updates correct tracking data and move `updated_at`; creation stays.
        moment = required_time(record, "created_at")
        fact = ShipmentConfirmed.model_validate({**common, "shipped_at": moment})
        yield _message(fact, moment, "shipped", at)
    else:
        moment = required_time(record, "updated_at", "created_at")
        undone = ShipmentReversed.model_validate({**common, "reversed_at": moment})
        yield _message(undone, moment, "reversed", at)


def _message(
    fact: ShipmentConfirmed | ShipmentReversed, moment: datetime, verb: str, at: str
) -> Message:
    assert fact.line is not None  # noqa: S101 - every fact here is of a line
    pieces_shown = format(fact.line.shipped.value, "f")
    shipment = Key.of("shipment", "shopify", fact.account, fact.shipment_id)
    chain = order_chain(fact.account, fact.order_id or "")
    return Message(
        key=shipment.extended(fact.line.line_id, pieces_shown, verb),
        data=fact,
        occurred_at=moment,
        subject=f"shipment/{fact.shipment_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def _common(raw: RawMessage, record: Record, shipped: Fields) -> Fields:
    # Destination and origin are left out: an export of the same fulfilment does not have them.
    shipment_id = id_of(record)
    order_id = required_id(record, "order_id")
    numbers = _tracking_numbers(record)
    return {
        "shipment_id": shipment_id,
        "source_system": "shopify",
        "account": raw.account,
        "order_id": order_id,
        "line": shipped,
        "carrier": text(record, "tracking_company"),
        "service": text(record, "service"),
        "tracking_numbers": numbers,
        "references": identifiers(
            [
                ("fulfillment", shipment_id),
                ("fulfillment_name", text(record, "name")),
                ("order", order_id),
                ("location", id_in(record, "location_id")),
                *(("tracking_number", number) for number in numbers),
            ]
        ),
    }


def _tracking_numbers(record: Record) -> tuple[str, ...]:
    listed = as_list(record.get("tracking_numbers"), "tracking_numbers")
    several = [
        required_text({"number": number}, "number", join("tracking_numbers", index))
        for index, number in enumerate(listed)
        if number not in (None, "")
    ]
    single = text(record, "tracking_number")
    return tuple(dict.fromkeys([*([single] if single else []), *several]))


def _shipment_line(line: Record) -> Fields:
    # Inside a fulfilment, a line's id is the order line's, its quantity what this one ships.
    line_id = id_of(line)
    return {
        "line_id": line_id,
        "order_line_id": line_id,
        "sku": text(line, "sku"),
        "product": identifiers(
            [("product", text(line, "product_id")), ("variant", text(line, "variant_id"))]
        ),
        "description": text(line, "name") or text(line, "title"),
        "shipped": pieces(line, "quantity"),
    }


def _location(record: Record) -> Fields | None:
    country, named = country_or_name(text(record, "country"))
    street = text(record, "address1")
    return unless_empty(
        {
            "lines": [*([street] if street else []), *named],
            "city": text(record, "city"),
            "region": text(record, "province"),
            "postal_code": text(record, "zip"),
            "country": country,
        }
    )


def _return_line(line: Record, path: str) -> Fields:
    where = join(path, "fulfillment_line_item")
    shipped = child(line, "fulfillment_line_item", path)
    ordered = optional_object(shipped, "line_item", where)
    return {
        "line_id": id_of(line, path),
        "order_line_id": id_of(ordered, join(where, "line_item")) if ordered else None,
        "quantity": pieces(line, "quantity", path),
        "reason": text(line, "return_reason", path),
    }


def _triggered_at(raw: RawMessage) -> datetime:
    stamp = raw.headers.get("x-shopify-triggered-at")
    return moment_of(stamp, "x-shopify-triggered-at").astimezone(UTC) if stamp else raw.received_at


def _unmapped(status: str) -> Unsupported:
    return Unsupported(
        f"{status[:40]!r} is not a known status", code="unmapped_code", path="status"
    )
