"""Tells what a payload is: by the topic header, or by its shape when it was dropped as a file.

Source: ShipBob webhook headers and topics, dated API versions and 1.0/2.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from canonical.errors import GatewayError
from canonical.keys import Version
from connectors.contract import Identity
from connectors.fetching import KIND_HEADER
from connectors.kit.json_body import as_list, as_object, join, text
from connectors.kit.times import moment_of
from connectors.raw import RawMessage

_TOPICS = {
    "order_shipped": "order.shipped",
    "shipment_delivered": "order.shipment.delivered",
    "shipment_exception": "order.shipment.exception",
    "shipment_onhold": "order.shipment.on_hold",
    "shipment_cancelled": "order.shipment.cancelled",
}
"""Topics of API versions 1.0 and 2.0 by their later names: the payloads are the same."""


class _Shape(NamedTuple):
    kind: str
    fields: frozenset[str]
    """What every such document has."""


_SHAPES = (
    _Shape("file/order", frozenset({"id", "order_number", "shipments", "status"})),
    _Shape("file/shipment", frozenset({"id", "order_id", "products", "last_update_at"})),
    _Shape("file/return", frozenset({"id", "original_shipment_id", "inventory", "status"})),
    _Shape("file/cancellation", frozenset({"order_id", "canceled_shipment_results"})),
    _Shape("file/receiving", frozenset({"id", "box_labels_uri", "fulfillment_center"})),
    _Shape("file/receiving_box", frozenset({"box_id", "box_items"})),
    _Shape("file/billing_transaction", frozenset({"transaction_id", "transaction_fee"})),
)


def identify(raw: RawMessage) -> Identity | None:
    """A webhook by its topic, a polled document by the transport's word, a file by its shape.

    Raises Malformed for a polled document or file that is not JSON.
    """
    kind = raw.headers.get(KIND_HEADER)
    if kind:
        state = _state_key(kind, as_object(raw.json()))
        return Identity(kind=kind, delivery_key=state or raw.digest.hex())
    topic = raw.headers.get("x-webhook-topic") or raw.headers.get("shipbob-topic")
    if topic:
        delivery = raw.headers.get("webhook-id") or raw.digest.hex()
        return Identity(kind=_TOPICS.get(topic, topic), delivery_key=delivery)
    kind = next((_kind_of(record) for _, record in records(raw.json())), None)
    return Identity(kind=kind, delivery_key=raw.digest.hex()) if kind else None


def records(document: Any) -> Iterator[tuple[str, Any]]:
    """The records of a file with where each stands: a bare one, a list, or a page's `items`."""
    listed, where = document, ""
    if isinstance(document, dict) and isinstance(document.get("items"), list):
        listed, where = document["items"], "items"
    if not isinstance(listed, list):
        yield "", document
        return
    for index, record in enumerate(listed):
        yield join(where, index), record


def _kind_of(record: Any) -> str | None:
    if not isinstance(record, dict):
        return None
    return next((shape.kind for shape in _SHAPES if record.keys() >= shape.fields), None)


def _state_key(kind: str, record: dict[str, Any]) -> str | None:
    """The document's id and version: polled again without a change, it is the same delivery."""
    number = text(record, "id")
    try:
        version = max(_changes(record), default=None)
    except GatewayError:
        return None  # Which field cannot be read is for translate to say.
    return f"{kind}:{number}:{Version.at(version).text}" if number and version else None


def _changes(record: dict[str, Any]) -> Iterator[datetime]:
    """When the document changed; a return only tells since when it has each status."""
    for field, names in (
        ("shipments", ("last_update_at", "last_tracking_update_at")),
        ("status_history", ("timestamp",)),
    ):
        for index, part in enumerate(as_list(record.get(field), field)):
            where = join(field, index)
            told = as_object(part, where)
            stamps = (text(told, name, where) for name in names)
            yield from (moment_of(stamp, where) for stamp in stamps if stamp)
