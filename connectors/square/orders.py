"""Orders: thin events that ask for the order, and the order itself.

Source: Square API reference, Order, OrderLineItem, Fulfillment; webhook events `order.*`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from canonical.keys import Key, Version
from canonical.message import Ignored, Item, Message
from canonical.order import OrderCancelled, OrderChanged, OrderLine, OrderPlaced, OrderTotals
from canonical.values import Identifier, Party
from connectors.fetching import Fetch
from connectors.kit.json_body import integer, join, required_text, text
from connectors.kit.records import Record, child, first_time, objects, required_time
from connectors.raw import RawMessage
from connectors.square.asking import FETCHED
from connectors.square.quantities import quantity_of_line
from connectors.square.reading import (
    customer,
    identifiers,
    is_test,
    money,
    order_chain,
    recipient,
    required_money,
    unmapped,
)

_DETAILS = ("shipment_details", "delivery_details", "pickup_details")
_FIRST = 1
"""The version Square gives a new order."""


def thin(data: Record) -> Iterator[Item | Fetch]:
    """`order.created`, `order.updated`, `order.fulfillment.updated`: which order to ask for.

    The event names an id, a state and a version, no lines or amounts.
    """
    order_id = required_text(data, "id", "data")
    for name, told in child(data, "object", "data").items():
        if isinstance(told, dict) and told.get("state") == "DRAFT":
            yield Ignored(reason="a draft is not an order yet", at=f"data.object.{name}")
            return
    yield Fetch(kind=FETCHED, object_id=order_id, at="data")


def order(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """An order as it is now: placed in its first version, changed later, or cancelled.

    Raises Unsupported with code `unmapped_code` for a state that is not documented.
    """
    state = required_text(record, "state")
    if state not in ("OPEN", "COMPLETED", "CANCELED", "DRAFT"):
        raise unmapped(state, "state")
    if state == "DRAFT":
        yield Ignored(reason="a draft is not an order yet", at=at)
    elif record.get("returns") and not record.get("line_items"):
        yield Ignored(reason="the order of a refund, which is told on its own", at=at)
    else:
        yield _message(raw, record, state, at)


def _message(raw: RawMessage, record: Record, state: str, at: str) -> Message:
    order_id = required_text(record, "id")
    version = _version(record)
    data = _snapshot(raw, record, order_id)
    fact: OrderPlaced | OrderChanged | OrderCancelled
    if state == "CANCELED":
        fact = OrderCancelled(**data, cancelled_at=required_time(record, "closed_at", "updated_at"))
    elif _is_new(record):
        fact = OrderPlaced(**data)
    else:
        fact = OrderChanged(**data, change=state)
    entity = Key.of("order", "square", raw.account, order_id)
    chain = order_chain(raw.account, order_id)
    return Message(
        key=entity.extended(version.text),
        data=fact,
        occurred_at=required_time(record, "updated_at", "created_at"),
        subject=f"order/{order_id}",
        correlation=chain,
        partition=chain,
        entity=entity,
        version=version,
        at=at,
    )


def _is_new(record: Record) -> bool:
    counted = integer(record, "version")
    if counted is not None:
        return counted == _FIRST
    return first_time(record, "created_at") == first_time(record, "updated_at")


def _version(record: Record) -> Version:
    # Orders not made through the API may have no version: then the time of change tells it.
    counted = integer(record, "version")
    if counted is not None:
        return Version.number(counted)
    return Version.at(required_time(record, "updated_at"))


def _snapshot(raw: RawMessage, record: Record, order_id: str) -> dict[str, Any]:
    ship_to = _ship_to(record)
    total = required_money(record, "total_money")
    return {
        "order_id": order_id,
        "channel": "square",
        "account": raw.account,
        "currency": total.currency,
        "placed_at": first_time(record, "created_at"),
        "updated_at": first_time(record, "updated_at"),
        "buyer": customer(record, "buyer_email_address"),
        "ship_to": ship_to,
        "delivery_address": ship_to.address if ship_to else None,
        "lines": tuple(_line(line, path) for path, line in objects(record, "line_items")),
        "totals": OrderTotals(
            discount=money(record, "total_discount_money"),
            tax=money(record, "total_tax_money"),
            total=total,
        ),
        "fulfilment_status": _fulfilment_status(record),
        "test": is_test(raw.options),
        "references": _references(record, order_id),
    }


def _line(line: Record, path: str) -> OrderLine:
    names = (text(line, field, path) for field in ("name", "variation_name"))
    return OrderLine(
        line_id=required_text(line, "uid", path),
        product=identifiers([("catalog_object", text(line, "catalog_object_id", path))]),
        description=", ".join(name for name in names if name) or text(line, "note", path),
        quantity=quantity_of_line(line, path),
        unit_price=money(line, "base_price_money", path),
        discount=money(line, "total_discount_money", path),
        tax=money(line, "total_tax_money", path),
        total=money(line, "total_money", path),
    )


def _references(record: Record, order_id: str) -> tuple[Identifier, ...]:
    paid = [
        ("payment", text(tender, "payment_id", path) or text(tender, "id", path))
        for path, tender in objects(record, "tenders")
    ]
    return identifiers(
        [
            ("order", order_id),
            # Of the seller's own choice: an order elsewhere, a customer, a table.
            ("reference_id", text(record, "reference_id")),
            ("location", text(record, "location_id")),
            *paid,
        ]
    )


def _ship_to(record: Record) -> Party | None:
    found = []
    for path, fulfilment in objects(record, "fulfillments"):
        for field in _DETAILS:
            where = join(path, field)
            details = child(fulfilment, field, path)
            found.append(recipient(child(details, "recipient", where), join(where, "recipient")))
    named = list(dict.fromkeys(party for party in found if party))
    # An order may go to several people: then it has no one recipient.
    return named[0] if len(named) == 1 else None


def _fulfilment_status(record: Record) -> str | None:
    states = {text(one, "state", path) for path, one in objects(record, "fulfillments")}
    return states.pop() if len(states) == 1 else None
