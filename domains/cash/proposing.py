"""Proposals for money that names nothing: open receivables of exactly that amount."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from canonical.billing import InvoiceIssued
from canonical.cash import BankEntryBooked, PayoutLineReported
from canonical.values import Direction
from domains.cash.entries import Receipt, receipt_key
from domains.cash.ledger import Book, Evidence, Source
from domains.cash.matching import Match
from domains.cash.payouts import keys_of_line
from domains.cash.receivables import is_credit, receivable_key
from domains.cash.signals import confidence_of, shared_signals
from domains.contract import Cluster
from domains.facts import told

MOST: Final = 10
"""More of one amount than these help nobody to choose."""


def propose(book: Book, matches: dict[str, Match]) -> None:
    """Put open receivables of just the amount before people, for receipts that name none."""
    for key, match in matches.items():
        source, receipt = book.sources[key], book.receipts[key]
        if source.free <= 0 or match.named or match.other_currency:
            continue
        found = [*_of_this_cluster(book, source, receipt), *_of_others(book, source, receipt)]
        for receivable, signals in found[:MOST]:
            why = Evidence(signals=signals, confidence=confidence_of(signals))
            book.propose(source, receivable, source.free, why)


def _of_this_cluster(
    book: Book, source: Source, receipt: Receipt
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for key, claim in sorted(book.claims.items()):
        if claim.currency == source.currency and claim.open == source.free:
            yield key, ("exact_amount", *shared_signals(receipt, claim.issued.data))


def _of_others(
    book: Book, source: Source, receipt: Receipt
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for one in told(book.cluster.nearby, InvoiceIssued):
        key = receivable_key(one.data)
        state = book.cluster.borrowed.get(key)
        if state is None or key in book.claims or state["currency"] != source.currency:
            continue
        if Decimal(str(state["open"])) == source.free:
            yield key, ("exact_amount", *shared_signals(receipt, one.data))


def borrows(cluster: Cluster) -> frozenset[str]:
    """Payouts of the payments here, receivables a receipt may be for, receipts decided for ours."""
    keys: set[str] = set()
    for line in told((*cluster.facts, *cluster.nearby), PayoutLineReported):
        keys.update(keys_of_line(line.data))
    for invoice in told(cluster.nearby, InvoiceIssued):
        if not is_credit(invoice.data):
            keys.add(receivable_key(invoice.data))
    for entry in told(cluster.nearby, BankEntryBooked):
        if entry.data.direction is Direction.CREDIT:
            keys.add(receipt_key(entry.fact, entry.data))
    return frozenset(keys)
