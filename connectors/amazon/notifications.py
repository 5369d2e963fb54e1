"""Notifications: nearly all are thin, so the object they are about is fetched.

Source: Selling Partner API notification schemas. Their names begin in upper or lower case,
depending on the age of the type; EventBridge wraps the notification as `detail`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from canonical.message import Item
from connectors.amazon import tracking
from connectors.amazon.reading import lower_named
from connectors.contract import Identity
from connectors.fetching import Fetch
from connectors.kit.json_body import as_object, required_text
from connectors.kit.records import Record
from connectors.raw import RawMessage

PREFIX = "notification/"

_TYPE = re.compile(r"[A-Z][A-Z0-9_]{1,60}", re.ASCII)
_BODIES = {
    "notification/order_change": ("orderChangeNotification", "amazonOrderId"),
    "notification/order_status_change": ("orderStatusChangeNotification", "amazonOrderId"),
    "notification/fba_outbound_shipment_status": (
        "fBAOutboundShipmentStatusNotification",
        "amazonOrderId",
    ),
    "notification/fulfillment_order_status": (
        "fulfillmentOrderStatusNotification",
        "sellerFulfillmentOrderId",
    ),
}
"""Where a thin notification has its object's id, names beginning in lower case."""


def recognised(raw: RawMessage, document: dict[str, Any]) -> Identity | None:
    """The identity of a notification; None for anything else."""
    notification = _unwrapped(document)
    named = notification.get("notificationType")
    if not isinstance(named, str) or not _TYPE.fullmatch(named) or "payload" not in notification:
        return None
    metadata = notification.get("notificationMetadata")
    given = lower_named(metadata) if isinstance(metadata, dict) else None
    notification_id = (given or {}).get("notificationId")
    key = f"notification/{notification_id}" if _is_usable(notification_id) else None
    return Identity(kind=PREFIX + named.lower(), delivery_key=key or raw.digest.hex())


def notification(raw: RawMessage, kind: str) -> Iterator[Item | Fetch]:
    """What to fetch for a notification, or the tracking it carries. Raises Malformed."""
    payload = _payload(_unwrapped(as_object(raw.json())))
    if kind == "notification/shipment_tracking_milestone_changed":
        body = _object(payload, "shipmentTrackingMilestoneChangedNotification")
        yield from tracking.milestones(raw, _object(body, "trackingDetail"), "")
        return
    name, field = _BODIES[kind]
    object_id = required_text(_object(payload, name), field, f"payload.{name}")
    wanted = "fetch/order" if field == "amazonOrderId" else "fetch/fulfillment_order"
    yield Fetch(kind=wanted, object_id=object_id)


def _unwrapped(document: dict[str, Any]) -> dict[str, Any]:
    detail = document.get("detail")
    inside = detail if isinstance(detail, dict) and "detail-type" in document else document
    return lower_named(inside) or {}


def _payload(notification: Record) -> dict[str, Any]:
    return _object(notification, "payload")


def _object(record: Record, field: str) -> dict[str, Any]:
    return lower_named(as_object(record.get(field), field)) or {}


def _is_usable(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isascii()
