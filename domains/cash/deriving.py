"""Cash's one function: from the facts of a cluster to what is owed, paid and proven."""

from __future__ import annotations

from datetime import datetime
from decimal import localcontext

from domains.cash.amounts import EXACT, ZERO
from domains.cash.announcing import announced
from domains.cash.clearing import add_debits, assign
from domains.cash.decided import apply_decisions, confirm_claims, take_claims
from domains.cash.entries import Receipt, never_booked, receipts_in, reverse
from domains.cash.ledger import Book, Source
from domains.cash.matching import match_receipts, write_off_small
from domains.cash.orders import orders_in
from domains.cash.payments import Payment, payments_in
from domains.cash.payouts import add_entries, payouts_in
from domains.cash.placing import note_charged_back, place_payments, report_payments
from domains.cash.proposing import propose
from domains.cash.receivables import place_credits, receivables_in
from domains.cash.recording import payment_record, payout_record, receipt_record, receivable_record
from domains.cash.reporting import park_reversals, report_claims, report_receipts
from domains.cash.settled import agreements, cleared_payments
from domains.cash.statements import watch_statements
from domains.cash.watching import watch_notices, watch_payments, watch_payouts
from domains.contract import Cluster, Derived


def derive(cluster: Cluster, now: datetime) -> Derived:
    """What cash says of a cluster. Pure; the order is that of reliability, see the README."""
    with localcontext(EXACT):
        claims = receivables_in(cluster)
        unplaced = place_credits(cluster, claims)
        receipts = receipts_in(cluster)
        orphans = reverse(cluster, list(receipts.values()))
        book = _book(cluster, now, receipts)
        book.claims = claims
        _settle_payouts(book)
        book.sources |= {key: _of_receipt(one) for key, one in receipts.items()}
        apply_decisions(book)
        take_claims(book)
        targets = place_payments(book)
        note_charged_back(book, targets)
        matches = match_receipts(book)
        write_off_small(book)
        confirm_claims(book)
        propose(book, matches)
        report_payments(book, targets)
        report_receipts(book, matches)
        report_claims(book, unplaced)
        park_reversals(book, orphans)
        cleared = cleared_payments(book)
        watch_payments(book, cleared, targets)
        watch_payouts(book)
        watch_notices(book, never_booked(cluster))
        watch_statements(book)
        return _said(book)


def _book(cluster: Cluster, now: datetime, receipts: dict[str, Receipt]) -> Book:
    payments = payments_in(cluster)
    return Book(
        cluster=cluster,
        now=now,
        claims={},
        orders=orders_in(cluster),
        payments=payments,
        receipts=receipts,
        payouts=payouts_in(cluster),
        sources={key: _of_payment(one) for key, one in payments.items()},
    )


def _settle_payouts(book: Book) -> None:
    """First of all: money that is a payout is not a customer's."""
    known = frozenset[str]().union(
        *(one.numbers for one in book.claims.values()), *(one.numbers for one in book.orders)
    )
    receipts = list(book.receipts.values())
    assign(book.cluster, receipts, book.payouts, known)
    add_entries(book.payouts.values(), receipts, book.cluster.borrowed)
    add_debits(book.cluster, book.payouts.values())


def _of_payment(payment: Payment) -> Source:
    return Source(
        key=payment.key,
        kind="payment",
        currency=payment.currency,
        amount=payment.available,
        at=payment.at,
        facts=payment.facts,
    )


def _of_receipt(receipt: Receipt) -> Source:
    return Source(
        key=receipt.key,
        kind="receipt",
        currency=receipt.currency,
        amount=receipt.amount if receipt.is_cash else ZERO,
        at=receipt.at,
        facts=frozenset({receipt.entry.id}),
    )


def _said(book: Book) -> Derived:
    cleared = cleared_payments(book)
    proofs = {key: agreements(book, one, cleared) for key, one in book.claims.items()}
    return Derived(
        records=(
            *(receivable_record(book, one, proofs[key]) for key, one in book.claims.items()),
            *(receipt_record(book, one) for one in book.receipts.values()),
            *(payment_record(book, one, cleared[key]) for key, one in book.payments.items()),
            *(payout_record(one) for one in book.payouts.values()),
        ),
        findings=tuple(book.findings),
        announcements=tuple(announced(book, one, proofs[key]) for key, one in book.claims.items()),
        parked=tuple(book.parked),
        wake_at=min(book.deadlines, default=None),
    )
