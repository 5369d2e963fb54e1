"""Tells what a payload is: by the topic header, or by its shape when it was dropped as a file.

Source: Shopify webhook delivery headers; the wrapping of REST Admin API resources.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from connectors.contract import Identity
from connectors.raw import RawMessage


class _Shape(NamedTuple):
    kind: str
    wrappers: tuple[str, ...]
    fields: frozenset[str]
    """What every such record has; a wrapper's name alone could be anybody's."""

    def fits(self, name: str, record: dict[str, Any]) -> bool:
        return (not name or name in self.wrappers) and record.keys() >= self.fields


_FACTS = (
    _Shape(
        "file/order",
        ("order", "orders"),
        frozenset({"id", "updated_at", "line_items", "financial_status"}),
    ),
    _Shape(
        "file/refund",
        ("refund", "refunds"),
        frozenset({"id", "order_id", "refund_line_items", "transactions"}),
    ),
    _Shape(
        "file/refund_calculation",
        ("refund",),
        frozenset({"shipping", "refund_line_items", "transactions"}),
    ),
    _Shape(
        "file/payout_transaction",
        ("transactions",),
        frozenset({"payout_id", "payout_status", "net", "source_type"}),
    ),
    _Shape(
        "file/transaction",
        ("transaction", "transactions"),
        frozenset({"id", "order_id", "kind", "gateway", "status", "parent_id"}),
    ),
    _Shape(
        "file/fulfillment_event",
        ("fulfillment_event", "fulfillment_events"),
        frozenset({"id", "fulfillment_id", "status", "happened_at"}),
    ),
    _Shape(
        "file/fulfillment",
        ("fulfillment", "fulfillments"),
        frozenset({"id", "order_id", "status", "line_items", "tracking_numbers", "tracking_urls"}),
    ),
    _Shape(
        "file/payout",
        ("payout", "payouts"),
        frozenset({"id", "status", "date", "currency", "amount", "summary"}),
    ),
    _Shape(
        "file/dispute",
        ("dispute", "disputes"),
        frozenset({"id", "type", "network_reason_code", "evidence_due_by", "initiated_at"}),
    ),
    _Shape(
        "file/draft_order",
        ("draft_order", "draft_orders"),
        frozenset({"id", "status", "line_items", "invoice_url", "completed_at"}),
    ),
)
_OF_NO_INTEREST = (
    _Shape("file/balance", ("balance",), frozenset({"currency", "amount"})),
    _Shape("file/customer", ("customer", "customers"), frozenset({"id", "orders_count"})),
    _Shape("file/event", ("events",), frozenset({"subject_id", "subject_type", "verb"})),
    _Shape("file/gift_card", ("gift_card", "gift_cards"), frozenset({"id", "initial_value"})),
    _Shape("file/gift_card_adjustment", ("adjustment", "adjustments"), frozenset({"gift_card_id"})),
    _Shape(
        "file/inventory_level",
        ("inventory_level", "inventory_levels"),
        frozenset({"inventory_item_id", "location_id"}),
    ),
    _Shape("file/location", ("location", "locations"), frozenset({"id", "province_code"})),
    _Shape("file/order_risk", ("risk", "risks"), frozenset({"order_id", "recommendation"})),
    _Shape("file/shipping_zone", ("shipping_zones",), frozenset({"id", "countries"})),
    _Shape(
        "file/tender_transaction",
        ("tender_transactions",),
        frozenset({"order_id", "remote_reference", "payment_method"}),
    ),
)


def identify(raw: RawMessage) -> Identity | None:
    """A webhook by its topic, a document without headers by its shape; None for neither.

    A webhook's body is not looked at, so one that cannot be read still has an identity. Raises
    Malformed for a file that is not JSON.
    """
    topic = raw.headers.get("x-shopify-topic")
    if topic:
        return Identity(kind=topic, delivery_key=_delivery_key(raw, topic))
    kind = _kind_by_shape(raw.json())
    return None if kind is None else Identity(kind=kind, delivery_key=raw.digest.hex())


def records(document: Any) -> Iterator[tuple[str, Any]]:
    """The records of a file with where each stands, e.g. `orders[2]`."""
    name, content = _unwrapped(document)
    if not isinstance(content, list):
        yield name, content
        return
    for index, record in enumerate(content):
        yield f"{name}[{index}]", record


def _delivery_key(raw: RawMessage, topic: str) -> str:
    event_id = raw.headers.get("x-shopify-event-id")
    if event_id:
        # One event is told under several topics, and one merchant's action may touch several
        # objects: topic and body keep those apart, while a redelivery repeats both.
        return f"{topic}:{event_id}:{raw.digest.hex()[:16]}"
    return f"{topic}:{raw.headers.get('x-shopify-webhook-id') or raw.digest.hex()}"


def _kind_by_shape(document: Any) -> str | None:
    name, content = _unwrapped(document)
    record = content[0] if isinstance(content, list) and content else content
    if not isinstance(record, dict):
        return None
    # Without a wrapper, fields as common as those of a balance would claim other systems' payloads.
    shapes = (*_FACTS, *_OF_NO_INTEREST) if name else _FACTS
    return next((shape.kind for shape in shapes if shape.fits(name, record)), None)


def _unwrapped(document: Any) -> tuple[str, Any]:
    if isinstance(document, dict) and len(document) == 1:
        ((name, content),) = document.items()
        if isinstance(content, dict | list):
            return name, content
    return "", document
