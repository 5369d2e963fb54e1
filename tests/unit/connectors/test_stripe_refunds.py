"""Stripe: refunds, disputes and documents, where one event must neither lose nor double a fact."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from canonical.billing import InvoiceIssued
from canonical.cash import DisputeClosed, DisputeOutcome, RefundIssued
from canonical.message import Message
from connectors.goldens import specimen
from connectors.raw import RawMessage
from connectors.stripe import CONNECTOR
from connectors.translation import Outcome, dry_run

FIXTURES = {one.path.name: one for one in specimen("stripe").fixtures}


def changed(name: str, path: str, value: Any, **options: Any) -> Outcome:
    """The outcome of a fixture with one field changed."""
    fixture = FIXTURES[f"{name}.json"]
    document = json.loads(fixture.path.read_bytes())
    *parents, last = path.split(".")
    record = document
    for parent in parents:
        record = record[parent]
    record[last] = value
    raw = RawMessage(
        json.dumps(document).encode(),
        account="acme",
        received_at=fixture.meta.received_at,
        options={**fixture.meta.options, **options},
    )
    return dry_run(CONNECTOR, raw)


def outcome(name: str) -> Outcome:
    return dry_run(CONNECTOR, FIXTURES[f"{name}.json"].raw)


def only(found: Outcome) -> Message:
    assert not found.problems
    (message,) = found.messages
    return message


def fact(message: Message) -> tuple[str, str]:
    return message.key.text, message.data.content()


REPORTS = [
    "refund.created__pending",
    "refund.updated__succeeded",
    "charge.refunded__listed",
    "file.refund__succeeded",
]


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_of_a_refund_is_the_same_fact(name: str) -> None:
    assert fact(only(outcome(name))) == fact(only(outcome(REPORTS[0])))


def test_a_refund_that_fails_outranks_the_refund() -> None:
    issued = only(outcome("refund.created__pending"))
    failed = only(outcome("refund.failed__lost_card"))
    assert fact(failed) == fact(only(outcome("charge.refund.updated__failed")))
    assert issued.key != failed.key
    assert issued.entity == failed.entity
    assert issued.version
    assert failed.version
    assert issued.version < failed.version


def test_only_the_refunds_an_event_added_are_told() -> None:
    message = only(outcome("charge.refunded__second_of_two"))
    assert isinstance(message.data, RefundIssued)
    assert message.data.refund_id == "re_3Fixture0002"
    path = "data.previous_attributes"
    everything = changed("charge.refunded__second_of_two", path, {})
    ids = [one.data.refund_id for one in everything.messages if isinstance(one.data, RefundIssued)]
    assert ids == ["re_3Fixture0002", "re_3Fixture0001"]


def test_a_refund_that_is_not_named_is_neither_lost_nor_doubled() -> None:
    assert outcome("charge.refunded__not_named").outcome == "dead"
    assert outcome("charge.refunded__named_elsewhere").outcome == "ignored"
    derived = only(outcome("charge.refunded__derived"))
    assert isinstance(derived.data, RefundIssued)
    assert derived.data.amount.amount == Decimal("10.00")
    # The account that derives refunds does not take them from the refund's own event as well.
    same = changed("refund.updated__succeeded", "livemode", True, refund_events=False)
    assert same.outcome == "ignored"
    failed = changed("refund.failed__lost_card", "livemode", True, refund_events=False)
    assert only(failed).key.text.endswith("/failed")


def test_a_derived_refund_needs_what_was_refunded_before() -> None:
    found = changed("charge.refunded__derived", "data.previous_attributes", {})
    assert [one.code for one in found.problems] == ["missing_field"]


def test_the_rest_of_a_hold_is_not_a_refund() -> None:
    assert outcome("charge.refunded__rest_of_hold").outcome == "ignored"
    unclear = outcome("charge.refunded__rest_or_refund")
    assert [one.code for one in unclear.problems] == ["release_or_refund"]
    real = changed("charge.refunded__rest_or_refund", "data.object.amount_captured", 100000)
    assert isinstance(only(real).data, RefundIssued)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("refund.updated__unknown_status", "unknown_status"),
        ("charge.dispute.created__unknown_status", "unknown_status"),
        ("charge.dispute.closed__still_open", "unknown_status"),
        ("invoice.finalized__no_number", "missing_field"),
        ("invoice.finalized__totals_off", "totals_mismatch"),
        ("invoice.voided__open", "invoice_voided"),
    ],
)
def test_what_carries_the_meaning_and_is_not_known_waits_for_people(name: str, code: str) -> None:
    found = outcome(name)
    assert found.outcome == "dead"
    assert [one.code for one in found.problems] == [code]


def test_created_and_withdrawn_are_one_chargeback() -> None:
    first = only(outcome("charge.dispute.created__chargeback"))
    second = only(outcome("charge.dispute.funds_withdrawn__chargeback"))
    assert fact(first) == fact(second)


def test_an_inquiry_that_becomes_a_chargeback_is_told_as_both() -> None:
    inquiry = only(outcome("charge.dispute.created__inquiry"))
    later = changed(
        "charge.dispute.funds_withdrawn__chargeback", "data.object.id", "du_1Fixture0001"
    )
    chargeback = only(later)
    closed = only(outcome("charge.dispute.closed__inquiry_closed"))
    assert inquiry.entity == chargeback.entity == closed.entity
    assert inquiry.version
    assert closed.version
    assert chargeback.version
    assert inquiry.version < closed.version < chargeback.version


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("won", DisputeOutcome.WON),
        ("lost", DisputeOutcome.LOST),
        ("warning_closed", DisputeOutcome.CLOSED),
        ("prevented", DisputeOutcome.CLOSED),
        ("charge_refunded", DisputeOutcome.CLOSED),
    ],
)
@pytest.mark.parametrize("name", ["charge.dispute.closed__won", "charge.dispute.updated__won"])
def test_outcomes(name: str, status: str, expected: DisputeOutcome) -> None:
    data = only(changed(name, "data.object.status", status)).data
    assert isinstance(data, DisputeClosed)
    assert data.outcome is expected


def test_an_invoice_is_the_same_fact_from_event_and_file() -> None:
    first = only(outcome("invoice.finalized__inclusive_tax"))
    assert fact(first) == fact(only(outcome("file.invoice__open")))


def test_a_credit_note_before_the_payment_does_not_change_the_invoice() -> None:
    fixture = FIXTURES["file.invoice__open.json"]
    document = json.loads(fixture.path.read_bytes())
    document["amount_due"] -= 2380
    document["pre_payment_credit_notes_amount"] = 2380
    raw = RawMessage(
        json.dumps(document).encode(), account="acme", received_at=fixture.meta.received_at
    )
    first = only(outcome("file.invoice__open"))
    assert fact(only(dry_run(CONNECTOR, raw))) == fact(first)


def test_invoice_lines_are_net_of_tax_and_discount() -> None:
    for name in ("inclusive_tax", "discount_and_credit"):
        data = only(outcome(f"invoice.finalized__{name}")).data
        assert isinstance(data, InvoiceIssued)
        totals = data.totals
        assert totals.lines_net
        assert totals.tax_exclusive
        assert totals.tax
        assert totals.tax_inclusive
        assert sum(line.net.amount for line in data.lines if line.net) == totals.lines_net.amount
        assert totals.tax_exclusive.amount + totals.tax.amount == totals.tax_inclusive.amount
        prepaid = totals.prepaid.amount if totals.prepaid else Decimal(0)
        assert totals.tax_inclusive.amount - prepaid == totals.payable.amount


def test_test_mode_invoices_do_not_meet_live_ones_of_the_same_number() -> None:
    live = only(outcome("invoice.finalized__inclusive_tax"))
    test = only(changed("invoice.finalized__inclusive_tax", "livemode", False))
    assert live.key != test.key
