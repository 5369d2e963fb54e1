"""Notification items as Adyen sends them, and the deliveries they come in."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from connectors.adyen.signature import signed_text
from connectors.raw import RawMessage
from connectors.secret import Secret

KEY = "3A6F1C0E9B7D25484C1D0E8F66AA90B35D7E21F40C8B9A7E6D5F4C3B2A190807"
SECRET = Secret("current", KEY.encode())
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
PAYMENT, CHANGE = "VK9XJ2WQ7RTB4N65", "ZC4T8MPL2HGD7V95"


def item(event: str = "AUTHORISATION", number: str = PAYMENT, **other: Any) -> dict[str, Any]:
    return {
        "additionalData": {},
        "amount": {"currency": "EUR", "value": 4995},
        "eventCode": event,
        "eventDate": "2026-03-02T09:58:12+01:00",
        "merchantAccountCode": "AcmeWebEU",
        "merchantReference": "1001",
        "paymentMethod": "visa",
        "pspReference": number,
        "reason": "",
        "success": "true",
        **other,
    }


def change(event: str, **other: Any) -> dict[str, Any]:
    return item(event, CHANGE, originalReference=PAYMENT, **other)


def signed(item: dict[str, Any], key: str = KEY) -> dict[str, Any]:
    mac = hmac.digest(bytes.fromhex(key), signed_text(item).encode(), "sha256")
    more = {**item["additionalData"], "hmacSignature": base64.b64encode(mac).decode()}
    return {**item, "additionalData": more}


def raw(*items: Any, live: str = "true", **arrival: Any) -> RawMessage:
    listed = [{"NotificationRequestItem": item} for item in items]
    body = json.dumps({"live": live, "notificationItems": listed}).encode()
    return RawMessage(body, account="acme", received_at=NOW, **arrival)
