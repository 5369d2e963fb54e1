"""A morning of traffic in a store, for the pages that show it: an order, its payment, failures."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from canonical.keys import Key, message_id
from store.database import Connection, Database
from store.finding import audit
from store.ids import IdSource
from store.intake import inbox, pauses
from store.log import normalised, outbox
from store.records import Delivery, FailedRecord, NewMessage, Translation

IDS = IdSource(worker=9)
HOSTILE = "<script>alert(1)</script>\u202e\u001b[31m"
ORDER_BODY = json.dumps({"id": 600001, "name": "#1001", "note": HOSTILE}).encode()


def delivery(key: str, body: bytes = ORDER_BODY, **changes: Any) -> Delivery:
    """A delivery of now."""
    now = datetime.now(UTC)
    one = Delivery(
        receipt_id=IDS.next(), connector="shopify", account="acme", kind="orders/create",
        delivery_key=key, transport="webhook", received_at=now,
        headers={"x-shopify-topic": "orders/create", "authorization": "Bearer not-for-you"},
        filename=None, digest=hashlib.sha256(body).digest(), size=len(body), body=body,
        secret_name="current", traceparent=None, failure=None, ignored_reason=None,
        claimed_by="me", claimed_until=now,
    )  # fmt: skip
    return one._replace(**changes)


def message(number: str, data: dict[str, Any], **changes: Any) -> NewMessage:
    """A message of now."""
    key = Key.of("order", "shopify", "acme", number)
    content = json.dumps(data, ensure_ascii=False)
    references = tuple((one["scheme"], one["value"]) for one in data.get("references", ()))
    one = NewMessage(
        row_id=IDS.next(), position=0, message_id=message_id(key.digest), key=key.text,
        key_digest=key.digest, content_digest=hashlib.sha256(content.encode()).digest(),
        type="o2c.order.placed", source="/shopify/acme", subject=f"order/{number}",
        occurred_at=datetime.now(UTC), entity=None, entity_digest=None, version=None,
        correlation=f"shopify/acme/order/{number}", partition_key=f"shopify/acme/order/{number}",
        schema_uri="urn:o2c:schema:o2c.order.placed:v1", data=content,
        destinations=("o2c.order",), references=references, at="",
    )  # fmt: skip
    return one._replace(**changes)


def order_data(number: str = "600001", **more: Any) -> dict[str, Any]:
    """An order's data."""
    return {
        "references": [
            {"scheme": "shopify:order", "value": number},
            {"scheme": "shopify:order_name", "value": f"#{number[-4:]}"},
        ],
        "order_id": number,
        "buyer": {"name": "Ágnes Müller"},
        "note": HOSTILE,
        "totals": {"total": {"amount": "409.94", "currency": "EUR"}},
        **more,
    }


def payment(order: str = "600001") -> NewMessage:
    """A payment that names its order only in a field."""
    data = {
        "references": [{"scheme": "stripe:payment_intent", "value": "pi_demo_1001"}],
        "order_id": order,
        "amount": {"amount": "409.94", "currency": "EUR"},
    }
    return message(
        "pi_demo_1001",
        data,
        type="o2c.payment.captured",
        subject="payment/pi_demo_1001",
        correlation="stripe/acme/payment/pi_demo_1001",
        destinations=("o2c.cash",),
    )


def translated(receipt: Delivery, *items: NewMessage | FailedRecord) -> Translation:
    """What became of a receipt."""
    return Translation(
        receipt_id=receipt.receipt_id, connector=receipt.connector, account=receipt.account,
        kind=receipt.kind, traceparent=None,
        messages=[one for one in items if isinstance(one, NewMessage)],
        failures=[one for one in items if isinstance(one, FailedRecord)],
        ignored=0, final=True, failure=None, ignored_reason=None,
    )  # fmt: skip


def problem(code: str = "bad_amount") -> FailedRecord:
    """A record that could not become a message."""
    return FailedRecord(
        row_id=IDS.next(), dead_letter_id=IDS.next(), position=1, code=code,
        path="total_price", at="lines[3]", message="not an amount",
    )  # fmt: skip


class Morning:
    """What has happened; ids of what pages are asked for."""

    def __init__(self) -> None:
        self.order, self.paid, self.again = delivery("wh-1"), delivery("wh-2"), delivery("wh-1")
        self.order_message, self.payment = message("600001", order_data()), payment()
        self.paid = self.paid._replace(connector="stripe", kind="payment_intent.succeeded")
        self.bad = delivery("wh-3", b'{"id": 3, "email": "ada@mail.example", "customer": {}}')
        self.problem = problem()
        self.contradiction = delivery("wh-4")

    async def happen(self, database: Database) -> Morning:
        """Put it all into a store."""
        await database.write(self._receive)
        await database.write(self._translate)
        return self

    def _receive(self, connection: Connection) -> None:
        for one in (self.order, self.paid, self.bad, self.contradiction):
            inbox.accept(connection, [one])
        inbox.accept(connection, [self.again])

    def _translate(self, connection: Connection) -> None:
        now = datetime.now(UTC)
        other = message("600001", order_data(total="other"))
        for one in (
            translated(self.order, self.order_message),
            translated(self.paid, self.payment),
            translated(self.bad, self.problem),
            translated(self.contradiction, other),
        ):
            normalised.record(connection, [one], now, owner="me", claimed_until=now)
        outbox.mark_published(connection, [self.order_message.row_id], now + timedelta(seconds=1))
        pauses.pause(connection, "amazon", "eu", now, code="credential_refused", message="401")


async def is_balanced(database: Database) -> bool:
    """Whether the audit holds: the morning is one that may have happened."""
    return all(row.balanced for row in await database.read(audit.balance))
