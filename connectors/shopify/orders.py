"""Orders, order edits and draft orders.

Source: Shopify REST Admin API reference, Order and DraftOrder; webhook topics `orders/*` and
`draft_orders/*`.
"""

from __future__ import annotations

from collections.abc import Iterator

from canonical.errors import Malformed
from canonical.keys import Key, Version
from canonical.message import Ignored, Item, Message
from canonical.order import (
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
    QuoteAccepted,
)
from connectors.kit.json_body import as_object, join, required_text, text
from connectors.kit.plain import Fields, PlainIdentifier, PlainMoney, pieces, summed, unless_empty
from connectors.kit.records import (
    Record,
    child,
    first_time,
    flag,
    objects,
    optional_object,
    required_time,
)
from connectors.raw import RawMessage
from connectors.shopify.reading import (
    addressee,
    id_in,
    id_of,
    identifiers,
    money,
    optional_id,
    order_chain,
    person,
    required_id,
)


def placed(raw: RawMessage, order: Record, at: str) -> Iterator[Item]:
    """`orders/create`: OrderPlaced, or OrderCancelled when it already is."""
    yield _snapshot_message(raw, order, at, OrderPlaced)


def changed(raw: RawMessage, order: Record, at: str) -> Iterator[Item]:
    """Any other topic that carries the whole order: OrderChanged, or OrderCancelled.

    The topic's verb is left out on purpose: several topics report one version of an order, and
    the content has to be the same whichever comes first.
    """
    yield _snapshot_message(raw, order, at, OrderChanged)


def cancelled(raw: RawMessage, order: Record, at: str) -> Iterator[Item]:
    """`orders/cancelled`. Raises Malformed when the order does not say since when it is."""
    required_time(order, "cancelled_at")
    yield _snapshot_message(raw, order, at, OrderCancelled)


def filed(raw: RawMessage, order: Record, at: str) -> Iterator[Item]:
    """An exported order, which no topic explains: placed while nothing has changed since."""
    untouched = required_time(order, "created_at") == required_time(order, "updated_at")
    yield _snapshot_message(raw, order, at, OrderPlaced if untouched else OrderChanged)


