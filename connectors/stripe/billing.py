"""Invoices and credit notes that Stripe itself numbers and issues.

Amounts of a Stripe line are before discounts and, with inclusive taxes, contain the tax; canonical
net amounts are after discounts and without tax. The totals of a document must add up, or it is
refused: an invoice is a legal document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from canonical.billing import CreditNoteIssued, InvoiceIssued, InvoiceLine, InvoiceTotals
from canonical.errors import Malformed
from canonical.keys import Key
from canonical.message import Ignored, Item, Message, Problem
from canonical.values import Identifier, Party, Quantity
from connectors.kit.decimals import quantity_of
from connectors.kit.json_body import as_list, as_object, join, required_text, text
from connectors.kit.records import child
from connectors.stripe.amounts import (
    currency_of,
    minor,
    minor_or_none,
    money,
    unit_price,
)
from connectors.stripe.reports import (
    Report,
    expanded,
    free_text,
    moment_in,
    party,
    ref,
    references,
    rows,
)
from connectors.stripe.taxes import (
    breakdowns,
    category_of,
    percentages,
    rate_of,
    tax_total,
    taxes_of,
)

_INVOICE, _CREDIT_NOTE = "380", "381"  # UNCL1001
_LINE_TAXES = ("taxes", "tax_amounts")
_TOTAL_TAXES = ("total_taxes", "total_tax_amounts", "tax_amounts")
_ISSUED = frozenset(("open", "paid", "uncollectible"))


def invoice_finalized(report: Report) -> Iterator[Item]:
    """invoice.finalized."""
    yield _invoice(report)


def invoice_state(report: Report) -> Iterator[Item]:
    """An invoice as it stands in a file."""
    status = text(report.body, "status", report.path)
    if status in _ISSUED:
        yield _invoice(report)
    elif status == "void":
        yield from invoice_voided(report)
    else:
        yield Ignored(reason="the invoice is a draft", at=report.at)


def invoice_voided(report: Report) -> Iterator[Item]:
    """invoice.voided: taken back without a credit note, which no canonical fact says."""
    yield Problem(
        code="invoice_voided",
        message="an issued invoice was voided at Stripe: reverse it by hand",
        path=join(report.path, "status"),
        at=report.at or report.id(),
    )


def credit_note_created(report: Report) -> Iterator[Item]:
    """credit_note.created, a credit note in a file."""
    if text(report.body, "status", report.path) == "void":
        yield from credit_note_voided(report)
        return
    fields = _document(report, _CREDIT_NOTE)
    fact = CreditNoteIssued(
        **fields,
        preceding=references(("invoice", report.ref("invoice"))),
        totals=_totals(report, minor(report.body, "total", report.path), _shipping(report)),
    )
    yield _message(report, fact, _CREDIT_NOTE)


def credit_note_voided(report: Report) -> Iterator[Item]:
    """credit_note.voided: what was credited is owed again, which no canonical fact says."""
    yield Problem(
        code="credit_note_voided",
        message="a credit note was voided at Stripe: reverse it by hand",
        path=join(report.path, "status"),
        at=report.at or report.id(),
    )


def _invoice(report: Report) -> Message:
    body, path = report.body, report.path
    # Credit notes of before the payment lower amount_due later; the invoice stays as it was.
    credited = minor_or_none(body, "pre_payment_credit_notes_amount", path) or 0
    payable = minor(body, "amount_due", path) + credited
    fact = InvoiceIssued(
        **_document(report, _INVOICE),
        due_date=_day(report, "due_date"),
        totals=_totals(report, payable, _shipping(report)),
    )
    return _message(report, fact, _INVOICE)


def _message(report: Report, fact: InvoiceIssued | CreditNoteIssued, document_type: str) -> Message:
    parts = ("invoice", "stripe", report.account, fact.invoice_number, document_type)
    # Test mode has number ranges of its own, which may be the same numbers.
    key = Key.of(*parts, "test") if report.test else Key.of(*parts)
    topic = "invoice" if document_type == _INVOICE else "credit-note"
    return report.message(fact, key, topic, report.id())


def _document(report: Report, document_type: str) -> dict[str, Any]:
    body, path = report.body, report.path
    currency = currency_of(body, path)
    notes = (free_text(body, "description", path), free_text(body, "memo", path))
    taxes = taxes_of(body, _TOTAL_TAXES, path)
    rates = percentages(body, path)
    return {
        "invoice_number": required_text(body, "number", path),
        "document_type": document_type,
        "issue_date": _issue_date(report),
        "currency": currency,
        "seller": _seller(report),
        "buyer": _buyer(report),
        "order_id": report.order_id(),
        "lines": tuple(_lines(report, currency, rates)),
        "taxes": tuple(breakdowns(taxes, rates, currency, path)),
        "notes": tuple(note for note in notes if note),
        "references": _references(report),
    }


def _references(report: Report) -> tuple[Identifier, ...]:
    """Only what does not change after the document is issued."""
    kind = text(report.body, "object", report.path) or "invoice"
    parent = report.child("parent")
    details = child(parent, "subscription_details", join(report.path, "parent"))
    subscription = report.ref("subscription") or ref(details, "subscription", report.path)
    return references(
        (kind, report.id()),
        ("number", required_text(report.body, "number", report.path)[:255]),
        ("subscription", subscription),
        ("order", report.order_id()),
        ("mode", "test" if report.test else None),
    )


def _seller(report: Report) -> Party:
    issuer = ref(report.child("issuer"), "account", join(report.path, "issuer"))
    number = issuer or report.ref("on_behalf_of") or report.stripe_account
    return Party(
        name=free_text(report.body, "account_name", report.path),
        identifiers=references(("account", number)),
    )


def _buyer(report: Report) -> Party | None:
    found = party(report.body, report.path, customer=report.ref("customer"), prefix="customer_")
    where = join(report.path, "customer_tax_ids")
    listed = as_list(report.body.get("customer_tax_ids"), where)
    if found is None or not listed:
        return found
    tax_ids = [as_object(row, join(where, index)) for index, row in enumerate(listed)]
    named = [
        Identifier(scheme=f"stripe:{row.get('type')}"[:80], value=str(row["value"])[:400])
        for row in tax_ids
        if isinstance(row.get("value"), str) and row["value"]
    ]
    return found.model_copy(update={"identifiers": (*found.identifiers, *named)})


def _lines(report: Report, currency: str, rates: Mapping[str, Decimal]) -> Iterator[InvoiceLine]:
    for index, row in enumerate(rows(report.body, "lines", report.path)):
        path = join(join(join(report.path, "lines"), "data"), index)
        yield _line(as_object(row, path), currency, rates, path)


def _line(
    row: Mapping[str, Any], currency: str, rates: Mapping[str, Decimal], path: str
) -> InvoiceLine:
    price = _price(row)
    taxes = taxes_of(row, _LINE_TAXES, path)
    contained = tax_total(taxes, path, inclusive=True)
    only = taxes[0] if len(taxes) == 1 else None
    product = references(("price", price.get("price")), ("product", price.get("product")))
    return InvoiceLine(
        line_id=required_text(row, "id", path),
        description=free_text(row, "description", path),
        product=product,
        quantity=_quantity(row, path),
        # A price that contains the tax is not the net price that BT-146 means.
        unit_price=None if contained else unit_price(price, currency, path),
        net=money(_line_net(row, path), currency, path),
        tax_category=category_of(only, path) if only else None,
        tax_rate=rate_of(only, rates, path) if only else None,
        source=references(
            ("invoice_line_item", ref(row, "invoice_line_item", path)),
            ("invoice_item", ref(row, "invoice_item", path)),
        ),
    )


def _price(row: Mapping[str, Any]) -> dict[str, Any]:
    """Price, product and unit amount, from whichever object this API version writes them in."""
    old = expanded(row, "price")
    new = expanded(row, "pricing")
    details = expanded(new, "price_details")
    source = new or (old or row)
    return {
        "price": ref(old, "id") or ref(details, "price"),
        "product": ref(old, "product") or ref(details, "product"),
        "unit_amount": source.get("unit_amount"),
        "unit_amount_decimal": source.get("unit_amount_decimal"),
    }


def _quantity(row: Mapping[str, Any], path: str) -> Quantity | None:
    for name in ("quantity_decimal", "quantity"):
        if row.get(name) is not None:
            return quantity_of(row[name], path=join(path, name))
    return None


def _line_net(row: Mapping[str, Any], path: str) -> int:
    discounts = as_list(row.get("discount_amounts"), join(path, "discount_amounts"))
    taken = sum(
        minor(as_object(one, path), "amount", join(path, "discount_amounts")) for one in discounts
    )
    contained = tax_total(taxes_of(row, _LINE_TAXES, path), path, inclusive=True)
    return minor(row, "amount", path) - taken - contained


def _totals(report: Report, payable: int, shipping: int) -> InvoiceTotals:
    body, path = report.body, report.path
    currency = currency_of(body, path)
    total = minor(body, "total", path)
    tax = _tax(report)
    exclusive = minor_or_none(body, "total_excluding_tax", path)
    if exclusive is not None and exclusive + tax != total:
        raise Malformed(
            "total_excluding_tax and the taxes are not the total",
            code="totals_mismatch",
            path=join(path, "total"),
        )
    prepaid = total - payable
    return InvoiceTotals(
        lines_net=_lines_net(report, total - tax - shipping, currency),
        charges=money(shipping, currency, path) if shipping else None,
        tax_exclusive=money(total - tax, currency, path),
        tax=money(tax, currency, path),
        tax_inclusive=money(total, currency, path),
        prepaid=money(prepaid, currency, path) if prepaid else None,
        payable=money(payable, currency, path),
    )


def _lines_net(report: Report, expected: int, currency: str) -> Any:
    """The sum of the lines' net amounts; None where the document lists only the first of them.

    Tax may be rounded by document, so a line may be off by one minor unit. Raises Malformed where
    the lines are further from the total.
    """
    listed = rows(report.body, "lines", report.path)
    if not listed or report.child("lines").get("has_more") is True:
        return None
    path = join(join(report.path, "lines"), "data")
    found = sum(
        _line_net(as_object(row, join(path, at)), join(path, at)) for at, row in enumerate(listed)
    )
    if abs(found - expected) > len(listed):
        raise Malformed("the lines are not the total", code="totals_mismatch", path=path)
    return money(found, currency, path)


def _tax(report: Report) -> int:
    taxes = taxes_of(report.body, _TOTAL_TAXES, report.path)
    if taxes:
        return tax_total(taxes, report.path)
    return minor_or_none(report.body, "tax", report.path) or 0


def _shipping(report: Report) -> int:
    """Shipping without tax; `shipping_cost` counts only where `amount_shipping` says there is."""
    if not minor_or_none(report.body, "amount_shipping", report.path):
        return 0
    cost = report.child("shipping_cost")
    path = join(report.path, "shipping_cost")
    contained = tax_total(taxes_of(cost, ("taxes",), path), path, inclusive=True)
    return minor(cost, "amount_subtotal", path) - contained


def _issue_date(report: Report) -> date:
    """The day in UTC: Stripe does not tell the zone of the account. Raises Malformed."""
    changes = report.child("status_transitions")
    for record, name in (
        (report.body, "effective_at"),
        (changes, "finalized_at"),
        (report.body, "finalized_at"),
    ):
        found = _moment_day(record, name, report.path)
        if found is not None:
            return found
    if report.body.get("object") == "credit_note":
        return report.moment("created").date()
    raise Malformed(
        "when the invoice was issued is missing",
        code="missing_field",
        path=join(report.path, "effective_at"),
    )


def _moment_day(record: Mapping[str, Any], name: str, path: str) -> date | None:
    found = moment_in(record, name, path)
    return found.date() if found else None


def _day(report: Report, name: str) -> date | None:
    return _moment_day(report.body, name, report.path)
