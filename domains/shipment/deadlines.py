"""What should have come by now, and when to look again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from domains.contract import Finding, Owner
from domains.shipment.gate import ENDED, Carriage
from domains.shipment.picture import Picture
from domains.shipment.shipments import Shipment
from domains.shipment.transitions import REATTEMPT


def overdue(picture: Picture) -> Iterator[Finding]:
    """Shipments that neither arrived nor failed in time."""
    for shipment, due in deliveries_due(picture):
        if picture.now >= due:
            yield _overdue(shipment, picture.carriages[shipment.key])


def deliveries_due(picture: Picture) -> Iterator[tuple[Shipment, datetime]]:
    """When each shipment that a carrier has must have arrived; another attempt gets new time."""
    for shipment in picture.shipments:
        carriage = picture.carriages[shipment.key]
        if not _is_awaited(shipment, carriage, picture):
            continue
        starts = [one.course.since for one in carriage.told if one.course.status is REATTEMPT]
        if shipment.shipped_at is not None:
            yield shipment, max([shipment.shipped_at, *starts]) + picture.rules.delivery_due


def _is_awaited(shipment: Shipment, carriage: Carriage, picture: Picture) -> bool:
    return (
        shipment.is_confirmed
        and not shipment.is_reversed
        and shipment.has_goods
        and shipment.key not in picture.echoes.repeats
        and carriage.is_expected
        and carriage.status not in ENDED
    )


def _overdue(shipment: Shipment, carriage: Carriage) -> Finding:
    open_numbers = [
        shipment.tracking.get(number, number)
        for number in carriage.parcels
        if carriage.status_of(number) not in ENDED
    ]
    return Finding(
        kind="delivery_overdue",
        record=shipment.key,
        owner=Owner.OPERATIONS,
        explanation="The shipment left, and the carrier told neither a delivery nor a failure in"
        " time. Ask the carrier where it is.",
        involved=(*open_numbers, *(one.key for one in carriage.told)),
        since=shipment.shipped_at,
    )
