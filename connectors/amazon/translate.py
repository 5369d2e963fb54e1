"""What an Amazon payload says, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from canonical.errors import Unsupported
from canonical.message import Ignored, Item
from connectors.amazon import orders, orders_v0, packages, tracking, vendor_orders
from connectors.amazon.notifications import PREFIX, notification
from connectors.amazon.recognise import records, unwrapped
from connectors.amazon.settlement import settlement
from connectors.contract import Identity
from connectors.fetching import Fetch
from connectors.kit.json_body import as_object, required_text
from connectors.kit.records import Record, each
from connectors.raw import RawMessage

Reader = Callable[[RawMessage, Record, str], Iterable[Item | Fetch]]


def _listed(raw: RawMessage, record: Record, at: str) -> Iterator[Fetch]:
    """A fulfilment order of a list, which does not have its shipments."""
    del raw
    object_id = required_text(record, "sellerFulfillmentOrderId")
    yield Fetch(kind="fetch/fulfillment_order", object_id=object_id, at=at)


_READERS: dict[str, Reader] = {
    "poll/order": orders.order,
    "fetch/order": orders.order,
    "fetch/fulfillment_order": packages.fulfillment_order,
    "file/order": orders.order,
    "file/order_v0": orders_v0.order,
    "file/order_items": orders_v0.items,
    "file/vendor_order": vendor_orders.order,
    "file/fulfillment_order": packages.fulfillment_order,
    "file/fulfillment_orders": _listed,
    "file/package_tracking": tracking.package,
}


def translate(raw: RawMessage, identity: Identity) -> Iterator[Item | Fetch]:
    """The facts of a payload, or what has to be fetched to know them.

    A bad record of a list becomes a Problem; a document that is one record raises Malformed or
    Unsupported.
    """
    if identity.kind == "report/settlement":
        yield from settlement(raw)
    elif identity.kind.startswith(PREFIX):
        yield from notification(raw, identity.kind)
    elif identity.kind in _READERS:
        yield from _documents(raw, identity.kind)
    else:
        raise Unsupported(f"kind {identity.kind[:60]!r} is not known", code="unknown_kind")


def _documents(raw: RawMessage, kind: str) -> Iterator[Item | Fetch]:
    read = _READERS[kind]
    found = records(unwrapped(raw.json()), kind)
    if not found:
        yield Ignored(reason="the list is empty")
    for at, record in found:
        if at:
            yield from each(at, partial(_one, read, raw, record, at))
        else:
            yield from _one(read, raw, record, at)


def _one(read: Reader, raw: RawMessage, record: Any, at: str) -> Iterable[Item | Fetch]:
    return read(raw, as_object(record), at)
