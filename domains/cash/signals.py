"""What speaks for a match beside the number of the invoice, and how much it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from canonical.billing import InvoiceIssued
from domains.cash.entries import Receipt, day_of
from domains.cash.references import squeezed

CONFIDENCE: Final = {
    "invoice_number": "high",
    "structured_reference": "high",
    "remittance_advice": "high",
    "order_number": "high",
    "customer_id": "medium",
    "exact_amount": "medium",
    "payer_account": "medium",
    "free_text": "low",
    "date": "low",
}
"""By reliability (domain page §4). A customer's number alone does not say which invoice."""
_RANK: Final = ("high", "medium", "low")
_AFTER_DUE: Final = timedelta(days=45)


def confidence_of(signals: Iterable[str]) -> str:
    """That of the strongest."""
    found = {CONFIDENCE.get(one, "low") for one in signals}
    return next((one for one in _RANK if one in found), "low")


def shared_signals(receipt: Receipt, invoice: InvoiceIssued) -> tuple[str, ...]:
    """Customer, payer's account, payer's text and date, strongest first."""
    return tuple(_shared(receipt, invoice))


def _shared(receipt: Receipt, invoice: InvoiceIssued) -> Iterator[str]:
    buyer, entry = invoice.buyer, receipt.entry.data
    payer = entry.counterparty
    if buyer is not None:
        ids = {squeezed(one.value) for one in buyer.identifiers}
        if ids & (receipt.mentions.named | receipt.mentions.customers):
            yield "customer_id"
        theirs = payer.account if payer else None
        if theirs and buyer.account and squeezed(theirs.value) == squeezed(buyer.account.value):
            yield "payer_account"
        name = squeezed(buyer.name or "")
        text = squeezed(" ".join((*entry.remittance, (payer.name or "") if payer else "")))
        if len(name) > 3 and name in text:
            yield "free_text"
    day = day_of(entry) or receipt.at.date()
    if invoice.issue_date <= day <= (invoice.due_date or invoice.issue_date) + _AFTER_DUE:
        yield "date"
