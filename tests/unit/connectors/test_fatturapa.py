"""fatturapa: what an invoice owes, which one it is, and what SdI says about it."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.billing import CreditNoteIssued, InvoiceIssued, InvoiceTotals
from canonical.errors import Rejected
from canonical.message import Message
from canonical.values import Money
from connectors.fatturapa import CONNECTOR
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run

FIXTURES = Path(__file__).parents[3] / "connectors" / "fatturapa" / "fixtures"
RECEIVED = datetime(2026, 3, 10, 8, tzinfo=UTC)
ORDINARY = (FIXTURES / "fattura__ordinary.xml").read_bytes()
PLAIN = (FIXTURES / "fattura__without_total.xml").read_bytes()
ENVELOPE = (FIXTURES / "fattura__signed_der.xml.p7m").read_bytes()


def run(body: bytes, *, filename: str | None = None) -> Outcome:
    raw = RawMessage(body, account="acme", received_at=RECEIVED, filename=filename)
    return dry_run(CONNECTOR, raw)


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def codes(outcome: Outcome) -> list[str]:
    return [problem.code for problem in outcome.problems]


def only(body: bytes) -> Message:
    outcome = run(body)
    assert not outcome.problems
    (message,) = outcome.messages
    return message


def document(body: bytes) -> InvoiceIssued | CreditNoteIssued:
    data = only(body).data
    assert isinstance(data, InvoiceIssued | CreditNoteIssued)
    return data


def changed(body: bytes, *pairs: tuple[str, str]) -> bytes:
    text = body.decode()
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text.encode()


def zipped(**named: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, body in named.items():
            archive.writestr(name, body)
    return packed.getvalue()


# Which invoice it is ---------------------------------------------------------------------------


def test_these_files_are_never_webhooks() -> None:
    with pytest.raises(Rejected):
        CONNECTOR.verify(RawMessage(ORDINARY, account="a", received_at=RECEIVED), [])


def test_the_key_is_seller_number_type_and_year() -> None:
    key = only(ORDINARY).key.text
    assert key == "invoice/fatturapa/acme/IT99900020016/2026%2F118/TD01/2026"
    others = [
        ("<Numero>2026/118</Numero>", "<Numero>2026/119</Numero>"),
        ("<IdCodice>99900020016</IdCodice>", "<IdCodice>99900020017</IdCodice>"),
        ("<Data>2026-03-02</Data>", "<Data>2025-03-02</Data>"),
        ("TD01", "TD24"),
    ]
    keys = {only(changed(ORDINARY, pair)).key.text for pair in others}
    assert len(keys | {key}) == len(others) + 1


@pytest.mark.parametrize("form", ["der", "ber_in_parts", "twice", "pem", "base64"])
def test_an_envelope_changes_nothing_of_the_fact(form: str) -> None:
    plain = only(ENVELOPE)
    enveloped = only(fixture(f"fattura__signed_{form}.xml.p7m"))
    assert enveloped.key == plain.key
    assert enveloped.data.content() == plain.data.content()


def test_neither_file_name_nor_place_is_part_of_the_fact() -> None:
    alone = run(ORDINARY, filename="IT99900010017_000A7.xml").messages[0]
    packed = run(zipped(**{"folder/x.xml": ORDINARY})).messages[0]
    assert (packed.key, packed.data.content()) == (alone.key, alone.data.content())
    assert packed.correlation == alone.correlation


def test_invoice_and_notice_know_the_same_file() -> None:
    invoice = run(ENVELOPE, filename="IT99900010017_000A8.xml.p7m").messages[0]
    notice = only(fixture("sdi.rc__private.xml"))
    shared = set(invoice.data.references) & set(notice.data.references)
    assert {one.scheme for one in shared} == {"sdi:NomeFile", "sdi:File"}


def test_a_credit_note_belongs_to_the_invoice_it_names() -> None:
    invoice, credit = run(fixture("fattura__lot_with_a_bad_body.xml")).messages
    assert isinstance(credit.data, CreditNoteIssued)
    assert credit.correlation == invoice.correlation
    assert [one.value for one in credit.data.preceding] == ["PA/7"]


def test_references_are_not_personal() -> None:
    body = changed(ORDINARY, ("<CodiceFiscale>99900020016<", "<CodiceFiscale>RSSMRA80A01H501U<"))
    references = {one.value for one in only(body).data.references}
    assert "RSSMRA80A01H501U" not in references
    assert {"PO-4711", "C-88", "DDT-301", "Z000000001"} <= references


# What it says ----------------------------------------------------------------------------------


def test_parties_lines_and_payment_of_an_ordinary_invoice() -> None:
    told = document(ORDINARY)
    assert told.seller.identifiers[0].value == "IT99900020016"
    assert told.buyer is not None
    assert told.buyer.name == "Ricambi Campione S.p.A."
    assert (told.order_id, told.delivery_note) == ("PO-4711", "DDT-301")
    assert [line.order_line_id for line in told.lines] == ["10", "20", None]
    assert told.due_date == date(2026, 4, 30)
    assert told.payment_terms is not None
    assert "2026-03-31" in told.payment_terms
    assert told.payee is not None
    assert told.payee.account is not None
    assert told.payee.account.value == "IT60X0542811101000000123456"


def test_several_orders_are_not_one_order() -> None:
    body = ORDINARY.replace(b"PO-4711", b"PO-1", 1)
    told = document(body)
    assert told.order_id is None
    assert [line.source[0].value for line in told.lines[:2]] == ["PO-1", "PO-4711"]


def test_several_accounts_are_no_payee() -> None:
    body = ORDINARY.replace(b"IT60X0542811101000000123456", b"IT60X0542811101000000999999", 1)
    assert document(body).payee is None


@pytest.mark.parametrize(
    ("code", "canonical"),
    [
        ("TD01", "380"), ("TD02", "386"), ("TD03", "386"), ("TD05", "383"), ("TD06", "380"),
        ("TD16", "TD16"), ("TD17", "TD17"), ("TD20", "TD20"), ("TD24", "380"), ("TD25", "380"),
        ("TD26", "380"), ("TD27", "TD27"), ("TD28", "TD28"),
    ],
)  # fmt: skip
def test_every_type_of_document_is_told(code: str, canonical: str) -> None:
    told = document(changed(PLAIN, ("TD01", code)))
    assert isinstance(told, InvoiceIssued)
    assert told.document_type == canonical
    assert f"TipoDocumento {code}" in told.notes


def test_td04_is_a_credit_note() -> None:
    told = document(changed(PLAIN, ("TD01", "TD04")))
    assert isinstance(told, CreditNoteIssued)
    assert told.document_type == "381"
    assert told.totals.payable.amount > 0


@pytest.mark.parametrize("code", ["TD00", "TD07", "TD30", "td01", "380"])
def test_unknown_types_are_not_guessed(code: str) -> None:
    assert codes(run(changed(PLAIN, ("TD01", code)))) == ["unknown_document_type"]


def test_a_report_to_the_authority_is_no_invoice() -> None:
    assert run(changed(PLAIN, ("TD01", "TD29"))).outcome == "ignored"


def test_reasons_for_no_tax_are_told_only_where_they_are_sure() -> None:
    told = document(PLAIN)
    assert [tax.category for tax in told.taxes] == ["S", "G", "N3.5"]
    assert told.taxes[1].exemption_reason == "N3.1 Art. 8 DPR 633/72"


# What it comes to ------------------------------------------------------------------------------


def test_without_a_total_the_parts_make_it() -> None:
    totals = document(PLAIN).totals
    # 175.00 + 22.00 of tax + 0.05 rounding − 5.00 discount; stamp duty is not charged by itself.
    assert totals.payable.amount == Decimal("192.05")
    assert totals.rounding is not None
    assert totals.rounding.amount == Decimal("0.05")


def test_withholding_does_not_lower_what_the_invoice_is_for() -> None:
    told = document(fixture("fattura__fee_with_withholding.xml"))
    assert told.totals.payable.amount == Decimal("1284.80")
    assert told.totals.charges is not None
    assert told.totals.charges.amount == Decimal("40.00")
    assert "Ritenuta RT01 200.00 EUR (20.00 %)" in told.notes


def balance(totals: InvoiceTotals) -> Decimal:
    """What BR-CO-13, BR-CO-15 and BR-CO-16 leave over; nothing when all of them hold."""

    def amount(money: Money | None) -> Decimal:
        return money.amount if money else Decimal(0)

    exclusive = amount(totals.lines_net) - amount(totals.allowances) + amount(totals.charges)
    inclusive = amount(totals.tax_exclusive) + amount(totals.tax)
    payable = amount(totals.tax_inclusive) - amount(totals.prepaid) + amount(totals.rounding)
    return (
        abs(exclusive - amount(totals.tax_exclusive))
        + abs(inclusive - amount(totals.tax_inclusive))
        + abs(payable - totals.payable.amount)
    )


def test_stamp_duty_in_the_total_is_a_charge() -> None:
    totals = document(fixture("fattura__stamp_charged.xml")).totals
    assert totals.payable.amount == 102
    assert totals.charges is not None
    assert totals.charges.amount == 2
    assert balance(totals) == 0


def test_stamp_duty_the_seller_bears_is_none() -> None:
    total = "<ImportoTotaleDocumento>"
    body = changed(fixture("fattura__stamp_charged.xml"), (f"{total}102.00", f"{total}100.00"))
    totals = document(body).totals
    assert totals.payable.amount == 100
    assert totals.charges is None
    assert balance(totals) == 0


def test_discounts_on_the_document_are_allowances() -> None:
    totals = document(PLAIN).totals
    assert totals.allowances is not None
    assert totals.allowances.amount == 5
    assert totals.charges is None
    assert balance(totals) == 0


def test_surcharges_on_the_document_are_charges() -> None:
    totals = document(changed(PLAIN, ("<Tipo>SC</Tipo>", "<Tipo>MG</Tipo>"))).totals
    assert totals.payable.amount == Decimal("202.05")
    assert totals.charges is not None
    assert totals.charges.amount == 5
    assert totals.allowances is None
    assert balance(totals) == 0


def test_figures_that_disagree_are_found_and_the_invoice_stands() -> None:
    outcome = run(fixture("fattura__sums_that_disagree.xml"))
    assert codes(outcome) == ["total_mismatch", "taxable_mismatch", "tax_mismatch"]
    (message,) = outcome.messages
    assert isinstance(message.data, InvoiceIssued)
    assert message.data.totals.payable.amount == 999


@pytest.mark.parametrize(
    ("taxable", "tax", "found"),
    [
        ("150.99", "33.21", ["total_mismatch"]),
        ("151.01", "33.22", ["total_mismatch", "taxable_mismatch"]),
        ("150.00", "33.01", ["total_mismatch"]),
        ("150.00", "33.02", ["total_mismatch", "tax_mismatch"]),
    ],
)
def test_the_tolerances_are_those_of_sdi(taxable: str, tax: str, found: list[str]) -> None:
    body = changed(
        ORDINARY,
        ("<ImponibileImporto>150.00<", f"<ImponibileImporto>{taxable}<"),
        ("<Imposta>33.00<", f"<Imposta>{tax}<"),
    )
    assert codes(run(body)) == found


def test_a_negative_credit_note_is_for_people() -> None:
    assert codes(run(fixture("fattura__negative_credit_note.xml"))) == ["negative_credit_note"]


@pytest.mark.parametrize("amount", ["1,00", "1e3", "NaN", "", "0x1", "1" * 25, "١.٠٠"])
def test_what_is_no_amount_is_a_problem(amount: str) -> None:
    body = changed(PLAIN, ("<PrezzoTotale>100.00<", f"<PrezzoTotale>{amount}<"))
    assert set(codes(run(body))) <= {"bad_amount", "missing_field"}
    assert run(body).outcome == "dead"


@given(
    prices=st.lists(
        st.decimals(0, 10**6, places=2).filter(lambda amount: amount > 0), min_size=1, max_size=6
    ),
    rate=st.sampled_from(["4.00", "10.00", "22.00"]),
)
def test_totals_conserve_the_lines(prices: list[Decimal], rate: str) -> None:
    taxable = sum(prices, Decimal(0))
    tax = (taxable * Decimal(rate) / 100).quantize(Decimal("0.01"))
    lines = "".join(
        f"<DettaglioLinee><NumeroLinea>{number}</NumeroLinea><PrezzoTotale>{price}</PrezzoTotale>"
        f"<AliquotaIVA>{rate}</AliquotaIVA></DettaglioLinee>"
        for number, price in enumerate(prices, start=1)
    )
    summary = (
        f"<DatiRiepilogo><AliquotaIVA>{rate}</AliquotaIVA><Imposta>{tax}</Imposta>"
        f"<ImponibileImporto>{taxable}</ImponibileImporto></DatiRiepilogo>"
    )
    text = fixture("fattura__self_invoice.xml").decode()
    start, end = text.index("<DatiBeniServizi>"), text.index("</DatiBeniServizi>")
    text = f"{text[:start]}<DatiBeniServizi>{lines}{summary}{text[end:]}"
    told = document(
        changed(text.encode(), ("<ImportoTotaleDocumento>244.00</ImportoTotaleDocumento>", ""))
    )
    assert sum((line.net.amount for line in told.lines if line.net), Decimal(0)) == taxable
    assert told.totals.payable.amount == taxable + tax


@given(st.decimals(-(10**6), 10**6, places=2), st.sampled_from(["4", "5.00", "10.00", "22.00"]))
def test_simplified_amounts_are_split_without_loss(gross: Decimal, rate: str) -> None:
    body = changed(
        fixture("fattura.semplificata__mixed_rates.xml"),
        ("<Importo>61.00<", f"<Importo>{gross}<"),
        ("<Aliquota>22.00<", f"<Aliquota>{rate}<"),
    )
    totals = document(body).totals
    assert totals.payable.amount == gross + 15
    assert totals.tax_exclusive is not None
    assert totals.tax is not None
    assert totals.tax_exclusive.amount + totals.tax.amount == totals.payable.amount


# Files -----------------------------------------------------------------------------------------


def test_a_bad_body_does_not_cost_the_others() -> None:
    outcome = run(fixture("fattura__lot_with_a_bad_body.xml"))
    assert len(outcome.messages) == 2
    assert [(one.code, one.at) for one in outcome.problems] == [
        ("unknown_document_type", "FatturaElettronicaBody[2]"),
        ("bad_amount", "FatturaElettronicaBody[3]"),
    ]


def test_a_bad_member_does_not_cost_the_others() -> None:
    outcome = run(fixture("fattura__members.zip"))
    assert len(outcome.messages) == 3
    assert codes(outcome) == ["foreign_member", "truncated"]


@pytest.mark.parametrize("uri", ["http://a b", "http://www.w3.org/2000/09/xmldsig#&quot;", "a|b"])
def test_illegal_namespaces_are_told_and_not_repaired(uri: str) -> None:
    body = changed(ORDINARY, (' versione="FPR12"', f' xmlns:x="{uri}" versione="FPR12"'))
    assert codes(run(body)) == ["illegal_namespace"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("fatture/v1.2", "fatture/v1.3"),
        ("fatture/v1.2", "fatture/v1.0"),
        ('versione="FPR12"', 'versione="FPR13"'),
        (' versione="FPR12"', ""),
    ],
)
def test_other_versions_wait(old: str, new: str) -> None:
    assert codes(run(changed(ORDINARY, (old, new)))) == ["unknown_version"]


def test_an_invoice_deeper_in_the_document_is_not_found() -> None:
    start, end = ORDINARY.index(b"  <FatturaElettronicaBody>"), ORDINARY.index(b"</p:Fattura")
    hidden = ORDINARY[:start] + b"<Altro>" + ORDINARY[start:end] + b"</Altro>" + ORDINARY[end:]
    assert codes(run(hidden)) == ["missing_field"]


def test_entities_are_refused() -> None:
    entity = b'?>\n<!DOCTYPE a [<!ENTITY x "1">]>\n<?xml-'
    assert codes(run(ORDINARY.replace(b"?>\n<?xml-", entity, 1))) == ["doctype"]


@pytest.mark.parametrize("body", [b"", b" \n", b"%PDF-1.7", b"{}", b"<html/>", b"<a/>", b"0"])
def test_other_files_are_not_taken(body: bytes) -> None:
    assert run(body).outcome == "dead"


def test_errors_tell_no_names() -> None:
    body = changed(PLAIN, ("Officine Esempio S.r.l.", "Officine" + "x" * 5000))
    (problem,) = run(body).problems
    assert problem.code == "invalid_value"
    assert "Officine" not in problem.message
