"""810, invoice: invoices, debit memos, credit memos.

Source: ASC X12 810 Invoice, version 004010; elements 640 and 353.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from canonical.billing import (
    CreditNoteIssued,
    InvoiceIssued,
    InvoiceLine,
    InvoiceTotals,
    TaxBreakdown,
)
from canonical.errors import Malformed
from canonical.message import Ignored, Item, Message, Problem
from canonical.values import Identifier, Money
from connectors.kit.x12 import Segment
from connectors.x12.goods import description_of, extended, pairs, product_ids, sku_of, unit_price
from connectors.x12.parties import first_of, parties, sender_party
from connectors.x12.reading import (
    Document,
    date_in,
    decimal_in,
    element,
    identifier,
    loops,
    of_tag,
    optional_date,
    order_number,
    order_references,
    path_of,
    qualified,
    quantity_in,
    references,
    required_element,
    unmapped,
)
from connectors.x12.totals import count_problems

_SUMMARY = frozenset({"TDS", "CTT"})
_TYPES = {
    "": "380", "DI": "380", "CI": "380", "PR": "380", "FB": "380", "PB": "380", "DO": "380",
    "DR": "383", "CR": "381", "CN": "381",
}  # fmt: skip
"""BIG07 as a document type of UNCL1001: invoice, debit note, credit note."""
_CREDIT = "381"
_ORIGINAL = frozenset({"", "00", "06", "07", "18"})
_INVOICE_DATE = "3"
"""ITD02: days count from the invoice's date."""


def invoice(document: Document) -> Iterator[Item]:
    """InvoiceIssued or CreditNoteIssued; totals that do not add up are told beside it.

    Raises Unsupported for a type or purpose that is not mapped (a posted invoice is not replaced),
    Malformed for an invoice that cannot be told whole.
    """
    begin = document.required("BIG")
    if begin.get(8) == "22":
        yield Ignored(reason="an information copy of an invoice", at=document.at)
        return
    if begin.get(8) not in _ORIGINAL:
        raise unmapped(begin, 8)
    if begin.get(7) not in _TYPES:
        raise unmapped(begin, 7)
    header, found, summary = loops(document.segments, "IT1", _SUMMARY)
    lines = tuple(_line(document, loop, place) for place, loop in enumerate(found, start=1))
    outer = [*header, *summary]
    data = _data(document, begin, outer, lines)
    yield _message(document, data)
    quantities = [one.quantity.value for one in lines if one.quantity]
    yield from count_problems(document, [len(lines)], quantities)
    inner = [segment for loop in found for segment in loop]
    yield from _total_problems(document, lines, outer, inner)


def _message(document: Document, data: dict[str, Any]) -> Message:
    number, kind, day = data["invoice_number"], data["document_type"], data["issue_date"]
    is_credit = kind == _CREDIT
    own_chain = document.chain("invoice", number)
    chain = document.chain("order", data["order_id"]) if data["order_id"] else own_chain
    return Message(
        key=document.key("invoice", number, kind),
        data=CreditNoteIssued(**data) if is_credit else InvoiceIssued(**data),
        occurred_at=document.start_of(day),
        subject=f"{'credit-note' if is_credit else 'invoice'}/{number}",
        correlation=chain,
        partition=chain,
        at=document.at,
    )


def _data(
    document: Document,
    begin: Segment,
    outer: Sequence[Segment],
    lines: tuple[InvoiceLine, ...],
) -> dict[str, Any]:
    found = parties(outer)
    issued = date_in(begin, 1)
    number = required_element(begin, 2)
    taxes = _taxes(document, outer)
    return {
        "invoice_number": number,
        "document_type": _TYPES[begin.get(7)],
        "issue_date": issued,
        "due_date": _due(outer, issued),
        "currency": _currency(document),
        "seller": first_of(found, "SE", "VN", "SU", "II") or sender_party(document.sender),
        "buyer": first_of(found, "BY", "BT", "SO"),
        "payee": first_of(found, "RI", "RE"),
        "order_id": order_number(element(begin, 4), element(begin, 5)),
        "delivery_note": element(qualified(outer, "REF", "PK"), 2),
        "preceding": _preceding(outer) if _TYPES[begin.get(7)] == _CREDIT else (),
        "payment_terms": _terms(outer),
        "lines": lines,
        "taxes": taxes,
        "totals": _totals(document, taxes, outer),
        "notes": tuple(one.get(2) for one in of_tag(outer, "NTE") if one.get(2)),
        "references": references(
            outer, ("BIG02", number), *order_references(element(begin, 4), element(begin, 5))
        ),
    }


def _preceding(outer: Sequence[Segment]) -> tuple[Identifier, ...]:
    """The invoices a credit note takes back, in REF."""
    named = [one for one in of_tag(outer, "REF") if one.get(1) in ("IV", "OI")]
    return tuple(found for one in named for found in identifier("x12:IV", element(one, 2)))


def _currency(document: Document) -> str:
    if document.currency is None:
        raise Malformed("the invoice has no currency", code="missing_currency", path="CUR/CUR02")
    return document.currency


