"""What a WooCommerce payload says, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from canonical.errors import GatewayError, Unsupported
from canonical.message import Item
from connectors.contract import Identity
from connectors.kit.json_body import as_object
from connectors.kit.records import Record, problem_of
from connectors.raw import RawMessage
from connectors.woocommerce import orders

Reader = Callable[[RawMessage, Record, str], Iterator[Item]]

_WEBHOOKS: dict[str, Reader] = {
    "order.created": orders.placed,
    "order.updated": orders.changed,
    "order.restored": orders.changed,
    "order.deleted": orders.deleted,
}


def translate(raw: RawMessage, identity: Identity) -> Iterator[Item]:
    """The facts of a webhook's one order, or of every order of a file.

    An order of a file that cannot be read becomes a Problem; a webhook that cannot be read raises
    Malformed or Unsupported.
    """
    if identity.kind in _WEBHOOKS:
        yield from _WEBHOOKS[identity.kind](raw, as_object(raw.json()), "")
    elif identity.kind == "file/order":
        document = raw.json()
        listed = document if isinstance(document, list) else [document]
        for index, record in enumerate(listed):
            yield from _one(raw, record, f"[{index}]" if document is listed else "")
    else:
        raise Unsupported(f"kind {identity.kind[:60]!r} is not known", code="unknown_kind")


def _one(raw: RawMessage, record: Any, at: str) -> Iterator[Item]:
    try:
        yield from orders.filed(raw, as_object(record), at)
    except (GatewayError, ValueError) as error:
        yield problem_of(error, at)
