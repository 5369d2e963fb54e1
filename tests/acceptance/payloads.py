"""Signed payloads for the acceptance tests, in the senders' own structure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

SHOP_SECRET = "acceptance-shop-secret"
STRIPE_SECRET = "whsec_acceptance"


def order(
    number: int = 1001, updated: str = "2026-03-02T09:00:00Z", total: str = "120.00"
) -> dict[str, Any]:
    money = {"amount": total, "currency_code": "EUR"}
    return {
        "id": 6120000000000 + number,
        "admin_graphql_api_id": f"gid://shopify/Order/{6120000000000 + number}",
        "name": f"#{number}",
        "currency": "EUR",
        "created_at": "2026-03-02T08:59:00Z",
        "updated_at": updated,
        "cancelled_at": None,
        "financial_status": "pending",
        "total_price": total,
        "total_price_set": {"shop_money": money, "presentment_money": money},
        "line_items": [
            {
                "id": 15600000000000 + number,
                "sku": "LAMP-WAL",
                "title": "Walnut desk lamp",
                "quantity": 1,
                "price": total,
            }
        ],
    }


def shop_request(
    document: dict[str, Any] | bytes, topic: str = "orders/create", event: str = "evt-1"
) -> tuple[str, bytes, dict[str, str]]:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    digest = hmac.digest(SHOP_SECRET.encode(), body, hashlib.sha256)
    headers = {
        "x-shopify-topic": topic,
        "x-shopify-event-id": event,
        "x-shopify-webhook-id": event,
        "x-shopify-hmac-sha256": base64.b64encode(digest).decode(),
    }
    return "/in/shopify/acme", body, headers


def stripe_request(event: dict[str, Any], *, age_s: int = 0) -> tuple[str, bytes, dict[str, str]]:
    body = json.dumps(event).encode()
    stamp = str(int(time.time()) - age_s)
    signature = hmac.digest(STRIPE_SECRET.encode(), stamp.encode() + b"." + body, "sha256").hex()
    return "/in/stripe/acme", body, {"stripe-signature": f"t={stamp},v1={signature}"}


def charge(number: int = 1) -> dict[str, Any]:
    return {
        "id": f"evt_{number}",
        "object": "event",
        "created": 1772442000,
        "livemode": True,
        "type": "charge.succeeded",
        "data": {
            "object": {
                "id": f"ch_{number}",
                "object": "charge",
                "amount": 12000,
                "amount_captured": 12000,
                "captured": True,
                "currency": "eur",
                "created": 1772442000,
                "livemode": True,
                "payment_intent": f"pi_{number}",
                "status": "succeeded",
            }
        },
    }


def statement(*references: str) -> bytes:
    entries = "".join(
        f'<Ntry><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>2026-03-02</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef></Ntry>"
        for reference in references
    )
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
        "<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-03-02T18:00:00Z</CreDtTm></GrpHdr>"
        "<Stmt><Id>S1</Id><Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>"
        f"{entries}</Stmt></BkToCstmrStmt></Document>"
    ).encode()
