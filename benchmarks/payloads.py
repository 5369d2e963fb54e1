"""Distinct signed order webhooks of about 6 KB, built before anything is measured."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

SECRET = b"benchmark-shop-secret"
ACCOUNT = "bench"
FIRST_ORDER_ID = 7_000_000_000_000
LINES = 2


def order_id(index: int) -> int:
    """The id of the order in the webhook with this index."""
    return FIRST_ORDER_ID + index


def index_of(subject: bytes) -> int:
    """The webhook's index, from the subject `order/<id>` of its message."""
    return int(subject.rpartition(b"/")[2]) - FIRST_ORDER_ID


def body(index: int) -> bytes:
    """The body of one `orders/create` webhook; only what names the order differs."""
    return _BEGINNING % {b"id": order_id(index), b"number": index} + _REST


def signature(content: bytes) -> bytes:
    """What the shop puts into X-Shopify-Hmac-SHA256."""
    return base64.b64encode(hmac.digest(SECRET, content, hashlib.sha256))


def requests(start: int, count: int) -> Iterator[tuple[bytes, bytes]]:
    """Whole HTTP requests as (their own part, the part all share), to be sent together."""
    for index in range(start, start + count):
        beginning = _BEGINNING % {b"id": order_id(index), b"number": index}
        signed = signature(beginning + _REST)
        event = b"evt-%d" % index
        yield _HEAD % (len(beginning) + len(_REST), event, event, signed) + beginning, _REST


_HEAD = (
    b"POST /in/shopify/bench HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nx-shopify-topic: orders/create\r\n"
    b"x-shopify-shop-domain: bench.myshopify.com\r\nx-shopify-api-version: 2026-01\r\n"
    b"x-shopify-webhook-id: %s\r\nx-shopify-event-id: %s\r\nx-shopify-hmac-sha256: %s\r\n\r\n"
)
_BEGINNING = (
    b'{"id":%(id)d,"admin_graphql_api_id":"gid://shopify/Order/%(id)d","name":"#%(number)d",'
    b'"order_number":%(number)d,"confirmation_number":"C%(number)d","checkout_id":%(id)d,'
    b'"email":"customer-%(number)d@example.com",'
)


def _amount(value: str) -> dict[str, Any]:
    money = {"amount": value, "currency_code": "EUR"}
    return {"shop_money": money, "presentment_money": money}


def _line(number: int) -> dict[str, Any]:
    return {
        "id": 15_600_000_000_000 + number,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{15_600_000_000_000 + number}",
        "current_quantity": 2,
        "fulfillable_quantity": 2,
        "fulfillment_service": "manual",
        "fulfillment_status": None,
        "gift_card": False,
        "grams": 800,
        "name": f"Walnut desk lamp - {number}",
        "price": "89.00",
        "price_set": _amount("89.00"),
        "product_exists": True,
        "product_id": 9_100_000_000_000 + number,
        "properties": [],
        "quantity": 2,
        "requires_shipping": True,
        "sku": f"LAMP-{number}",
        "taxable": True,
        "title": "Walnut desk lamp",
        "total_discount": "0.00",
        "total_discount_set": _amount("0.00"),
        "variant_id": 48_100_000_000_000 + number,
        "variant_title": f"{number} m cable",
        "vendor": "Example Lights",
        "tax_lines": [
            {"title": "VAT", "rate": 0.25, "price": "35.60", "price_set": _amount("35.60")}
        ],
        "duties": [],
        "discount_allocations": [],
    }


def _address() -> dict[str, Any]:
    return {
        "first_name": "Bench",
        "last_name": "Customer",
        "name": "Bench Customer",
        "company": None,
        "address1": "12 Example Street",
        "address2": None,
        "city": "Exampletown",
        "province": "Bavaria",
        "province_code": "BY",
        "country": "Germany",
        "country_code": "DE",
        "zip": "80331",
        "phone": None,
    }


def _rest() -> dict[str, Any]:
    return {
        "app_id": 580111,
        "browser_ip": "203.0.113.7",
        "buyer_accepts_marketing": False,
        "cancel_reason": None,
        "cancelled_at": None,
        "cart_token": "c1-0123456789abcdef0123456789abcdef",
        "client_details": {
            "accept_language": "en-DE,en;q=0.9,de;q=0.8",
            "browser_height": None,
            "browser_ip": "203.0.113.7",
            "browser_width": None,
            "session_hash": None,
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        },
        "confirmed": True,
        "current_subtotal_price": "356.00",
        "current_subtotal_price_set": _amount("356.00"),
        "current_total_discounts": "0.00",
        "current_total_discounts_set": _amount("0.00"),
        "current_total_price": "361.90",
        "current_total_price_set": _amount("361.90"),
        "current_total_tax": "71.20",
        "current_total_tax_set": _amount("71.20"),
        "created_at": "2026-03-02T10:59:57+01:00",
        "currency": "EUR",
        "customer_locale": "en-DE",
        "discount_codes": [],
        "estimated_taxes": False,
        "financial_status": "pending",
        "fulfillment_status": None,
        "landing_site": "/collections/desk?utm_source=news&utm_medium=email&utm_campaign=spring",
        "merchant_of_record_app_id": None,
        "note": None,
        "note_attributes": [{"name": "gift_message", "value": "Happy birthday"}],
        "order_status_url": "https://bench.example.com/orders/0123456789abcdef/authenticate?key=k",
        "payment_gateway_names": ["shopify_payments"],
        "presentment_currency": "EUR",
        "processed_at": "2026-03-02T10:59:56+01:00",
        "referring_site": "https://www.example.com/",
        "source_name": "web",
        "subtotal_price": "356.00",
        "subtotal_price_set": _amount("356.00"),
        "tags": "",
        "tax_lines": [{"title": "VAT", "rate": 0.25, "price": "71.20"}],
        "taxes_included": True,
        "test": False,
        "total_discounts": "0.00",
        "total_discounts_set": _amount("0.00"),
        "total_price": "361.90",
        "total_price_set": _amount("361.90"),
        "total_shipping_price_set": _amount("5.90"),
        "total_tax": "71.20",
        "total_tax_set": _amount("71.20"),
        "updated_at": "2026-03-02T10:59:58+01:00",
        "billing_address": _address(),
        "shipping_address": _address(),
        "customer": {
            "id": 7_200_111_222_333,
            "first_name": "Bench",
            "last_name": "Customer",
            "currency": "EUR",
            "default_address": _address(),
        },
        "fulfillments": [],
        "line_items": [_line(number) for number in range(1, LINES + 1)],
        "refunds": [],
        "shipping_lines": [
            {"id": 1, "code": "STD", "price": "5.90", "price_set": _amount("5.90"), "tax_lines": []}
        ],
    }


_REST = json.dumps(_rest(), separators=(",", ":")).encode()[1:]
