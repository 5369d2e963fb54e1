"""What the invented senders send: signed webhooks and bank statements, in their own structure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

ACCOUNT = "acme"
FIRST_ORDER = 7_100_000_000_000


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the senders sign with."""

    shop: str
    payments: str


def order_version(version: int) -> str:
    """The moment an order was changed for the so-manieth time, as Shopify writes it."""
    return f"2026-03-02T{9 + version // 60:02d}:{version % 60:02d}:00Z"


def order_body(number: int, version: int, total: str) -> bytes:
    """An order as `orders/*` webhooks carry it."""
    money = {"amount": total, "currency_code": "EUR"}
    order_id = FIRST_ORDER + number
    document: dict[str, Any] = {
        "id": order_id,
        "admin_graphql_api_id": f"gid://shopify/Order/{order_id}",
        "name": f"#{number}",
        "currency": "EUR",
        "created_at": "2026-03-02T08:59:00Z",
        "updated_at": order_version(version),
        "cancelled_at": None,
        "financial_status": "pending",
        "total_price": total,
        "total_price_set": {"shop_money": money, "presentment_money": money},
        "line_items": [
            {"id": order_id + 1, "sku": "LAMP-OAK", "title": "Oak lamp", "quantity": 1,
             "price": total},
        ],
    }  # fmt: skip
    return json.dumps(document).encode()


def charge_body(number: int, cents: int) -> bytes:
    """A charge that succeeded, as Stripe tells it."""
    return _event(f"evt_charge_{number}", "charge.succeeded", {
        "id": f"ch_{number}", "object": "charge", "amount": cents, "amount_captured": cents,
        "captured": True, "payment_intent": f"pi_{number}",
    })  # fmt: skip


def intent_body(number: int, cents: int) -> bytes:
    """The same capture told by its payment intent: another delivery of one fact."""
    return _event(f"evt_intent_{number}", "payment_intent.succeeded", {
        "id": f"pi_{number}", "object": "payment_intent", "amount": cents,
        "amount_received": cents, "latest_charge": f"ch_{number}",
    })  # fmt: skip


def _event(event_id: str, kind: str, body: dict[str, Any]) -> bytes:
    shared = {"currency": "eur", "created": 1772442000, "livemode": True, "status": "succeeded"}
    document = {
        "id": event_id,
        "object": "event",
        "created": 1772442000,
        "livemode": True,
        "type": kind,
        "data": {"object": body | shared},
    }
    return json.dumps(document).encode()


def statement_body(references: Sequence[str], *, message: str, padding: int = 0) -> bytes:
    """A camt.053 statement with one booked credit a reference, and so many spaces behind each."""
    entries = (" " * padding).join(
        f'<Ntry><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>2026-03-02</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef></Ntry>"
        for reference in references
    )
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>{message}</MsgId><CreDtTm>2026-03-02T18:00:00Z</CreDtTm></GrpHdr>"
        f"<Stmt><Id>{message}</Id>"
        "<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>"
        f"{entries}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def shop_headers(secret: str, body: bytes, topic: str, event: str) -> dict[str, str]:
    """Headers of a Shopify webhook."""
    digest = hmac.digest(secret.encode(), body, hashlib.sha256)
    return {
        "content-type": "application/json",
        "x-shopify-topic": topic,
        "x-shopify-event-id": event,
        "x-shopify-webhook-id": event,
        "x-shopify-hmac-sha256": base64.b64encode(digest).decode(),
    }


def payment_headers(secret: str, body: bytes) -> dict[str, str]:
    """Headers of a Stripe webhook; signed anew whenever it is sent."""
    stamp = str(int(time.time()))
    signature = hmac.digest(secret.encode(), stamp.encode() + b"." + body, "sha256").hex()
    return {
        "content-type": "application/json",
        "stripe-signature": f"t={stamp},v1={signature}",
    }
