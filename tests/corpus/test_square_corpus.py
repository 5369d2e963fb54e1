"""Square's published payloads: what each becomes, and that no amount or id is lost."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canonical.cash import PaymentAuthorised, PaymentCaptured, PaymentFailed, PayoutLineReported
from canonical.errors import Rejected
from canonical.order import OrderChanged, OrderPlaced
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.square import CONNECTOR
from connectors.translation import Outcome, dry_run

COMMERCE = Path(__file__).parents[3] / "shared" / "corpus" / "commerce"
FOLDER = COMMERCE / "square"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpus is not here"),
]

RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)
TRANSLATED = {
    "api.CancelPaymentResponse": ["PaymentFailed"],
    "api.CompletePaymentResponse": ["PaymentCaptured"],
    "api.CreateOrderResponse": ["OrderPlaced"],
    "api.CreatePaymentResponse": ["PaymentCaptured"],
    "api.GetPaymentRefundResponse": ["RefundIssued"],
    "api.GetPayoutResponse": ["PayoutSettled"],
    "api.ListDisputesResponse": ["DisputeClosed", "DisputeOpened"],
    "api.ListPaymentRefundsResponse": ["RefundIssued"],
    "api.ListPayoutEntriesResponse": ["PayoutLineReported"] * 2,
    "api.RetrieveOrderResponse": ["OrderPlaced"],
    "api.UpdateOrderResponse": ["OrderChanged"],
    "api.UpdatePaymentResponse": ["PaymentAuthorised"],
    "event.dispute.created": ["DisputeOpened"],
    "event.dispute.state.changed": ["DisputeClosed"],
    "event.payment.created": ["PaymentAuthorised"],
    "event.payout.failed": ["PayoutSettled"],
    "event.payout.paid": ["PayoutSettled"],
}
DEAD = {
    "api.BatchRetrieveOrdersResponse": "missing_field",
    "api.CalculateOrderResponse": "missing_field",
}
"""An order without a state, and a calculation that is no order and has no id."""
FETCHED = {"event.order.created", "event.order.fulfillment.updated"}

NAMES = sorted(path.stem for path in FOLDER.glob("*.json")) if FOLDER.is_dir() else []


def read(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_bytes())


def outcome(name: str) -> Outcome:
    content = (FOLDER / f"{name}.json").read_bytes()
    return dry_run(CONNECTOR, RawMessage(content, account="acme", received_at=RECEIVED))


def minor(value: int) -> Decimal:
    return Decimal(value).scaleb(-2)


def test_the_whole_corpus_is_known() -> None:
    assert len(NAMES) == 43
    assert set(TRANSLATED) | set(DEAD) | FETCHED <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_file_becomes_what_it_says(name: str) -> None:
    found = outcome(name)
    assert [type(message.data).__name__ for message in found.messages] == TRANSLATED.get(name, [])
    assert {one.code for one in found.problems} == ({DEAD[name]} if name in DEAD else set())
    assert bool(found.fetches) == (name in FETCHED)


def test_outcomes_by_number() -> None:
    assert Counter(outcome(name).outcome for name in NAMES) == {
        "translated": 17,
        "ignored": 24,
        "dead": 2,
    }


@pytest.mark.parametrize("name", ["CreateOrder", "RetrieveOrder", "UpdateOrder"])
def test_orders_keep_every_amount_and_quantity(name: str) -> None:
    source = read(f"api.{name}Response")["order"]
    (message,) = outcome(f"api.{name}Response").messages
    data = message.data
    assert isinstance(data, OrderPlaced | OrderChanged)
    assert data.totals.total is not None
    assert data.totals.tax is not None
    assert data.totals.discount is not None
    assert data.totals.total.amount == minor(source["total_money"]["amount"])
    assert data.totals.tax.amount == minor(source["total_tax_money"]["amount"])
    assert data.totals.discount.amount == minor(source["total_discount_money"]["amount"])
    told = [
        (line.line_id, line.quantity.value, line.total and line.total.amount) for line in data.lines
    ]
    assert told == [
        (one["uid"], Decimal(one["quantity"]), minor(one["total_money"]["amount"]))
        for one in source["line_items"]
    ]
    assert sum(total for _, _, total in told if total) == data.totals.total.amount


@pytest.mark.parametrize("name", ["Cancel", "Complete", "Create", "Update"])
def test_payments_keep_their_amount_and_ids(name: str) -> None:
    source = read(f"api.{name}PaymentResponse")["payment"]
    (message,) = outcome(f"api.{name}PaymentResponse").messages
    data = message.data
    assert isinstance(data, PaymentAuthorised | PaymentCaptured | PaymentFailed)
    assert data.amount.amount == minor(source["total_money"]["amount"])
    assert (data.payment_id, data.order_id) == (source["id"], source["order_id"])


def test_payout_entries_add_up() -> None:
    for message in outcome("api.ListPayoutEntriesResponse").messages:
        data = message.data
        assert isinstance(data, PayoutLineReported)
        assert data.fee is not None
        assert data.gross.amount - data.fee.amount == data.net.amount


def test_one_refund_read_twice_is_one_fact() -> None:
    (single,) = outcome("api.GetPaymentRefundResponse").messages
    (listed,) = outcome("api.ListPaymentRefundsResponse").messages
    assert single.key == listed.key
    assert single.data.content() == listed.data.content()


def test_the_signature_vectors() -> None:
    vectors = json.loads((COMMERCE / "signatures" / "square.json").read_bytes())["vectors"]
    assert len(vectors) == 3
    for vector in vectors:
        secret = Secret("vector", vector["key"].encode())
        raw = RawMessage(
            vector["body"].encode(),
            account="acme",
            received_at=RECEIVED,
            headers={"x-square-hmacsha256-signature": vector["signature"]},
            url=vector["notification_url"],
        )
        if vector["valid"]:
            assert CONNECTOR.verify(raw, [secret]) == secret
        else:
            with pytest.raises(Rejected):
                CONNECTOR.verify(raw, [secret])