def edited(raw: RawMessage, body: Record, at: str) -> Iterator[Item]:
    """`orders/edited`: which lines an edit touched, by how many pieces.

    The differences are not the quantities of the lines, so no lines are given; their ids are in
    the references, and Shopify sends the order as it is now with `orders/updated`.
    """
    edit = as_object(body.get("order_edit"), "order_edit")
    edit_id = id_of(edit, "order_edit")
    order_id = required_id(edit, "order_id", "order_edit")
    moment = required_time(edit, "created_at", path="order_edit")
    chain = order_chain(raw.account, order_id)
    touched = [("order", order_id), ("order_edit", edit_id), *_touched_lines(edit)]
    yield Message(
        key=Key.of("order", "shopify", raw.account, order_id, "edit", edit_id),
        data=OrderChanged.model_validate(
            {
                "order_id": order_id,
                "channel": "shopify",
                "account": raw.account,
                "updated_at": moment,
                "complete": False,
                "change": "edited",
                "references": identifiers(touched),
            }
        ),
        occurred_at=moment,
        subject=f"order/{order_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def draft(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """A draft order is a quote; completed, it has been accepted and has become an order.

    Raises Malformed with code `unmapped_code` for a status that Shopify does not document.
    """
    status = required_text(record, "status")
    match status:
        case "completed":
            yield _quote_accepted(raw, record, at)
        case "open" | "invoice_sent":
            yield Ignored(reason=f"the draft order is {status}, not accepted yet", at=at)
        case _:
            raise Malformed(
                f"{status[:40]!r} is not a known status", code="unmapped_code", path="status"
            )


def _snapshot_message(
    raw: RawMessage,
    order: Record,
    at: str,
    kind: type[OrderPlaced] | type[OrderChanged] | type[OrderCancelled],
) -> Message:
    data = _snapshot(raw, order)
    order_id, updated_at = data["order_id"], data["updated_at"]
    cancelled_at = first_time(order, "cancelled_at")
    if cancelled_at is not None:
        kind = OrderCancelled
        data |= {"cancelled_at": cancelled_at, "reason": text(order, "cancel_reason")}
    entity = Key.of("order", "shopify", raw.account, order_id)
    version = Version.at(updated_at)
    chain = order_chain(raw.account, order_id)
    return Message(
        key=entity.extended(version.text),
        data=kind.model_validate(data),
        occurred_at=updated_at,
        subject=f"order/{order_id}",
        correlation=chain,
        partition=chain,
        entity=entity,
        version=version,
        at=at,
    )


def _snapshot(raw: RawMessage, order: Record) -> Fields:
    order_id = id_of(order)
    updated_at = required_time(order, "updated_at")
    currency = required_text(order, "currency").upper()
    shipping = optional_object(order, "shipping_address")
    terms = optional_object(order, "payment_terms")
    return {
        "order_id": order_id,
        "channel": "shopify",
        "account": raw.account,
        "order_number": text(order, "name") or text(order, "order_number"),
        "currency": currency,
        "placed_at": first_time(order, "processed_at", "created_at"),
        "updated_at": updated_at,
        "buyer": _buyer(order),
        "bill_to": addressee(optional_object(order, "billing_address"), "billing_address"),
        "ship_to": (ship_to := addressee(shipping, "shipping_address")),
        "delivery_address": ship_to["address"] if ship_to else None,
        "lines": [_line(line, currency, path) for path, line in objects(order, "line_items")],
        "totals": _totals(order, currency),
        "payment_status": text(order, "financial_status"),
        "fulfilment_status": text(order, "fulfillment_status"),
        "payment_terms": text(terms, "payment_terms_name", "payment_terms") if terms else None,
        "test": flag(order, "test"),
        "references": _references(order, order_id),
    }


def _references(order: Record, order_id: str) -> list[PlainIdentifier]:
    return identifiers(
        [
            ("order", order_id),
            ("order_name", text(order, "name")),
            ("order_number", text(order, "order_number")),
            ("confirmation_number", text(order, "confirmation_number")),
            ("checkout", text(order, "checkout_id")),
            ("source", text(order, "source_identifier")),
            ("po_number", text(order, "po_number")),
        ]
    )


def _buyer(order: Record) -> Fields | None:
    customer = child(order, "customer")
    company = child(order, "company")
    email = text(order, "email") or text(order, "contact_email")
    return unless_empty(
        {
            "name": person(customer, "customer"),
            "identifiers": identifiers(
                [
                    ("customer", optional_id(customer, "customer")),
                    ("company", optional_id(company, "company")),
                    ("company_location", id_in(company, "location_id", "company")),
                ]
            ),
            "email": email or text(customer, "email", "customer"),
            "phone": text(order, "phone") or text(customer, "phone", "customer"),
        }
    )


def _line(line: Record, currency: str, path: str) -> Fields:
    # `quantity` is what was ordered; `current_quantity` shrinks with refunds, which are facts of
    # their own.
    return {
        "line_id": id_of(line, path),
        "discount": _line_discount(line, currency, path),
        **_goods(line, currency, path),
    }


def _goods(line: Record, currency: str, path: str) -> Fields:
    return {
        "sku": text(line, "sku", path),
        "product": identifiers(
            [
                ("product", text(line, "product_id", path)),
                ("variant", text(line, "variant_id", path)),
            ]
        ),
        "description": text(line, "name", path) or text(line, "title", path),
        "quantity": pieces(line, "quantity", path),
        "unit_price": money(line, "price", currency, path),
        "tax": summed(
            [money(tax, "price", currency, at) for at, tax in objects(line, "tax_lines", path)]
        ),
    }


def _line_discount(line: Record, currency: str, path: str) -> PlainMoney | None:
    # Allocations hold every discount of the line; `total_discount` only those shown on it.
    allocated = summed(
        [
            money(part, "amount", currency, where)
            for where, part in objects(line, "discount_allocations", path)
        ]
    )
    return allocated or money(line, "total_discount", currency, path)


def _totals(order: Record, currency: str) -> Fields:
    shipping = money(order, "total_shipping_price", currency)
    if shipping is None:
        lines = objects(order, "shipping_lines")
        shipping = summed([money(line, "price", currency, path) for path, line in lines])
    return {
        "subtotal": money(order, "subtotal_price", currency),
        "discount": money(order, "total_discounts", currency),
        "shipping": shipping,
        "tax": money(order, "total_tax", currency),
        "total": money(order, "total_price", currency),
    }


def _touched_lines(edit: Record) -> Iterator[tuple[str, str | None]]:
    lines = child(edit, "line_items", "order_edit")
    for field in ("additions", "removals"):
        for path, line in objects(lines, field, join("order_edit", "line_items")):
            yield "line_item", id_of(line, path)


def _quote_accepted(raw: RawMessage, record: Record, at: str) -> Message:
    quote_id = id_of(record)
    currency = required_text(record, "currency").upper()
    accepted_at = required_time(record, "completed_at")
    order_id = id_in(record, "order_id")
    own_chain = f"shopify/{raw.account}/quote/{quote_id}"
    chain = order_chain(raw.account, order_id) if order_id else own_chain
    name = text(record, "name")
    return Message(
        key=Key.of("quote", "shopify", raw.account, quote_id, "accepted"),
        data=QuoteAccepted.model_validate(
            {
                "quote_id": quote_id,
                "channel": "shopify",
                "account": raw.account,
                "quote_number": name,
                "accepted_at": accepted_at,
                "buyer": _buyer(record),
                "currency": currency,
                "lines": _draft_lines(record, currency),
                "totals": _draft_totals(record, currency),
                "references": identifiers(
                    [("draft_order", quote_id), ("draft_order_name", name), ("order", order_id)]
                ),
            }
        ),
        occurred_at=accepted_at,
        subject=f"quote/{quote_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def _draft_lines(record: Record, currency: str) -> list[Fields]:
    # Lines of a draft had no id in older API versions: their position, from 1, stands for it.
    return [
        {
            "line_id": optional_id(line, path) or str(position),
            "discount": _applied_discount(line, currency, path),
            **_goods(line, currency, path),
        }
        for position, (path, line) in enumerate(objects(record, "line_items"), start=1)
    ]


def _draft_totals(record: Record, currency: str) -> Fields:
    # `applied_discount` is the draft's own discount, without those of its lines: not a total.
    shipping = optional_object(record, "shipping_line")
    return {
        "subtotal": money(record, "subtotal_price", currency),
        "shipping": money(shipping, "price", currency, "shipping_line") if shipping else None,
        "tax": money(record, "total_tax", currency),
        "total": money(record, "total_price", currency),
    }


def _applied_discount(line: Record, currency: str, path: str) -> PlainMoney | None:
    applied = optional_object(line, "applied_discount", path)
    return money(applied, "amount", currency, join(path, "applied_discount")) if applied else None
