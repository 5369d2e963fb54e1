"""What cash tells the others: what is open of each invoice, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from canonical.chain import Proof, ReceivableChanged
from domains.cash.amounts import money
from domains.cash.ledger import Book
from domains.cash.orders import claims_of
from domains.cash.receivables import Receivable
from domains.cash.settled import Agreement, is_disputed, state_of
from domains.contract import Announcement


def announced(book: Book, claim: Receivable, proofs: Sequence[Agreement]) -> Announcement:
    """The receivable as it stands now."""
    disputed, currency = is_disputed(book, claim), claim.currency
    return Announcement(
        subject=claim.key,
        data=ReceivableChanged(
            revision=1,
            seller=claim.seller,
            invoice_number=claim.number,
            document_type=claim.document_type,
            order_id=claim.issued.data.order_id,
            original=money(claim.original, currency),
            allocated=money(claim.allocated, currency),
            credited=money(claim.credited, currency),
            written_off=money(claim.written, currency),
            adjusted=money(claim.adjusted, currency),
            open=money(claim.open, currency),
            state=state_of(claim, proofs, disputed=disputed),
            disputed=disputed,
            proofs=tuple(_proof(one, currency) for one in proofs),
        ),
        correlation=_correlation(book, claim),
        occurred_at=_changed_at(book, claim, proofs),
    )


def _proof(one: Agreement, currency: str) -> Proof:
    return Proof(
        amount=money(one.allocation.amount, currency),
        payment=one.payment,
        payout=one.payout,
        bank_entry=one.bank_entry,
        matched_at=one.matched_at,
        signals=one.allocation.signals,
    )


def _correlation(book: Book, claim: Receivable) -> str:
    """The chain of its order where that is known, else the invoice's own."""
    for order in book.orders:
        sure, _ = claims_of(order, book.orders, [claim])
        if sure:
            return order.correlation
    return claim.issued.fact.correlation


def _changed_at(book: Book, claim: Receivable, proofs: Sequence[Agreement]) -> datetime:
    used = frozenset(claim.facts).union(*(one.facts for one in claim.allocations))
    times = [one.occurred_at for one in book.cluster.facts if one.id in used]
    return max([claim.at, *times, *(one.matched_at for one in proofs)])
