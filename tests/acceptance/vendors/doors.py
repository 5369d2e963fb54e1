"""How each vendor comes in: which path, signed how; which folder."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tests.acceptance.payloads import SHOP_SECRET, STRIPE_SECRET, shop_request, stripe_request

WAREHOUSE_SECRET = "whsec_" + base64.b64encode(b"acceptance-warehouse-secret").decode()
CARRIER_SECRET = "acceptance-carrier-secret"
SECRETS = {
    "SHOP_SECRET": SHOP_SECRET,
    "STRIPE_SECRET": STRIPE_SECRET,
    "WAREHOUSE_SECRET": WAREHOUSE_SECRET,
    "CARRIER_SECRET": CARRIER_SECRET,
}

CONFIGURATION = """
[limits]
file_stable_seconds = 0

[domains]
run = ["order", "shipment", "billing", "cash"]
patience_hours = 0.001

[[accounts]]
connector = "shopify"
account = "acme"
secrets = ["env:SHOP_SECRET"]

[[accounts]]
connector = "shipbob"
account = "acme"
secrets = ["env:WAREHOUSE_SECRET"]

[[accounts]]
connector = "easypost"
account = "acme"
secrets = ["env:CARRIER_SECRET"]

[[accounts]]
connector = "stripe"
account = "acme"
secrets = ["env:STRIPE_SECRET"]
folder = "payouts"

[[accounts]]
connector = "ubl"
account = "acme"
folder = "invoices"

[[accounts]]
connector = "x12"
account = "acme"
folder = "remittances"
[accounts.options]
currency = "EUR"
timezone = "UTC"

[[accounts]]
connector = "camt"
account = "house-bank"
folder = "statements"

[[accounts]]
connector = "mt940"
account = "other-bank"
folder = "swift"
"""

Posted = tuple[str, bytes, dict[str, str]]
"""Path, body and headers of a webhook."""


@dataclass(frozen=True)
class Dropped:
    """A file as it is put into an account's folder."""

    folder: str
    name: str
    content: bytes


def shop(document: dict[str, Any], topic: str, event: str) -> Posted:
    """Shopify's webhook."""
    return shop_request(document, topic, event)


def gateway(event: dict[str, Any]) -> Posted:
    """Stripe's webhook."""
    return stripe_request(event)


def warehouse(document: dict[str, Any], topic: str, message: str, stamp: int) -> Posted:
    """ShipBob's webhook, signed as Standard Webhooks are."""
    body = json.dumps(document).encode()
    key = base64.b64decode(WAREHOUSE_SECRET.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{message}.{stamp}.".encode() + body, sha256)
    headers = {
        "content-type": "application/json",
        "x-webhook-topic": topic,
        "webhook-id": message,
        "webhook-timestamp": str(stamp),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
    return "/in/shipbob/acme", body, headers


def carrier(event: dict[str, Any]) -> Posted:
    """EasyPost's webhook."""
    body = json.dumps(event).encode()
    signature = hmac.digest(CARRIER_SECRET.encode(), body, sha256).hex()
    return "/in/easypost/acme", body, {"x-hmac-signature": f"hmac-sha256-hex={signature}"}
