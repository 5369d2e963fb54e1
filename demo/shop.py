"""What the demo's shop says: Shopify's webhooks, in Shopify's structure, about invented orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

GOODS = (
    ("Walnut desk lamp", "LAMP-WAL", Decimal("89.00")),
    ("Linen notebook, A5", "NOTE-LIN-A5", Decimal("14.50")),
    ("Brass pen", "PEN-BRS", Decimal("32.00")),
    ("Wool desk mat", "MAT-WOL", Decimal("46.90")),
    ("Cork coaster, set of 4", "COAST-CRK", Decimal("11.20")),
)
TOWNS = (("Bergen", "5003", "NO"), ("Utrecht", "3511", "NL"), ("Graz", "8010", "AT"))
VAT_RATE = Decimal("0.25")


class Ordered(NamedTuple):
    """A line of an order; its price contains tax, as prices do in European shops."""

    title: str
    sku: str
    price: Decimal
    quantity: int


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """An order as the demo tells it."""

    number: int
    lines: tuple[Ordered, ...]
    town: tuple[str, str, str]
    placed_at: datetime

    @property
    def order_id(self) -> int:
        return 6_120_000_000_000 + self.number

    @property
    def name(self) -> str:
        return f"#{self.number}"

    @property
    def counts(self) -> tuple[int, ...]:
        return tuple(line.quantity for line in self.lines)

    @property
    def subtotal(self) -> Decimal:
        return self.worth(self.counts)

    @property
    def tax(self) -> Decimal:
        return tax_in(self.subtotal)

    def worth(self, counts: Sequence[int]) -> Decimal:
        """What so many pieces of each line cost, tax included."""
        pairs = zip(self.lines, counts, strict=True)
        return sum((line.price * count for line, count in pairs), Decimal(0))

    def line_id(self, index: int) -> int:
        return 15_600_000_000_000 + self.number * 10 + index


def tax_in(amount: Decimal) -> Decimal:
    """The tax that an amount contains."""
    return (amount * VAT_RATE / (1 + VAT_RATE)).quantize(Decimal("0.01"))


def invent_order(number: int, placed_at: datetime, chance: Random) -> ShopOrder:
    """An order of one to three goods."""
    goods = chance.sample(GOODS, chance.randint(1, 3))
    lines = tuple(Ordered(*one, chance.randint(1, 2)) for one in goods)
    return ShopOrder(number, lines, chance.choice(TOWNS), placed_at)


def order_document(
    order: ShopOrder, updated_at: datetime, *, paid: bool, cancelled: bool = False
) -> dict[str, Any]:
    """The order as the shop's webhooks carry it."""
    return {
        "id": order.order_id,
        "admin_graphql_api_id": f"gid://shopify/Order/{order.order_id}",
        "name": order.name,
        "order_number": order.number,
        "test": False,
        "currency": "EUR",
        "created_at": order.placed_at.isoformat(),
        "processed_at": order.placed_at.isoformat(),
        "updated_at": updated_at.isoformat(),
        "cancelled_at": updated_at.isoformat() if cancelled else None,
        "cancel_reason": "customer" if cancelled else None,
        "financial_status": "paid" if paid else "pending",
        "fulfillment_status": None,
        "taxes_included": True,
        "email": f"customer-{order.number}@example.com",
        "subtotal_price": str(order.subtotal),
        "subtotal_price_set": _amount(order.subtotal),
        "total_tax": str(order.tax),
        "total_tax_set": _amount(order.tax),
        "total_discounts": "0.00",
        "total_discounts_set": _amount(Decimal("0.00")),
        "total_shipping_price_set": _amount(Decimal("0.00")),
        "total_price": str(order.subtotal),
        "total_price_set": _amount(order.subtotal),
        "customer": {
            "id": 7_400_000_000_000 + order.number,
            "first_name": "Demo",
            "last_name": "Customer",
        },
        "shipping_address": _address(order),
        "billing_address": _address(order),
        "line_items": [_line(order, index) for index in range(len(order.lines))],
        "fulfillments": [],
        "refunds": [],
    }


def fulfillment_document(
    order: ShopOrder,
    moment: datetime,
    tracking: str,
    *,
    counts: Sequence[int] | None = None,
    ordinal: int = 1,
    status: str = "success",
) -> dict[str, Any]:
    """A fulfilment: the `ordinal`-th of the order, of all of it unless `counts` says otherwise."""
    fulfillment_id = 5_310_000_000_000 + order.number * 10 + ordinal
    shipped = [
        _line(order, index) | {"quantity": count}
        for index, count in enumerate(order.counts if counts is None else counts)
        if count
    ]
    return {
        "id": fulfillment_id,
        "admin_graphql_api_id": f"gid://shopify/Fulfillment/{fulfillment_id}",
        "order_id": order.order_id,
        "name": f"{order.name}.{ordinal}",
        "status": status,
        "created_at": moment.isoformat(),
        "updated_at": moment.isoformat(),
        "service": "manual",
        "tracking_company": "Example Parcel",
        "tracking_number": tracking,
        "tracking_numbers": [tracking],
        "shipment_status": None,
        "location_id": 81_000_000_001,
        "destination": _address(order),
        "line_items": shipped,
    }


def refund_document(order: ShopOrder, moment: datetime) -> dict[str, Any]:
    """A refund of the first line, paid back through the payment gateway."""
    _, _, price, _ = order.lines[0]
    return {
        "id": 930_000_000_000 + order.number,
        "admin_graphql_api_id": f"gid://shopify/Refund/{930_000_000_000 + order.number}",
        "order_id": order.order_id,
        "created_at": moment.isoformat(),
        "processed_at": moment.isoformat(),
        "note": "arrived scratched",
        "restock": False,
        "refund_line_items": [],
        "order_adjustments": [],
        "transactions": [
            {
                "id": 710_000_000_000 + order.number,
                "admin_graphql_api_id": (
                    f"gid://shopify/OrderTransaction/{710_000_000_000 + order.number}"
                ),
                "order_id": order.order_id,
                "parent_id": 700_000_000_000 + order.number,
                "kind": "refund",
                "status": "success",
                "gateway": "stripe",
                "amount": str(price),
                "currency": "EUR",
                "created_at": moment.isoformat(),
                "processed_at": moment.isoformat(),
                "test": False,
            }
        ],
    }


def _line(order: ShopOrder, index: int) -> dict[str, Any]:
    title, sku, price, count = order.lines[index]
    line_id, tax = order.line_id(index), tax_in(price * count)
    return {
        "id": line_id,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{line_id}",
        "title": title,
        "name": title,
        "sku": sku,
        "quantity": count,
        "current_quantity": count,
        "fulfillable_quantity": count,
        "price": str(price),
        "price_set": _amount(price),
        "total_discount": "0.00",
        "total_discount_set": _amount(Decimal("0.00")),
        "product_id": 9_100_000_000_000 + index,
        "variant_id": 48_100_000_000_000 + index,
        "requires_shipping": True,
        "taxable": True,
        "tax_lines": [{"title": "VAT", "rate": 0.25, "price": f"{tax}", "price_set": _amount(tax)}],
        "discount_allocations": [],
    }


def _amount(value: Decimal) -> dict[str, Any]:
    money = {"amount": str(value), "currency_code": "EUR"}
    return {"shop_money": money, "presentment_money": money}


def _address(order: ShopOrder) -> dict[str, Any]:
    city, code, country = order.town
    return {
        "first_name": "Demo",
        "last_name": "Customer",
        "name": "Demo Customer",
        "address1": f"{order.number % 90 + 1} Example Street",
        "city": city,
        "zip": code,
        "country_code": country,
    }
