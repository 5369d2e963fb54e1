"""UBL invoices and credit notes: what they become, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canonical.billing import CreditNoteIssued, InvoiceIssued
from canonical.errors import Rejected
from canonical.message import Message
from canonical.values import Identifier, Money
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run
from connectors.ubl import CONNECTOR

FIXTURES = Path(__file__).parents[3] / "connectors" / "ubl" / "fixtures"
RECEIVED = datetime(2026, 3, 4, 6, 15, tzinfo=UTC)
SELLER_VAT = (
    "<cac:PartyTaxScheme><cbc:CompanyID>DK11223344</cbc:CompanyID>"
    "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>"
)


def fixture(name: str) -> str:
    return (FIXTURES / f"{name}.xml").read_text("utf-8")


SIMPLE = fixture("invoice__nested_in_extension")
CREDIT = fixture("credit_note__peppol")


def run(body: str | bytes, **options: Any) -> Outcome:
    content = body.encode() if isinstance(body, str) else body
    return dry_run(
        CONNECTOR, RawMessage(content, account="acme", received_at=RECEIVED, options=options)
    )


def only(body: str | bytes, **options: Any) -> Message:
    outcome = run(body, **options)
    assert not outcome.problems
    (message,) = outcome.messages
    return message


def invoice(body: str | bytes, **options: Any) -> InvoiceIssued:
    data = only(body, **options).data
    assert isinstance(data, InvoiceIssued)
    return data


def changed(body: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in body
        body = body.replace(old, new)
    return body


def codes(body: str | bytes) -> list[str]:
    outcome = run(body)
    assert not outcome.messages
    return [problem.code for problem in outcome.problems]


def euro(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="EUR")


# What a document says --------------------------------------------------------------------------


def test_an_invoice_keeps_its_terms() -> None:
    data = invoice(fixture("invoice__peppol"))
    assert (data.invoice_number, data.document_type) == ("INV-2026-0815", "380")
    assert (data.issue_date, data.due_date) == (date(2026, 3, 2), date(2026, 4, 1))
    assert (data.order_id, data.delivery_note) == ("PO-1007", "DN-2201")
    assert data.payment_reference == "RF18539007547034"
    assert data.totals.payable == euro("1062.00")
    assert data.totals.rounding == euro("0.44")
    assert [one.tax for one in data.taxes] == [euro("245.63"), euro("3.58")]
    assert data.seller.account == Identifier(scheme="iban", value="DK5000400440116243")


def test_a_price_for_many_becomes_that_of_one_or_none() -> None:
    prices = [line.unit_price for line in invoice(fixture("invoice__peppol")).lines]
    assert prices == [euro("100.00"), euro("9.95"), euro("0.005")]
    (line,) = invoice(fixture("invoice__accounting_currency")).lines
    assert line.unit_price is None


def test_a_placeholder_is_no_reference() -> None:
    data = invoice(fixture("invoice__xrechnung_exempt_with_payee"))
    assert data.order_id is None
    assert Identifier(scheme="ubl:sales_order", value="AB-5") in data.references
    assert not any(one.value == "NA" for one in data.references)
    assert invoice(fixture("invoice__peppol")).lines[1].order_line_id is None


def test_the_account_belongs_to_the_payee_where_there_is_one() -> None:
    data = invoice(fixture("invoice__xrechnung_exempt_with_payee"))
    assert data.payee is not None
    assert data.payee.account == Identifier(scheme="iban", value="DE75512108001245126199")
    assert data.seller.account is None


def test_tax_in_the_accounting_currency_is_not_the_tax() -> None:
    data = invoice(fixture("invoice__accounting_currency"))
    assert data.totals.tax == Money(amount=Decimal("250.00"), currency="SEK")


def test_a_credit_note_joins_the_invoice_it_names() -> None:
    message = only(CREDIT)
    assert isinstance(message.data, CreditNoteIssued)
    assert message.data.due_date == date(2026, 3, 20)
    assert message.data.totals.payable == euro("125.00")
    assert message.correlation == only(fixture("invoice__peppol")).correlation


def test_a_negative_invoice_stays_an_invoice_and_negative() -> None:
    data = invoice(fixture("invoice__negative"))
    assert data.totals.payable == euro("-125.00")
    assert data.preceding == (Identifier(scheme="ubl:invoice_number", value="INV-2026-0815"),)


def test_only_the_saudi_profile_puts_a_credit_note_into_an_invoice() -> None:
    saudi = fixture("invoice__zatca_credit_note")
    assert isinstance(only(saudi).data, CreditNoteIssued)
    assert codes(changed(saudi, ("reporting:1.0", "another"))) == ["br_cl_01"]


def test_a_pro_forma_invoice_is_ignored() -> None:
    assert run(fixture("invoice__pro_forma")).outcome == "ignored"


def test_a_long_note_goes_on_in_the_next_one() -> None:
    note = "abc" * 3000
    data = invoice(
        changed(fixture("invoice__peppol"), ("Thank you for your order.", note)),
    )
    assert "".join(data.notes) == note


@pytest.mark.parametrize(
    ("clock", "options", "expected"),
    [
        ("", {}, "2026-03-02T00:00:00+00:00"),
        ("10:30:00", {}, "2026-03-02T00:00:00+00:00"),
        ("10:30:00", {"timezone": "Europe/Berlin"}, "2026-03-02T10:30:00+01:00"),
        ("10:30:00-05:00", {"timezone": "Europe/Berlin"}, "2026-03-02T10:30:00-05:00"),
        ("25:00:00Z", {}, "2026-03-02T00:00:00+00:00"),
    ],
)
def test_no_zone_is_invented(clock: str, options: dict[str, str], expected: str) -> None:
    body = changed(
        SIMPLE, ("</cbc:IssueDate>", f"</cbc:IssueDate><cbc:IssueTime>{clock}</cbc:IssueTime>")
    )
    assert only(body, **options).occurred_at.isoformat() == expected


def test_an_option_that_is_not_understood_is_said() -> None:
    assert [one.code for one in run(SIMPLE, timezone="Nowhere/Land").problems] == ["bad_option"]


# Which fact it is ------------------------------------------------------------------------------


def test_an_envelope_changes_neither_key_nor_content() -> None:
    bare, wrapped = only(fixture("invoice__peppol")), only(fixture("invoice__in_envelope"))
    assert wrapped.key == bare.key
    assert wrapped.data.content() == bare.data.content()
    instance = "5f2b6c1e-0000-4000-8000-000000000815"
    assert Identifier(scheme="sbdh:instance", value=instance) in wrapped.data.references


def test_spelling_of_the_vat_id_does_not_change_the_key() -> None:
    spelled = changed(SIMPLE, ("<cbc:CompanyID>DK11223344<", "<cbc:CompanyID>dk 1122 3344<"))
    assert only(spelled).key == only(SIMPLE).key


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("DK11223344", "DK99999999"),
        ("INV-2026-0816", "INV-2026-0817"),
        ("TypeCode>380<", "TypeCode>384<"),
        ("<cbc:IssueDate>2026", "<cbc:IssueDate>2027"),
    ],
)
def test_seller_number_type_and_year_are_the_key(old: str, new: str) -> None:
    assert only(changed(SIMPLE, (old, new))).key != only(SIMPLE).key


def test_the_seller_is_known_by_vat_id_then_register_then_own_identifier() -> None:
    register = '<cbc:CompanyID schemeID="0184">11223344</cbc:CompanyID>'
    own = (
        "<cac:PartyIdentification><cbc:ID>S-1</cbc:ID></cac:PartyIdentification><cac:PostalAddress>"
    )
    identified = SIMPLE.replace("<cac:PostalAddress>", own, 1)
    without_vat = changed(identified, (SELLER_VAT, ""))
    without_both = changed(without_vat, (register, ""))
    sellers = [
        only(one).key.text.split("/")[3:5] for one in (identified, without_vat, without_both)
    ]
    assert sellers == [["vat", "DK11223344"], ["legal:0184", "11223344"], ["party", "S-1"]]


def test_without_any_of_them_there_is_no_fact() -> None:
    register = '<cbc:CompanyID schemeID="0184">11223344</cbc:CompanyID>'
    assert codes(changed(SIMPLE, (SELLER_VAT, ""), (register, ""))) == ["br_co_26"]


# What is not read ------------------------------------------------------------------------------


def test_only_children_of_the_root_are_read() -> None:
    outcome = run(SIMPLE)
    (message,) = outcome.messages
    assert isinstance(message.data, InvoiceIssued)
    assert message.data.invoice_number == "INV-2026-0816"
    assert message.data.totals.payable == euro("125.00")
    assert "FAKE" not in message.data.json_data()


@pytest.mark.parametrize("wrapper", ["cac:Signature", "ext:UBLExtensions", "Object"])
def test_a_document_moved_below_another_element_is_not_read(wrapper: str) -> None:
    start = SIMPLE.index("<cac:LegalMonetaryTotal>", SIMPLE.index("<cbc:CustomizationID>"))
    end = SIMPLE.index("</cac:LegalMonetaryTotal>", start) + len("</cac:LegalMonetaryTotal>")
    body = f"{SIMPLE[:start]}<{wrapper}>{SIMPLE[start:end]}</{wrapper}>{SIMPLE[end:]}"
    assert codes(body) == ["br_12"]


def test_attachments_are_counted_and_not_decoded() -> None:
    outcome = run(changed(SIMPLE, ("bm90IHJlYWQ=", "!!! no base64 !!!")))
    assert outcome.outcome == "translated"
    assert [one.reason for one in outcome.ignored] == ["attachments, not decoded: 1"]


def test_an_element_of_the_same_name_in_another_namespace_is_none() -> None:
    body = changed(
        SIMPLE,
        ("<cbc:PayableAmount currencyID=\"EUR\">125.00</cbc:PayableAmount>",
         "<PayableAmount currencyID=\"EUR\">125.00</PayableAmount>"),
    )  # fmt: skip
    assert codes(body) == ["br_15"]


# What is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["CompanyID", "RegistrationName", "IssueDate", "PayableAmount"])
def test_a_comment_inside_a_value_does_not_cut_it(path: str) -> None:
    main = SIMPLE.index("<cbc:CustomizationID>")
    at = SIMPLE.index(">", SIMPLE.index(f"<cbc:{path}", main)) + 3
    body = f"{SIMPLE[:at]}<!-- cut -->{SIMPLE[at:]}"
    assert only(body).data == only(SIMPLE).data


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("TypeCode>381<", "TypeCode>380<", "br_cl_01"),
        ("TypeCode>381<", "TypeCode>999<", "br_cl_01"),
        ("TypeCode>381<", "TypeCode> <", "br_cl_01"),
        ("<cbc:ID>CN-2026-0044</cbc:ID>", "", "br_02"),
        ("<cbc:IssueDate>2026-03-02", "<cbc:IssueDate>2026-02-30", "bad_date"),
        ("<cbc:IssueDate>2026-03-02", "<cbc:IssueDate>9999-12-31", "implausible_date"),
        ("CurrencyCode>EUR<", "CurrencyCode>EUX<", "br_co_15"),
        ("25.00</cbc:TaxAmount><cac:TaxSub", "26.00</cbc:TaxAmount><cac:TaxSub", "br_co_14"),
        ("125.00</cbc:PayableAmount", "1,125.00</cbc:PayableAmount", "bad_amount"),
        ("125.00</cbc:PayableAmount", "NaN</cbc:PayableAmount", "bad_amount"),
        ('PayableAmount currencyID="EUR">', "PayableAmount>", "missing_currency"),
        ('PayableAmount currencyID="EUR">', 'PayableAmount currencyID="DKK">', "currency_mismatch"),
        ('PriceAmount currencyID="EUR">', 'PriceAmount currencyID="XXX">', "unknown_currency"),
        (' unitCode="BX"', "", "br_23"),
        ("<cbc:Percent>25<", "<cbc:Percent>7<", "br_co_17"),
    ],
)  # fmt: skip
def test_what_makes_a_document_dead(old: str, new: str, code: str) -> None:
    assert codes(changed(CREDIT, (old, new))) == [code]


def test_an_unknown_currency_is_named() -> None:
    assert codes(changed(CREDIT, ("EUR", "EUX"))) == ["unknown_currency"]


@pytest.mark.parametrize(
    "repeated",
    [
        "cbc:ID>CN-2026-0044</cbc:ID",
        "cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode",
    ],
)
def test_what_stands_twice_has_no_one_meaning(repeated: str) -> None:
    assert codes(changed(CREDIT, (f"<{repeated}>", f"<{repeated}>" * 2))) == ["repeated_element"]


def test_two_totals_or_two_sellers_are_refused() -> None:
    for name in ("cac:LegalMonetaryTotal", "cac:AccountingSupplierParty"):
        start, end = CREDIT.index(f"<{name}>"), CREDIT.index(f"</{name}>") + len(name) + 3
        body = CREDIT[:end] + CREDIT[start:end] + CREDIT[end:]
        assert codes(body) == ["repeated_element"]


def test_all_broken_rules_are_named_the_first_is_the_code() -> None:
    body = changed(
        CREDIT,
        ('PayableAmount currencyID="EUR">125.00', 'PayableAmount currencyID="EUR">1.00'),
        ('TaxExclusiveAmount currencyID="EUR">100.00', 'TaxExclusiveAmount currencyID="EUR">99.00'),
    )
    (problem,) = run(body).problems
    assert problem.code == "br_co_13"
    assert "BR-CO-13, BR-CO-16, BR-CO-15" in problem.message


def test_an_envelope_with_two_documents_or_none_is_refused() -> None:
    body = fixture("invoice__in_envelope")
    start, end = body.index("<Invoice"), body.index("</StandardBusinessDocument>")
    assert codes(body[:end] + body[start:end] + body[end:]) == ["ambiguous_envelope"]
    assert codes(body[:start] + body[end:]) == ["ambiguous_envelope"]
    assert codes(body[:start] + "<BinaryContent>eA==</BinaryContent>" + body[end:]) == [
        "unidentified"
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (SIMPLE[: len(SIMPLE) // 2], "truncated"),
        (SIMPLE.replace("?>\n", '?>\n<!DOCTYPE Invoice [<!ENTITY a "b">]>\n', 1), "doctype"),
        ("", "empty"),
        ("<html><body>Log in</body></html>", "html_page"),
        ('{"Invoice": []}', "unidentified"),
        ('<Invoice xmlns="urn:example:other"/>', "unidentified"),
        (SIMPLE.replace("schema:xsd:Invoice-2", "schema:xsd:CreditNote-2"), "unidentified"),
        (SIMPLE.replace("xsd:Invoice-2", "xsd:Order-2").replace("Invoice ", "Order ", 1)
         .replace("</Invoice>\n", "</Order>\n").replace("</Order>\n  </ext", "</Invoice>\n  </ext"),
         "unknown_kind"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_dead(body: str, code: str) -> None:
    assert codes(body) == [code]


def test_other_encodings_are_read() -> None:
    for encoding in ("utf-16", "utf-8-sig", "iso-8859-1"):
        declared = encoding.removesuffix("-sig")
        body = CREDIT.replace("UTF-8", declared).encode(encoding)
        assert only(body).data == only(CREDIT).data


def test_no_secret_makes_a_document_genuine() -> None:
    raw = RawMessage(SIMPLE.encode(), account="acme", received_at=RECEIVED)
    with pytest.raises(Rejected):
        CONNECTOR.verify(raw, ())
