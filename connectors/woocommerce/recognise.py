"""Tells what a payload is: by the topic header, or by its shape when it was dropped as a file.

Source: WooCommerce webhook delivery headers; schemas of the REST API (v3).
"""

from __future__ import annotations

import re
from typing import Any

from connectors.contract import Identity
from connectors.raw import RawMessage

_PING = re.compile(rb"webhook_id=[0-9]{1,20}")
_PING_MAX_BYTES = 40

_SHAPES: tuple[tuple[str, frozenset[str]], ...] = (
    ("file/order", frozenset({"id", "order_key", "line_items", "billing", "date_modified_gmt"})),
    ("file/refund", frozenset({"id", "amount", "refunded_by", "line_items"})),
    ("file/order_note", frozenset({"id", "note", "customer_note"})),
    ("file/tax_rate", frozenset({"id", "rate", "compound", "priority"})),
    ("file/webhook", frozenset({"id", "topic", "delivery_url", "hooks"})),
    ("file/coupon", frozenset({"id", "code", "discount_type", "usage_limit"})),
    ("file/product", frozenset({"id", "permalink", "stock_status", "catalog_visibility"})),
    ("file/customer", frozenset({"id", "is_paying_customer", "billing", "shipping"})),
)
"""What every such document has, by the schemas of the REST API."""


def identify(raw: RawMessage) -> Identity | None:
    """A webhook by its topic, a document without headers by its shape; None for neither.

    A webhook's body is not looked at, so one that cannot be read still has an identity. Raises
    Malformed for a file that is not JSON.
    """
    topic = raw.headers.get("x-wc-webhook-topic")
    if topic:
        return Identity(kind=topic, delivery_key=_delivery_key(raw, topic))
    if raw.size <= _PING_MAX_BYTES and _PING.fullmatch(raw.body):
        return Identity(kind="ping", delivery_key=raw.digest.hex())
    kind = _kind_by_shape(raw.json())
    return None if kind is None else Identity(kind=kind, delivery_key=raw.digest.hex())


def _delivery_key(raw: RawMessage, topic: str) -> str:
    # The delivery id is a hash of the webhook's id and the second: two orders of one second share
    # it, and only the body tells them apart.
    delivery_id = raw.headers.get("x-wc-webhook-delivery-id")
    digest = raw.digest.hex()
    return f"{topic}:{delivery_id}:{digest[:16]}" if delivery_id else f"{topic}:{digest}"


def _kind_by_shape(document: Any) -> str | None:
    record = document[0] if isinstance(document, list) and document else document
    if not isinstance(record, dict):
        return None
    return next((kind for kind, fields in _SHAPES if record.keys() >= fields), None)
