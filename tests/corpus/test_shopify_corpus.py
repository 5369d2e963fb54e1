"""Shopify's published payloads: what each becomes, and that no amount or id is lost."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canonical.cash import PayoutLineReported, PayoutSettled
from canonical.errors import Rejected
from canonical.order import OrderCancelled, OrderPlaced
from canonical.values import Money
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.shopify import CONNECTOR
from connectors.translation import Outcome, dry_run

COMMERCE = Path(__file__).parents[3] / "shared" / "corpus" / "commerce"
FOLDER = COMMERCE / "shopify"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpus is not here"),
]

TRANSLATED = {
    "delivery.2023-01.disputes.create": ["DisputeOpened"],
    "delivery.2023-01.orders.cancelled": ["OrderCancelled"],
    "delivery.2023-01.orders.create": ["OrderCancelled"],
    "delivery.2023-01.orders.edited": ["OrderChanged"],
    "delivery.2023-01.orders.fulfilled": ["OrderCancelled"],
    "delivery.2023-01.orders.paid": ["OrderCancelled"],
    "delivery.2023-01.orders.updated": ["OrderCancelled"],
    "delivery.2024-10.disputes.create": ["DisputeOpened"],
    "delivery.2024-10.disputes.update": ["DisputeOpened"],
    "delivery.2024-10.fulfillment_events.create": ["DeliveryStatusChanged"],
    "delivery.2024-10.order_transactions.create": ["PaymentAuthorised"],
    "delivery.2024-10.returns.approve": ["ReturnRequested"],
    "pyapi.dispute": ["DisputeClosed"],
    "pyapi.draft_order_completed": ["QuoteAccepted"],
    "pyapi.fulfillment_event": ["DeliveryStatusChanged"],
    "pyapi.order": ["OrderPlaced"],
    "pyapi.payout": ["PayoutSettled"],
    "pyapi.payouts": ["PayoutSettled"] * 2,
    "pyapi.payouts_transactions": ["PayoutLineReported"] * 23,
    "pyapi.refund": ["RefundIssued"],
}
DEAD = {"pyapi.transaction": "missing_currency", "pyapi.transactions": "missing_currency"}
PROBLEMS = {
    "pyapi.payouts": [("payout_unbalanced", "payouts[4]")],
    "pyapi.payouts_transactions": [("line_unbalanced", "transactions[4]")],
}
"""Records whose published figures do not add up."""

NAMES = sorted(path.stem for path in FOLDER.glob("*.json")) if FOLDER.is_dir() else []


def read(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_bytes(), parse_float=Decimal)


def arriving(name: str) -> RawMessage:
    content = (FOLDER / f"{name}.json").read_bytes()
    headers = {}
    if name.startswith("delivery."):
        capture = json.loads(content)
        headers = capture["headers"]
        content = json.dumps(capture["body"], separators=(",", ":")).encode()
    received_at = datetime(2026, 1, 1, tzinfo=UTC)
    return RawMessage(content, account="acme", received_at=received_at, headers=headers)


def outcome(name: str) -> Outcome:
    return dry_run(CONNECTOR, arriving(name))


def resource(name: str) -> Any:
    """The resource itself, out of its capture or wrapper."""
    document = read(name)
    return document["body"] if name.startswith("delivery.") else next(iter(document.values()))


def amount(money: Money | None) -> Decimal:
    assert money is not None
    return money.amount


def test_the_whole_corpus_is_known() -> None:
    assert len(NAMES) == 70
    assert set(TRANSLATED) | set(DEAD) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_file_becomes_what_it_says(name: str) -> None:
    found = outcome(name)
    assert [type(message.data).__name__ for message in found.messages] == TRANSLATED.get(name, [])
    if name in TRANSLATED:
        assert [(one.code, one.at) for one in found.problems] == PROBLEMS.get(name, [])
    elif name in DEAD:
        assert found.outcome == "dead"
        assert {one.code for one in found.problems} == {DEAD[name]}
    else:
        assert found.outcome == "ignored"
        assert not found.problems


@pytest.mark.parametrize("name", NAMES)
def test_no_file_shows_a_fault_of_the_connector(name: str) -> None:
    assert not any(one.code == "connector_fault" for one in outcome(name).problems)


def test_outcomes_by_number() -> None:
    assert Counter(outcome(name).outcome for name in NAMES) == {
        "translated": 20,
        "ignored": 48,
        "dead": 2,
    }


@pytest.mark.parametrize(
    "name",
    [name for name, facts in TRANSLATED.items() if facts[0] in ("OrderCancelled", "OrderPlaced")],
)
def test_orders_keep_every_amount_quantity_and_id(name: str) -> None:
    order = resource(name)
    (message,) = outcome(name).messages
    data = message.data
    assert isinstance(data, OrderCancelled | OrderPlaced)
    totals = data.totals
    assert amount(totals.total) == Decimal(order["total_price"])
    assert amount(totals.subtotal) == Decimal(order["subtotal_price"])
    assert amount(totals.tax) == Decimal(order["total_tax"])
    assert amount(totals.discount) == Decimal(order["total_discounts"])
    assert amount(totals.shipping) == sum(Decimal(one["price"]) for one in order["shipping_lines"])
    assert data.currency == order["currency"]
    assert data.test == order["test"]
    told = [
        (line.sku or "", line.quantity.value, line.unit_price and line.unit_price.amount)
        for line in data.lines
    ]
    assert told == [
        (line["sku"], line["quantity"], Decimal(line["price"])) for line in order["line_items"]
    ]
    exact = order.get("admin_graphql_api_id", f"/{order['id']}").rsplit("/", 1)[1]
    assert data.order_id == exact


def test_payout_lines_keep_every_amount() -> None:
    lines = [
        message.data
        for message in outcome("pyapi.payouts_transactions").messages
        if isinstance(message.data, PayoutLineReported)
    ]
    told = {line.line_id: (line.gross.amount, line.net.amount) for line in lines}
    source = {
        str(one["id"]): (Decimal(one["amount"]), Decimal(one["net"]))
        for one in resource("pyapi.payouts_transactions")
    }
    assert told.items() <= source.items()
    left_out = [source[one] for one in source.keys() - told.keys()]
    assert len(left_out) == 2  # The payout itself, and the line that does not add up.


def test_paid_payouts_add_up() -> None:
    for message in outcome("pyapi.payouts").messages:
        data = message.data
        assert isinstance(data, PayoutSettled)
        parts = amount(data.gross) - amount(data.fees) - amount(data.refunds) + amount(data.other)
        assert parts == data.net.amount


def test_an_update_without_news_is_the_same_fact() -> None:
    (first,) = outcome("delivery.2024-10.disputes.create").messages
    (second,) = outcome("delivery.2024-10.disputes.update").messages
    assert first.key == second.key
    assert first.data.content() == second.data.content()


def test_the_signature_vector() -> None:
    vector = json.loads((COMMERCE / "signatures" / "shopify_DERIVED.json").read_bytes())
    secret = Secret("vector", vector["secret"].encode())
    headers = {"x-shopify-hmac-sha256": vector["signature"]}
    body = vector["body"].encode()
    received_at = datetime(2026, 1, 1, tzinfo=UTC)
    genuine = RawMessage(body, account="acme", received_at=received_at, headers=headers)
    assert CONNECTOR.verify(genuine, [secret]) == secret
    tampered = RawMessage(body + b" ", account="acme", received_at=received_at, headers=headers)
    with pytest.raises(Rejected):
        CONNECTOR.verify(tampered, [secret])
