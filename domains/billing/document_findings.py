"""Findings about single documents: their order, currency, arithmetic, tax and number."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from domains.billing.books import Books, foreign_amount, other_currency
from domains.billing.documents import Document
from domains.billing.series import missing_before
from domains.billing.taxes import Tax, invoiced_tax
from domains.billing.totals import breaches_of
from domains.contract import Finding, Owner


def document_findings(books: Books) -> Iterator[Finding]:
    """All findings about documents as such."""
    for document in books.documents.all:
        yield from _of_orders(document)
        yield from _of_currency(books, document)
        yield from _of_totals(books, document)
        yield from _of_reports(document)
    for tax in books.taxes:
        yield from _of_tax(books, tax)
    yield from _gaps(books)


def money(amount: Decimal, currency: str) -> str:
    return f"{amount:f} {currency}"


def _of_orders(document: Document) -> Iterator[Finding]:
    if document.mentioned.ambiguous:
        yield Finding(
            kind="ambiguous_order",
            record=document.key,
            owner=Owner.IT,
            explanation="Several orders have the number this document names; none is assumed.",
            involved=tuple(sorted(document.mentioned.ambiguous)),
            facts=document.facts,
            since=document.at,
        )


def _of_currency(books: Books, document: Document) -> Iterator[Finding]:
    """Nothing of such a document is applied."""
    own = document.data.currency
    foreign = foreign_amount(document)
    if foreign is not None:
        yield _currency(
            document, "currency_differs", own, foreign,
            "An amount is in another currency than the document; it bills and credits nothing.",
        )  # fmt: skip
    ordered = other_currency(document, books.orders)
    if ordered is not None:
        yield _currency(
            document, "wrong_order_currency", ordered, own,
            "The document is in another currency than its order; it bills nothing.",
        )  # fmt: skip
    for credit, invoice in books.credits.other_currency:
        if credit.key == document.key:
            yield _currency(
                document, "currency_differs", invoice.data.currency, own,
                "The credit note is in another currency than its invoice; it credits nothing.",
                subject=invoice.key,
            )  # fmt: skip


def _currency(  # noqa: PLR0917 - what a finding about a currency says
    document: Document,
    kind: str,
    expected: str,
    received: str,
    explanation: str,
    subject: str = "",
) -> Finding:
    return Finding(
        kind=kind,
        record=document.key,
        owner=Owner.FINANCE,
        explanation=explanation,
        subject=subject,
        involved=(subject,) if subject else (),
        facts=document.facts,
        expected=expected,
        received=received,
        since=document.at,
    )


def _of_totals(books: Books, document: Document) -> Iterator[Finding]:
    currency = document.data.currency
    if foreign_amount(document) is not None:
        return
    for breach in breaches_of(document.data, books.tolerance(currency)):
        yield Finding(
            kind="totals_differ",
            record=document.key,
            owner=Owner.FINANCE,
            explanation=f"The document's amounts do not add up ({breach.rule} of EN 16931).",
            subject=breach.rule,
            facts=document.facts,
            expected=money(breach.expected, currency),
            received=money(breach.stated, currency),
            balance=money(breach.stated - breach.expected, currency),
            since=document.at,
        )


def _of_reports(document: Document) -> Iterator[Finding]:
    if document.differing:
        fields = ", ".join(document.differing)
        yield Finding(
            kind="invoice_reported_differently",
            record=document.key,
            owner=Owner.IT,
            explanation=f"Two systems report this document with different {fields}.",
            facts=document.facts,
            since=document.at,
        )


def _of_tax(books: Books, tax: Tax) -> Iterator[Finding]:
    document = tax.document
    if document is None:
        return
    if tax.is_voided:
        if not books.credits.is_freed(document):
            yield _tax(tax, document, "tax_voided", "The tax of a posted invoice was voided.")
        return
    stated = invoiced_tax(document)
    currency = document.data.currency
    if stated is None:
        return
    is_same = tax.data.currency == currency
    difference = abs(stated) - abs(tax.data.total_tax.amount)
    if is_same and abs(difference) <= books.tolerance(currency):
        return
    yield _tax(
        tax, document, "tax_differs", "The invoice states another tax than the tax engine.",
        received=money(abs(stated), currency),
        balance=money(difference, currency) if is_same else None,
    )  # fmt: skip


def _tax(  # noqa: PLR0917 - what a finding about tax says
    tax: Tax,
    document: Document,
    kind: str,
    explanation: str,
    received: str | None = None,
    balance: str | None = None,
) -> Finding:
    return Finding(
        kind=kind,
        record=document.key,
        owner=Owner.FINANCE,
        explanation=explanation,
        subject=tax.data.engine,
        involved=(tax.key,),
        facts=document.facts | {tax.fact.id},
        expected=money(abs(tax.data.total_tax.amount), tax.data.currency),
        received=received,
        balance=balance,
        since=max(tax.fact.occurred_at, document.at),
    )


def _gaps(books: Books) -> Iterator[Finding]:
    for document, missing in missing_before(books.cluster, books.documents.all):
        if books.is_due(document.at, books.rules.invoice_due):
            yield Finding(
                kind="number_gap",
                record=document.key,
                owner=Owner.FINANCE,
                explanation=f"Right below this number {missing} of its series never came.",
                facts=document.facts,
                since=document.at,
            )
