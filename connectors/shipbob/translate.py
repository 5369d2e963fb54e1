"""What a ShipBob payload says, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from canonical.errors import Unsupported
from canonical.message import Item
from connectors.contract import Identity
from connectors.kit.json_body import as_object
from connectors.kit.records import Record, each
from connectors.raw import RawMessage
from connectors.shipbob import returns, shipments
from connectors.shipbob.recognise import records

Reader = Callable[[RawMessage, Record, str], Iterable[Item]]

_SINGLE: dict[str, Reader] = {
    "order.shipped": shipments.order,
    "order.shipment.delivered": shipments.delivered,
    "order.shipment.exception": shipments.shipment,
    "order.shipment.on_hold": shipments.shipment,
    "order.shipment.cancelled": shipments.shipment,
    "order.shipment.tracking.updated": shipments.shipment,
    "return.created": returns.goods_return,
    "return.updated": returns.goods_return,
    "return.completed": returns.goods_return,
    "poll/order": shipments.order,
    "poll/return": returns.goods_return,
}
_FILES: dict[str, Reader] = {
    "file/order": shipments.order,
    "file/shipment": shipments.shipment,
    "file/return": returns.goods_return,
}


def translate(raw: RawMessage, identity: Identity) -> Iterator[Item]:
    """The facts of a webhook's or polled document's one object, or of every record of a file.

    A record of a file, or a shipment of an order, that cannot be read becomes a Problem; anything
    else that cannot be read raises Malformed or Unsupported.
    """
    if identity.kind in _SINGLE:
        yield from _SINGLE[identity.kind](raw, as_object(raw.json()), "")
    elif identity.kind in _FILES:
        read = _FILES[identity.kind]
        for at, record in records(raw.json()):
            yield from each(at, partial(_one, read, raw, record, at))
    else:
        raise Unsupported(f"kind {identity.kind[:60]!r} is not known", code="unknown_kind")


def _one(read: Reader, raw: RawMessage, record: Any, at: str) -> Iterable[Item]:
    return read(raw, as_object(record), at)
