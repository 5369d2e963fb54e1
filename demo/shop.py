"""What the demo's shop says: Shopify's webhooks, in Shopify's structure, about invented orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any

GOODS = (
    ("Walnut desk lamp", "LAMP-WAL", Decimal("89.00")),
    ("Linen notebook, A5", "NOTE-LIN-A5", Decimal("14.50")),
    ("Brass pen", "PEN-BRS", Decimal("32.00")),
    ("Wool desk mat", "MAT-WOL", Decimal("46.90")),
    ("Cork coaster, set of 4", "COAST-CRK", Decimal("11.20")),
)
TOWNS = (("Bergen", "5003", "NO"), ("Utrecht", "3511", "NL"), ("Graz", "8010", "AT"))
VAT_RATE = Decimal("0.25")


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """An order as the demo tells it."""

    number: int
    lines: tuple[tuple[str, str, Decimal, int], ...]
    town: tuple[str, str, str]
    placed_at: datetime

    @property
    def order_id(self) -> int:
        return 6_120_000_000_000 + self.number

    @property
    def name(self) -> str:
        return f"#{self.number}"

    @property
    def subtotal(self) -> Decimal:
        return sum((price * count for _, _, price, count in self.lines), Decimal(0))

    @property
    def tax(self) -> Decimal:
        # Prices include tax, as they do in European shops.
        return (self.subtotal * VAT_RATE / (1 + VAT_RATE)).quantize(Decimal("0.01"))


def invent_order(number: int, placed_at: datetime, chance: Random) -> ShopOrder:
    """An order of one to three goods."""
    goods = chance.sample(GOODS, chance.randint(1, 3))
    lines = tuple((title, sku, price, chance.randint(1, 2)) for title, sku, price in goods)
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


def fulfillment_document(order: ShopOrder, moment: datetime) -> dict[str, Any]:
    """The fulfilment of the whole order."""
    tracking = f"00370000{order.number:010d}"
    return {
        "id": 5_310_000_000_000 + order.number,
        "admin_graphql_api_id": f"gid://shopify/Fulfillment/{5_310_000_000_000 + order.number}",
        "order_id": order.order_id,
        "name": f"{order.name}.1",
        "status": "success",
        "created_at": moment.isoformat(),
        "updated_at": moment.isoformat(),
        "service": "manual",
        "tracking_company": "Example Parcel",
        "tracking_number": tracking,
        "tracking_numbers": [tracking],
        "shipment_status": None,
        "location_id": 81_000_000_001,
        "destination": _address(order),
        "line_items": [_line(order, index) for index in range(len(order.lines))],
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
    line_id = 15_600_000_000_000 + order.number * 10 + index
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
        "tax_lines": [],
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
