"""Tells what a payload is: an event by its type, an API answer by its wrapper and fields.

Source: Square webhook event envelope; the wrappers of the API's answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from connectors.contract import Identity
from connectors.fetching import KIND_HEADER
from connectors.kit.json_body import as_list, as_object, join, text
from connectors.raw import RawMessage


class _Shape(NamedTuple):
    kind: str
    one: str
    many: str
    fields: frozenset[str]
    """What every such record has; a wrapper's name alone could be anybody's."""


_SHAPES = (
    _Shape("file/order", "order", "orders", frozenset({"location_id", "total_money"})),
    _Shape("file/payment", "payment", "payments", frozenset({"amount_money", "total_money"})),
    _Shape("file/refund", "refund", "refunds", frozenset({"amount_money", "status"})),
    _Shape("file/dispute", "dispute", "disputes", frozenset({"amount_money", "reason"})),
    _Shape("file/payout", "payout", "payouts", frozenset({"amount_money", "status"})),
    _Shape(
        "file/payout_entry",
        "payout_entry",
        "payout_entries",
        frozenset({"payout_id", "gross_amount_money"}),
    ),
    _Shape("file/invoice", "invoice", "invoices", frozenset({"order_id", "payment_requests"})),
    _Shape("file/order_entry", "order_entry", "order_entries", frozenset({"order_id"})),
)


def identify(raw: RawMessage) -> Identity | None:
    """An event by `type`, a document that was asked for by the transport's word, a file by shape.

    Raises Malformed for a body that is not JSON.
    """
    kind = raw.headers.get(KIND_HEADER)
    document = raw.json()
    if not isinstance(document, dict):
        return None
    if kind:
        return Identity(kind=kind, delivery_key=_state_key(document) or raw.digest.hex())
    event_type, event_id = document.get("type"), document.get("event_id")
    if isinstance(event_type, str) and event_type and "data" in document:
        named = isinstance(event_id, str) and event_id
        return Identity(kind=event_type, delivery_key=str(event_id) if named else raw.digest.hex())
    shape = _shape_of(document)
    return Identity(kind=shape.kind, delivery_key=raw.digest.hex()) if shape else None


def records(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The records of an API answer with where each stands, e.g. `orders[2]`.

    Raises Malformed when the wrapper does not hold an array where it should.
    """
    shape = _shape_of(document)
    if shape is None:
        return
    if shape.one in document:
        yield shape.one, document[shape.one]
        return
    for index, record in enumerate(as_list(document[shape.many], shape.many)):
        yield join(shape.many, index), record


def _shape_of(document: Mapping[str, Any]) -> _Shape | None:
    return next((shape for shape in _SHAPES if _fits(shape, document)), None)


def _fits(shape: _Shape, document: Mapping[str, Any]) -> bool:
    several = document.get(shape.many)
    first = several[0] if isinstance(several, list) and several else None
    record = document.get(shape.one, first)
    return isinstance(record, dict) and record.keys() >= shape.fields


def _state_key(document: Mapping[str, Any]) -> str | None:
    """An order's id and version: asked for again without a change, it is the same delivery."""
    order = as_object(document.get("order"), "order")
    order_id = text(order, "id", "order")
    version = text(order, "version", "order") or text(order, "updated_at", "order")
    return f"order:{order_id}:{version}" if order_id and version else None
