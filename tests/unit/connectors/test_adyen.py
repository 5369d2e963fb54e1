"""Adyen notifications: what is signed, what each event becomes, what one bad item may not do."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.cash import (
    DisputeClosed,
    DisputeOpened,
    DisputeOutcome,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentFailed,
    RefundIssued,
)
from canonical.errors import Unsupported
from canonical.values import Money
from connectors.adyen import CONNECTOR
from connectors.adyen.amounts import exponent
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run
from tests.unit.connectors.adyen_items import CHANGE, NOW, PAYMENT, SECRET
from tests.unit.connectors.adyen_items import change as _change
from tests.unit.connectors.adyen_items import item as _item
from tests.unit.connectors.adyen_items import raw as _raw
from tests.unit.connectors.adyen_items import signed as _signed


def _outcome(*items: dict[str, Any], **arrival: Any) -> Outcome:
    return dry_run(CONNECTOR, _raw(*map(_signed, items), **arrival), [SECRET])


def _only(*items: dict[str, Any], **arrival: Any) -> Any:
    outcome = _outcome(*items, **arrival)
    assert outcome.problems == ()
    (message,) = outcome.messages
    return message.data


# Items


def test_one_bad_item_holds_back_no_other() -> None:
    outcome = _outcome(
        _change("REFUND", amount={"currency": "EUR", "value": "12.50"}),
        _item("SOMETHING_NEW"),
        _change("CAPTURE", eventDate="yesterday"),
        _item(),
    )
    assert [message.at for message in outcome.messages] == ["notificationItems[3]"]
    assert [(one.code, one.path, one.at) for one in outcome.problems] == [
        ("bad_amount", "amount.value", "notificationItems[0]"),
        ("unknown_kind", "eventCode", "notificationItems[1]"),
        ("bad_time", "eventDate", "notificationItems[2]"),
    ]


# Amounts


@pytest.mark.parametrize(
    ("currency", "value", "expected"),
    [
        ("EUR", 4995, "49.95"),
        ("EUR", "4995", "49.95"),
        ("JPY", 5000, "5000"),
        ("KWD", 12345, "12.345"),
        ("CLP", 1999000, "19990.00"),
        ("ISK", 279000, "2790.00"),
        ("IDR", 250000, "250000"),
        ("CVE", 1100, "1100"),
    ],
)
def test_minor_units_are_adyens(currency: str, value: Any, expected: str) -> None:
    fact = _only(_item(amount={"currency": currency, "value": value}))
    assert fact.amount == Money(amount=Decimal(expected), currency=currency)


@pytest.mark.parametrize("currency", ["CNH", "BIF", "CLF", "UYI", "eur", "XXX", ""])
def test_a_currency_without_a_documented_minor_unit_is_refused(currency: str) -> None:
    with pytest.raises(Unsupported):
        exponent(currency)


@pytest.mark.parametrize("value", [-1, "-1", 1.5, "1e3", "１", None, True, [], "", 10**15])
def test_an_amount_is_whole_minor_units_or_nothing(value: Any) -> None:
    outcome = dry_run(CONNECTOR, _raw(_item(amount={"currency": "EUR", "value": value})))
    assert outcome.messages == ()
    assert [one.code for one in outcome.problems] == ["bad_amount"]


@given(st.integers(min_value=1, max_value=10**15 - 1), st.sampled_from(["EUR", "JPY", "BHD"]))
def test_no_minor_unit_is_lost(value: int, currency: str) -> None:
    outcome = dry_run(CONNECTOR, _raw(_item(amount={"currency": currency, "value": value})))
    (message,) = outcome.messages
    assert isinstance(message.data, PaymentAuthorised)
    assert message.data.amount.amount.scaleb(exponent(currency)) == value


# Payments


def test_an_authorisation_reserves_and_claims_no_capture() -> None:
    fact = _only(_item())
    assert isinstance(fact, PaymentAuthorised)
    assert (fact.payment_id, fact.order_id, fact.test) == (PAYMENT, "1001", False)


def test_with_automatic_capture_the_authorisation_is_the_capture_too() -> None:
    outcome = _outcome(_item(), options={"capture": "automatic"})
    kinds = [type(message.data) for message in outcome.messages]
    assert kinds == [PaymentAuthorised, PaymentCaptured]
    assert len({message.key for message in outcome.messages}) == 2
    (problem,) = _outcome(_change("CAPTURE"), options={"capture": "automatic"}).problems
    assert problem.code == "unexpected_capture"


@pytest.mark.parametrize("options", [{"capture": "sometimes"}, {"live": "yes"}])
def test_an_option_that_is_not_known_is_said(options: dict[str, Any]) -> None:
    assert [one.code for one in _outcome(_item(), options=options).problems] == ["bad_option"]


def test_a_refused_authorisation_says_why() -> None:
    fact = _only(_item(success="false", reason="Expired Card"))
    assert isinstance(fact, PaymentFailed)
    assert fact.failure_code == "Expired Card"


def test_a_capture_belongs_to_the_payment_it_names() -> None:
    outcome = _outcome(_change("CAPTURE", amount={"currency": "EUR", "value": 2500}))
    (message,) = outcome.messages
    assert isinstance(message.data, PaymentCaptured)
    assert (message.data.payment_id, message.data.capture_id) == (PAYMENT, CHANGE)
    assert message.correlation == f"adyen/acme/payment/{PAYMENT}"
    assert message.key.text == f"payment/adyen/acme/{CHANGE}/CAPTURE/true"


def test_a_capture_that_failed_and_was_repeated_is_three_facts() -> None:
    story = [
        _change("CAPTURE"),
        _change("CAPTURE_FAILED", eventDate="2026-03-04T04:10:00+01:00"),
        _change("CAPTURE", reason="Transaction Recaptured", eventDate="2026-03-06T04:10:00+01:00"),
    ]
    messages = [message for item in story for message in _outcome(item).messages]
    assert len({message.key for message in messages}) == 3
    assert [type(message.data) for message in messages] == [
        PaymentCaptured,
        PaymentFailed,
        PaymentCaptured,
    ]


@pytest.mark.parametrize("event", ["CANCELLATION", "TECHNICAL_CANCEL"])
def test_a_cancelled_payment_failed(event: str) -> None:
    fact = _only(_change(event))
    assert isinstance(fact, PaymentFailed)
    assert (fact.payment_id, fact.failure_code) == (PAYMENT, "canceled")


@pytest.mark.parametrize("event", ["CANCELLATION", "CANCEL_OR_REFUND", "REFUND"])
def test_a_modification_that_failed_changes_nothing(event: str) -> None:
    assert _outcome(_change(event, success="false")).outcome == "ignored"


def test_cancel_or_refund_is_what_its_action_says_and_nothing_else() -> None:
    def told(action: dict[str, str]) -> Outcome:
        return _outcome(_change("CANCEL_OR_REFUND", additionalData=action))

    (cancelled,) = told({"modification.action": "cancel"}).messages
    (refunded,) = told({"modification.action": "refund"}).messages
    assert isinstance(cancelled.data, PaymentFailed)
    assert isinstance(refunded.data, RefundIssued)
    assert [one.code for one in told({}).problems] == ["missing_field"]
    assert [one.code for one in told({"modification.action": "x"}).problems] == ["unmapped_code"]


def test_a_refund_that_did_not_arrive_is_newer_than_the_refund() -> None:
    ends = ("REFUND", "REFUND_FAILED", "REFUNDED_REVERSED")
    issued, failed, reversed_ = (_outcome(_change(event)).messages[0] for event in ends)
    assert issued.entity == failed.entity == reversed_.entity is not None
    assert issued.version is not None
    assert failed.version is not None
    assert issued.version < failed.version
    statuses = [
        one.data.status for one in (issued, failed, reversed_) if isinstance(one.data, RefundIssued)
    ]
    assert statuses == ["issued", "failed", "reversed"]


# Disputes


@pytest.mark.parametrize(
    "event",
    ["REQUEST_FOR_INFORMATION", "NOTIFICATION_OF_CHARGEBACK", "CHARGEBACK", "PREARBITRATION_OPEN"],
)
def test_each_stage_opens_the_same_dispute(event: str) -> None:
    due = {"defensePeriodEndsAt": "2026-04-11T23:59:59+02:00"}
    fact = _only(_change(event, additionalData=due))
    assert isinstance(fact, DisputeOpened)
    assert (fact.dispute_id, fact.payment_id, fact.status) == (CHANGE, PAYMENT, event)
    assert fact.evidence_due == datetime(2026, 4, 11, 21, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "status", "outcome"),
    [
        ("CHARGEBACK_REVERSED", "Pending", DisputeOutcome.WON),
        ("SECOND_CHARGEBACK", None, DisputeOutcome.LOST),
        ("PREARBITRATION_WON", None, DisputeOutcome.WON),
        ("PREARBITRATION_LOST", None, DisputeOutcome.LOST),
        ("PREARBITRATION_ISSUER_WITHDRAWN", None, DisputeOutcome.WITHDRAWN),
        ("DISPUTE_DEFENSE_PERIOD_ENDED", "Lost", DisputeOutcome.LOST),
        ("DISPUTE_DEFENSE_PERIOD_ENDED", "Expired", DisputeOutcome.CLOSED),
        ("ISSUER_RESPONSE_TIMEFRAME_EXPIRED", "Won", DisputeOutcome.WON),
    ],
)
def test_how_a_dispute_ends(event: str, status: str | None, outcome: DisputeOutcome) -> None:
    fact = _only(_change(event, additionalData={"disputeStatus": status} if status else {}))
    assert isinstance(fact, DisputeClosed)
    assert fact.outcome is outcome


@pytest.mark.parametrize(
    ("status", "told"),
    [("Pending", "ignored"), ("Undefended", "ignored"), ("Other", "dead"), (None, "dead")],
)
def test_an_end_that_is_not_said_is_not_guessed(status: str | None, told: str) -> None:
    item = _change("DISPUTE_DEFENSE_PERIOD_ENDED", additionalData={"disputeStatus": status})
    assert _outcome(item).outcome == told


def test_a_dispute_that_names_no_payment_stands_for_itself() -> None:
    assert _only(_item("PREARBITRATION_LOST", CHANGE)).payment_id == CHANGE


@pytest.mark.parametrize("event", ["CHARGEBACK", "REFUND_FAILED", "CAPTURE_FAILED", "EXPIRE"])
def test_a_failure_of_what_cannot_fail_is_a_problem(event: str) -> None:
    assert [one.code for one in _outcome(_change(event, success="false")).problems] == [
        "unmapped_code"
    ]


# Environment, other payloads


def test_the_test_environment_is_marked_or_left_aside() -> None:
    assert _only(_item(), live="false").test is True
    assert _outcome(_item(), live="false", options={"live": True}).outcome == "ignored"
    assert _outcome(_item(), live="true", options={"live": True}).outcome == "translated"
    assert [one.code for one in _outcome(_item(), live="perhaps").problems] == ["unmapped_code"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"type":"balancePlatform.transfer.updated","data":{}}',
         "platform/balanceplatform.transfer.updated"),
        (b'{"SaleToPOIRequest":{}}', "terminal/request"),
        (b'{"pspReference":"A","response":"[capture-received]"}', "api/response"),
        (b'{"errorCode":"167","errorType":"validation"}', "api/response"),
        (b'{"type":"../../etc","data":{}}', None),
        (b'{"something":"else"}', None),
        (b"[]", None),
        (b"a,b\n1,2\n", None),
        (b"", None),
    ],
)  # fmt: skip
def test_what_else_arrives(body: bytes, kind: str | None) -> None:
    identity = CONNECTOR.identify(RawMessage(body, account="acme", received_at=NOW))
    assert (identity.kind if identity else None) == kind


def test_no_card_data_or_reason_of_a_success_is_told() -> None:
    item = _item(reason="012345:1111:03/2030", additionalData={"cardSummary": "1111"})
    assert "1111" not in _only(item).json_data()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)


@given(st.sampled_from(sorted(_item())), _JSON, st.booleans())
def test_an_odd_value_is_a_problem_of_its_item_only(name: str, value: Any, nested: bool) -> None:
    odd = {**_item(), name: {"currency": value, "value": value} if nested else value}
    outcome = dry_run(CONNECTOR, _raw(odd, _change("CAPTURE")))
    assert "notificationItems[1]" in [message.at for message in outcome.messages]
    assert all(one.code not in ("connector_fault", "invalid_value") for one in outcome.problems)
