"""The morning as a list of deliveries: what is sent, in which order, signed by whom."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from demo.gateway_and_bank import (
    BankLine,
    charge_event,
    payment_intent_event,
    payout_event,
    statement,
)
from demo.shop import (
    ShopOrder,
    fulfillment_document,
    invent_order,
    order_document,
    refund_document,
)

SHOP = "nordic-desk"
PAYMENTS = "nordic-desk"
BANK = "house-bank"
FEE_RATE = Decimal("0.029")


@dataclass(frozen=True, slots=True)
class Secrets:
    """The demo accounts' secrets, made up anew for every run."""

    shop: str
    payments: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request to the gateway."""

    connector: str
    account: str
    what: str
    body: bytes
    headers: dict[str, str]


@dataclass(slots=True)
class Morning:
    """Invents a morning; the same seed gives the same facts."""

    secrets: Secrets
    seed: int = 7
    orders: int = 24
    start: datetime = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
    invented: list[ShopOrder] = field(default_factory=list)

    def deliveries(self) -> Iterator[Delivery]:
        """Everything the webhooks bring, roughly in the order of the morning."""
        chance = Random(self.seed)  # noqa: S311 - invented orders, not secrets
        for index in range(self.orders):
            placed = self.start + timedelta(minutes=5 * index)
            order = invent_order(1001 + index, placed, chance)
            self.invented.append(order)
            yield from self._order(order, index)
        yield self.payments(payout_event(self.payout_amount(), self.start + timedelta(hours=3)))
        yield from self._trouble()

    def payout_amount(self) -> Decimal:
        """What the payment gateway pays out for the morning, fees taken off."""
        gross = sum((order.subtotal for order in self.invented), Decimal(0))
        return (gross * (1 - FEE_RATE)).quantize(Decimal("0.01"))

    def bank_statement(self) -> bytes:
        """The bank's statement with the payout and two customers who paid by transfer."""
        day = self.start.date()
        lines = [
            BankLine("BANK-0001", self.payout_amount(), "Example Payments", "PO_DEMO_1"),
            BankLine("BANK-0002", Decimal("312.40"), "Example Buyer One", "INV-2026-0114"),
            BankLine("BANK-0003", Decimal("99.95"), "Example Buyer Two", "RF18539007547034"),
        ]
        return statement(day, 41, Decimal("1500.00"), lines)

    def shop(self, topic: str, document: dict[str, Any], *, delivery: str) -> Delivery:
        """A signed Shopify webhook."""
        body = json.dumps(document).encode()
        digest = hmac.digest(self.secrets.shop.encode(), body, hashlib.sha256)
        headers = {
            "content-type": "application/json",
            "x-shopify-topic": topic,
            "x-shopify-shop-domain": "nordic-desk.myshopify.com",
            "x-shopify-webhook-id": delivery,
            "x-shopify-event-id": delivery,
            "x-shopify-hmac-sha256": base64.b64encode(digest).decode(),
        }
        return Delivery("shopify", SHOP, topic, body, headers)

    def payments(self, event: dict[str, Any]) -> Delivery:
        """A signed Stripe webhook."""
        body = json.dumps(event).encode()
        stamp = str(int(time.time()))
        signed = stamp.encode() + b"." + body
        signature = hmac.digest(self.secrets.payments.encode(), signed, hashlib.sha256).hex()
        headers = {
            "content-type": "application/json",
            "stripe-signature": f"t={stamp},v1={signature}",
        }
        return Delivery("stripe", PAYMENTS, str(event["type"]), body, headers)

    def _order(self, order: ShopOrder, index: int) -> Iterator[Delivery]:
        later = [order.placed_at + timedelta(minutes=minute) for minute in (1, 3, 40)]
        placed = order_document(order, later[0], paid=False)
        paid = order_document(order, later[1], paid=True)
        yield self.shop("orders/create", placed, delivery=f"evt-{order.number}-1")
        yield self.payments(payment_intent_event(order, later[1]))
        # The same capture told by the charge: one fact, one effect.
        yield self.payments(charge_event(order, later[1]))
        yield self.shop("orders/paid", paid, delivery=f"evt-{order.number}-2")
        if index % 3 == 0:
            # The shop sends the same state again as another topic: a duplicate.
            yield self.shop("orders/updated", paid, delivery=f"evt-{order.number}-3")
        if index % 6 == 0:
            # The very same delivery again: the first receipt is answered again.
            yield self.shop("orders/create", placed, delivery=f"evt-{order.number}-1")
        shipped = fulfillment_document(order, later[2])
        yield self.shop("fulfillments/create", shipped, delivery=f"evt-{order.number}-4")
        if index % 8 == 5:
            refund = refund_document(order, later[2])
            yield self.shop("refunds/create", refund, delivery=f"evt-{order.number}-5")

    def _trouble(self) -> Iterator[Delivery]:
        order, other, third = self.invented[0], self.invented[1], self.invented[2]
        late = order_document(order, order.placed_at + timedelta(minutes=2), paid=False)
        yield self.shop("orders/updated", late, delivery="evt-late")  # older than what is known
        changed = order_document(other, other.placed_at + timedelta(minutes=3), paid=True)
        changed["total_price_set"]["shop_money"]["amount"] = "1.00"
        changed["total_price"] = "1.00"
        yield self.shop("orders/updated", changed, delivery="evt-changed")  # same version, other
        gone = order_document(
            third, third.placed_at + timedelta(hours=2), paid=True, cancelled=True
        )
        yield self.shop("orders/cancelled", gone, delivery="evt-gone")
        yield self._tampered(order)
        yield self._broken()

    def _tampered(self, order: ShopOrder) -> Delivery:
        honest = self.shop(
            "orders/paid", order_document(order, self.start, paid=True), delivery="evt-tampered"
        )
        body = honest.body.replace(b'"financial_status": "paid"', b'"financial_status": "void"')
        return Delivery(honest.connector, honest.account, "tampered", body, honest.headers)

    def _broken(self) -> Delivery:
        body = b'{"id": 6120000009999, "line_items": [{"sku": "LAMP-WAL", "price": '
        digest = hmac.digest(self.secrets.shop.encode(), body, hashlib.sha256)
        headers = {
            "x-shopify-topic": "orders/create",
            "x-shopify-webhook-id": "evt-broken",
            "x-shopify-hmac-sha256": base64.b64encode(digest).decode(),
        }
        return Delivery("shopify", SHOP, "broken", body, headers)
