"""The baseline's models: what of the webhook is read, and what it becomes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel


class Money(BaseModel):
    """An amount of a currency."""

    amount: Decimal
    currency_code: str


class BothMoneys(BaseModel):
    """The shop's and the customer's currency."""

    shop_money: Money


class ShopAddress(BaseModel):
    """An address as the shop says it."""

    first_name: str | None = None
    last_name: str | None = None
    address1: str | None = None
    city: str | None = None
    province_code: str | None = None
    zip: str | None = None
    country_code: str | None = None


class ShopLine(BaseModel):
    """A line as the shop says it."""

    id: int
    sku: str | None = None
    name: str
    quantity: int
    product_id: int | None = None
    variant_id: int | None = None
    price_set: BothMoneys
    total_discount_set: BothMoneys


class ShopCustomer(BaseModel):
    """Who bought."""

    id: int
    first_name: str | None = None
    last_name: str | None = None


class ShopOrder(BaseModel):
    """The webhook."""

    id: int
    name: str
    order_number: int
    email: str | None = None
    currency: str
    created_at: datetime
    updated_at: datetime
    financial_status: str | None = None
    fulfillment_status: str | None = None
    customer: ShopCustomer | None = None
    billing_address: ShopAddress | None = None
    shipping_address: ShopAddress | None = None
    line_items: list[ShopLine]
    subtotal_price_set: BothMoneys
    total_discounts_set: BothMoneys
    total_shipping_price_set: BothMoneys
    total_tax_set: BothMoneys
    total_price_set: BothMoneys


class OrderLine(BaseModel):
    """A line of the canonical order."""

    line_id: str
    sku: str | None
    description: str
    quantity: Decimal
    unit_price: Money
    discount: Money


class Order(BaseModel):
    """The canonical order."""

    order_id: str
    order_number: str
    currency: str
    placed_at: datetime
    updated_at: datetime
    email: str | None
    bill_to: ShopAddress | None
    ship_to: ShopAddress | None
    lines: list[OrderLine]
    subtotal: Money
    discount: Money
    shipping: Money
    tax: Money
    total: Money
    payment_status: str | None
    fulfilment_status: str | None


def canonical(order: ShopOrder) -> Order:
    """The canonical order of a webhook."""
    return Order(
        order_id=str(order.id),
        order_number=order.name,
        currency=order.currency,
        placed_at=order.created_at,
        updated_at=order.updated_at,
        email=order.email,
        bill_to=order.billing_address,
        ship_to=order.shipping_address,
        lines=[
            OrderLine(
                line_id=str(line.id),
                sku=line.sku,
                description=line.name,
                quantity=Decimal(line.quantity),
                unit_price=line.price_set.shop_money,
                discount=line.total_discount_set.shop_money,
            )
            for line in order.line_items
        ],
        subtotal=order.subtotal_price_set.shop_money,
        discount=order.total_discounts_set.shop_money,
        shipping=order.total_shipping_price_set.shop_money,
        tax=order.total_tax_set.shop_money,
        total=order.total_price_set.shop_money,
        payment_status=order.financial_status,
        fulfilment_status=order.fulfillment_status,
    )
