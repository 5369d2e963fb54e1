"""Records of deliveries, with their rows: what on-time and first-attempt measures count."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domains.contract import Record
from domains.shipment.parcels import Parcel
from domains.shipment.picture import Picture
from domains.shipment.recording import identifiers, stamp
from domains.shipment.transitions import Step
from domains.written import iso


def delivery_record(parcel: Parcel, picture: Picture) -> Record:
    """A parcel with its course; it is there even while nobody knows what is in it."""
    course = parcel.course
    carried = picture.in_parcel(parcel)
    left = [one.shipped_at for one in carried if one.shipped_at is not None]
    row = _row(parcel, min(left, default=None))
    return Record(
        kind="delivery",
        key=parcel.key,
        label=parcel.tracking,
        status=course.status.value,
        state={
            "carrier": parcel.carrier,
            "tracking": parcel.tracking,
            "code": course.code,
            "reason_class": row["reason_class"],
            "since": iso(course.since),
            "attempts": course.attempts,
            "first_attempt": course.first_attempt,
            "promised_at": iso(course.promised_at),
            "delivered_at": iso(course.delivered_at),
            "on_time": course.on_time,
            "shipments": list(parcel.shipments),
            "order": row["order_key"],
            "coming_back": parcel.is_coming_back,
            "history": [_told(step) for step in course.steps],
        },
        facts=frozenset(one.fact.id for one in parcel.events),
        rows={"shipment_deliveries": [row]},
        names=identifiers(
            ("tracking_number", parcel.tracking),
            *(("shipment", one.shipment_id) for one in carried),
            *(("order", one.order_id) for one in parcel.orders),
        ),
    )


def _row(parcel: Parcel, shipped_at: datetime | None) -> dict[str, Any]:
    course = parcel.course
    return {
        "carrier": parcel.carrier,
        "tracking": parcel.tracking,
        "status": course.status.value,
        "reason_class": course.reason_class.value if course.reason_class else None,
        "attempts": course.attempts,
        "first_attempt": _flag(course.first_attempt),
        "promised_at": stamp(course.promised_at),
        "delivered_at": stamp(course.delivered_at),
        "on_time": _flag(course.on_time),
        "shipped_at": stamp(shipped_at),
        "order_key": parcel.order.key if parcel.order else None,
    }


def _told(step: Step) -> dict[str, str | None]:
    return {
        "at": iso(step.event.at),
        "status": step.status.value,
        "code": step.event.data.carrier_code,
        "effect": step.effect.value,
    }


def _flag(value: bool | None) -> int | None:
    return None if value is None else int(value)
