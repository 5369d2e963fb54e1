"""UBL: the answers of the Peppol network."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from canonical.billing import EInvoiceStatus, EInvoiceStatusChanged, StatusReason
from canonical.message import Message
from canonical.values import Identifier
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run
from connectors.ubl import CONNECTOR

FIXTURES = Path(__file__).parents[3] / "connectors" / "ubl" / "fixtures"
RECEIVED = datetime(2026, 3, 6, 6, 15, tzinfo=UTC)


def fixture(name: str) -> str:
    return (FIXTURES / f"{name}.xml").read_text("utf-8")


APPROVED = fixture("invoice_response__approved")
MLR = fixture("message_level_response__mlr_accepted")
MLS = fixture("message_level_response__mls_acknowledged")


def run(body: str, **options: Any) -> Outcome:
    return dry_run(
        CONNECTOR, RawMessage(body.encode(), account="acme", received_at=RECEIVED, options=options)
    )


def only(body: str) -> tuple[Message, EInvoiceStatusChanged]:
    (message,) = run(body).messages
    assert isinstance(message.data, EInvoiceStatusChanged)
    return message, message.data


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AB", EInvoiceStatus.SENT_TO_CUSTOMER),
        ("IP", EInvoiceStatus.IN_PROCESS),
        ("UQ", EInvoiceStatus.UNDER_QUERY),
        ("CA", EInvoiceStatus.CONDITIONALLY_ACCEPTED),
        ("RE", EInvoiceStatus.REFUSED_BY_BUYER),
        ("AP", EInvoiceStatus.APPROVED),
        ("PD", EInvoiceStatus.PAID),
    ],
)
def test_what_the_buyer_says(code: str, status: EInvoiceStatus) -> None:
    _, data = only(APPROVED.replace(">AP<", f">{code}<"))
    assert (data.status, data.network_status) == (status, code)
    assert data.invoice_number == "INV-2026-0815"


def test_type_and_seller_of_the_answered_invoice() -> None:
    _, data = only(APPROVED)
    assert data.document_type == "380"
    assert data.seller is not None
    # Nobody stands between seller and buyer: the receiver of the response is the seller.
    assert data.seller.name == "Example Paper ApS"
    assert data.seller.identifiers == (Identifier(scheme="endpoint:0184", value="11223344"),)
    answered = [one.data for one in run(fixture("invoice_response__other_states")).messages]
    sellers = [
        one.seller.name for one in answered if isinstance(one, EInvoiceStatusChanged) and one.seller
    ]
    assert sellers == ["Example Pens ApS", *["Example Paper ApS"] * 4]


def test_a_technical_answer_tells_no_seller() -> None:
    assert (only(MLR)[1].document_type, only(MLR)[1].seller) == ("380", None)
    assert (only(MLS)[1].document_type, only(MLS)[1].seller) == (None, None)


def test_type_and_seller_are_not_compared() -> None:
    _, data = only(APPROVED)
    bare = data.model_copy(update={"document_type": None, "seller": None})
    assert bare.content() == data.content()


@pytest.mark.parametrize("body", [MLR, MLS])
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AB", EInvoiceStatus.SUBMITTED),
        ("AP", EInvoiceStatus.ACCEPTED),
        ("RE", EInvoiceStatus.REJECTED),
    ],
)
def test_what_the_network_says_is_technical(body: str, code: str, status: EInvoiceStatus) -> None:
    for written in ("AP", "AB"):
        body = body.replace(f">{written}<", f">{code}<")
    _, data = only(body)
    assert (data.status, data.network_status) == (status, code)


@pytest.mark.parametrize("body", [APPROVED, MLR, MLS])
@pytest.mark.parametrize("code", ["ZZ", "ap", "380"])
def test_an_unknown_code_becomes_no_status(body: str, code: str) -> None:
    for written in ("AP", "AB"):
        body = body.replace(f">{written}<", f">{code}<")
    outcome = run(body)
    assert not outcome.messages
    assert [one.code for one in outcome.problems] == ["unknown_status"]


@pytest.mark.parametrize("code", ["PD", "IP", "UQ", "CA"])
def test_the_network_cannot_speak_for_the_buyer(code: str) -> None:
    assert not run(MLR.replace(">AP<", f">{code}<")).messages


def test_reasons_and_wanted_actions_keep_their_codes() -> None:
    _, data = only(fixture("invoice_response__refused_with_reasons"))
    assert data.reasons == (
        StatusReason(code="OPStatusReason:REF", text="VAT number is not ours"),
        StatusReason(code="OPStatusReason:REF", text="DE999888776", path="BT-48"),
        StatusReason(code="OPStatusAction:NIN"),
    )


def test_issues_of_a_message_level_status_keep_their_place() -> None:
    _, data = only(fixture("message_level_response__mls_rejected"))
    assert data.reasons == (
        StatusReason(text="Not valid"),
        StatusReason(code="BV", text="Rule broken", path="/Invoice/cbc:ID"),
        StatusReason(code="FD", text="Delivery failed"),
    )


def test_a_response_joins_the_chain_of_its_invoice() -> None:
    (invoice,) = run(fixture("invoice__peppol")).messages
    for body in (APPROVED, MLR):
        message, _ = only(body)
        assert message.correlation == invoice.correlation
        assert message.partition == invoice.partition


def test_a_message_level_status_meets_its_invoice_by_the_envelope() -> None:
    (invoice,) = run(fixture("invoice__in_envelope")).messages
    _, data = only(fixture("message_level_response__mls_rejected"))
    assert data.invoice_number is None
    assert set(data.references) & set(invoice.data.references)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("INV-2026-0815", "INV-2026-0816"),
        (">AP<", ">PD<"),
        ("imr-1", "imr-9"),
        ('schemeID="9930">DE999888777', 'schemeID="9930">DE111111111'),
    ],
)
def test_document_status_response_and_sender_are_the_key(old: str, new: str) -> None:
    assert only(APPROVED.replace(old, new))[0].key != only(APPROVED)[0].key


def test_a_bad_answer_does_not_hide_the_others() -> None:
    outcome = run(fixture("invoice_response__bad_records_between"))
    assert [message.at for message in outcome.messages] == [
        "DocumentResponse[1]",
        "DocumentResponse[5]",
    ]
    assert [(one.code, one.at) for one in outcome.problems] == [
        ("unknown_status", "DocumentResponse[2]"),
        ("missing_field", "DocumentResponse[3]"),
    ]
    assert [one.at for one in outcome.ignored] == ["DocumentResponse[4]"]


@pytest.mark.parametrize(
    ("specification", "kind"),
    [
        ("urn:fdc:peppol.eu:poacc:trns:invoice_response:3", "invoice_response"),
        ("urn:fdc:peppol.eu:poacc:trns:invoice_response:3.1", "invoice_response"),
        ("urn:fdc:peppol.eu:poacc:trns:mlr:3", "message_level_response"),
        ("urn:peppol:edec:mls:1.0", "message_level_response"),
        ("urn:fdc:peppol.eu:poacc:trns:invoice_response:30", "application_response"),
        ("urn:fdc:peppol.eu:poacc:trns:invoice_response:4", "application_response"),
        ("", "application_response"),
    ],
)
def test_the_specification_says_which_response_it_is(specification: str, kind: str) -> None:
    written = "urn:fdc:peppol.eu:poacc:trns:invoice_response:3"
    outcome = run(APPROVED.replace(f">{written}<", f">{specification}<"))
    assert outcome.kind == kind
    assert bool(outcome.messages) == (kind != "application_response")


@pytest.mark.parametrize(
    "missing", ["<cbc:ID>imr-1</cbc:ID>", "<cbc:IssueDate>2026-03-05</cbc:IssueDate>"]
)
def test_without_id_or_date_there_is_no_status(missing: str) -> None:
    outcome = run(APPROVED.replace(missing, ""))
    assert [one.code for one in outcome.problems] == ["missing_field"]
    assert not outcome.messages


def test_a_response_without_answers_is_dead() -> None:
    start, end = (
        APPROVED.index("  <cac:DocumentResponse>"),
        APPROVED.index("</ApplicationResponse>"),
    )
    outcome = run(APPROVED[:start] + APPROVED[end:])
    assert outcome.outcome == "dead"
    assert [one.path for one in outcome.problems] == ["DocumentResponse"]
