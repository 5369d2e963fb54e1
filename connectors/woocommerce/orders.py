"""Orders as WooCommerce describes them.

Source: WooCommerce REST API documentation (v3), order properties; webhook topics `order.*`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from canonical.errors import Malformed, Unsupported
from canonical.keys import Key, Version
from canonical.message import Ignored, Item, Message
from canonical.order import OrderCancelled, OrderChanged, OrderPlaced
from connectors.kit.decimals import decimal_of
from connectors.kit.json_body import join, required_text, text
from connectors.kit.plain import Fields, PlainIdentifier, unless_empty
from connectors.kit.records import Record, objects
from connectors.raw import RawMessage
from connectors.woocommerce.reading import (
    addressee,
    difference,
    id_in,
    identifiers,
    money,
    optional_object,
    person,
    required_id,
    required_money,
    required_utc_time,
    unit_price,
    utc_time,
)
from connectors.woocommerce.refunds import order_chain, refunds, told_by_shop

_NOT_ORDERS = {
    "auto-draft": "the order is a draft",
    "checkout-draft": "the checkout is not finished",
    "draft": "the order is a draft",
    "trash": "the order is in the trash, which is not a cancellation",
}


def placed(raw: RawMessage, order: Record, at: str) -> Iterator[Item]:
    """`order.created`: OrderPlaced, or OrderCancelled when it already is; then its refunds."""
    yield from _told(raw, order, at, OrderPlaced)


def changed(raw: RawMessage, order: Record, at: str) -> Iterator[Item]:
    """Any other topic that carries the whole order: OrderChanged, or OrderCancelled."""
    yield from _told(raw, order, at, OrderChanged)


def filed(raw: RawMessage, order: Record, at: str) -> Iterator[Item]:
    """An exported order, which no topic explains: placed while nothing has changed since."""
    created_at = required_utc_time(order, "date_created_gmt")
    untouched = created_at == required_utc_time(order, "date_modified_gmt")
    yield from _told(raw, order, at, OrderPlaced if untouched else OrderChanged)


def deleted(_raw: RawMessage, order: Record, at: str) -> Iterator[Item]:
    """`order.deleted`, which carries an id and nothing else."""
    required_id(order, "id")
    yield Ignored(reason="the order was moved to the trash, which is not a cancellation", at=at)


def _told(
    raw: RawMessage, order: Record, at: str, kind: type[OrderPlaced] | type[OrderChanged]
) -> Iterator[Item]:
    if order.keys() == {"order"}:
        raise Unsupported("the webhook uses the legacy API: set it to v3", code="legacy_api")
    status = required_text(order, "status").removeprefix("wc-")
    if status in _NOT_ORDERS:
        yield Ignored(reason=_NOT_ORDERS[status], at=at)
        return
    by_shop = told_by_shop(raw)
    yield _order_message(raw, order, status, kind, at)
    yield from refunds(raw, order, at, by_shop=by_shop)


def _order_message(
    raw: RawMessage,
    order: Record,
    status: str,
    kind: type[OrderPlaced] | type[OrderChanged] | type[OrderCancelled],
    at: str,
) -> Message:
    order_id = required_id(order, "id")
    modified_at = required_utc_time(order, "date_modified_gmt")
    data = _snapshot(raw, order, order_id, status)
    data["updated_at"] = modified_at
    if status == "cancelled":
        kind = OrderCancelled
        data["cancelled_at"] = modified_at
    entity = Key.of("order", "woocommerce", raw.account, order_id)
    version = Version.at(modified_at)
    chain = order_chain(raw.account, order_id)
    return Message(
        key=entity.extended(version.text),
        data=kind.model_validate(data),
        occurred_at=modified_at,
        subject=f"order/{order_id}",
        correlation=chain,
        partition=chain,
        entity=entity,
        version=version,
        at=at,
    )


def _snapshot(raw: RawMessage, order: Record, order_id: str, status: str) -> Fields:
    currency = required_text(order, "currency").upper()
    billing = optional_object(order, "billing")
    shipping = optional_object(order, "shipping")
    return {
        "order_id": order_id,
        "channel": "woocommerce",
        "account": raw.account,
        "order_number": text(order, "number"),
        "currency": currency,
        "placed_at": utc_time(order, "date_created_gmt"),
        "buyer": _buyer(order, billing),
        "bill_to": addressee(billing, "billing"),
        "ship_to": (ship_to := addressee(shipping, "shipping")),
        "delivery_address": ship_to["address"] if ship_to else None,
        "lines": _lines(order, currency),
        "totals": _totals(order, currency),
        "payment_status": status,
        "references": _references(order, order_id),
    }


def _references(order: Record, order_id: str) -> list[PlainIdentifier]:
    # `order_key` stays out: whoever has it can open the order in the shop.
    return identifiers(
        [
            ("order", order_id),
            ("order_number", text(order, "number")),
            ("parent_order", id_in(order, "parent_id")),
            ("transaction", text(order, "transaction_id")),
        ]
    )


def _buyer(order: Record, billing: Record) -> Fields | None:
    return unless_empty(
        {
            "name": person(billing, "billing"),
            "identifiers": identifiers([("customer", id_in(order, "customer_id"))]),
            "email": text(billing, "email", "billing"),
            "phone": text(billing, "phone", "billing"),
        }
    )


def _lines(order: Record, currency: str) -> list[Fields]:
    goods = [_line(line, currency, path) for path, line in objects(order, "line_items")]
    fees = [_fee(line, currency, path) for path, line in objects(order, "fee_lines")]
    return [*goods, *fees]


def _line(line: Record, currency: str, path: str) -> Fields:
    quantity = _quantity(line, path)
    before = money(line, "subtotal", currency, path)
    total = required_money(line, "total", currency, path)
    return {
        "line_id": required_id(line, "id", path),
        "sku": text(line, "sku", path),
        "product": identifiers(
            [
                ("product", id_in(line, "product_id", path)),
                ("variation", id_in(line, "variation_id", path)),
            ]
        ),
        "description": text(line, "name", path),
        "quantity": {"value": quantity},
        # `price` is a quotient that went through a float, so it is worked out again.
        "unit_price": unit_price(before or total, quantity),
        "discount": difference(before, total),
        "tax": money(line, "total_tax", currency, path),
        "total": total,
    }


def _fee(line: Record, currency: str, path: str) -> Fields:
    line_id = required_id(line, "id", path)
    return {
        "line_id": line_id,
        "product": identifiers([("fee", line_id)]),
        "description": text(line, "name", path),
        "quantity": {"value": "1"},
        "tax": money(line, "total_tax", currency, path),
        "total": required_money(line, "total", currency, path),
    }


def _quantity(line: Record, path: str) -> Decimal:
    where = join(path, "quantity")
    if line.get("quantity") is None:
        raise Malformed("quantity is missing", code="missing_field", path=where)
    quantity = decimal_of(line["quantity"], where)
    if quantity < 0:
        raise Malformed("a quantity is negative", code="bad_quantity", path=where)
    return quantity


def _totals(order: Record, currency: str) -> Fields:
    return {
        "discount": money(order, "discount_total", currency),
        "shipping": money(order, "shipping_total", currency),
        "tax": money(order, "total_tax", currency),
        "total": required_money(order, "total", currency),
    }
