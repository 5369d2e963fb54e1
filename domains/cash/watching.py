"""Findings about payments, payouts and bank reports: sums that do not meet, and what never came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from canonical.cash import BankEntryNotified
from domains.cash.amounts import shown
from domains.cash.entries import masked
from domains.cash.ledger import Book
from domains.cash.payments import Dispute, Payment
from domains.cash.payouts import Payout
from domains.cash.placing import Target
from domains.cash.receivables import Receivable
from domains.cash.settled import Cleared
from domains.contract import Finding, Owner, Parked
from domains.facts import Told


def watch_payments(
    book: Book, cleared: Mapping[str, Cleared], targets: Mapping[str, Target]
) -> None:
    """Disputes, refunds beyond what was captured, money that never left the gateway."""
    for key, payment in book.payments.items():
        if payment.test:
            continue
        for dispute in payment.disputes:
            _watch_dispute(book, payment, dispute, targets[key])
        if payment.strange:
            book.find(_strange(payment))
        if payment.captured and payment.refunded + payment.lost > payment.captured:
            book.find(_beyond(payment))
        if not payment.captured and (payment.refunded or payment.disputes):
            book.parked.append(_without_payment(book, payment))
        if payment.available and not cleared[key].lines:
            _watch_payout_of(book, payment)


def _watch_dispute(book: Book, payment: Payment, dispute: Dispute, target: Target) -> None:
    claims = list(target.claims)
    if dispute.is_open:
        text = "The payer disputes the payment: answer in time, or accept it."
        book.find(_dispute(payment, dispute, "chargeback", Owner.SALES, text, claims))
    elif dispute.is_lost and any(one.open > 0 for one in claims):
        text = "The dispute is lost: the money is gone, and the invoice is open again."
        book.find(_dispute(payment, dispute, "chargeback_lost", Owner.FINANCE, text, claims))


def _dispute(  # noqa: PLR0917 - the parts of a finding
    payment: Payment,
    dispute: Dispute,
    kind: str,
    owner: Owner,
    text: str,
    claims: Sequence[Receivable],
) -> Finding:
    return Finding(
        kind=kind,
        record=payment.key,
        subject=dispute.id,
        owner=owner,
        explanation=text,
        involved=tuple(one.key for one in claims),
        facts=frozenset({dispute.fact}),
        expected=shown(payment.captured, payment.currency),
        balance=shown(dispute.amount, payment.currency),
        since=dispute.at,
    )


def _strange(payment: Payment) -> Finding:
    other = payment.strange[0]
    amount = other.data.amount
    return Finding(
        kind="currency_differs",
        record=payment.key,
        subject="payment",
        owner=Owner.FINANCE,
        explanation="Something was told of the payment in another currency; it is not applied.",
        facts=frozenset(one.id for one in payment.strange),
        expected=payment.currency,
        received=shown(amount.amount, amount.currency),
        since=other.at,
    )


def _beyond(payment: Payment) -> Finding:
    return Finding(
        kind="refunded_beyond_capture",
        record=payment.key,
        owner=Owner.FINANCE,
        explanation="More was refunded or lost in disputes than was captured.",
        facts=payment.facts,
        expected=shown(payment.captured, payment.currency),
        received=shown(payment.refunded + payment.lost, payment.currency),
        balance=shown(payment.refunded + payment.lost - payment.captured, payment.currency),
        since=payment.refunded_at or payment.at,
    )


def _without_payment(book: Book, payment: Payment) -> Parked:
    return Parked(
        fact=payment.told[0].id,
        awaits=f"payment:{payment.payment_id}",
        kind="refund_without_payment",
        owner=Owner.FINANCE,
        explanation="A refund or dispute of a payment that nobody has told of.",
        patience=book.cluster.rules.patience,
    )


def _watch_payout_of(book: Book, payment: Payment) -> None:
    if not book.due(payment.at + 2 * book.cluster.rules.bank_due):
        return
    book.find(
        Finding(
            kind="captured_not_paid_out",
            record=payment.key,
            owner=Owner.FINANCE,
            explanation="The gateway captured the money, and no payout contains it yet.",
            facts=payment.facts,
            expected=shown(payment.available, payment.currency),
            since=payment.at,
        )
    )


def watch_payouts(book: Book) -> None:
    """Each part of gross − fees − refunds ± disputes + other = net = lines = bank credit."""
    for payout in book.payouts.values():
        computed = payout.computed_net
        if computed is not None and computed != payout.net:
            text = "gross − fees − refunds ± disputes + other is not the net of the payout."
            book.find(_differs(payout, "payout_arithmetic", text, computed, payout.net))
        if payout.lines:
            _watch_lines(book, payout)
        if not payout.failed:
            _watch_bank(book, payout)


def _watch_lines(book: Book, payout: Payout) -> None:
    if payout.lines_net == payout.net:
        return
    # Where nobody said how many lines there are, the rest may be on its way.
    if payout.lines_complete or book.due(payout.settled_at + book.cluster.rules.patience):
        text = "The lines of the payout do not add up to its net."
        book.find(_differs(payout, "payout_lines_differ", text, payout.net, payout.lines_net))


def _watch_bank(book: Book, payout: Payout) -> None:
    if payout.cleared:
        return
    if payout.entries:
        text = "The bank's entry of the payout is not its net."
        book.find(_differs(payout, "payout_bank_differs", text, payout.net, payout.at_bank))
    elif book.due(payout.expected_at + book.cluster.rules.bank_due):
        book.find(
            Finding(
                kind="payout_not_at_bank",
                record=payout.key,
                owner=Owner.FINANCE,
                explanation="The gateway paid out, and no entry of the bank is this payout.",
                facts=payout.facts,
                expected=shown(payout.net, payout.currency),
                balance=shown(payout.net, payout.currency),
                since=payout.expected_at,
            )
        )


def _differs(payout: Payout, kind: str, text: str, expected: Decimal, received: Decimal) -> Finding:
    return Finding(
        kind=kind,
        record=payout.key,
        owner=Owner.FINANCE,
        explanation=text,
        facts=payout.facts,
        expected=shown(expected, payout.currency),
        received=shown(received, payout.currency),
        balance=shown(received - expected, payout.currency),
        since=payout.settled_at,
    )


def watch_notices(book: Book, notices: Iterable[Told[BankEntryNotified]]) -> None:
    """What the bank told of beforehand, and has not booked in time."""
    for one in notices:
        if not book.due(one.at + book.cluster.rules.bank_due):
            continue
        amount = one.data.amount
        book.find(
            Finding(
                kind="pending_never_booked",
                record=one.id,
                owner=Owner.FINANCE,
                explanation="The bank told of an entry that no statement has booked since."
                f" Account {masked(one.data)}.",
                facts=frozenset({one.id}),
                expected=shown(amount.amount, amount.currency),
                since=one.at,
                within=timedelta(days=5),
            )
        )
