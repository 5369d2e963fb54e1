"""What a Shopify payload says, by its kind."""

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
from connectors.shopify import orders, payments, payouts, shipping
from connectors.shopify.recognise import records

Reader = Callable[[RawMessage, Record, str], Iterable[Item]]

_WEBHOOKS: dict[str, Reader] = {
    "orders/create": orders.placed,
    "orders/updated": orders.changed,
    "orders/paid": orders.changed,
    "orders/partially_fulfilled": orders.changed,
    "orders/fulfilled": orders.changed,
    "orders/cancelled": orders.cancelled,
    "orders/edited": orders.edited,
    "draft_orders/create": orders.draft,
    "draft_orders/update": orders.draft,
    "order_transactions/create": payments.transaction,
    "refunds/create": payments.refund,
    "disputes/create": payments.dispute,
    "disputes/update": payments.dispute,
    "fulfillments/create": shipping.fulfillment,
    "fulfillments/update": shipping.fulfillment,
    "fulfillment_events/create": shipping.event,
    "returns/request": shipping.return_requested,
    "returns/approve": shipping.return_requested,
}

_FILES: dict[str, Reader] = {
    "file/order": orders.filed,
    "file/draft_order": orders.draft,
    "file/transaction": payments.transaction,
    "file/refund": payments.refund,
    "file/dispute": payments.dispute,
    "file/fulfillment": shipping.fulfillment,
    "file/fulfillment_event": shipping.event,
    "file/payout": payouts.payout,
    "file/payout_transaction": payouts.payout_transaction,
}


def translate(raw: RawMessage, identity: Identity) -> Iterator[Item]:
    """The facts of a webhook's one object, or of every record of a file.

    A record of a file that cannot be read becomes a Problem; a webhook that cannot be read raises
    Malformed or Unsupported.
    """
    if identity.kind in _WEBHOOKS:
        yield from _WEBHOOKS[identity.kind](raw, as_object(raw.json()), "")
    elif identity.kind in _FILES:
        read = _FILES[identity.kind]
        for at, record in records(raw.json()):
            yield from each(at, partial(_one, read, raw, record, at))
    else:
        raise Unsupported(f"kind {identity.kind[:60]!r} is not known", code="unknown_kind")


def _one(read: Reader, raw: RawMessage, record: Any, at: str) -> Iterable[Item]:
    return read(raw, as_object(record), at)
