"""Square: who signed it, what it is, and what it says."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import connectors.square
from canonical.cash import (
    DisputeClosed,
    DisputeOpened,
    DisputeOutcome,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentFailed,
    PayoutSettled,
    RefundIssued,
)
from canonical.errors import GatewayError, Rejected
from canonical.message import Message
from canonical.order import OrderCancelled, OrderChanged, OrderPlaced
from canonical.values import Identifier
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.square import CONNECTOR
from connectors.translation import Outcome, dry_run

FIXTURES = Path(connectors.square.__file__).parent / "fixtures"
FIXTURE_NAMES = sorted(
    path.name.removesuffix(".json")
    for path in FIXTURES.glob("*.json")
    if not path.name.endswith((".meta.json", ".expected.json"))
)
RECEIVED = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SECRET = Secret("current", b"an-invented-key")
URL = "https://hub.example.com/in/square/acme"


def body_of(fixture: str) -> Any:
    return json.loads((FIXTURES / f"{fixture}.json").read_bytes())


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container with a key or index in it, depth first."""
    if not isinstance(value, dict | list):
        return []
    steps = list(value) if isinstance(value, dict) else list(range(len(value)))
    return [place for step in steps for place in [(value, step), *places(value[step])]]


def arriving(document: Any, **more: Any) -> RawMessage:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return RawMessage(content, account="acme", received_at=RECEIVED, **more)


def signed(content: bytes, url: str = URL) -> dict[str, str]:
    digest = hmac.digest(SECRET.value, url.encode() + content, "sha256")
    return {"x-square-hmacsha256-signature": base64.b64encode(digest).decode()}


def outcome(document: Any, **more: Any) -> Outcome:
    return dry_run(CONNECTOR, arriving(document, **more))


def asked(order: Any, kind: str = "fetch/order", **more: Any) -> Outcome:
    return outcome({"order": order}, headers={"x-gateway-kind": kind}, **more)


def only(found: Outcome) -> Message:
    assert not found.problems
    (message,) = found.messages
    return message


def order(**changes: Any) -> Any:
    return {**body_of("fetch.order__new")["order"], **changes}


def event(fixture: str, name: str, **changes: Any) -> Any:
    document = body_of(fixture)
    document["data"]["object"][name].update(changes)
    return document


def test_the_url_is_part_of_what_is_signed() -> None:
    headers = signed(b"{}")
    assert CONNECTOR.verify(arriving(b"{}", headers=headers, url=URL), [SECRET]) == SECRET
    with pytest.raises(Rejected) as refused:
        CONNECTOR.verify(arriving(b"{}", headers=headers, url=URL + "/other"), [SECRET])
    assert refused.value.code == "bad_signature"


def test_the_notification_url_of_the_account_goes_before_the_one_called() -> None:
    raw = arriving(
        b"{}",
        headers=signed(b"{}"),
        url="http://10.0.0.7/in/square/acme",
        options={"notification_url": URL},
    )
    assert CONNECTOR.verify(raw, [SECRET]) == SECRET


def test_without_any_url_nothing_is_verified() -> None:
    with pytest.raises(Rejected) as refused:
        CONNECTOR.verify(arriving(b"{}", headers=signed(b"{}", "")), [SECRET])
    assert refused.value.code == "missing_url"


def test_the_event_id_names_the_delivery() -> None:
    document = body_of("payment.created__approved")
    assert outcome(document).delivery_key == document["event_id"]


def test_an_unchanged_order_asked_for_again_is_the_same_delivery() -> None:
    fetched = asked(order())
    assert fetched.delivery_key == asked(order(note="x"), "poll/order").delivery_key
    assert fetched.delivery_key != asked(order(version=2)).delivery_key


@pytest.mark.parametrize("document", [[], {}, {"orders": []}, {"order": {"id": "1"}}, 7])
def test_what_is_not_of_square_is_not_identified(document: Any) -> None:
    assert CONNECTOR.identify(arriving(document)) is None


@pytest.mark.parametrize(
    "fixture",
    [
        "order.created__open",
        "order.updated__completed",
        "order.fulfillment.updated__prepared",
    ],
)
def test_a_thin_event_asks_for_its_order(fixture: str) -> None:
    found = outcome(body_of(fixture))
    assert not found.messages
    assert not found.problems
    assert [(one.kind, one.object_id) for one in found.fetches] == [("fetch/order", "SqOrderA1")]


