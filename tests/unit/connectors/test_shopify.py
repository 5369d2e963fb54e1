"""Shopify: who signed it, what it is, and what it says."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import connectors.shopify
from canonical.errors import GatewayError, Malformed, Rejected
from canonical.message import Message
from canonical.order import OrderCancelled, OrderChanged, OrderPlaced, QuoteAccepted
from canonical.values import Money
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.shopify import CONNECTOR
from connectors.translation import Outcome, dry_run

FIXTURES = Path(connectors.shopify.__file__).parent / "fixtures"
RECEIVED = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SECRET = Secret("current", b"an-invented-secret")


def body_of(fixture: str) -> Any:
    return json.loads((FIXTURES / f"{fixture}.json").read_bytes())


def delivery(topic: str, body: Any, **more: Any) -> RawMessage:
    """A webhook as Shopify sends it, signed with SECRET."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = base64.b64encode(hmac.digest(SECRET.value, content, "sha256")).decode()
    headers = {
        "x-shopify-topic": topic,
        "x-shopify-hmac-sha256": signature,
        "x-shopify-shop-domain": "acme-garden.myshopify.com",
        "x-shopify-webhook-id": "hook-1",
        **more.pop("headers", {}),
    }
    return RawMessage(content, account="acme", received_at=RECEIVED, headers=headers, **more)


def outcome(topic: str, body: Any, **more: Any) -> Outcome:
    return dry_run(CONNECTOR, delivery(topic, body, **more))


def messages(topic: str, body: Any, **more: Any) -> tuple[Message, ...]:
    found = outcome(topic, body, **more)
    assert not found.problems
    return tuple(found.messages)


def only(topic: str, body: Any, **more: Any) -> Message:
    (message,) = messages(topic, body, **more)
    return message


def filed(document: Any) -> Outcome:
    content = json.dumps(document).encode()
    raw = RawMessage(content, account="acme", received_at=RECEIVED, filename="export.json")
    return dry_run(CONNECTOR, raw)


def order_content(message: Message) -> Mapping[str, Any]:
    """What is the same whichever topic tells a version of an order."""
    content: dict[str, Any] = json.loads(message.data.content())
    return {name: value for name, value in content.items() if name not in ("complete", "change")}


def amount(money: Money | None) -> Decimal:
    assert money is not None
    return money.amount


ORDER = "orders.create__two_lines"


class TestSignature:
    def test_the_secret_that_matched_is_returned(self) -> None:
        old = Secret("old", b"another")
        assert CONNECTOR.verify(delivery("orders/create", {}), [old, SECRET]) == SECRET

    @pytest.mark.parametrize("signature", ["", "AAAA", "é"])
    def test_other_signatures_are_refused(self, signature: str) -> None:
        raw = delivery("orders/create", {}, headers={"x-shopify-hmac-sha256": signature})
        with pytest.raises(Rejected):
            CONNECTOR.verify(raw, [SECRET])

    def test_another_shop_of_the_same_app_is_refused(self) -> None:
        raw = delivery("orders/create", {}, options={"shop_domain": "other.myshopify.com"})
        with pytest.raises(Rejected) as caught:
            CONNECTOR.verify(raw, [SECRET])
        assert caught.value.code == "wrong_shop"

    def test_the_own_shop_is_accepted_in_any_case(self) -> None:
        raw = delivery("orders/create", {}, options={"shop_domain": "Acme-Garden.MyShopify.com"})
        assert CONNECTOR.verify(raw, [SECRET]) == SECRET