def _line(document: Document, loop: Sequence[Segment], position: int) -> InvoiceLine:
    line = loop[0]
    order_line = qualified(loop, "REF", "LI", "FJ")
    return InvoiceLine(
        # Some partners number no lines: the position, from 1, stands for it.
        line_id=element(line, 1) or str(position),
        description=description_of(loop),
        sku=sku_of(line, 6),
        product=product_ids(line, 6),
        quantity=quantity_in(line, 2, 3) if line.get(2) else None,
        unit_price=unit_price(document, line, 4, 5),
        order_line_id=element(order_line, 2),
        source=_sources(line),
    )


def _sources(line: Segment) -> tuple[Identifier, ...]:
    """Purchase orders named among the product ids."""
    orders = [value for qualifier, value in pairs(line, 6) if qualifier == "PO"]
    return tuple(one for order in orders for one in identifier("x12:PO", order))


def _taxes(document: Document, segments: Sequence[Segment]) -> tuple[TaxBreakdown, ...]:
    """Taxes of the whole invoice; those inside its lines are parts of them."""
    found = []
    for segment in of_tag(segments, "TXI"):
        tax = document.money(segment, 2)
        if tax is None:
            path = path_of(segment, 2)
            raise Malformed("a tax has no amount", code="missing_field", path=path)
        found.append(
            TaxBreakdown(
                category=required_element(segment, 1),
                rate=decimal_in(segment, 3) if segment.get(3) else None,
                taxable=document.money(segment, 8),
                tax=tax,
                exemption_reason=element(segment, 6),
                jurisdiction=element(segment, 5),
            )
        )
    return tuple(found)


def _totals(
    document: Document, taxes: Sequence[TaxBreakdown], segments: Sequence[Segment]
) -> InvoiceTotals:
    payable = document.cents(document.required("TDS"), 1)
    if payable is None:
        raise Malformed("the invoice has no total", code="missing_field", path="TDS[1]/TDS01")
    return InvoiceTotals(
        allowances=_summed(_adjustments(document, segments, "A")),
        charges=_summed(_adjustments(document, segments, "C")),
        tax=_summed([one.tax for one in taxes]),
        payable=payable,
    )


def _adjustments(document: Document, segments: Sequence[Segment], kind: str) -> list[Money]:
    amounts = [document.cents(one, 5) for one in of_tag(segments, "SAC") if one.get(1) == kind]
    return [amount for amount in amounts if amount is not None]


def _summed(amounts: Sequence[Money]) -> Money | None:
    if not amounts:
        return None
    total = sum((one.amount for one in amounts), Decimal(0))
    return Money(amount=total, currency=amounts[0].currency)


def _due(header: Sequence[Segment], issued: date) -> date | None:
    """ITD06, or the invoice's date and the net days where they count from it."""
    terms = [one for one in of_tag(header, "ITD") if one.get(6) or one.get(7)]
    if len(terms) != 1:
        return None  # None, or instalments and alternatives.
    due = optional_date(terms[0], 6)
    days = terms[0].get(7)
    if due is None and terms[0].get(2) == _INVOICE_DATE and days.isascii() and days.isdigit():
        return issued + timedelta(days=int(days[:4]))
    return due


def _terms(header: Sequence[Segment]) -> str | None:
    words = [one.get(12) for one in of_tag(header, "ITD") if one.get(12)]
    return "; ".join(words) or None


def _total_problems(
    document: Document,
    lines: Sequence[InvoiceLine],
    outer: Sequence[Segment],
    inner: Sequence[Segment],
) -> Iterator[Item]:
    """TDS01 against lines, allowances, charges and taxes, where each line has a price.

    Partners state taxes as TXI, as a charge in SAC, or both, and adjustments in the lines, in the
    summary, or both: the total counts as wrong when none of these readings gives it.
    """
    base = extended((_count(one), one.unit_price) for one in lines)
    segment = document.required("TDS")
    total = document.cents(segment, 1)
    if base is None or total is None or not lines:
        return
    adjusted = {_net(document, outer), _net(document, inner)}
    adjusted |= {Decimal(0), sum(adjusted, Decimal(0))}
    taxed = {Decimal(0), _tax(document, outer), _tax(document, inner)}
    readings = {base + one + tax for one in adjusted for tax in taxed}
    tolerance = Decimal("0.005") * len(lines)
    if all(abs(one - total.amount) > tolerance for one in readings):
        yield Problem(
            code="total_mismatch",
            message=f"the total is {total.amount}, the lines come to {base}",
            path=path_of(segment, 1),
            at=document.at,
        )


def _count(line: InvoiceLine) -> Decimal:
    return line.quantity.value if line.quantity else Decimal(1)


def _net(document: Document, segments: Sequence[Segment]) -> Decimal:
    charges = sum((one.amount for one in _adjustments(document, segments, "C")), Decimal(0))
    return charges - sum((one.amount for one in _adjustments(document, segments, "A")), Decimal(0))


def _tax(document: Document, segments: Sequence[Segment]) -> Decimal:
    amounts = [document.money(one, 2) for one in of_tag(segments, "TXI")]
    return sum((one.amount for one in amounts if one is not None), Decimal(0))
