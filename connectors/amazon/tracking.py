"""Events of parcels: tracking of Multi-Channel Fulfillment packages, and tracking milestones.

Source: Selling Partner API models Fulfillment Outbound 2020-07-01 (getPackageTrackingDetails,
EventCode) and Tracking 2026-01-30 (TrackingMilestone), which the notification
SHIPMENT_TRACKING_MILESTONE_CHANGED carries.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import NamedTuple

from canonical.errors import Malformed
from canonical.keys import Key, Version
from canonical.message import Ignored, Item, Message
from canonical.shipment import DeliveryStatus, DeliveryStatusChanged, ReasonClass
from canonical.values import Address
from connectors.amazon.reading import identifiers, required_time, unmapped
from connectors.fetching import Fetch
from connectors.kit.json_body import as_object, join, required_text, text
from connectors.kit.records import Record, child, country_code, each, objects
from connectors.raw import RawMessage

_CREATED = "EVENT_101 ORDER_PREPARING CARRIER_ASSIGNED BOOKING_RECEIVED BOOKING_ACCEPTED \
BOOKING_CONFIRMED PICKUP_FAILED IN_TRANSIT_TO_PICKUP MANIFESTED_NOT_RECEIVED"
_IN_TRANSIT = "EVENT_102 EVENT_201 EVENT_202 EVENT_203 EVENT_204 EVENT_205 EVENT_206 EVENT_302 \
EVENT_306 EVENT_307 EVENT_308 EVENT_401 EVENT_402 EVENT_404 EVENT_406 EVENT_411 EVENT_412 \
EVENT_414 EVENT_415 EVENT_417 EVENT_418 EVENT_419 EVENT_801 CARRIER_RECEIVED_SHIPMENT \
CARRIER_HOLD CARRIER_TRANSFER CUSTOMER_CONTACTED CUSTOMS_DELAY CUSTOMS_PROCESSING CUSTOMS_HOLD \
CUSTOMS_CLEARED CUSTOMS_EXCEPTION CUSTOMS_PAYMENT_REQUIRED DELAYED DELIVERY_APPOINTMENT_CONFIRMED \
MISSING_MANIFEST MISSORTED OUT_FOR_DELIVERY RECEIVED_FROM_CARRIER SHIPPED PICKED_UP ARRIVED \
ARRIVED_IN_DESTINATION_COUNTRY DEPARTED SORTED READY_FOR_DELIVERY READY_FOR_CUSTOMER_PICKUP"
_DELIVERED = "EVENT_301 EVENT_804 DELIVERED CUSTOMER_PICKUP_COMPLETED"
_FAILED = "EVENT_304 EVENT_403 EVENT_405 EVENT_407 EVENT_409 EVENT_413 EVENT_416 CUSTOMER_MOVED \
DAMAGED DELIVERY_ATTEMPTED INCORRECT_ADDRESS LOST RECIPIENT_REFUSED_DELIVERY UNDELIVERABLE \
UNDELIVERABLE_DESTROY_IN_FIELD"
_RETURNED = "EVENT_309 EVENT_408 RETURNED"
_NO_STATUS = frozenset(
    (
        "DELIVERY_ADDRESS_UPDATED", "DELIVERY_CHANGE_REQUESTED", "DELIVERY_ESTIMATE_UPDATED",
        "ORDER_CANCELLED", "BOOKING_CANCELLED", "RETURN_DROPPED_OFF", "RETURN_IN_TRANSIT",
        "RETURN_PICKED_UP", "RETURN_RECEIVED",
        # Freight on its way into a warehouse, not a parcel on its way to a customer.
        "ARRIVED_AT_DESTINATION_YARD", "ARRIVED_AT_RAIL_TERMINAL", "ARRIVED_AT_TERMINAL",
        "CONTAINERIZED", "CUSTOMS_DECLARATION_DISCHARGE_PORT", "CUSTOMS_DECLARATION_EMBARK_PORT",
        "CUSTOMS_HOLD_DISCHARGE_PORT", "CUSTOMS_IMPORT_SECURITY_FILED",
        "CUSTOMS_IMPORT_SECURITY_FILING_ACCEPTED", "DEPARTED_RAIL_TERMINAL", "DEPARTED_TERMINAL",
        "DOCUMENTS_RECEIVED_DISCHARGE_PORT", "DOCUMENTS_RECEIVED_EMBARK_PORT", "DRAY_STOP_OFF",
        "EMPTY_RETURN", "LOADED", "LOADED_TRAIN", "RECEIVED_AT_ORIGIN", "TRAILER_UNLOADED",
        "TRAILER_UNLOADING", "UNLOADED", "UNLOADED_TRAIN",
    )
)  # fmt: skip
_STATUS = {
    code: status
    for status, codes in (
        (DeliveryStatus.CREATED, _CREATED),
        (DeliveryStatus.IN_TRANSIT, _IN_TRANSIT),
        (DeliveryStatus.DELIVERED, _DELIVERED),
        (DeliveryStatus.FAILED, _FAILED),
        (DeliveryStatus.RETURNED, _RETURNED),
    )
    for code in codes.split()
}
_REASONS = {
    **dict.fromkeys(
        (
            "EVENT_403", "EVENT_407", "EVENT_413", "CUSTOMER_MOVED", "RECIPIENT_REFUSED_DELIVERY",
            "INCORRECT_ADDRESS",
        ),
        ReasonClass.CUSTOMER_ISSUE,
    ),
    **dict.fromkeys(("EVENT_405", "EVENT_409", "DAMAGED", "LOST"), ReasonClass.LOGISTICS_ISSUE),
}  # fmt: skip
_FINAL = frozenset(
    (*_DELIVERED.split(), "EVENT_309", "EVENT_409", "LOST", "RETURNED",
     "UNDELIVERABLE_DESTROY_IN_FIELD")
)  # fmt: skip


class _Event(NamedTuple):
    number: str
    carrier: str
    code: str
    words: str | None
    moment: datetime
    location: Address | None


def package(raw: RawMessage, document: Record, at: str) -> Iterator[Item | Fetch]:
    """The events of a package; one that cannot be read is a Problem."""
    number = text(document, "trackingNumber") or required_text(document, "packageNumber")
    carrier = text(document, "carrierCode") or "amazon"
    for path, event in objects(document, "trackingEvents"):
        place = join(at, path) if at else path
        yield from each(place, partial(_package_event, raw, number, carrier, event, place))


def milestones(raw: RawMessage, detail: Record, at: str) -> Iterator[Item | Fetch]:
    """The milestones of a shipment, told again with each later one under the same keys."""
    number, carrier = _tracked(child(detail, "identifier"))
    for path, milestone in objects(detail, "milestoneHistory"):
        place = join(at, path) if at else path
        yield from each(place, partial(_milestone, raw, number, carrier, milestone, place))


def _package_event(
    raw: RawMessage, number: str, carrier: str, event: Record, at: str
) -> Iterator[Item]:
    where = child(event, "eventAddress")
    yield from _told(
        raw,
        _Event(
            number=number,
            carrier=carrier,
            code=required_text(event, "eventCode"),
            words=text(event, "eventDescription"),
            moment=required_time(event, "eventDate"),
            location=_location(where, "state", "country", "eventAddress"),
        ),
        at,
    )


def _milestone(
    raw: RawMessage, number: str, carrier: str, milestone: Record, at: str
) -> Iterator[Item]:
    status = as_object(milestone.get("status"), "status")
    where = child(child(milestone, "location"), "address", "location")
    yield from _told(
        raw,
        _Event(
            number=number,
            carrier=carrier,
            code=required_text(status, "code", "status"),
            words=text(status, "description", "status"),
            moment=required_time(milestone, "occurredAt"),
            location=_location(where, "region", "countryCode", "location.address"),
        ),
        at,
    )


def _tracked(identifier: Record) -> tuple[str, str]:
    """The number of a shipment and whose number it is."""
    carrier = child(identifier, "carrierTracking", "identifier")
    number = text(carrier, "trackingNumber", "identifier.carrierTracking")
    if number is not None:
        code = text(carrier, "carrierCode", "identifier.carrierTracking")
        return number, code or "amazon"
    for field in ("aftn", "id", "acsin", "containerNumber", "houseBillOfLadingNumber"):
        number = text(identifier, field, "identifier")
        if number is not None:
            return number, "amazon"
    raise Malformed("the shipment has no number", code="missing_field", path="identifier")


def _told(raw: RawMessage, event: _Event, at: str) -> Iterator[Item]:
    if event.code in _NO_STATUS:
        yield Ignored(reason=f"{event.code} does not move a delivery", at=at)
        return
    status = _STATUS.get(event.code)
    if status is None:
        raise unmapped(event.code, "eventCode")
    chain = f"amazon/{raw.account}/parcel/{event.number}"
    when = Version.at(event.moment).text
    yield Message(
        key=Key.of("delivery", "amazon", raw.account, event.number, event.code, when),
        data=DeliveryStatusChanged(
            tracking_number=event.number,
            carrier=event.carrier,
            status=status,
            occurred_at=event.moment,
            carrier_code=event.code,
            carrier_text=event.words,
            reason_class=_REASONS.get(event.code),
            terminal=event.code in _FINAL,
            location=event.location,
            references=identifiers([("tracking_number", event.number)]),
        ),
        occurred_at=event.moment,
        subject=f"parcel/{event.number}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def _location(record: Record, region: str, nation: str, path: str) -> Address | None:
    found = Address(
        city=text(record, "city", path),
        region=text(record, region, path),
        country=country_code(record, nation, path),
    )
    return None if found == Address() else found