class TestIdentity:
    def test_a_redelivery_has_the_same_delivery_key(self) -> None:
        once = outcome("orders/create", {"id": 1}, headers={"x-shopify-event-id": "e"})
        again = outcome(
            "orders/create",
            {"id": 1},
            headers={"x-shopify-event-id": "e", "x-shopify-webhook-id": "hook-2"},
        )
        assert once.delivery_key == again.delivery_key

    def test_an_event_told_under_two_topics_is_two_deliveries(self) -> None:
        headers = {"x-shopify-event-id": "e"}
        paid = outcome("orders/paid", {"id": 1}, headers=headers)
        updated = outcome("orders/updated", {"id": 1}, headers=headers)
        assert paid.delivery_key != updated.delivery_key

    def test_an_event_that_touches_two_orders_is_two_deliveries(self) -> None:
        headers = {"x-shopify-event-id": "e"}
        one = outcome("orders/updated", {"id": 1}, headers=headers)
        other = outcome("orders/updated", {"id": 2}, headers=headers)
        assert one.delivery_key != other.delivery_key

    def test_without_an_event_id_the_webhook_id_names_the_delivery(self) -> None:
        assert outcome("orders/create", {"id": 1}).delivery_key == "orders/create:hook-1"

    def test_an_unreadable_webhook_still_has_an_identity(self) -> None:
        found = outcome("orders/create", b"{")
        assert (found.outcome, found.kind) == ("dead", "orders/create")

    @pytest.mark.parametrize(
        "document",
        [
            {"id": "ch_1", "amount": 100, "currency": "eur"},
            {"events": [{"id": "EV1", "action": "paid"}]},
            {"order": {"id": 1, "line_items": [], "status": "processing"}},
            {"orders": []},
            [],
            "text",
            None,
        ],
    )
    def test_documents_of_other_systems_are_not_claimed(self, document: Any) -> None:
        assert filed(document).problems[0].code == "unidentified"

    def test_an_unknown_topic_is_named_not_guessed(self) -> None:
        assert outcome("orders/teleported", {}).problems[0].code == "unknown_kind"


