"""214, shipment status: one message for each event of a carrier.

Source: ASC X12 214 Transportation Carrier Shipment Status Message, version 004010.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from canonical.errors import Malformed
from canonical.message import Ignored, Item, Message
from canonical.shipment import DeliveryStatusChanged
from connectors.kit.x12 import Segment
from connectors.x12.parties import address_of
from connectors.x12.reading import (
    Document,
    attempt,
    date_in,
    element,
    loops,
    of_tag,
    path_of,
    references,
    required_element,
    time_in,
    unmapped,
)
from connectors.x12.status_codes import APPOINTMENTS, ESTIMATES, STATUSES, TERMINAL, reason_class
from connectors.x12.zones import zone_of

_SUMMARY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Shipment:
    """What all events of the set share."""

    document: Document
    begin: Segment
    header: Sequence[Segment]

    @property
    def tracking_number(self) -> str:
        """The carrier's number, B1001 or B1006."""
        return element(self.begin, 1) or required_element(self.begin, 6)

    @property
    def carrier(self) -> str:
        return element(self.begin, 3) or self.document.sender


@dataclass(frozen=True, slots=True)
class _Event:
    """One AT7 with its place, in the part of the shipment it is about."""

    status: Segment
    place: Segment | None
    part: Sequence[Segment]
    """L11 segments of its LX loop."""


def shipment_status(document: Document) -> Iterator[Item]:
    """DeliveryStatusChanged for each AT7; appointments and estimates are ignored.

    An event with an unknown code, or a local time in an unknown zone, is a problem of its own.
    """
    begin = document.required("B10")
    header, found, _ = loops(document.segments, "LX", _SUMMARY)
    shipment = _Shipment(document, begin, header)
    events = [event for loop in found for event in _events(loop)]
    events += _events(header)
    for event in events:
        at = f"{document.at}/{event.status.at}"
        yield from attempt(at, partial(_items, shipment, event, at))
    if not events:
        raise Malformed("there is no AT7", code="missing_segment", path="AT7")


def _events(loop: Sequence[Segment]) -> Iterator[_Event]:
    _, found, _ = loops(loop, "AT7")
    part = list(of_tag(loop, "L11")) if loop and loop[0].tag == "LX" else []
    for segments in found:
        yield _Event(segments[0], next(of_tag(segments, "MS1"), None), part)


def _items(shipment: _Shipment, event: _Event, at: str) -> Sequence[Item]:
    status = event.status
    code, appointment = status.get(1), status.get(3)
    if not code:
        if appointment and appointment not in APPOINTMENTS:
            raise unmapped(status, 3)
        required_element(status, 3)
        return (Ignored(reason=f"an appointment ({appointment}), not an event", at=at),)
    if code in ESTIMATES:
        return (Ignored(reason=f"an estimate ({code}), not an event", at=at),)
    if code not in STATUSES:
        raise unmapped(status, 1)
    return (_message(shipment, event, at),)


def _message(shipment: _Shipment, event: _Event, at: str) -> Message:
    document, status = shipment.document, event.status
    moment = _moment(document, status)
    order_id = _order_id([*event.part, *shipment.header])
    number = shipment.tracking_number
    own_chain = document.chain("shipment", number)
    chain = document.chain("order", order_id) if order_id else own_chain
    return Message(
        key=document.key(
            "delivery",
            shipment.carrier,
            number,
            "|".join(sorted(f"{one.get(2)}:{one.get(1)}" for one in event.part)),
            status.get(1),
            moment.astimezone(UTC).isoformat(),
            element(event.place, 1) or "",
        ),
        data=_data(shipment, event, moment, order_id),
        occurred_at=moment,
        subject=f"delivery/{number}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def _data(
    shipment: _Shipment, event: _Event, moment: datetime, order_id: str | None
) -> DeliveryStatusChanged:
    status, place, begin = event.status, event.place, shipment.begin
    code = status.get(1)
    return DeliveryStatusChanged(
        tracking_number=shipment.tracking_number,
        carrier=shipment.carrier,
        status=STATUSES[code],
        occurred_at=moment,
        carrier_code=f"{code}/{status.get(2)}" if status.get(2) else code,
        reason_class=reason_class(code, status.get(2)),
        terminal=code in TERMINAL,
        shipment_id=element(begin, 2),
        order_id=order_id,
        location=address_of(element(place, 1), element(place, 2), element(place, 3)),
        references=references(
            [*shipment.header, *event.part],
            ("B1001", shipment.tracking_number),
            ("B1002", element(begin, 2)),
        ),
    )


def _moment(document: Document, status: Segment) -> datetime:
    """AT705 to AT707. Raises Malformed (`time_without_zone`) for a local time in no known zone."""
    day = date_in(status, 5)
    if not status.get(6):
        return document.start_of(day)
    zone = zone_of(element(status, 7), document.settings.zone, path_of(status, 7))
    if zone is None:
        raise Malformed(
            "a local time, and the account names no zone",
            code="time_without_zone",
            path=path_of(status, 6),
        )
    return datetime.combine(day, time_in(status, 6), zone)


def _order_id(segments: Sequence[Segment]) -> str | None:
    return next((element(one, 1) for one in of_tag(segments, "L11") if one.get(2) == "PO"), None)
