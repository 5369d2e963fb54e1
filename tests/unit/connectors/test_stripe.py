"""Stripe: who may send, what a payload is, and that one capture is one fact."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from canonical.cash import PaymentCaptured, PaymentFailed, PayoutLineReported, PayoutSettled
from canonical.errors import Malformed, Rejected, Unsupported
from canonical.message import Message
from canonical.order import OrderPlaced
from canonical.values import Identifier
from connectors.goldens import specimen
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.stripe import CONNECTOR
from connectors.stripe.amounts import exponent, money, unit_price
from connectors.translation import Outcome, dry_run

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
SECRET = Secret("now", b"whsec_new")
OTHER = Secret("before", b"whsec_old")


def event(kind: str, body: dict[str, Any], **more: Any) -> dict[str, Any]:
    data = {"object": body, **more.pop("data", {})}
    told = {"id": "evt_1", "object": "event", "created": 1772445600, "livemode": True}
    return {**told, "type": kind, "data": data, **more}


def arriving(
    document: Any,
    *,
    options: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    filename: str | None = None,
) -> RawMessage:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return RawMessage(
        body,
        account="acme",
        received_at=NOW,
        headers=headers or {},
        options=options or {},
        filename=filename,
    )


def told(document: Any, **how: Any) -> Outcome:
    return dry_run(CONNECTOR, arriving(document, **how))


def charge(**changes: Any) -> dict[str, Any]:
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 2500,
        "amount_captured": 2500,
        "amount_refunded": 0,
        "captured": True,
        "created": 1772445000,
        "currency": "eur",
        "payment_intent": "pi_1",
        "status": "succeeded",
        **changes,
    }


def intent(**changes: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 2500,
        "amount_capturable": 0,
        "amount_received": 2500,
        "created": 1772444000,
        "currency": "eur",
        "latest_charge": "ch_1",
        "status": "succeeded",
        **changes,
    }


def refund(**changes: Any) -> dict[str, Any]:
    return {
        "id": "re_1",
        "object": "refund",
        "amount": 500,
        "charge": "ch_1",
        "created": 1772446000,
        "currency": "eur",
        "payment_intent": "pi_1",
        "status": "succeeded",
        **changes,
    }


def only(outcome: Outcome) -> Message:
    assert not outcome.problems
    (message,) = outcome.messages
    return message


def fact(message: Message) -> tuple[str, str]:
    return message.key.text, message.data.content()


# --- signature


def signed(body: bytes, stamp: datetime, *secrets: Secret, version: str = "v1") -> str:
    t = str(int(stamp.timestamp()))
    macs = [hmac.new(one.value, f"{t}.".encode() + body, hashlib.sha256) for one in secrets]
    return ",".join([f"t={t}", *(f"{version}={mac.hexdigest()}" for mac in macs)])


def verified(header: str, *secrets: Secret, options: dict[str, Any] | None = None) -> Secret:
    raw = arriving(b"{}", headers={"stripe-signature": header}, options=options)
    return CONNECTOR.verify(raw, secrets)


def test_a_signed_delivery_passes_and_names_the_secret() -> None:
    assert verified(signed(b"{}", NOW, SECRET), SECRET) is SECRET


def test_during_rotation_either_secret_passes() -> None:
    assert verified(signed(b"{}", NOW, OTHER), SECRET, OTHER) is OTHER
    assert verified(signed(b"{}", NOW, Secret("gone", b"x"), SECRET), SECRET, OTHER) is SECRET


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (signed(b"{}", NOW, OTHER), "bad_signature"),
        (signed(b"{ }", NOW, SECRET), "bad_signature"),
        (signed(b"{}", NOW, SECRET, version="v0"), "missing_signature"),
        (signed(b"{}", NOW - timedelta(seconds=301), SECRET), "stale_signature"),
        (signed(b"{}", NOW + timedelta(seconds=301), SECRET), "stale_signature"),
        ("", "missing_signature"),
        ("t=,v1=", "bad_signature"),
    ],
)
def test_anything_else_is_refused(header: str, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        verified(header, SECRET)
    assert refused.value.code == code


def test_the_tolerance_is_an_option() -> None:
    header = signed(b"{}", NOW - timedelta(seconds=600), SECRET)
    assert verified(header, SECRET, options={"tolerance_s": 600}) is SECRET
    with pytest.raises(Rejected):
        verified(header, SECRET, options={"tolerance_s": "600"})


# --- identity


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (event("charge.succeeded", {}), "charge.succeeded"),
        (event("brand.new", {}), "brand.new"),
        ({"id": "evt_2", "object": "v2.core.event", "type": "v1.x.created"}, "v1.x.created"),
        ({"id": "evt_2", "object": "v2.core.event", "type": "charge.failed"}, "v2.charge.failed"),
        (charge(), "file/charge"),
        ({"object": "list", "data": [charge()]}, "file/charge"),
        ({"object": "list", "data": []}, "file/list"),
        ({"id": "txn_1", "object": "balance_transaction"}, "file/balance_transactions"),
        ({"id": "cus_1", "object": "customer"}, "file/customer"),
    ],
)
def test_kinds(document: Any, kind: str) -> None:
    identity = CONNECTOR.identify(arriving(document))
    assert identity is not None
    assert identity.kind == kind


@pytest.mark.parametrize(
    "document",
    [[], "text", 7, {}, {"object": "event"}, {"object": "spaceship", "id": "x"}, {"object": 5}],
)
def test_what_is_not_of_stripe_is_not_claimed(document: Any) -> None:
    assert CONNECTOR.identify(arriving(document)) is None


def test_an_event_without_an_id_is_malformed() -> None:
    with pytest.raises(Malformed):
        CONNECTOR.identify(arriving({"object": "event", "type": "charge.succeeded"}))


def test_delivery_keys_are_event_ids_and_digests_of_files() -> None:
    body = json.dumps(charge()).encode()
    of_event = CONNECTOR.identify(arriving(event("charge.succeeded", charge())))
    of_file = CONNECTOR.identify(arriving(body))
    assert of_event
    assert of_file
    assert of_event.delivery_key == "evt_1"
    assert of_file.delivery_key == hashlib.sha256(body).hexdigest()


def test_thin_and_unheard_of_events_wait_for_people() -> None:
    for document in (
        event("brand.new", {}),
        {"id": "e", "object": "v2.core.event", "type": "v1.a"},
    ):
        assert [one.code for one in told(document).problems] == ["unknown_kind"]


# --- amounts


@pytest.mark.parametrize(
    ("value", "currency", "expected"),
    [
        (1099, "USD", "10.99"),
        (500, "JPY", "500"),
        (500, "MGA", "500"),
        (500, "ISK", "5.00"),
        (500, "UGX", "5.00"),
        (1045, "HUF", "10.45"),
        (80045, "TWD", "800.45"),
        (5120, "KWD", "5.120"),
        (-250, "EUR", "-2.50"),
    ],
)
def test_minor_units_are_those_of_stripe(value: int, currency: str, expected: str) -> None:
    assert str(money(value, currency).amount) == expected


def test_a_ugx_amount_that_may_mean_two_things_is_refused() -> None:
    with pytest.raises(Unsupported):
        money(12345, "UGX")


@pytest.mark.parametrize("currency", ["IQD", "CLF", "USDC", "XXX", ""])
def test_currencies_without_a_documented_unit_are_refused(currency: str) -> None:
    with pytest.raises(Unsupported):
        exponent(currency)


def test_a_unit_price_keeps_fractions_of_a_minor_unit() -> None:
    found = unit_price({"unit_amount_decimal": "0.8"}, "EUR")
    long = unit_price({"unit_amount_decimal": "123456789012345678.0123456789"}, "EUR")
    assert found
    assert long
    assert str(found.amount) == "0.008"
    assert str(long.amount) == "1234567890123456.780123456789"


@pytest.mark.parametrize("value", ["25.00", "2500", 25.5, True, -1, 10**15, [], {}])
def test_amounts_that_are_not_whole_positive_minor_units_are_refused(value: Any) -> None:
    outcome = told(event("charge.succeeded", charge(amount_captured=value)))
    assert [one.code for one in outcome.problems] == ["bad_amount"]


# --- one capture, one fact


CAPTURES = [
    event("charge.succeeded", charge()),
    event("charge.captured", charge(), data={"previous_attributes": {"captured": False}}),
    event("payment_intent.succeeded", intent(), id="evt_2", created=1772445601),
    event("payment_intent.succeeded", intent(latest_charge=charge())),
    event(
        "payment_intent.succeeded",
        {**intent(latest_charge=None), "charges": {"object": "list", "data": [charge()]}},
    ),
    event("charge.succeeded", charge(payment_intent=intent(), customer={"id": "cus_1"})),
    charge(),
    intent(),
    {"object": "list", "data": [event("charge.succeeded", charge())]},
]


@pytest.mark.parametrize("document", CAPTURES)
def test_every_report_of_a_capture_is_the_same_fact(document: Any) -> None:
    expected = only(told(CAPTURES[0]))
    found = only(told(document))
    assert isinstance(found.data, PaymentCaptured)
    assert fact(found) == fact(expected)
    assert (found.correlation, found.partition) == (expected.correlation, expected.partition)
    assert found.data.amount.amount == Decimal("25.00")


def test_a_hold_is_the_same_fact_from_charge_and_payment() -> None:
    held = charge(captured=False, amount_captured=0)
    waiting = intent(amount_capturable=2500, amount_received=0, status="requires_capture")
    found = {
        fact(only(told(document)))
        for document in (
            event("charge.succeeded", held),
            event("payment_intent.amount_capturable_updated", waiting),
            held,
            waiting,
        )
    }
    assert len(found) == 1


def test_captures_in_parts_tell_the_sum_so_far_as_versions_of_one_entity() -> None:
    first = told(
        event(
            "payment_intent.amount_capturable_updated",
            intent(amount_capturable=1500, amount_received=1000),
        )
    )
    last = told(event("charge.captured", charge(amount_captured=2000)))
    authorised, captured = first.messages
    final = only(last)
    assert authorised.key.text.endswith("/authorised/2500")
    assert captured.key != final.key
    assert captured.entity == final.entity
    assert captured.version
    assert final.version
    assert captured.version < final.version


def test_the_end_of_a_hold_is_one_fact_and_takes_no_money() -> None:
    gone = charge(captured=False, amount_captured=0, amount_refunded=2500, refunded=True)
    found = {
        fact(only(told(document)))
        for document in (
            event("charge.expired", gone),
            event("charge.refunded", {**gone, "refunds": {"data": [refund(amount=2500)]}}),
            event("charge.captured", charge(amount_captured=0)),
            event("payment_intent.canceled", intent(amount_received=0, status="canceled")),
            gone,
        )
    }
    assert len(found) == 1


def test_a_declined_card_is_one_fact_from_charge_and_payment() -> None:
    failed = charge(captured=False, amount_captured=0, status="failed", failure_code="declined")
    error = {"charge": "ch_1", "code": "declined", "type": "card_error"}
    again = intent(amount_received=0, last_payment_error=error)
    first = only(told(event("charge.failed", failed)))
    second = only(told(event("payment_intent.payment_failed", again)))
    assert fact(first) == fact(second)


def test_a_try_that_never_became_a_charge_is_not_an_earlier_one() -> None:
    error = {"code": "authentication", "payment_method": {"id": "pm_1", "type": "card"}}
    failed = event("payment_intent.payment_failed", intent(last_payment_error=error), id="evt_9")
    message = only(told(failed))
    assert isinstance(message.data, PaymentFailed)
    assert message.key.text == "payment/stripe/acme/evt_9/failed"


# --- modes and options


@pytest.mark.parametrize(("livemode", "wanted", "taken"), [
    (True, None, True), (False, None, True), (True, True, True),
    (False, True, False), (False, False, True), (True, False, False),
])  # fmt: skip
def test_modes(livemode: bool, wanted: bool | None, taken: bool) -> None:
    options = {} if wanted is None else {"livemode": wanted}
    outcome = told(event("charge.succeeded", charge(), livemode=livemode), options=options)
    assert outcome.outcome == ("translated" if taken else "ignored")
    for message in outcome.messages:
        assert isinstance(message.data, PaymentCaptured)
        assert message.data.test is not livemode


def test_a_wrong_option_is_said_so() -> None:
    outcome = told(event("charge.succeeded", charge()), options={"livemode": "yes"})
    assert [one.code for one in outcome.problems] == ["bad_option"]


@pytest.mark.parametrize(
    ("metadata", "options", "expected"),
    [
        ({"order_id": "10042"}, {}, "10042"),
        ({"cart": "7"}, {"order_id_metadata": "cart"}, "7"),
        ({"order_id": "Jane Doe, 1 Example Street"}, {}, None),
        ({"order_id": 7}, {}, None),
        (None, {}, None),
    ],
)
def test_the_order_id_comes_from_metadata(metadata: Any, options: Any, expected: Any) -> None:
    message = only(told(event("charge.succeeded", charge(metadata=metadata)), options=options))
    assert isinstance(message.data, PaymentCaptured)
    assert message.data.order_id == expected
    named = [one.value for one in message.data.references if one.scheme == "stripe:order"]
    assert named == ([expected] if expected else [])


def test_a_client_reference_may_be_anything_and_is_no_order_number() -> None:
    session = {
        "id": "cs_1", "object": "checkout.session", "mode": "payment", "currency": "gbp",
        "amount_total": 1000, "client_reference_id": "cart-778", "payment_status": "paid",
    }  # fmt: skip
    document = event("checkout.session.completed", session)
    message = only(told(document, options={"checkout_as_order": True}))
    assert isinstance(message.data, OrderPlaced)
    assert message.data.order_number is None
    client = Identifier(scheme="stripe:client_reference_id", value="cart-778")
    assert client in message.data.references


# --- payouts


def test_a_payout_adds_up_or_says_so() -> None:
    by_name = {one.path.name: one for one in specimen("stripe").fixtures}
    balanced = by_name["file.payout_with_transactions__balanced.json"]
    outcome = dry_run(CONNECTOR, balanced.raw)
    payout = outcome.messages[-1].data
    lines = [one.data for one in outcome.messages if isinstance(one.data, PayoutLineReported)]
    assert isinstance(payout, PayoutSettled)
    parts = (payout.gross, payout.fees, payout.refunds, payout.disputes, payout.other)
    gross, fees, refunds, disputes, other = (part.amount for part in parts if part)
    assert gross - fees - refunds + disputes + other == payout.net.amount
    assert sum(line.net.amount for line in lines) == payout.net.amount
    assert payout.line_count == len(lines)
    document = json.loads(balanced.path.read_bytes())
    document["payout"]["amount"] += 1
    off = told(document)
    assert [one.code for one in off.problems] == ["payout_mismatch"]
    assert len(off.messages) == len(outcome.messages)
    assert off.messages[-1].data.model_dump(exclude_none=True).get("gross") is None


def test_a_payout_line_is_the_same_fact_with_and_without_its_payout() -> None:
    by_name = {one.path.name: one for one in specimen("stripe").fixtures}
    wrapped = dry_run(CONNECTOR, by_name["file.payout_with_transactions__balanced.json"].raw)
    bare = dry_run(CONNECTOR, by_name["file.balance_transactions__payout_in_file_name.json"].raw)
    assert [fact(one) for one in bare.messages] == [fact(one) for one in wrapped.messages[:-1]]


@pytest.mark.parametrize("name", ["po_1_and_po_2.json", "payout.json", "", None])
def test_lines_are_not_given_a_payout_by_guess(name: str | None) -> None:
    line = {"id": "txn_1", "object": "balance_transaction", "amount": 1, "fee": 0, "net": 1}
    assert told({**line, "type": "charge", "currency": "eur"}, filename=name).outcome == "ignored"
