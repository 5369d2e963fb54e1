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
from random import Random
from typing import Any

from demo import carrier, payments, warehouse
from demo.carrier import Scan
from demo.shop import ShopOrder, invent_order, order_document
from demo.shop import fulfillment_document as fulfilment

COMPANY = "nordic-desk"
"""The account of all connectors but the bank's."""
BANK = "house-bank"
BY_TRANSFER = 8
"""So many of the last orders are paid from a bank account, after the invoice."""
FAILS, RETURNS, CANCELS = 4, 5, 9
"""Which order is not delivered, which comes back in part, and which is cancelled too late."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The demo accounts' secrets, made up anew for every run."""

    shop: str
    payments: str
    warehouse: str
    carrier: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request to the gateway."""

    connector: str
    account: str
    what: str
    body: bytes
    headers: dict[str, str]


def _since_yesterday() -> datetime:
    # Lately, so that nothing is overdue but what the story leaves undone.
    return datetime.now(UTC).replace(microsecond=0) - timedelta(hours=30)


@dataclass(slots=True)
class Morning:
    """Invents a morning; the same seed gives the same facts, at the time it is told."""

    secrets: Secrets
    seed: int = 7
    orders: int = 24
    start: datetime = field(default_factory=_since_yesterday)
    invented: list[ShopOrder] = field(default_factory=list)

    @property
    def by_card(self) -> list[ShopOrder]:
        return self.invented[: self.orders - BY_TRANSFER]

    @property
    def by_transfer(self) -> list[ShopOrder]:
        return self.invented[self.orders - BY_TRANSFER :]

    def is_by_card(self, index: int) -> bool:
        return index < self.orders - BY_TRANSFER

    def deliveries(self) -> Iterator[Delivery]:
        """Everything the webhooks bring, roughly in the order it happened."""
        chance = Random(self.seed)  # noqa: S311 - invented orders, not secrets
        for index in range(self.orders):
            placed = self.start + timedelta(minutes=5 * index)
            order = invent_order(1001 + index, placed, chance)
            self.invented.append(order)
            yield from self._order(order, index)
        yield from self._afterwards()
        yield from self._trouble()

    def _order(self, order: ShopOrder, index: int) -> Iterator[Delivery]:
        later = [order.placed_at + timedelta(minutes=minute) for minute in (1, 3, 40)]
        placed = order_document(order, later[0], paid=False)
        yield self.shop("orders/create", placed, delivery=f"evt-{order.number}-1")
        if index % 6 == 0:
            # The very same delivery again: the first receipt is answered again.
            yield self.shop("orders/create", placed, delivery=f"evt-{order.number}-1")
        if self.is_by_card(index):
            yield from self._paid(order, index, later[1])
        yield self.warehouse(order, later[2])
        if index % 4 == 0:
            # The shop tells of the warehouse's parcel as well: the same goods.
            tracking = warehouse.tracking_number(order)
            told = fulfilment(order, later[2], tracking)
            yield self.shop("fulfillments/create", told, delivery=f"evt-{order.number}-4")
        yield self._carried(order, index)

    def _paid(self, order: ShopOrder, index: int, moment: datetime) -> Iterator[Delivery]:
        paid = order_document(order, moment, paid=True)
        yield self.payments(payments.payment_intent_event(order, moment))
        # The same capture told by the charge: one fact, one effect.
        yield self.payments(payments.charge_event(order, moment))
        yield self.shop("orders/paid", paid, delivery=f"evt-{order.number}-2")
        if index % 3 == 0:
            # The shop sends the same state again as another topic: a duplicate.
            yield self.shop("orders/updated", paid, delivery=f"evt-{order.number}-3")

    def _carried(self, order: ShopOrder, index: int) -> Delivery:
        """A parcel's scans; one is sent back by the address."""
        moments = [order.placed_at + timedelta(hours=hours) for hours in (2, 9, 20)]
        end = ("failure", "address_correction") if index == FAILS else ("delivered", "delivered")
        scans = [
            Scan("pre_transit", "label_created", moments[0]),
            Scan("in_transit", "arrived_at_facility", moments[1]),
            Scan(*end, moments[2]),
        ]
        return self.carrier(order, scans)

    def _afterwards(self) -> Iterator[Delivery]:
        """One piece comes back and is refunded; one order is cancelled when it is long gone."""
        back, gone = self.invented[RETURNS], self.invented[CANCELS]
        moment = self.start + timedelta(hours=27)
        counts = [1] + [0] * (len(back.lines) - 1)
        returned = warehouse.return_document(back, moment, counts)
        yield self._warehouse("return.completed", f"msg-{back.number}-2", returned)
        yield self.payments(payments.refund_event(back, back.worth(counts), moment))
        cancelled = order_document(gone, moment, paid=True, cancelled=True)
        yield self.shop("orders/cancelled", cancelled, delivery="evt-gone")

    def _trouble(self) -> Iterator[Delivery]:
        order, other = self.invented[0], self.invented[1]
        late = order_document(order, order.placed_at + timedelta(minutes=2), paid=False)
        yield self.shop("orders/updated", late, delivery="evt-late")  # older than what is known
        changed = order_document(other, other.placed_at + timedelta(minutes=3), paid=True)
        changed["total_price_set"]["shop_money"]["amount"] = "1.00"
        changed["total_price"] = "1.00"
        yield self.shop("orders/updated", changed, delivery="evt-changed")  # same version, other
        yield self._tampered(order)
        yield self._broken()

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
        return Delivery("shopify", COMPANY, topic, body, headers)

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
        return Delivery("stripe", COMPANY, str(event["type"]), body, headers)

    def warehouse(self, order: ShopOrder, moment: datetime) -> Delivery:
        """ShipBob tells that an order has left."""
        told = warehouse.shipped_document(order, moment)
        return self._warehouse("order.shipped", f"msg-{order.number}-1", told)

    def _warehouse(self, topic: str, message: str, document: dict[str, Any]) -> Delivery:
        body = json.dumps(document).encode()
        stamp = str(int(time.time()))
        key = base64.b64decode(self.secrets.warehouse.removeprefix("whsec_"))
        digest = hmac.digest(key, f"{message}.{stamp}.".encode() + body, hashlib.sha256)
        headers = {
            "content-type": "application/json",
            "x-webhook-topic": topic,
            "webhook-id": message,
            "webhook-timestamp": stamp,
            "webhook-signature": "v1," + base64.b64encode(digest).decode(),
        }
        return Delivery("shipbob", COMPANY, topic, body, headers)

    def carrier(self, order: ShopOrder, scans: list[Scan]) -> Delivery:
        """A signed EasyPost webhook."""
        event = carrier.tracker_event(
            warehouse.tracking_number(order), scans, event=f"evt_trk_{order.number}"
        )
        body = json.dumps(event).encode()
        signature = hmac.digest(self.secrets.carrier.encode(), body, hashlib.sha256).hex()
        headers = {"x-hmac-signature": f"hmac-sha256-hex={signature}"}
        return Delivery("easypost", COMPANY, "tracker.updated", body, headers)

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
        return Delivery("shopify", COMPANY, "broken", body, headers)
