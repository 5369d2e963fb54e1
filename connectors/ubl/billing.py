"""Invoices and credit notes: the document as one canonical message."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from canonical.billing import InvoiceTotals
from canonical.errors import Malformed
from canonical.keys import Key
from canonical.message import Ignored, Item, Message
from canonical.values import Identifier, Money
from connectors.kit.times import date_of
from connectors.kit.xml import Element
from connectors.raw import RawMessage
from connectors.ubl.document_types import PRO_FORMA, document_type
from connectors.ubl.formats import Document
from connectors.ubl.lines import lines_of, taxes_of
from connectors.ubl.parties import parties_of, seller_identity
from connectors.ubl.rules import TOTALS, require, tax_totals
from connectors.ubl.times import issued
from connectors.ubl.tree import every, money, only_value, reference, references, value, values

_LONGEST_TEXT: Final = 4000
_PRECEDING: Final = "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID"
_PAYMENT_ID: Final = "cac:PaymentMeans/cbc:PaymentID"
_ATTACHMENT: Final = (
    "cac:AdditionalDocumentReference/cac:Attachment/cbc:EmbeddedDocumentBinaryObject"
)
_TOTALS: Final = {
    "lines_net": "LineExtensionAmount",
    "allowances": "AllowanceTotalAmount",
    "charges": "ChargeTotalAmount",
    "tax_exclusive": "TaxExclusiveAmount",
    "tax_inclusive": "TaxInclusiveAmount",
    "prepaid": "PrepaidAmount",
    "rounding": "PayableRoundingAmount",
}
_REFERENCES: Final = (
    ("ubl:invoice_number", "cbc:ID"),
    ("ubl:uuid", "cbc:UUID"),
    ("ubl:order", "cac:OrderReference/cbc:ID"),
    ("ubl:sales_order", "cac:OrderReference/cbc:SalesOrderID"),
    ("ubl:despatch_advice", "cac:DespatchDocumentReference/cbc:ID"),
    ("ubl:receipt", "cac:ReceiptDocumentReference/cbc:ID"),
    ("ubl:contract", "cac:ContractDocumentReference/cbc:ID"),
    ("ubl:project", "cac:ProjectReference/cbc:ID"),
    ("ubl:invoice_number", _PRECEDING),
    ("ubl:payment_reference", _PAYMENT_ID),
)


def billing_items(document: Document, raw: RawMessage) -> Iterator[Item]:
    """The invoice or credit note, and a word on attachments that were not read.

    Raises Malformed with the name of a broken EN 16931 rule as code: a document that does not
    add up says nothing that could be posted.
    """
    root = document.root
    code, fact = document_type(document)
    if code == PRO_FORMA:
        yield Ignored(reason="a pro forma invoice demands no payment")
        return
    require(root, is_zatca=document.is_zatca)
    when = issued(root, raw.options)
    invoice_number = only_value(root, "cbc:ID") or ""
    preceding = tuple(dict.fromkeys(values(root, _PRECEDING)))
    chain = invoice_chain(raw.account, preceding[0] if len(preceding) == 1 else invoice_number)
    seller = _seller(root)
    year = str(when.date.year)
    yield Message(
        key=Key.of("invoice", "ubl", raw.account, *seller, invoice_number, code, year),
        data=fact(
            invoice_number=invoice_number,
            document_type=code,
            issue_date=when.date,
            preceding=tuple(_identifier("ubl:invoice_number", one) for one in preceding),
            references=_references(document),
            **_fields(document),
        ),
        occurred_at=when.moment,
        subject=Key.of(fact.TYPE.split(".")[1].replace("_", "-"), invoice_number).text,
        correlation=chain,
        partition=chain,
    )
    attachments = len(every(root, _ATTACHMENT))
    if attachments:
        yield Ignored(reason=f"attachments, not decoded: {attachments}")


def invoice_chain(account: str, invoice_number: str) -> str:
    """The chain everything about one invoice belongs to, as far as its documents know it."""
    return Key.of("ubl", account, "invoice", invoice_number).text


def _fields(document: Document) -> dict[str, Any]:
    root = document.root
    currency = (only_value(root, "cbc:DocumentCurrencyCode") or "").upper()
    (tax_total,) = tax_totals(
        root, only_value(root, "cbc:DocumentCurrencyCode"), is_zatca=document.is_zatca
    )
    return {
        "currency": currency,
        "due_date": _due_date(root),
        **parties_of(root),
        "buyer_reference": value(root, "cbc:BuyerReference"),
        "order_id": reference(root, "cac:OrderReference/cbc:ID"),
        "delivery_note": reference(root, "cac:DespatchDocumentReference/cbc:ID"),
        "payment_reference": value(root, _PAYMENT_ID),
        "payment_terms": value(root, "cac:PaymentTerms/cbc:Note"),
        "lines": tuple(lines_of(root, currency)),
        "taxes": tuple(taxes_of(tax_total, currency)),
        "totals": _totals(root, money(tax_total, "cbc:TaxAmount", currency), currency),
        "notes": tuple(_notes(root)),
    }


def _totals(root: Element, tax: Money | None, currency: str) -> InvoiceTotals:
    payable = money(root, f"{TOTALS}/cbc:PayableAmount", currency)
    if payable is None:
        raise Malformed("PayableAmount is missing", code="br_15", path="LegalMonetaryTotal")
    return InvoiceTotals(
        **{
            name: money(root, f"{TOTALS}/cbc:{element}", currency)
            for name, element in _TOTALS.items()
        },
        tax=tax,
        payable=payable,
    )


def _seller(root: Element) -> tuple[str, str]:
    found = seller_identity(root)
    if found is None:
        raise Malformed("the seller has no identifier", code="br_co_26")
    return found.scheme, found.value


def _due_date(root: Element) -> date | None:
    """BT-9; a credit note has it at its means of payment."""
    for path in ("cbc:DueDate", "cac:PaymentMeans/cbc:PaymentDueDate"):
        written = value(root, path)
        if written:
            return date_of(written, path.replace("cac:", "").replace("cbc:", ""))
    return None


def _notes(root: Element) -> Iterator[str]:
    for note in values(root, "cbc:Note"):
        # A longer note goes on in the next one: nothing of it is lost.
        for start in range(0, len(note), _LONGEST_TEXT):
            yield note[start : start + _LONGEST_TEXT]


def _references(document: Document) -> tuple[Identifier, ...]:
    found = [
        _identifier(scheme, one)
        for scheme, path in _REFERENCES
        for one in references(document.root, path)
    ]
    if document.instance:
        found.append(_identifier("sbdh:instance", document.instance))
    return tuple(dict.fromkeys(found))


def _identifier(scheme: str, identifier: str) -> Identifier:
    return Identifier(scheme=scheme, value=identifier)
