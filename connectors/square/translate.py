"""What a Square payload says, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from canonical.errors import Malformed, Unsupported
from canonical.message import Item
from connectors.contract import Identity
from connectors.fetching import Fetch
from connectors.kit.json_body import as_object
from connectors.kit.records import Record, child, each
from connectors.raw import RawMessage
from connectors.square import orders, payments, payouts
from connectors.square.recognise import records

Reader = Callable[[RawMessage, Record, str], Iterable[Item]]

_THIN = ("order.created", "order.updated", "order.fulfillment.updated")
_EVENTS: dict[str, tuple[str, Reader]] = {
    "payment": ("payment", payments.payment),
    "refund": ("refund", payments.refund),
    "dispute": ("dispute", payments.dispute),
    "payout": ("payout", payouts.payout),
}
"""By the first word of an event's type: the field of its object, and who reads it."""
_ASKED_FOR = ("fetch/order", "poll/order")
_FILES: dict[str, Reader] = {
    "file/order": orders.order,
    "file/payment": payments.payment,
    "file/refund": payments.refund,
    "file/dispute": payments.dispute,
    "file/payout": payouts.payout,
    "file/payout_entry": payouts.payout_entry,
}


def translate(raw: RawMessage, identity: Identity) -> Iterator[Item | Fetch]:
    """The fact of an event or fetched order, or of every record of a file.

    A record of a file that cannot be read becomes a Problem; anything else that cannot be read
    raises Malformed or Unsupported.
    """
    document = as_object(raw.json())
    family = identity.kind.partition(".")[0]
    if identity.kind in _THIN:
        yield from orders.thin(as_object(document.get("data"), "data"))
    elif identity.kind in _ASKED_FOR:
        yield from orders.order(raw, as_object(document.get("order"), "order"), "order")
    elif identity.kind in _FILES:
        read = _FILES[identity.kind]
        for at, record in records(document):
            yield from each(at, partial(_one, read, raw, record, at))
    elif family in _EVENTS:
        field, read = _EVENTS[family]
        yield from read(raw, _object_of(document, field), f"data.object.{field}")
    else:
        raise Unsupported(f"kind {identity.kind[:60]!r} is not known", code="unknown_kind")


def _object_of(event: Record, field: str) -> Record:
    data = as_object(event.get("data"), "data")
    found = child(data, "object", "data").get(field)
    if found is None:
        raise Malformed(
            f"the event has no {field}", code="missing_field", path=f"data.object.{field}"
        )
    return as_object(found, f"data.object.{field}")


def _one(read: Reader, raw: RawMessage, record: Any, at: str) -> Iterable[Item]:
    return read(raw, as_object(record), at)
