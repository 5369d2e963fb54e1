"""Invoices and credit notes: one document each, however many systems report it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from canonical.billing import CreditNoteIssued, InvoiceIssued
from canonical.keys import Key
from domains.billing.names import Bill, order_mentions, own_names, preceding_of, sendings_of
from domains.billing.orders import Mentioned, Orders, told
from domains.contract import Cluster, Fact
from domains.names import party_name

CORRECTED_INVOICE: Final = "384"
"""UNCL1001: takes the place of the invoice it names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """An invoice or a credit note."""

    key: str
    kind: str
    """`invoice` or `credit_note`."""
    seller: str
    fact: Fact
    """The first report in canonical order: the document is as this one tells it."""
    data: Bill
    facts: frozenset[str]
    differing: tuple[str, ...]
    """Fields in which reports by other systems say something else."""
    mentioned: Mentioned
    tokens: frozenset[str]
    """By what others name it, folded."""
    sendings: frozenset[str]
    preceding: frozenset[str]

    @property
    def is_credit(self) -> bool:
        return self.kind == "credit_note"

    @property
    def number(self) -> str:
        return self.data.invoice_number

    @property
    def issued(self) -> date:
        return self.data.issue_date

    @property
    def at(self) -> datetime:
        return self.fact.occurred_at

    @property
    def gross(self) -> Decimal:
        """With tax, before prepayments: what a credit note can take back."""
        totals = self.data.totals
        if totals.tax_inclusive is not None:
            return totals.tax_inclusive.amount
        prepaid = totals.prepaid.amount if totals.prepaid else Decimal(0)
        rounding = totals.rounding.amount if totals.rounding else Decimal(0)
        return totals.payable.amount + prepaid - rounding


def documents_of(cluster: Cluster, orders: Orders) -> tuple[Document, ...]:
    """All documents, in the order of their facts.

    Where a number comes again in another year, the later document's key has the year behind it.
    """
    reports: dict[tuple[str, str, str, str], dict[int, list[tuple[Fact, Bill]]]] = {}
    for fact, data in told(cluster, InvoiceIssued, CreditNoteIssued):
        kind = "credit_note" if isinstance(data, CreditNoteIssued) else "invoice"
        name = (kind, party_name(data.seller), data.invoice_number, data.document_type)
        reports.setdefault(name, {}).setdefault(data.issue_date.year, []).append((fact, data))
    found = []
    for name, years in reports.items():
        for position, (year, same) in enumerate(sorted(years.items())):
            key = Key.of(*name) if position == 0 else Key.of(*name, year)
            found.append(_document(key.text, name[0], name[1], same, orders))
    return tuple(sorted(found, key=lambda one: (one.at, one.fact.key, one.key)))


def _document(
    key: str, kind: str, seller: str, reports: list[tuple[Fact, Bill]], orders: Orders
) -> Document:
    fact, data = reports[0]
    references = tuple(dict.fromkeys(ref for _, one in reports for ref in one.references))
    return Document(
        key=key,
        kind=kind,
        seller=seller,
        fact=fact,
        data=data,
        facts=frozenset(one.id for one, _ in reports),
        differing=_differing(data, [one for _, one in reports[1:]]),
        mentioned=orders.of_invoice(
            fact.connector, fact.account, data.order_id, order_mentions(data)
        ),
        tokens=frozenset().union(*(own_names(one) for _, one in reports)),
        sendings=sendings_of(references),
        preceding=preceding_of(data),
    )


def _differing(first: Bill, others: Iterable[Bill]) -> tuple[str, ...]:
    found = set()
    for other in others:
        if other.currency != first.currency:
            found.add("currency")
        elif other.totals.payable.amount != first.totals.payable.amount:
            found.add("payable")
        if other.issue_date != first.issue_date:
            found.add("issue_date")
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class Documents:
    """All documents of a cluster."""

    all: tuple[Document, ...]

    @property
    def invoices(self) -> tuple[Document, ...]:
        return tuple(one for one in self.all if not one.is_credit)

    @property
    def credits(self) -> tuple[Document, ...]:
        return tuple(one for one in self.all if one.is_credit)

    def preceding(self, document: Document) -> tuple[Document, ...]:
        """The invoices a document names that are known, in a fixed order."""
        found = {}
        for token in sorted(document.preceding):
            one = self._named(token, document)
            if one is not None:
                found[one.key] = one
        return tuple(found.values())

    def unknown_preceding(self, document: Document) -> tuple[str, ...]:
        return tuple(
            token for token in sorted(document.preceding) if self._named(token, document) is None
        )

    def about_order_of(self, document: Document) -> tuple[Document, ...]:
        """The invoices that name an order this document names too."""
        orders = document.mentioned.orders
        return tuple(one for one in self.invoices if one.mentioned.orders & orders)

    def _named(self, token: str, by: Document) -> Document | None:
        found = [one for one in self.invoices if token in one.tokens and one.key != by.key]
        own = [one for one in found if one.seller == by.seller]
        if not own and len({one.seller for one in found}) > 1:
            return None
        return latest_until(own or found, by.issued)


def latest_until(documents: Iterable[Document], day: date) -> Document | None:
    """Of documents with one number, the last that was issued by then; else the first of all."""
    ordered = sorted(documents, key=lambda one: (one.issued, one.key))
    until = [one for one in ordered if one.issued <= day]
    return until[-1] if until else next(iter(ordered), None)
