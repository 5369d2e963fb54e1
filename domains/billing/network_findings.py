"""Findings about electronic invoicing: rejected, unanswered, undelivered, contradicted."""

from __future__ import annotations

from collections.abc import Iterator

from canonical.billing import EInvoiceStatus
from canonical.chain import InvoiceState
from domains.billing.books import Books
from domains.billing.documents import Document
from domains.billing.network import Network, Told
from domains.contract import Finding, Owner, Parked
from domains.names import folded


def network_findings(books: Books) -> Iterator[Finding]:
    """All findings about what networks said or did not say."""
    for document in books.documents.all:
        network = books.networks[document.key]
        if network.rejection is not None and not _is_mended(books, document):
            yield _rejected(document, network.rejection)
        yield from _unanswered(books, document, network)
        if network.undeliverable:
            yield _undelivered(document, network)
        for told in network.refused:
            yield _refused(document, network, told)
    for fact, data in books.answers.ambiguous:
        yield Finding(
            kind="ambiguous_invoice",
            record=fact.id,
            owner=Owner.IT,
            explanation="Several documents have the number a network answers; none is assumed.",
            involved=(data.invoice_number,) if data.invoice_number else (),
            facts=frozenset({fact.id}),
            since=fact.occurred_at,
        )


def parked_answers(books: Books) -> Iterator[Parked]:
    """Answers to documents that have not been seen yet."""
    for fact, data in books.answers.lost:
        awaited = folded(data.invoice_number or data.document_id)
        yield Parked(
            fact=fact.id,
            awaits=f"invoice:{awaited}",
            kind="unknown_invoice",
            owner=Owner.IT,
            explanation="A network answers a document that nobody has reported.",
            patience=books.rules.patience,
        )


def _is_mended(books: Books, document: Document) -> bool:
    """Whether a rejection has come to a good end outside the network's own later answer.

    Credited in full, or replaced by a document that stands.
    """
    credited = books.credits
    if document.is_credit:
        others = [
            one
            for invoice in books.documents.preceding(document)
            for one in credited.by.get(invoice.key, ())
        ]
        return any(one.at >= document.at and _stands(books, one) for one in others)
    if credited.by.get(document.key) and credited.is_credited(document):
        return True
    return any(_stands(books, one) for one in credited.corrected_by.get(document.key, ()))


def _stands(books: Books, document: Document) -> bool:
    """Accepted by the network, or never sent to one and with the customer."""
    network = books.networks[document.key]
    if network.was_told:
        return network.is_accepted
    return books.standings[document.key].state is not InvoiceState.CREATED


def _rejected(document: Document, rejection: Told) -> Finding:
    fact, data = rejection
    what = {
        EInvoiceStatus.REFUSED_BY_BUYER: "The buyer refused",
        EInvoiceStatus.CANCELLED: "The network cancelled",
    }.get(data.status, "The network rejected")
    codes = ", ".join(dict.fromkeys(one.code[:40] for one in data.reasons if one.code))
    reasons = f", reasons {codes}" if codes else ""
    return Finding(
        kind="einvoice_rejected",
        record=document.key,
        owner=Owner.FINANCE,
        explanation=(
            f"{what} the document (status {data.network_status[:40]}{reasons}). Send it again "
            "corrected, or credit it and issue another."
        ),
        involved=(data.document_id,),
        facts=document.facts | {fact.id},
        since=data.occurred_at,
    )


def _unanswered(books: Books, document: Document, network: Network) -> Iterator[Finding]:
    since = network.submitted_at
    if since is None or not books.is_due(since, books.rules.answer_due):
        return
    yield Finding(
        kind="einvoice_unanswered",
        record=document.key,
        owner=Owner.IT,
        explanation="The document was handed to the network, and the network says nothing.",
        facts=document.facts | {fact.id for fact, _ in network.told},
        since=since,
    )


def _undelivered(document: Document, network: Network) -> Finding:
    fact, data = max(
        (one for one in network.told if one[1].status is EInvoiceStatus.UNDELIVERABLE),
        key=lambda one: (one[1].occurred_at, one[0].key),
    )
    return Finding(
        kind="einvoice_undeliverable",
        record=document.key,
        owner=Owner.FINANCE,
        explanation="The network could not deliver the document; it stays issued. Tell the buyer.",
        involved=(data.document_id,),
        facts=document.facts | {fact.id},
        since=data.occurred_at,
    )


def _refused(document: Document, network: Network, told: Told) -> Finding:
    fact, data = told
    now = network.status.value if network.status else "POSTED"
    return Finding(
        kind="transition_refused",
        record=document.key,
        owner=Owner.IT,
        explanation=(
            f"{data.status.value} contradicts what the network said before; the document "
            f"stays {now}."
        ),
        subject=fact.id,
        involved=(data.document_id,),
        facts=frozenset({fact.id}),
        expected=now,
        received=data.status.value,
        since=data.occurred_at,
    )
