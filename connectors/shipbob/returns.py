"""Returns: announced, and received once they are counted.

Source: ShipBob API reference, Return; status reference (return statuses).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from canonical.keys import Key
from canonical.message import Ignored, Item, Message
from canonical.order import ReturnLine, ReturnRequested
from canonical.shipment import ReturnReceived
from canonical.values import Identifier, Quantity
from connectors.kit.json_body import required_text, text
from connectors.kit.records import Record, child, count, objects, required_time
from connectors.raw import RawMessage
from connectors.shipbob.reading import identifiers, unmapped


def goods_return(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """A return by its status.

    Raises Unsupported with code `unmapped_code` for a status that is not documented.
    """
    status = required_text(record, "status").replace(" ", "")
    match status:
        case "AwaitingArrival":
            yield _requested(raw, record, status, at)
        case "Completed":
            yield _received(raw, record, at)
        case "Arrived" | "Processing":
            yield Ignored(reason=f"the return is {status}: it is not counted yet", at=at)
        case "Cancelled":
            yield Ignored(reason="the return was cancelled: nothing comes back", at=at)
        case _:
            raise unmapped(status, "status")


def _requested(raw: RawMessage, record: Record, status: str, at: str) -> Item:
    order_id = text(record, "store_order_id")
    if order_id is None:
        return Ignored(reason="the return names no order; told when it is received", at=at)
    return_id = required_text(record, "id")
    fact = ReturnRequested(
        return_id=return_id,
        order_id=order_id,
        channel="shipbob",
        account=raw.account,
        requested_at=required_time(record, "insert_date"),
        lines=tuple(_announced(item, path) for path, item in objects(record, "inventory")),
        status=status,
        reason=text(record, "return_type"),
        references=_references(record, return_id),
    )
    key = Key.of("return", "shipbob", raw.account, return_id, "requested")
    return _message(raw, key, fact, return_id, at)


def _received(raw: RawMessage, record: Record, at: str) -> Message:
    return_id = required_text(record, "id")
    lines = [line for path, item in objects(record, "inventory") for line in _counted(item, path)]
    fact = ReturnReceived(
        return_id=return_id,
        source_system="shipbob",
        account=raw.account,
        # Not an order's id at ShipBob, but the shop's own.
        order_id=text(record, "store_order_id"),
        received_at=required_time(record, "arrived_date", "completed_date"),
        lines=tuple(lines),
        references=_references(record, return_id),
    )
    key = Key.of("return", "shipbob", raw.account, return_id, "received")
    return _message(raw, key, fact, return_id, at)


def _message(
    raw: RawMessage, key: Key, fact: ReturnRequested | ReturnReceived, return_id: str, at: str
) -> Message:
    # The order the return belongs to is known by the shop's id only: the references join them.
    chain = f"shipbob/{raw.account}/return/{return_id}"
    moment = fact.requested_at if isinstance(fact, ReturnRequested) else fact.received_at
    return Message(
        key=key,
        data=fact,
        occurred_at=moment,
        subject=f"return/{return_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def _announced(item: Record, path: str) -> ReturnLine:
    asked = child(item, "action_requested", path)
    return ReturnLine(
        line_id=required_text(item, "id", path),
        sku=text(item, "sku", path),
        quantity=Quantity(value=count(item, "quantity", path)),
        disposition=text(asked, "action", f"{path}.action_requested"),
    )


def _counted(item: Record, path: str) -> Iterator[ReturnLine]:
    """A line for each thing done with an item: some pieces restocked, others disposed of."""
    inventory_id = required_text(item, "id", path)
    sku = text(item, "sku", path)
    done = list(objects(item, "action_taken", path))
    if not done:
        pieces = count(item, "quantity", path)
        yield ReturnLine(line_id=inventory_id, sku=sku, quantity=Quantity(value=pieces))
    for number, (where, action) in enumerate(done, start=1):
        yield ReturnLine(
            line_id=inventory_id if len(done) == 1 else f"{inventory_id}-{number}",
            sku=sku,
            quantity=Quantity(value=count(action, "quantity_processed", where)),
            reason=text(action, "action_reason", where),
            disposition=text(action, "action", where),
        )


def _references(record: Record, return_id: str) -> tuple[Identifier, ...]:
    pairs: list[tuple[str, Any]] = [
        ("return", return_id),
        ("return_reference", text(record, "reference_id")),
        ("store_order", text(record, "store_order_id")),
        ("shipment", text(record, "original_shipment_id")),
        ("tracking_number", text(record, "tracking_number")),
        ("tracking_number", text(record, "shipment_tracking_number")),
    ]
    return identifiers(pairs)
