"""Shopify: payments, disputes, shipments and payouts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import connectors.shopify
from canonical.cash import (
    DisputeClosed,
    DisputeOpened,
    DisputeOutcome,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentFailed,
    PayoutLineReported,
    PayoutSettled,
    RefundIssued,
)
from canonical.message import Message
from canonical.shipment import (
    DeliveryStatus,
    DeliveryStatusChanged,
    ReturnReceived,
    ShipmentConfirmed,
    ShipmentReversed,
)
from canonical.values import Money
from connectors.raw import RawMessage
from connectors.shopify import CONNECTOR
from connectors.translation import Outcome, dry_run

FIXTURES = Path(connectors.shopify.__file__).parent / "fixtures"
RECEIVED = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
CAPTURE = "order_transactions.create__captured"
REFUND = "refunds.create__money_and_goods"
SHIPPED = "fulfillments.create__shipped"
DISPUTE = "disputes.create__chargeback"


def body_of(fixture: str) -> Any:
    return json.loads((FIXTURES / f"{fixture}.json").read_bytes())


def outcome(topic: str, body: Any) -> Outcome:
    """What a webhook of this topic becomes; without a topic, what the file becomes."""
    headers = {"x-shopify-topic": topic} if topic else {}
    content = json.dumps(body).encode()
    raw = RawMessage(content, account="acme", received_at=RECEIVED, headers=headers)
    return dry_run(CONNECTOR, raw)


def filed(document: Any) -> Outcome:
    return outcome("", document)


def messages(topic: str, body: Any) -> tuple[Message, ...]:
    found = outcome(topic, body)
    assert not found.problems
    return tuple(found.messages)


def only(topic: str, body: Any) -> Message:
    (message,) = messages(topic, body)
    return message


def amount(money: Money | None) -> Decimal:
    assert money is not None
    return money.amount


class TestPayments:
    @pytest.mark.parametrize(
        ("kind", "status", "fact"),
        [
            ("authorization", "success", PaymentAuthorised),
            ("emv_authorization", "success", PaymentAuthorised),
            ("capture", "success", PaymentCaptured),
            ("sale", "success", PaymentCaptured),
            ("refund", "success", RefundIssued),
            ("void", "success", PaymentFailed),
            ("authorization", "failure", PaymentFailed),
            ("capture", "error", PaymentFailed),
            ("sale", "failure", PaymentFailed),
        ],
    )
    def test_kind_and_status_decide(self, kind: str, status: str, fact: type[Any]) -> None:
        body = body_of(CAPTURE) | {"kind": kind, "status": status}
        assert type(only("order_transactions/create", body).data) is fact

    @pytest.mark.parametrize(
        ("kind", "status"),
        [("sale", "pending"), ("refund", "pending"), ("refund", "failure"), ("void", "error")],
    )
    def test_what_moved_no_money_is_ignored(self, kind: str, status: str) -> None:
        body = body_of(CAPTURE) | {"kind": kind, "status": status}
        assert outcome("order_transactions/create", body).outcome == "ignored"

    @pytest.mark.parametrize(
        "change",
        [{"kind": "change"}, {"kind": "gift"}, {"status": "unknown"}, {"amount": "-1.00"}],
    )
    def test_what_is_not_understood_is_dead(self, change: dict[str, str]) -> None:
        assert outcome("order_transactions/create", body_of(CAPTURE) | change).outcome == "dead"

    def test_a_refund_told_twice_is_one_fact(self) -> None:
        alone = only("order_transactions/create", body_of("order_transactions.create__refunded"))
        within = next(
            message
            for message in messages("refunds/create", body_of(REFUND))
            if isinstance(message.data, RefundIssued)
        )
        assert alone.key == within.key
        assert alone.data.content() == within.data.content()

    def test_a_refund_points_to_the_capture_it_undoes(self) -> None:
        capture = only("order_transactions/create", body_of(CAPTURE)).data
        refund = messages("refunds/create", body_of(REFUND))[0].data
        assert isinstance(capture, PaymentCaptured)
        assert isinstance(refund, RefundIssued)
        assert refund.payment_id == capture.payment_id

    def test_only_goods_restocked_as_a_return_have_come_back(self) -> None:
        received = messages("refunds/create", body_of(REFUND))[1].data
        assert isinstance(received, ReturnReceived)
        assert [line.order_line_id for line in received.lines] == ["15500012345678901"]

    def test_one_bad_refund_transaction_spares_the_others(self) -> None:
        found = outcome("refunds/create", body_of("refunds.create__one_bad_transaction"))
        assert [type(message.data) for message in found.messages] == [RefundIssued]
        assert [(one.code, one.at) for one in found.problems] == [("bad_amount", "transactions[0]")]


class TestDisputes:
    def test_an_inquiry_and_a_chargeback_are_two_facts(self) -> None:
        body = body_of(DISPUTE)
        inquiry = only("disputes/create", body | {"type": "inquiry"})
        chargeback = only("disputes/update", body)
        assert inquiry.key != chargeback.key

    def test_an_open_dispute_stays_one_fact_while_its_status_moves(self) -> None:
        body = body_of(DISPUTE)
        first = only("disputes/create", body)
        second = only("disputes/update", body | {"status": "under_review"})
        assert isinstance(first.data, DisputeOpened)
        assert first.key == second.key

    @pytest.mark.parametrize(
        ("status", "result"),
        [
            ("won", DisputeOutcome.WON),
            ("lost", DisputeOutcome.LOST),
            ("accepted", DisputeOutcome.LOST),
            ("charge_refunded", DisputeOutcome.CLOSED),
        ],
    )
    def test_outcomes(self, status: str, result: DisputeOutcome) -> None:
        data = only("disputes/update", body_of(DISPUTE) | {"status": status}).data
        assert isinstance(data, DisputeClosed)
        assert data.outcome is result

    def test_won_and_lost_are_two_facts(self) -> None:
        won = only("disputes/update", body_of(DISPUTE) | {"status": "won"})
        lost = only("disputes/update", body_of(DISPUTE) | {"status": "lost"})
        assert won.key != lost.key


class TestShipments:
    def test_a_line_at_a_time(self) -> None:
        found = messages("fulfillments/create", body_of(SHIPPED))
        assert all(isinstance(message.data, ShipmentConfirmed) for message in found)
        assert len({message.key for message in found}) == len(found) == 2

    def test_tracking_told_later_is_no_new_fact(self) -> None:
        before = messages("fulfillments/create", body_of(SHIPPED))
        after = messages("fulfillments/update", body_of("fulfillments.update__tracking_added"))
        exported = filed(body_of("file.fulfillment__export")).messages
        for other in (after, exported):
            assert [one.key for one in other] == [one.key for one in before]
            assert [one.data.content() for one in other] == [one.data.content() for one in before]

    def test_another_quantity_is_another_fact(self) -> None:
        body = body_of(SHIPPED)
        before = messages("fulfillments/create", body)[0]
        body["line_items"][0]["quantity"] = 1
        assert messages("fulfillments/create", body)[0].key != before.key

    def test_a_cancelled_fulfilment_takes_its_lines_back(self) -> None:
        body = body_of(SHIPPED) | {"status": "cancelled"}
        found = messages("fulfillments/update", body)
        assert [type(message.data) for message in found] == [ShipmentReversed, ShipmentReversed]
        confirmed = messages("fulfillments/create", body_of(SHIPPED))
        assert not {one.key for one in found} & {one.key for one in confirmed}

    @pytest.mark.parametrize("status", ["pending", "open", "failure", "error"])
    def test_nothing_has_shipped_yet(self, status: str) -> None:
        body = body_of(SHIPPED) | {"status": status}
        assert outcome("fulfillments/update", body).outcome == "ignored"

    @pytest.mark.parametrize(
        ("code", "status"),
        [
            ("label_purchased", DeliveryStatus.CREATED),
            ("out_for_delivery", DeliveryStatus.IN_TRANSIT),
            ("attempted_delivery", DeliveryStatus.FAILED),
            ("delivered", DeliveryStatus.DELIVERED),
        ],
    )
    def test_tracking_events(self, code: str, status: DeliveryStatus) -> None:
        body = body_of("fulfillment_events.create__in_transit") | {"status": code}
        data = only("fulfillment_events/create", body).data
        assert isinstance(data, DeliveryStatusChanged)
        assert (data.status, data.carrier_code) == (status, code)
        assert data.terminal is (status is DeliveryStatus.DELIVERED)

    def test_an_unknown_event_is_never_in_transit(self) -> None:
        body = body_of("fulfillment_events.create__in_transit") | {"status": "vanished"}
        assert outcome("fulfillment_events/create", body).problems[0].code == "unmapped_code"


class TestPayouts:
    def test_gross_fees_refunds_and_other_make_the_net(self) -> None:
        (message,) = filed(body_of("file.payout__single")).messages
        data = message.data
        assert isinstance(data, PayoutSettled)
        parts = amount(data.gross) - amount(data.fees) - amount(data.refunds) + amount(data.other)
        assert parts == data.net.amount == Decimal("37.83")

    def test_lines_make_the_payout(self) -> None:
        found = filed(body_of("file.payout_transaction__one_payout"))
        nets = [
            message.data.net.amount
            for message in found.messages
            if isinstance(message.data, PayoutLineReported)
        ]
        assert sum(nets) == Decimal("37.83")
        assert [one.code for one in found.problems] == ["line_unbalanced"]

    def test_a_new_group_in_the_summary_is_counted(self) -> None:
        document = body_of("file.payout__single")
        summary = document["payout"]["summary"]
        summary |= {"advances_gross_amount": "-1.00", "advances_fee_amount": "0.25"}
        document["payout"]["amount"] = "36.58"
        assert filed(document).outcome == "translated"

    @pytest.mark.parametrize("status", ["scheduled", "in_transit", "failed", "canceled"])
    def test_only_what_reached_the_bank_is_settled(self, status: str) -> None:
        document = body_of("file.payout__single")
        document["payout"]["status"] = status
        assert filed(document).outcome == "ignored"
