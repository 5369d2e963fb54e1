"""When a receivable is paid: invoice, payment and cleared bank credit agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from canonical.cash import PayoutLineReported
from canonical.chain import ReceivableState
from domains.cash.amounts import ZERO, total
from domains.cash.ledger import Book
from domains.cash.payments import Payment
from domains.cash.payouts import keys_of_line, matched_at
from domains.cash.receivables import Allocation, Receivable
from domains.facts import Told, around, told


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """How far a payment's money has come: its payouts, and whether the bank has all of it."""

    payouts: tuple[Mapping[str, Any], ...] = ()
    lines: tuple[Told[PayoutLineReported], ...] = ()
    cleared: bool = False
    other_currency: bool = False
    at: datetime | None = None

    @property
    def bank_entry(self) -> str | None:
        return next((one["bank_entry"] for one in self.payouts if one["bank_entry"]), None)

    @property
    def payout(self) -> str | None:
        return next((str(one["payout"]) for one in self.payouts), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One proof that money for a receivable is at the bank."""

    allocation: Allocation
    payment: str | None
    payout: str | None
    bank_entry: str | None
    matched_at: datetime


def cleared_payments(book: Book) -> dict[str, Cleared]:
    """How far each payment of a book has come."""
    lines = told(around(book.cluster), PayoutLineReported)
    return {key: _cleared(book, one, lines) for key, one in book.payments.items()}


def _cleared(book: Book, payment: Payment, lines: Sequence[Told[PayoutLineReported]]) -> Cleared:
    names = {(payment.gateway, payment.account, one) for one in payment.ids}
    mine = [one for one in lines if names & _ids(one.data) and one.data.gross.amount > 0]
    if not mine:
        return Cleared()
    states = {one.id: _payout_state(book, one.data) for one in mine}
    there = [one for one in mine if (state := states[one.id]) and state["cleared"]]
    payouts = {str(s["payout"]): s for one in mine if (s := states[one.id])}
    same = [one for one in there if one.data.gross.currency == payment.currency]
    other = len(same) < len(there)
    covered = total(one.data.gross.amount for one in same) >= payment.captured
    times = [datetime.fromisoformat(str(s["matched_at"])) for s in payouts.values() if s["cleared"]]
    return Cleared(
        payouts=tuple(payouts[key] for key in sorted(payouts)),
        lines=tuple(mine),
        cleared=payment.captured > 0 and (covered or (other and len(there) == len(mine))),
        other_currency=other,
        at=max(times, default=None),
    )


def _ids(line: PayoutLineReported) -> set[tuple[str, str, str]]:
    told_ids = (line.payment_id, line.source_id)
    return {(line.gateway, line.account, one) for one in told_ids if one}


def _payout_state(book: Book, line: PayoutLineReported) -> Mapping[str, Any] | None:
    for key in keys_of_line(line):
        if key in book.payouts:
            payout, at = book.payouts[key], matched_at(book.payouts[key])
            return {
                "payout": key,
                "cleared": payout.cleared,
                "bank_entry": payout.bank_entry,
                "matched_at": at.isoformat() if at else None,
            }
        if key in book.cluster.borrowed:
            state = book.cluster.borrowed[key]
            return {
                "payout": key,
                "cleared": state["cleared"],
                "bank_entry": state["bank_entry"],
                "matched_at": state["matched_at"],
            }
    return None


def agreements(book: Book, claim: Receivable, cleared: Mapping[str, Cleared]) -> list[Agreement]:
    """The proofs of a receivable, in the order its money was applied.

    A transfer that names the invoice is the payment and, booked, the bank's credit as well.
    """
    found: list[Agreement] = []
    for one in claim.applied:
        if one.amount <= 0:
            continue
        if one.source in book.payments:
            way = cleared[one.source]
            if way.cleared and way.at is not None:
                at = max(claim.at, one.at, way.at)
                found.append(_agreed(one, at, one.source, way.payout, way.bank_entry))
        else:
            found.append(_agreed(one, max(claim.at, one.at), None, None, one.source))
    return found


def _agreed(
    allocation: Allocation,
    at: datetime,
    payment: str | None,
    payout: str | None,
    bank_entry: str | None,
) -> Agreement:
    return Agreement(
        allocation=allocation,
        payment=payment,
        payout=payout,
        bank_entry=bank_entry,
        matched_at=at,
    )


def is_disputed(book: Book, claim: Receivable) -> bool:
    """By the payer at the gateway, or by the buyer over the network."""
    sources = {one.source for one in claim.applied}
    return claim.disputed or any(
        payment.disputed for key, payment in book.payments.items() if key in sources
    )


def state_of(claim: Receivable, proofs: Sequence[Agreement], *, disputed: bool) -> ReceivableState:
    """Where a receivable stands."""
    if claim.open > 0:
        paid = claim.allocated > 0
        return ReceivableState.PARTIALLY_PAID if paid else ReceivableState.OPEN
    proven: Decimal = total(one.allocation.amount for one in proofs) if proofs else ZERO
    if proven < claim.allocated:
        return ReceivableState.COVERED
    if disputed:
        return ReceivableState.PAID if claim.allocated else ReceivableState.COVERED
    return ReceivableState.CLOSED


def paid_at(claim: Receivable, proofs: Sequence[Agreement]) -> datetime | None:
    """When the last part of the agreement came; none while it is not complete."""
    proven = total(one.allocation.amount for one in proofs)
    if claim.open > 0 or not proofs or proven < claim.allocated:
        return None
    return max(one.matched_at for one in proofs)