class TestOrders:
    @pytest.mark.parametrize(
        "topic", ["orders/updated", "orders/paid", "orders/fulfilled", "orders/partially_fulfilled"]
    )
    def test_one_version_is_one_fact_whichever_topic_tells_it(self, topic: str) -> None:
        placed = only("orders/create", body_of(ORDER))
        changed = only(topic, body_of(ORDER))
        assert isinstance(placed.data, OrderPlaced)
        assert isinstance(changed.data, OrderChanged)
        assert changed.data.complete
        assert placed.key == changed.key
        assert order_content(placed) == order_content(changed)

    def test_a_file_of_it_is_the_same_fact(self) -> None:
        (from_file,) = filed({"orders": [body_of(ORDER)]}).messages
        from_hook = only("orders/create", body_of(ORDER))
        assert from_file.key == from_hook.key
        assert order_content(from_file) == order_content(from_hook)

    def test_versions_follow_updated_at_in_utc(self) -> None:
        body = body_of(ORDER)
        earlier = only("orders/updated", body | {"updated_at": "2026-03-02T23:30:00-05:00"})
        later = only("orders/updated", body | {"updated_at": "2026-03-03T05:00:00Z"})
        assert earlier.version is not None
        assert later.version is not None
        assert earlier.version < later.version
        assert earlier.entity == later.entity
        assert earlier.key != later.key

    def test_the_same_moment_in_another_offset_is_the_same_fact(self) -> None:
        body = body_of(ORDER)
        local = only("orders/updated", body | {"updated_at": "2026-03-02T11:00:00+01:00"})
        utc = only("orders/updated", body | {"updated_at": "2026-03-02T10:00:00Z"})
        assert local.key == utc.key
        assert local.data.content() == utc.data.content()

    @pytest.mark.parametrize("topic", ["orders/create", "orders/updated", "orders/cancelled"])
    def test_a_cancelled_order_is_cancelled_whichever_topic_tells_it(self, topic: str) -> None:
        body = body_of(ORDER) | {
            "cancelled_at": "2026-03-02T13:00:00+01:00",
            "cancel_reason": "customer",
        }
        data = only(topic, body).data
        assert isinstance(data, OrderCancelled)
        assert data.cancelled_at == datetime(2026, 3, 2, 12, tzinfo=UTC)
        assert data.reason == "customer"

    def test_the_shop_currency_counts_not_the_presented_one(self) -> None:
        data = only("orders/create", body_of(ORDER)).data
        assert isinstance(data, OrderPlaced)
        total = data.totals.total
        assert total is not None
        assert (total.amount, total.currency) == (Decimal("55.93"), "EUR")

    def test_amounts_add_up(self) -> None:
        data = only("orders/create", body_of(ORDER)).data
        assert isinstance(data, OrderPlaced)
        totals = data.totals
        goods = sum(
            amount(line.unit_price) * line.quantity.value - amount(line.discount)
            for line in data.lines
        )
        assert goods == amount(totals.subtotal)
        parts = amount(totals.subtotal) + amount(totals.shipping) + amount(totals.tax)
        assert parts == amount(totals.total)

    def test_a_rounded_id_is_replaced_by_the_exact_one(self) -> None:
        body = body_of(ORDER)
        rounded = only("orders/create", body | {"id": 6840921750012345300})
        assert rounded.key == only("orders/create", body).key

    def test_ids_that_differ_by_more_than_rounding_are_refused(self) -> None:
        found = outcome("orders/create", body_of(ORDER) | {"id": 123})
        assert found.problems[0].code == "conflicting_ids"

    def test_ids_never_lose_digits(self) -> None:
        data = only("orders/create", body_of(ORDER)).data
        assert isinstance(data, OrderPlaced)
        assert data.order_id == "6840921750012345678"
        assert [line.line_id for line in data.lines] == ["15500012345678901", "15500012345678902"]

    def test_an_edit_tells_no_quantities(self) -> None:
        message = only("orders/edited", body_of("orders.edited__one_added_one_removed"))
        assert isinstance(message.data, OrderChanged)
        assert not message.data.complete
        assert message.data.lines == ()
        assert message.version is None
        touched = {one.value for one in message.data.references if one.scheme.endswith("line_item")}
        assert touched == {"15500012345678901", "15500012345678903"}

    def test_no_personal_data_in_references(self) -> None:
        told = {one.value for one in only("orders/create", body_of(ORDER)).data.references}
        assert not any("@" in value or "Example" in value for value in told)

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"currency": "XYZ"}, "unknown_currency"),
            ({"currency": None}, "missing_field"),
            ({"updated_at": "2026-03-02T10:00:00"}, "time_without_zone"),
            ({"updated_at": None}, "missing_field"),
            ({"total_price_set": {"shop_money": {"amount": "1"}}}, "missing_currency"),
            ({"line_items": [{"id": 1, "quantity": 1, "price": "1,00"}]}, "bad_amount"),
            ({"line_items": [{"id": 1, "quantity": -1}]}, "bad_quantity"),
            ({"line_items": [{"quantity": 1}]}, "missing_field"),
            ({"shipping_address": {"country_code": "Germany"}}, "bad_country"),
        ],
    )
    def test_what_cannot_be_trusted_is_refused(self, change: dict[str, Any], code: str) -> None:
        body = body_of("orders.create__few_fields") | change
        assert outcome("orders/create", body).problems[0].code == code


class TestQuotes:
    def test_a_completed_draft_is_an_accepted_quote_of_its_order(self) -> None:
        message = only("draft_orders/update", body_of("draft_orders.update__completed"))
        assert isinstance(message.data, QuoteAccepted)
        assert message.correlation == "shopify/acme/order/6840921750012345678"

    def test_an_open_draft_is_ignored(self) -> None:
        assert outcome("draft_orders/create", body_of("draft_orders.create__open")).ignored


def test_a_webhook_that_cannot_be_read_raises_our_own_error() -> None:
    raw = delivery("orders/create", b"[]")
    identity = CONNECTOR.identify(raw)
    assert identity is not None
    with pytest.raises(Malformed):
        list(CONNECTOR.translate(raw, identity))


def test_error_messages_quote_no_personal_data() -> None:
    body = body_of(ORDER)
    body["shipping_address"]["address1"] = {"street": "Secret Lane"}
    body["customer"]["email"] = ["secret@example.com"]
    raw = delivery("orders/create", body)
    identity = CONNECTOR.identify(raw)
    assert identity is not None
    with pytest.raises(GatewayError) as caught:
        list(CONNECTOR.translate(raw, identity))
    assert "ecret" not in str(caught.value)