def test_a_draft_is_not_asked_for() -> None:
    found = outcome(body_of("order.created__draft"))
    assert found.outcome == "ignored"
    assert not found.fetches


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"version": 1}, OrderPlaced),
        ({"version": 2}, OrderChanged),
        ({"version": 9, "state": "COMPLETED"}, OrderChanged),
        ({"version": 3, "state": "CANCELED"}, OrderCancelled),
    ],
)
def test_an_order_by_its_state_and_version(changes: Any, fact: type) -> None:
    message = only(asked(order(**changes)))
    assert isinstance(message.data, fact)
    assert message.version is not None
    assert int(message.version.text) == changes["version"]
    assert message.correlation == "square/acme/order/SqOrderA1"


def test_a_reference_of_the_sellers_is_no_order_number() -> None:
    data = only(asked(order(reference_id="TABLE-7"))).data
    assert isinstance(data, OrderPlaced)
    assert data.order_number is None
    assert Identifier(scheme="square:reference_id", value="TABLE-7") in data.references


def test_versions_sort_by_number_not_by_text() -> None:
    ninth, tenth = (only(asked(order(version=number))).version for number in (9, 10))
    assert ninth is not None
    assert tenth is not None
    assert ninth < tenth


def test_fetched_and_polled_are_one_fact() -> None:
    fetched, polled = only(asked(order())), only(asked(order(), "poll/order"))
    assert fetched.key == polled.key
    assert fetched.data.content() == polled.data.content()


def test_an_order_without_a_version_is_versioned_by_its_time() -> None:
    plain = order()
    del plain["version"]
    message = only(asked(plain))
    assert isinstance(message.data, OrderPlaced)
    assert message.version is not None
    assert message.version.text.startswith("2026-03-02T09:40")
    del plain["updated_at"]
    (problem,) = asked(plain).problems
    assert problem.code == "missing_field"


def test_the_order_of_a_refund_is_no_sale() -> None:
    assert asked(order(line_items=[], returns=[{"uid": "r"}])).outcome == "ignored"
    exchanged = only(asked(order(returns=[{"uid": "r"}])))
    assert isinstance(exchanged.data, OrderPlaced)


def test_quantities_have_their_units() -> None:
    data = only(asked(order())).data
    assert isinstance(data, OrderPlaced)
    told = [(format(line.quantity.value, "f"), line.quantity.unit) for line in data.lines]
    assert told == [("2", "EA"), ("1.275", "KGM"), ("1", "EA")]


def test_a_unit_too_long_to_be_kept_is_not_shortened() -> None:
    line = order()["line_items"][1]
    line["quantity_unit"] = {"measurement_unit": {"weight_unit": "A_UNIT_NOBODY_KNOWS_OF"}}
    (problem,) = asked(order(line_items=[line])).problems
    assert problem.code == "unmapped_code"


@given(
    lines=st.lists(st.integers(0, 10**9), min_size=1, max_size=5),
    currency=st.sampled_from([("USD", 2), ("JPY", 0), ("KWD", 3)]),
)
def test_amounts_of_an_order_are_conserved(lines: list[int], currency: tuple[str, int]) -> None:
    code, digits = currency
    amounts = [{"amount": minor, "currency": code} for minor in lines]
    document = order(
        line_items=[
            {"uid": str(number), "quantity": "1", "total_money": amount}
            for number, amount in enumerate(amounts)
        ],
        total_money={"amount": sum(lines), "currency": code},
        total_tax_money=None,
        total_discount_money=None,
    )
    data = only(asked(document)).data
    assert isinstance(data, OrderPlaced)
    told = [line.total.amount for line in data.lines if line.total]
    assert data.totals.total is not None
    assert sum(told) == data.totals.total.amount == Decimal(sum(lines)).scaleb(-digits)


def test_a_payment_is_told_by_its_status() -> None:
    told = {
        status: outcome(event("payment.created__approved", "payment", status=status)).messages
        for status in ("APPROVED", "COMPLETED", "CANCELED", "FAILED", "PENDING")
    }
    assert isinstance(told["APPROVED"][0].data, PaymentAuthorised)
    assert isinstance(told["COMPLETED"][0].data, PaymentCaptured)
    assert isinstance(told["CANCELED"][0].data, PaymentFailed)
    assert isinstance(told["FAILED"][0].data, PaymentFailed)
    assert told["PENDING"] == ()


def test_a_capture_told_again_with_its_fee_is_the_same_fact() -> None:
    later = body_of("payment.updated__completed_with_fee")
    sooner = event("payment.updated__completed_with_fee", "payment", processing_fee=[])
    first, second = only(outcome(sooner)), only(outcome(later))
    assert first.key == second.key
    assert first.data.content() == second.data.content()
    assert isinstance(second.data, PaymentCaptured)
    assert second.data.fee is not None
    assert second.data.fee.amount == Decimal("1.11")


