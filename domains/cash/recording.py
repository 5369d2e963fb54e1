"""Records of receivables, receipts, payments and payouts, with their rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from canonical.chain import ReceivableState
from canonical.values import Identifier
from domains.cash.amounts import plain, total
from domains.cash.entries import Receipt, day_of, masked
from domains.cash.ledger import Book, Source
from domains.cash.names import paid_by
from domains.cash.payments import Payment
from domains.cash.payouts import Payout, matched_at
from domains.cash.receivables import Allocation, Receivable
from domains.cash.settled import Agreement, Cleared, is_disputed, paid_at, state_of
from domains.contract import Record
from store.times import micros

Row = Mapping[str, Any]


def receivable_record(book: Book, claim: Receivable, proofs: Sequence[Agreement]) -> Record:
    """What is open of an invoice, and why."""
    disputed = is_disputed(book, claim)
    state = state_of(claim, proofs, disputed=disputed)
    paid = paid_at(claim, proofs)
    amounts = _amounts(claim)
    return Record(
        kind="receivable",
        key=claim.key,
        label=claim.number,
        status=state.value,
        state={
            "currency": claim.currency,
            **amounts,
            "customer_credit": plain(claim.customer_credit, claim.currency),
            "disputed": disputed,
            "paid_at": paid.isoformat() if paid else None,
            "due_date": claim.due_date.isoformat() if claim.due_date else None,
            "allocations": _plans(claim.allocations, book.proposals_of(claim.key), claim.currency),
            "credits": [
                {"number": one.number, "amount": plain(one.amount, claim.currency)}
                for one in claim.credits
            ],
            "write_offs": [
                {"amount": plain(one.amount, claim.currency), "reason": one.reason}
                for one in claim.written_off
            ],
            "deductions": [
                {"amount": plain(one.amount, claim.currency), "reason": one.reason}
                for one in claim.deductions
            ],
            "proofs": [_proof(one, claim.currency) for one in proofs],
        },
        facts=_facts(book, claim),
        rows={"cash_receivables": [_receivable_row(claim, amounts, state, disputed, paid)]},
        names=(Identifier(scheme="cash:invoice", value=claim.number),),
        disturbs=_givers(book),
    )


def _amounts(claim: Receivable) -> dict[str, str]:
    amounts = {
        "original": claim.original,
        "allocated": claim.allocated,
        "credited": claim.credited,
        "written_off": claim.written,
        "adjusted": claim.adjusted,
        "open": claim.open,
    }
    return {name: plain(amount, claim.currency) for name, amount in amounts.items()}


def _facts(book: Book, claim: Receivable) -> frozenset[str]:
    here = {one.id for one in book.cluster.facts}
    used = frozenset[str]().union(*(one.facts for one in claim.allocations))
    return (frozenset(claim.facts) | used) & here


def _givers(book: Book) -> frozenset[str]:
    """The receipts nearby borrow what is open here, for their proposals."""
    return frozenset(
        f"fact:{one.id}" for one in book.cluster.nearby if one.type == "o2c.bank_entry.booked"
    )


def _plans(
    allocations: Iterable[Allocation], proposals: Iterable[Allocation], currency: str
) -> list[Row]:
    return [
        {
            "key": one.key,
            "source": one.source,
            "receivable": one.receivable,
            "amount": plain(one.amount, currency),
            "released": plain(one.released, currency),
            "confidence": one.confidence,
            "signals": list(one.signals),
            "state": one.state,
            "decision": one.decision,
        }
        for one in (*allocations, *proposals)
    ]


def _proof(one: Agreement, currency: str) -> Row:
    return {
        "amount": plain(one.allocation.amount, currency),
        "payment": one.payment,
        "payout": one.payout,
        "bank_entry": one.bank_entry,
        "matched_at": one.matched_at.isoformat(),
        "signals": list(one.allocation.signals),
    }


def _receivable_row(
    claim: Receivable,
    amounts: Mapping[str, str],
    state: ReceivableState,
    disputed: bool,
    paid: datetime | None,
) -> Row:
    decided = any(one.decision for one in claim.allocations) or any(
        one.decision for one in claim.written_off
    )
    return {
        "seller": claim.seller,
        "number": claim.number,
        "document_type": claim.document_type,
        "order_id": claim.issued.data.order_id,
        "issue_date": claim.issue_date.isoformat(),
        "due_date": claim.due_date.isoformat() if claim.due_date else None,
        "currency": claim.currency,
        **amounts,
        "state": state.value,
        "disputed": int(disputed),
        "paid_at": micros(paid) if paid else None,
        "auto": int(claim.open <= 0 and not decided and not claim.adjusted),
    }


def receipt_record(book: Book, receipt: Receipt) -> Record:
    """A credit of the bank, and what it was used for."""
    source = book.sources[receipt.key]
    status = _receipt_status(receipt, source)
    currency = receipt.currency
    reversal = receipt.reversed_by
    entry = receipt.entry.data
    return Record(
        kind="receipt",
        key=receipt.key,
        label=f"{receipt.label} {plain(receipt.amount, currency)} {currency}",
        status=status,
        state={
            "currency": currency,
            "amount": plain(receipt.amount, currency),
            "applied": plain(source.applied, currency),
            "unapplied": plain(source.unapplied, currency),
            "customer_credit": plain(source.released + source.kept, currency),
            "refunding": plain(source.refunding, currency),
            "booked_at": receipt.at.isoformat(),
            "payout": receipt.payout,
            "payout_signals": list(receipt.payout_signals),
            "reversed_at": reversal.at.isoformat() if reversal else None,
            "claims": {key: plain(one, currency) for key, one in sorted(source.claims.items())},
            "allocations": _plans(_all(source), book.proposals_of(receipt.key), currency),
        },
        facts=frozenset({receipt.entry.id, *((reversal.id,) if reversal else ())}),
        rows={
            "cash_receipts": [_receipt_row(receipt, source, status)],
            "cash_allocations": _plan_rows(book, source),
        },
        names=tuple(
            one
            for one in entry.references
            if one.scheme.rpartition(":")[2] in ("EndToEndId", "AcctSvcrRef", "TxId")
        ),
        disturbs=_borrowers(book),
    )


def _receipt_status(receipt: Receipt, source: Source) -> str:
    if receipt.reversed_by is not None:
        return "REVERSED"
    if receipt.payout is not None:
        return "PAYOUT"
    if source.unapplied <= 0:
        return "APPLIED"
    return "PARTIALLY_APPLIED" if source.applied > 0 else "UNAPPLIED"


def _receipt_row(receipt: Receipt, source: Source, status: str) -> Row:
    currency = receipt.currency
    day = day_of(receipt.entry.data) or receipt.at.date()
    return {
        "bank_account": masked(receipt.entry.data),
        "booking_date": day.isoformat(),
        "currency": currency,
        "amount": plain(receipt.amount, currency),
        "applied": plain(source.applied, currency),
        "unapplied": plain(source.unapplied, currency),
        "state": status,
        "payout": receipt.payout,
    }


def _borrowers(book: Book) -> frozenset[str]:
    """The payout it may be, and the invoices it may be decided for, may be nearby only."""
    kinds = ("o2c.payout.settled", "o2c.invoice.issued")
    return frozenset(f"fact:{one.id}" for one in book.cluster.nearby if one.type in kinds)


def _all(source: Source) -> list[Allocation]:
    return [*source.allocations, *source.elsewhere]


def _plan_rows(book: Book, source: Source) -> list[Row]:
    return [
        {
            "allocation": one.key,
            "source": one.source,
            "receivable": one.receivable,
            "currency": source.currency,
            "amount": plain(one.amount, source.currency),
            "state": one.state,
            "confidence": one.confidence,
            "auto": int(one.decision is None),
            "allocated_at": micros(one.at),
        }
        for one in (*_all(source), *book.proposals_of(source.key))
    ]


def payment_record(book: Book, payment: Payment, way: Cleared) -> Record:
    """A payment at a gateway, what it pays, and how far its money has come."""
    source, currency = book.sources[payment.key], payment.currency
    return Record(
        kind="payment",
        key=payment.key,
        label=payment.payment_id,
        status=payment.status,
        state={
            "currency": currency,
            "authorised": plain(payment.authorised, currency),
            "captured": plain(payment.captured, currency),
            "refunded": plain(payment.refunded, currency),
            "charged_back": plain(payment.lost, currency),
            "applied": plain(source.applied, currency),
            "unapplied": plain(source.unapplied, currency),
            "customer_credit": plain(source.released + source.kept, currency),
            "same_as": payment.echo_of,
            "cleared": way.cleared,
            "payouts": [dict(one) for one in way.payouts],
            "disputes": [
                {
                    "id": one.id,
                    "amount": plain(one.amount, currency),
                    "outcome": one.outcome.value if one.outcome else None,
                }
                for one in payment.disputes
            ],
            "allocations": _plans(_all(source), book.proposals_of(payment.key), currency),
        },
        facts=payment.facts,
        rows={
            "cash_payments": [_payment_row(payment, source, way)],
            "cash_allocations": _plan_rows(book, source),
        },
        names=(Identifier(scheme=f"{payment.gateway}:payment", value=payment.payment_id),),
    )


def _payment_row(payment: Payment, source: Source, way: Cleared) -> Row:
    currency = payment.currency
    return {
        "gateway": payment.gateway,
        "account": payment.account,
        "payment_id": payment.payment_id,
        "order_id": min(payment.order_ids, default=None),
        "currency": currency,
        "captured": plain(payment.captured, currency),
        "refunded": plain(payment.refunded, currency),
        "charged_back": plain(payment.lost, currency),
        "applied": plain(source.applied, currency),
        "unapplied": plain(source.unapplied, currency),
        "state": payment.status,
        "cleared": int(way.cleared),
        "captured_at": micros(payment.captured_at) if payment.captured_at else None,
    }


def payout_record(payout: Payout) -> Record:
    """A payout, its sums, and the bank's entry of it."""
    currency, at = payout.currency, matched_at(payout)
    return Record(
        kind="payout",
        key=payout.key,
        label=payout.payout_id,
        status=payout.status,
        state={
            "currency": currency,
            "net": plain(payout.net, currency),
            "lines": len(payout.lines),
            "lines_net": plain(payout.lines_net, currency) if payout.lines else None,
            "at_bank": plain(payout.at_bank, currency),
            "cleared": payout.cleared,
            "bank_entry": payout.bank_entry,
            "matched_at": at.isoformat() if at else None,
            "fees": plain(total(o.data.fee.amount for o in payout.lines if o.data.fee), currency),
        },
        facts=payout.facts,
        rows={"cash_payouts": [_payout_row(payout)]},
        names=(Identifier(scheme=f"{payout.gateway}:payout", value=payout.payout_id),),
        disturbs=frozenset(name for one in payout.lines for name in paid_by(one.data)),
    )


def _payout_row(payout: Payout) -> Row:
    return {
        "gateway": payout.gateway,
        "account": payout.account,
        "payout_id": payout.payout_id,
        "currency": payout.currency,
        "net": plain(payout.net, payout.currency),
        "at_bank": plain(payout.at_bank, payout.currency),
        "state": payout.status,
        "settled_at": micros(payout.settled_at),
    }
