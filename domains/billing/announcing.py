"""What billing tells the others: states of invoices and of billing candidates."""

from __future__ import annotations

from collections.abc import Iterator

from canonical.chain import BillingCandidateChanged, CandidateState, InvoiceStateChanged
from domains.billing.books import Books
from domains.billing.candidates import Candidate, basis_of
from domains.billing.documents import Document
from domains.billing.records import order_text
from domains.billing.shipments import Shipment
from domains.contract import Announcement

_FIRST = 1
"""The engine counts revisions."""


def announcements_of(books: Books, candidates: tuple[Candidate, ...]) -> Iterator[Announcement]:
    """One announcement an invoice, one a candidate. Credit notes are not announced.

    A second report of a shipment is announced as withdrawn: it may have been told of as a
    candidate before the first one came.
    """
    for invoice in books.documents.invoices:
        yield _invoice(books, invoice)
    for candidate in candidates:
        yield _candidate(books, candidate)
        yield from (_repeated(twin) for twin in candidate.shipment.twins)


def _invoice(books: Books, invoice: Document) -> Announcement:
    standing = books.standings[invoice.key]
    network = books.networks[invoice.key]
    receivable = books.receivables.get(invoice.key)
    moments = [invoice.at, *(fact.occurred_at for fact, _ in network.told)]
    moments += [receivable[0].occurred_at] if receivable else []
    moments += [standing.sent_at] if standing.sent_at else []
    return Announcement(
        subject=invoice.key,
        data=InvoiceStateChanged(
            revision=_FIRST,
            seller=invoice.seller,
            invoice_number=invoice.number,
            document_type=invoice.data.document_type,
            order_id=order_text(books, invoice),
            state=standing.state,
            electronic=standing.electronic,
            disputed=standing.disputed,
        ),
        correlation=invoice.fact.correlation,
        occurred_at=max(moments),
    )


def _candidate(books: Books, candidate: Candidate) -> Announcement:
    shipment = candidate.shipment
    moments = {fact.id: fact.occurred_at for fact in books.cluster.facts}
    billed = [one.document.at for one in candidate.billed] + [one.at for one in candidate.whole]
    return Announcement(
        subject=candidate.key,
        data=BillingCandidateChanged(
            revision=_FIRST,
            basis=candidate.basis,
            source_system=shipment.system,
            account=shipment.account,
            shipment_id=shipment.shipment_id,
            order_id=shipment.order_id,
            state=candidate.state,
            lines=candidate.lines,
        ),
        correlation=shipment.correlation,
        occurred_at=max([*(moments[one] for one in candidate.facts), *billed]),
    )


def _repeated(shipment: Shipment) -> Announcement:
    return Announcement(
        subject=shipment.key,
        data=BillingCandidateChanged(
            revision=_FIRST,
            basis=basis_of(shipment),
            source_system=shipment.system,
            account=shipment.account,
            shipment_id=shipment.shipment_id,
            order_id=shipment.order_id,
            state=CandidateState.WITHDRAWN,
        ),
        correlation=shipment.correlation,
        occurred_at=shipment.shipped_at,
    )