def test_a_raised_hold_takes_the_place_of_the_first() -> None:
    first = only(outcome(body_of("payment.created__approved")))
    raised = only(
        outcome(
            event(
                "payment.created__approved",
                "payment",
                total_money={"amount": 3500, "currency": "USD"},
                updated_at="2026-03-02T09:43:00Z",
            )
        )
    )
    assert first.entity == raised.entity
    assert first.key != raised.key
    assert first.version is not None
    assert raised.version is not None
    assert first.version < raised.version


def test_a_refund_names_its_payment_and_not_the_refunds_own_order() -> None:
    message = only(outcome(body_of("refund.updated__completed")))
    assert isinstance(message.data, RefundIssued)
    assert message.data.payment_id == "SqPayA1"
    assert message.data.order_id is None
    assert message.correlation == "square/acme/payment/SqPayA1"


def test_a_dispute_opens_and_ends_once() -> None:
    opened = only(outcome(body_of("dispute.created__chargeback")))
    again = only(outcome(body_of("dispute.state.updated__processing")))
    closed = only(outcome(body_of("dispute.state.changed__won")))
    assert isinstance(opened.data, DisputeOpened)
    assert opened.key == again.key
    assert opened.data.content() == again.data.content()
    assert isinstance(closed.data, DisputeClosed)
    assert closed.data.outcome is DisputeOutcome.WON
    assert closed.data.dispute_id == opened.data.dispute_id


def test_a_payout_that_failed_takes_the_place_of_the_paid_one() -> None:
    paid = only(outcome(body_of("payout.paid__batch")))
    failed = only(outcome(body_of("payout.failed__batch")))
    assert isinstance(paid.data, PayoutSettled)
    assert paid.data.net.amount == Decimal("1780.40")
    assert paid.entity == failed.entity
    assert paid.version is not None
    assert failed.version is not None
    assert paid.version < failed.version


def test_facts_of_the_sandbox_are_tests() -> None:
    found = outcome(body_of("payment.created__approved"), options={"environment": "sandbox"})
    data = only(found).data
    assert isinstance(data, PaymentAuthorised)
    assert data.test


@pytest.mark.parametrize("amount", [31.4, "12.50", True, None, [], "٣"])
def test_no_amount_is_guessed(amount: Any) -> None:
    money = {"amount": amount, "currency": "USD"}
    found = outcome(event("payment.created__approved", "payment", total_money=money))
    assert found.outcome == "dead"
    assert found.problems[0].code == "bad_amount"


@pytest.mark.parametrize(
    ("fixture", "name", "field"),
    [
        ("payment.created__approved", "payment", "status"),
        ("refund.created__pending", "refund", "status"),
        ("dispute.created__chargeback", "dispute", "state"),
        ("payout.paid__batch", "payout", "status"),
    ],
)
def test_an_unknown_status_is_never_taken_for_a_known_one(
    fixture: str, name: str, field: str
) -> None:
    found = outcome(event(fixture, name, **{field: "completed"}))
    assert found.outcome == "dead"
    assert found.problems[0].code == "unmapped_code"


scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=12))
values = st.one_of(scalars, st.lists(scalars, max_size=2), st.dictionaries(st.text(), scalars))


@given(data=st.data(), name=st.sampled_from(FIXTURE_NAMES), value=values)
def test_a_fixture_with_one_value_replaced(data: st.DataObject, name: str, value: Any) -> None:
    document = body_of(name)
    container, step = data.draw(st.sampled_from(places(document)))
    container[step] = value
    found = outcome(document)
    assert not any(one.code == "connector_fault" for one in found.problems)


@given(st.binary(max_size=300))
def test_any_bytes_give_our_own_errors(content: bytes) -> None:
    raw = arriving(content)
    try:
        identity = CONNECTOR.identify(raw)
        if identity:
            list(CONNECTOR.translate(raw, identity))
    except GatewayError:
        pass


def test_keys_do_not_depend_on_the_time_of_receipt() -> None:
    content = json.dumps(body_of("payment.created__approved")).encode()
    later = RawMessage(content, account="acme", received_at=RECEIVED + timedelta(days=3))
    first, again = dry_run(CONNECTOR, arriving(content)), dry_run(CONNECTOR, later)
    assert [one.key for one in first.messages] == [one.key for one in again.messages]
