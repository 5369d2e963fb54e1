"""The cheapest way from the webhook to the canonical message: one parse, one mapping, one model.

It trusts its input, which a connector may not do; the result is the same, byte for byte (this is
checked before anything is measured).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import jiter

from benchmarks.payloads import body, order_id
from benchmarks.processes import Failed
from canonical.order import OrderPlaced
from connectors import registry, translation
from connectors.raw import RawMessage


def canonical_json(content: bytes) -> bytes:
    """The data of the canonical message a webhook stands for."""
    order = jiter.from_json(content, cache_mode="keys", float_mode="decimal")
    return OrderPlaced.model_validate(_mapped(order)).json_data().encode()


def check_against_connector() -> None:
    """Raises Failed unless the connector makes the same of a webhook."""
    content = body(7)
    raw = RawMessage(
        content,
        account="bench",
        received_at=datetime.now(UTC),
        headers={"x-shopify-topic": "orders/create", "x-shopify-event-id": "evt-7"},
    )
    messages = translation.dry_run(registry.load("shopify"), raw).messages
    if [one.data.json_data().encode() for one in messages] != [canonical_json(content)]:
        raise Failed("the bare translation and the connector do not agree")


def entry_of(index: int, data: bytes) -> tuple[str | bytes, ...]:
    """A stream entry of this message, its fields one behind the other."""
    number = order_id(index)
    chain = f"shopify/bench/order/{number}"
    return (
        "specversion", "1.0", "id", f"{number:064x}", "source", "/shopify/bench",
        "type", "o2c.order.placed", "subject", f"order/{number}",
        "time", "2026-03-02T09:59:58Z", "datacontenttype", "application/json",
        "dataschema", "urn:o2c:schema:o2c.order.placed:v1",
        "idempotencykey", f"order:shopify:bench:{number}:2026-03-02T09:59:58.000000Z",
        "correlationid", chain, "causationid", "rcp_0000000000000", "partitionkey", chain,
        "data", data,
    )  # fmt: skip


def _mapped(order: dict[str, Any]) -> dict[str, Any]:
    number = str(order["id"])
    customer, address = order["customer"], order["shipping_address"]
    return {
        "references": [
            {"scheme": "shopify:order", "value": number},
            {"scheme": "shopify:order_name", "value": order["name"]},
            {"scheme": "shopify:order_number", "value": str(order["order_number"])},
            {"scheme": "shopify:confirmation_number", "value": order["confirmation_number"]},
            {"scheme": "shopify:checkout", "value": str(order["checkout_id"])},
        ],
        "order_id": number,
        "channel": "shopify",
        "account": "bench",
        "order_number": order["name"],
        "currency": order["currency"],
        "placed_at": _utc(order["processed_at"]),
        "updated_at": _utc(order["updated_at"]),
        "buyer": {
            "name": _name(customer),
            "identifiers": [{"scheme": "shopify:customer", "value": str(customer["id"])}],
            "email": order["email"],
        },
        "bill_to": _party(order["billing_address"]),
        "ship_to": _party(address),
        "delivery_address": _address(address),
        "lines": [_line(line) for line in order["line_items"]],
        "totals": {
            "subtotal": _money(order["subtotal_price_set"]),
            "discount": _money(order["total_discounts_set"]),
            "shipping": _money(order["total_shipping_price_set"]),
            "tax": _money(order["total_tax_set"]),
            "total": _money(order["total_price_set"]),
        },
        "payment_status": order["financial_status"],
        "test": order["test"],
    }


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _line(line: dict[str, Any]) -> dict[str, Any]:
    return {
        "line_id": str(line["id"]),
        "sku": line["sku"],
        "product": [
            {"scheme": "shopify:product", "value": str(line["product_id"])},
            {"scheme": "shopify:variant", "value": str(line["variant_id"])},
        ],
        "description": line["name"],
        "quantity": {"value": line["quantity"]},
        "unit_price": _money(line["price_set"]),
        "discount": _money(line["total_discount_set"]),
        "tax": _money(line["tax_lines"][0]["price_set"]),
    }


def _money(both: dict[str, Any]) -> dict[str, Any]:
    shop = both["shop_money"]
    return {"amount": shop["amount"], "currency": shop["currency_code"]}


def _party(address: dict[str, Any]) -> dict[str, Any]:
    return {"name": _name(address), "address": _address(address)}


def _name(person: dict[str, Any]) -> str:
    return f"{person['first_name']} {person['last_name']}"


def _address(address: dict[str, Any]) -> dict[str, Any]:
    return {
        "lines": [address["address1"]],
        "city": address["city"],
        "region": address["province_code"],
        "postal_code": address["zip"],
        "country": address["country_code"],
    }
