"""WooCommerce: who signed it, what it is, and what it says."""

from __future__ import annotations

import base64
import copy
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import connectors.woocommerce
from canonical.cash import RefundIssued
from canonical.errors import GatewayError, Rejected
from canonical.message import Message
from canonical.order import OrderCancelled, OrderChanged, OrderPlaced
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.translation import Outcome, dry_run
from connectors.woocommerce import CONNECTOR

FIXTURES = Path(connectors.woocommerce.__file__).parent / "fixtures"
RECEIVED = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SECRET = Secret("current", b"an-invented-secret")
ORDER: dict[str, Any] = json.loads((FIXTURES / "order.created__two_lines.json").read_bytes())
TOPICS = [kind for kind in CONNECTOR.manifest.kinds if not kind.startswith("file/")]


def order(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(ORDER), **changes}


def delivery(topic: str, body: Any, **more: Any) -> RawMessage:
    """A webhook as WooCommerce sends it, signed with SECRET."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {
        "x-wc-webhook-topic": topic,
        "x-wc-webhook-delivery-id": "0" * 32,
        "x-wc-webhook-signature": base64.b64encode(
            hmac.digest(SECRET.value, content, "sha256")
        ).decode(),
        **more.pop("headers", {}),
    }
    return RawMessage(content, account="acme", received_at=RECEIVED, headers=headers, **more)


def outcome(topic: str, body: Any, **more: Any) -> Outcome:
    return dry_run(CONNECTOR, delivery(topic, body, **more))


def filed(document: Any) -> Outcome:
    content = json.dumps(document).encode()
    raw = RawMessage(content, account="acme", received_at=RECEIVED, filename="export.json")
    return dry_run(CONNECTOR, raw)


def only(found: Outcome) -> Message:
    assert not found.problems
    (message,) = found.messages
    return message


def content(message: Message) -> Mapping[str, Any]:
    told: dict[str, Any] = json.loads(message.data.content())
    return {name: value for name, value in told.items() if name not in ("complete", "change")}


class TestSignature:
    def test_the_secret_that_matched_is_returned(self) -> None:
        old = Secret("old", b"another")
        assert CONNECTOR.verify(delivery("order.created", ORDER), [old, SECRET]) == SECRET

    @pytest.mark.parametrize("signature", ["", "AAAA", "é"])
    def test_other_signatures_are_refused(self, signature: str) -> None:
        raw = delivery("order.created", ORDER, headers={"x-wc-webhook-signature": signature})
        with pytest.raises(Rejected):
            CONNECTOR.verify(raw, [SECRET])

    def test_the_unsigned_ping_is_refused(self) -> None:
        raw = RawMessage(b"webhook_id=3", account="acme", received_at=RECEIVED)
        with pytest.raises(Rejected) as caught:
            CONNECTOR.verify(raw, [SECRET])
        assert caught.value.code == "missing_signature"


class TestIdentity:
    def test_two_orders_of_one_second_share_a_delivery_id_but_not_a_key(self) -> None:
        one = outcome("order.created", order(id=1))
        other = outcome("order.created", order(id=2))
        assert one.delivery_key != other.delivery_key

    def test_a_delivery_sent_again_has_the_same_key(self) -> None:
        assert (
            outcome("order.created", ORDER).delivery_key
            == outcome("order.created", ORDER).delivery_key
        )

    def test_an_unreadable_webhook_still_has_an_identity(self) -> None:
        found = outcome("order.created", b"{")
        assert (found.outcome, found.kind) == ("dead", "order.created")

    @pytest.mark.parametrize(
        "document",
        [
            [],
            {"id": 1, "order_id": 2},
            {"id": "ch_1", "amount": 100, "currency": "eur"},
            {"id": 1, "updated_at": "2026-01-01", "line_items": [], "financial_status": "paid"},
        ],
    )
    def test_documents_of_other_systems_are_not_claimed(self, document: Any) -> None:
        assert filed(document).problems[0].code == "unidentified"


class TestOrders:
    def test_one_version_told_by_several_topics_and_a_file_is_one_fact(self) -> None:
        told = [
            only(outcome("order.created", ORDER)),
            only(outcome("order.updated", ORDER)),
            only(outcome("order.restored", ORDER)),
            only(filed(ORDER)),
        ]
        assert len({message.key for message in told}) == 1
        assert all(content(message) == content(told[0]) for message in told)
        assert [type(message.data) for message in told] == [
            OrderPlaced,
            OrderChanged,
            OrderChanged,
            OrderChanged,
        ]

    def test_a_later_change_is_a_newer_version(self) -> None:
        first = only(outcome("order.created", ORDER))
        later = only(outcome("order.updated", order(date_modified_gmt="2026-03-02T10:00:01")))
        assert first.entity == later.entity
        assert first.version is not None
        assert later.version is not None
        assert first.version < later.version

    def test_times_are_utc(self) -> None:
        message = only(outcome("order.created", ORDER))
        assert message.occurred_at == datetime(2026, 3, 2, 9, 59, 40, tzinfo=UTC)

    def test_cancelled_is_cancelled_since_the_change(self) -> None:
        message = only(outcome("order.updated", order(status="cancelled")))
        assert isinstance(message.data, OrderCancelled)
        assert message.data.cancelled_at == message.occurred_at

    @pytest.mark.parametrize("status", ["failed", "refunded", "pending", "wc-packed"])
    def test_other_statuses_do_not_cancel(self, status: str) -> None:
        message = only(outcome("order.updated", order(status=status)))
        assert isinstance(message.data, OrderChanged)
        assert message.data.payment_status == status.removeprefix("wc-")

    @pytest.mark.parametrize("status", ["checkout-draft", "auto-draft", "draft", "trash"])
    def test_what_is_no_order_is_ignored(self, status: str) -> None:
        assert outcome("order.updated", order(status=status)).outcome == "ignored"

    def test_the_order_key_is_nowhere(self) -> None:
        message = only(outcome("order.created", ORDER))
        assert ORDER["order_key"] not in message.data.json_data()

    def test_ids_stay_as_they_are(self) -> None:
        message = only(outcome("order.created", order(id=90071992547409931)))
        assert isinstance(message.data, OrderPlaced)
        assert message.data.order_id == "90071992547409931"

    def test_a_guest_has_no_customer_id(self) -> None:
        message = only(outcome("order.created", order(customer_id=0)))
        assert isinstance(message.data, OrderPlaced)
        assert message.data.buyer is not None
        assert message.data.buyer.identifiers == ()

    @pytest.mark.parametrize(
        ("change", "path"),
        [
            ({"date_modified_gmt": None}, "date_modified_gmt"),
            ({"currency": None}, "currency"),
            ({"total": ""}, "total"),
            ({"total": "1,00"}, "total"),
            ({"billing": {"country": "Germany"}}, "billing.country"),
            ({"line_items": [{"id": 1, "total": "1"}]}, "line_items[0].quantity"),
            ({"line_items": [{"id": 1, "quantity": -1, "total": "1"}]}, "line_items[0].quantity"),
        ],
    )
    def test_what_is_missing_or_wrong_is_named(self, change: dict[str, Any], path: str) -> None:
        found = outcome("order.created", order(**change))
        assert found.outcome == "dead"
        assert found.problems[0].path == path

    def test_a_bad_order_of_a_file_leaves_the_others(self) -> None:
        found = filed([ORDER, order(total="x"), order(id=8)])
        assert len(found.messages) == 2
        assert [(problem.at, problem.path) for problem in found.problems] == [("[1]", "total")]


class TestLines:
    def line(self, **changes: Any) -> Any:
        first = {**ORDER["line_items"][0], **changes}
        message = only(outcome("order.created", order(line_items=[first])))
        assert isinstance(message.data, OrderPlaced)
        return message.data.lines[0]

    def test_the_unit_price_is_before_discounts(self) -> None:
        line = self.line(quantity=4, subtotal="10.00", total="8.00", price=2)
        assert line.unit_price.amount == Decimal("2.5")
        assert line.discount.amount == Decimal("2.00")
        assert line.total.amount == Decimal("8.00")

    def test_a_price_that_is_not_exact_is_left_out(self) -> None:
        line = self.line(quantity=3, subtotal="10.00", total="10.00")
        assert line.unit_price is None

    def test_a_line_of_nothing_has_no_unit_price(self) -> None:
        assert self.line(quantity=0, subtotal="0", total="0").unit_price is None

    @given(
        subtotal=st.decimals(0, 10**12, places=2),
        discount=st.decimals(0, 10**6, places=2),
        quantity=st.integers(1, 10**6),
    )
    def test_amounts_are_conserved(
        self, subtotal: Decimal, discount: Decimal, quantity: int
    ) -> None:
        total = subtotal - discount
        line = self.line(quantity=quantity, subtotal=f"{subtotal}", total=f"{total}")
        assert line.total.amount == total
        taken_off = line.discount.amount if line.discount else Decimal(0)
        assert line.total.amount + taken_off == subtotal
        if line.unit_price is not None:
            assert line.unit_price.amount * quantity == subtotal


class TestRefunds:
    REFUNDS = ({"id": 5, "reason": "r", "total": "-1.10"}, {"id": 6, "reason": "", "total": "-2"})

    def refunded(self, **changes: Any) -> list[Message]:
        found = outcome("order.updated", order(refunds=list(self.REFUNDS), **changes))
        return [one for one in found.messages if isinstance(one.data, RefundIssued)]

    def test_each_is_a_fact_with_a_positive_amount(self) -> None:
        amounts = [json.loads(one.data.json_data())["amount"] for one in self.refunded()]
        assert amounts == [
            {"amount": "1.10", "currency": "EUR"},
            {"amount": "2", "currency": "EUR"},
        ]

    def test_told_again_with_a_later_change_it_is_the_same_fact(self) -> None:
        first = self.refunded()
        later = self.refunded(
            date_modified_gmt="2026-04-01T00:00:00", status="completed", transaction_id="ch_late"
        )
        assert [one.key for one in first] == [one.key for one in later]
        assert [one.data.content() for one in first] == [one.data.content() for one in later]

    def test_they_can_be_left_to_the_gateway(self) -> None:
        body = order(refunds=list(self.REFUNDS))
        found = outcome("order.updated", body, options={"refunds": "gateway"})
        assert len(found.messages) == 1
        assert len(found.ignored) == 2

    @pytest.mark.parametrize("total", ["1.00", "", None, "-1,00"])
    def test_a_bad_one_leaves_the_order_and_the_others(self, total: Any) -> None:
        refunds = [{"id": 1, "total": total}, {"id": 2, "total": "-3.00"}, 7]
        found = outcome("order.updated", order(refunds=refunds))
        assert [type(one.data) for one in found.messages] == [OrderChanged, RefundIssued]
        assert [problem.at for problem in found.problems] == ["refunds[0]", "refunds[2]"]


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.floats()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def endures(raw: RawMessage) -> None:
    try:
        identity = CONNECTOR.identify(raw)
        if identity is not None and identity.kind in CONNECTOR.manifest.kinds:
            list(CONNECTOR.translate(raw, identity))
    except (GatewayError, ValidationError):
        pass  # The second is what the pipeline maps to `invalid_value`.


@given(body=st.binary(max_size=200), topic=st.sampled_from(["", *TOPICS]))
def test_any_bytes_give_our_own_errors(body: bytes, topic: str) -> None:
    endures(delivery(topic, body))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(field=st.sampled_from(sorted(ORDER)), value=values, topic=st.sampled_from(TOPICS))
def test_any_value_in_any_field_gives_our_own_errors(field: str, value: Any, topic: str) -> None:
    endures(delivery(topic, order(**{field: value})))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(field=st.sampled_from(sorted(ORDER["line_items"][0])), value=values)
def test_any_value_in_a_line_gives_our_own_errors(field: str, value: Any) -> None:
    line = {**ORDER["line_items"][0], field: value}
    endures(delivery("order.created", order(line_items=[line])))
