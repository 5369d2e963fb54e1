"""Stripe's published payloads: what each becomes, and that no amount is lost on the way."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canonical.billing import CreditNoteIssued, InvoiceIssued
from canonical.cash import PayoutLineReported, PayoutSettled
from canonical.errors import Rejected
from canonical.order import OrderPlaced, QuoteAccepted
from canonical.payload import Payload
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.stripe import CONNECTOR
from connectors.translation import Outcome, dry_run

COMMERCE = Path(__file__).parents[3] / "shared" / "corpus" / "commerce"
FOLDER = COMMERCE / "stripe"
VECTOR = COMMERCE / "signatures" / "stripe.json"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpus is not here"),
]

TRANSLATED = {
    "delivery.2022-11-15.invoice.finalized": ["InvoiceIssued"],
    "djstripe.dispute_dp_fakefakefakefake01": ["DisputeOpened"],
    "djstripe.dispute_dp_fakefakefakefake02": ["DisputeOpened"],
    "djstripe.dispute_dp_funds_reinstated_full": ["DisputeOpened"],
    "djstripe.invoice_in_fakefakefakefakefake0004": ["InvoiceIssued"],
    "event.charge.captured": ["PaymentCaptured"],
    "event.charge.dispute.created": ["DisputeOpened"],
    "event.charge.refunded": ["RefundIssued"],
    "event.charge.succeeded": ["PaymentCaptured"],
    "event.quote.accepted": ["QuoteAccepted"],
    "event.transfer.failed": ["PayoutSettled", "PayoutLineReported"],
    "event.transfer.paid": ["PayoutSettled", "PayoutLineReported"],
    "object.charge": ["PaymentAuthorised"],
    "object.credit_note": ["CreditNoteIssued"],
    "object.dispute": ["DisputeOpened"],
    "object.refund": ["RefundIssued"],
}
DEAD = {
    # Stored by a tool that writes major units as text: not what Stripe sends.
    "djstripe.dispute_ch_fakefakefakefake01": "bad_amount",
    "djstripe.payout_custom_bank_account": "bad_amount",
    "djstripe.payout_custom_card": "bad_amount",
}
IGNORED = {
    "delivery.2022-11-15.customer.created",
    "delivery.2022-11-15.customer.subscription.created",
    "delivery.2022-11-15.customer.updated",
    "delivery.2022-11-15.invoice.created",
    "delivery.2022-11-15.invoice.paid",
    "delivery.2022-11-15.invoice.payment_succeeded",
    "delivery.2022-11-15.payment_link.created",
    "delivery.2022-11-15.payment_link.updated",
    "delivery.2022-11-15.payment_method.attached",
    "djstripe.dispute_txn_fakefakefakefake01",
    "djstripe.event_external_account_bank_account_created",
    "djstripe.event_external_account_bank_account_deleted",
    "djstripe.event_external_account_bank_account_updated",
    "djstripe.event_external_account_card_created",
    "djstripe.event_external_account_card_deleted",
    "djstripe.event_external_account_card_updated",
    "djstripe.line_item_il_invoice_item_fakefakefakefakefake0001",
    "djstripe.line_item_il_invoice_item_fakefakefakefakefake0002",
    "djstripe.tax_id_txi_fakefakefakefakefake0001",
    "event.charge.dispute.updated",
    "event.charge.updated",
    "event.checkout.session.completed",
    "event.customer.subscription.created",
    "event.customer.subscription.deleted",
    "event.customer.subscription.updated",
    "event.invoice.payment_succeeded",
    "event.invoice.upcoming",
    "event.invoiceitem.created",
    "event.invoiceitem.deleted",
    "event.invoiceitem.updated",
    "event.mandate.updated",
    "event.payment_intent.processing",
    "event.quote.canceled",
    "event.quote.created",
    "event.quote.finalized",
    "event.transfer.created",
    "event.transfer.updated",
    "object.application_fee",
    "object.balance_transaction",
    "object.customer",
    "object.customer_balance_transaction",
    "object.fee_refund",
    "object.invoice",
    "object.invoice_payment",
    "object.invoiceitem",
    "object.payment_method",
    "object.price",
    "object.quote",
    "object.subscription",
    "object.tax_rate",
    "object.transfer",
    "object.transfer_reversal",
    "object.webhook_endpoint",
}

NAMES = sorted(path.stem for path in FOLDER.glob("*.json")) if FOLDER.is_dir() else []


def document(name: str) -> Any:
    """The payload, out of its capture."""
    found = json.loads((FOLDER / f"{name}.json").read_bytes(), parse_float=str)
    return found["body"] if name.startswith("delivery.") else found


def outcome(name: str, **options: Any) -> Outcome:
    content = (FOLDER / f"{name}.json").read_bytes()
    if name.startswith("delivery."):
        content = json.dumps(json.loads(content)["body"]).encode()
    received_at = datetime(2026, 1, 1, tzinfo=UTC)
    raw = RawMessage(content, account="acme", received_at=received_at, options=options)
    return dry_run(CONNECTOR, raw)


def told_object(name: str) -> Any:
    """The API object, out of its event."""
    found = document(name)
    return found["data"]["object"] if found["object"] == "event" else found


def cents(value: int) -> Decimal:
    return Decimal(value) / 100


def test_the_whole_corpus_is_classed() -> None:
    assert len(NAMES) == 72
    assert sorted([*TRANSLATED, *DEAD, *IGNORED]) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_file_becomes_what_it_says(name: str) -> None:
    found = outcome(name)
    assert [type(message.data).__name__ for message in found.messages] == TRANSLATED.get(name, [])
    if name in DEAD:
        assert found.outcome == "dead"
        assert [one.code for one in found.problems] == [DEAD[name]]
    else:
        assert found.outcome == ("ignored" if name in IGNORED else "translated")
        assert not found.problems


def test_outcomes_by_number() -> None:
    assert Counter(outcome(name).outcome for name in NAMES) == {
        "translated": 16,
        "ignored": 53,
        "dead": 3,
    }


AMOUNT_FIELDS = {
    "event.charge.captured": "amount_captured",
    "event.charge.dispute.created": "amount",
    "event.charge.refunded": "amount_refunded",
    "event.charge.succeeded": "amount_captured",
    "djstripe.dispute_dp_fakefakefakefake01": "amount",
    "djstripe.dispute_dp_fakefakefakefake02": "amount",
    "djstripe.dispute_dp_funds_reinstated_full": "amount",
    "object.charge": "amount",
    "object.dispute": "amount",
    "object.refund": "amount",
}


@pytest.mark.parametrize("name", sorted(AMOUNT_FIELDS))
def test_payments_keep_amount_currency_and_ids(name: str) -> None:
    source = told_object(name)
    (message,) = outcome(name).messages
    data = message.data.model_dump()
    assert Decimal(data["amount"]["amount"]) == cents(source[AMOUNT_FIELDS[name]])
    assert data["amount"]["currency"] == source["currency"].upper()
    own = source["id"] if source["object"] == "charge" else source["charge"]
    assert data["payment_id"] == source["payment_intent"] or own
    assert data["test"] is (name != "object.refund")


@pytest.mark.parametrize("name", ["event.transfer.paid", "event.transfer.failed"])
def test_old_transfers_add_up(name: str) -> None:
    source = told_object(name)
    payout, line = (message.data for message in outcome(name).messages)
    assert isinstance(payout, PayoutSettled)
    assert isinstance(line, PayoutLineReported)
    assert payout.status == source["status"]
    assert payout.net.amount == line.net.amount == cents(source["amount"])
    assert payout.gross
    assert payout.gross.amount == cents(source["summary"]["charge_gross"])
    assert payout.fees
    assert payout.fees.amount == cents(source["summary"]["charge_fees"])
    assert payout.line_count == source["transactions"]["count"]


@pytest.mark.parametrize(
    "name",
    [
        "delivery.2022-11-15.invoice.finalized",
        "djstripe.invoice_in_fakefakefakefakefake0004",
        "object.credit_note",
    ],
)
def test_documents_keep_their_totals(name: str) -> None:
    source = told_object(name)
    (message,) = outcome(name).messages
    data = message.data
    assert isinstance(data, InvoiceIssued | CreditNoteIssued)
    totals = data.totals
    assert data.invoice_number == source["number"]
    assert totals.tax_inclusive
    assert totals.tax_inclusive.amount == cents(source["total"])
    assert totals.payable.amount == cents(source.get("amount_due", source["total"]))
    assert totals.tax
    assert totals.tax.amount == cents(source.get("tax") or 0)
    lines = sum(line.net.amount for line in data.lines if line.net)
    assert lines == totals.tax_inclusive.amount - totals.tax.amount


def test_a_quote_keeps_its_totals() -> None:
    source = told_object("event.quote.accepted")
    (message,) = outcome("event.quote.accepted").messages
    assert isinstance(message.data, QuoteAccepted)
    assert message.data.quote_number == source["number"]
    assert message.data.totals.total
    assert message.data.totals.total.amount == cents(source["amount_total"])


def test_a_checkout_session_is_an_order_where_the_account_says_so() -> None:
    source = told_object("event.checkout.session.completed")
    (message,) = outcome("event.checkout.session.completed", checkout_as_order=True).messages
    assert isinstance(message.data, OrderPlaced)
    assert message.data.order_id == source["id"]
    assert message.data.totals.total
    assert message.data.totals.total.amount == cents(source["amount_total"])


def test_all_samples_are_of_test_mode() -> None:
    for name in TRANSLATED:
        if name != "object.refund":  # A refund does not say its mode.
            assert outcome(name, livemode=True).outcome == "ignored"


def test_references_carry_no_personal_data() -> None:
    for name in TRANSLATED:
        for message in outcome(name).messages:
            assert isinstance(message.data, Payload)
            for reference in message.data.references:
                assert "@" not in reference.value
                assert " " not in reference.value


# --- signatures


def delivery(body: str, header: str, stamp: int) -> RawMessage:
    return RawMessage(
        body.encode(),
        account="acme",
        received_at=datetime.fromtimestamp(stamp, UTC),
        headers={"stripe-signature": header},
    )


def test_the_published_vector() -> None:
    vector = json.loads(VECTOR.read_bytes())
    secret = Secret("vector", vector["secret"].encode())
    other = Secret("other", b"whsec_other")
    header, stamp = vector["header"]["Stripe-Signature"], vector["timestamp"]
    genuine = delivery(vector["body"], header, stamp)
    assert CONNECTOR.verify(genuine, [secret]) is secret
    assert CONNECTOR.verify(genuine, [other, secret]) is secret
    only_v0 = ",".join(part for part in header.split(",") if not part.startswith("v1="))
    for raw, secrets, code in (
        (delivery(vector["body"].rstrip("\n"), header, stamp), [secret], "bad_signature"),
        (delivery(vector["body"], header, stamp + 301), [secret], "stale_signature"),
        (delivery(vector["body"], only_v0, stamp), [secret], "missing_signature"),
        (genuine, [other], "bad_signature"),
        (genuine, [], "no_secret"),
    ):
        with pytest.raises(Rejected) as refused:
            CONNECTOR.verify(raw, secrets)
        assert refused.value.code == code
