"""Findings about credit notes and returns, and the facts that wait for their cause."""

from __future__ import annotations

from collections.abc import Iterator

from domains.billing.books import Books
from domains.billing.document_findings import money
from domains.billing.goods import NOTHING
from domains.billing.returns import Return
from domains.contract import Finding, Owner, Parked
from domains.written import plain


def credit_findings(books: Books) -> Iterator[Finding]:
    """All findings about credits."""
    for credit, excess in books.credits.exceeding:
        currency = credit.data.currency
        gross = abs(credit.gross)
        yield Finding(
            kind="credit_exceeds_invoice",
            record=credit.key,
            owner=Owner.FINANCE,
            explanation="Credit notes take back more than was invoiced.",
            involved=tuple(one.key for one in books.credits.targets[credit.key]),
            facts=credit.facts,
            expected=money(gross - excess, currency),
            received=money(gross, currency),
            balance=money(excess, currency),
            since=credit.at,
        )
    for goods in books.returns:
        yield from _of_return(books, goods)


def _of_return(books: Books, goods: Return) -> Iterator[Finding]:
    if goods.is_refused:
        yield Finding(
            kind="negative_quantity",
            record=goods.key,
            owner=Owner.IT,
            explanation="A return has a negative quantity; it is not applied.",
            facts=frozenset(goods.facts),
            since=goods.received_at,
        )
        return
    yield from _twice(goods)
    if goods.is_credited or goods.refunds or not goods.was_paid_or_billed:
        return
    if books.is_due(goods.received_at, books.rules.invoice_due):
        came = sum((line.quantity for line in goods.lines), NOTHING)
        left = sum((line.left for line in goods.lines), NOTHING)
        yield Finding(
            kind="return_not_credited",
            record=goods.key,
            owner=Owner.FINANCE,
            explanation="Goods came back, and they are neither credited nor refunded in full.",
            involved=tuple(one.key for one in goods.credited_by),
            facts=frozenset(goods.facts),
            expected=f"{plain(came)} units",
            received=f"{plain(came - left)} units",
            balance=f"{plain(left)} units",
            since=goods.received_at,
        )


def _twice(goods: Return) -> Iterator[Finding]:
    for credit, quantity in goods.again:
        yield Finding(
            kind="credited_twice",
            record=credit.key,
            owner=Owner.FINANCE,
            explanation="The returned goods were credited before.",
            subject=goods.key,
            involved=(goods.key, *(one.key for one in goods.credited_by)),
            facts=credit.facts | goods.facts,
            balance=f"{plain(quantity)} units" if quantity else None,
            since=credit.at,
        )


def parked_documents(books: Books) -> Iterator[Parked]:
    """Documents that name an order or an invoice nobody has reported yet."""
    for document in books.documents.all:
        waits_for = min(document.mentioned.unknown, default=None)
        if waits_for is not None and not document.is_credit:
            yield Parked(
                fact=document.fact.id,
                awaits=f"order:{waits_for}",
                kind="unknown_order",
                owner=Owner.SALES,
                explanation="An invoice names an order that nobody has reported.",
                patience=books.rules.patience,
            )
        missing = books.documents.unknown_preceding(document)
        if missing and document.is_credit:
            yield Parked(
                fact=document.fact.id,
                awaits=f"invoice:{missing[0]}",
                kind="credit_without_invoice",
                owner=Owner.FINANCE,
                explanation="A credit note names an invoice that nobody has reported.",
                patience=books.rules.patience,
            )
