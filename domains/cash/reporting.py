"""Findings about receipts and receivables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from domains.cash.amounts import shown, total
from domains.cash.entries import Receipt, Reversal, masked
from domains.cash.ledger import Book, Source
from domains.cash.matching import Match, tolerance
from domains.cash.receivables import Receivable, Unplaced
from domains.contract import Finding, Owner, Parked

_UNPLACED: Final = {
    "currency_differs": "The credit note is in another currency than its invoice; not applied.",
    "ambiguous_credit_note": "The credit note names only an order with several invoices; say which"
    " of them it corrects.",
}


def report_receipts(book: Book, matches: Mapping[str, Match]) -> None:
    """What does not come out of the receipts."""
    for key, match in matches.items():
        source, receipt = book.sources[key], book.receipts[key]
        if not receipt.is_cash:
            _report_reversed(book, source, receipt)
        elif source.free > 0:
            _report_rest(book, source, receipt, match)
        _report_short(book, source, receipt)


def _report_rest(book: Book, source: Source, receipt: Receipt, match: Match) -> None:
    proposals = book.proposals_of(source.key)
    if match.other_currency and not match.named:
        text = "The receipt names an invoice of another currency; it is not applied."
        book.find(_of_receipt(book, source, receipt, "currency_differs", text))
    elif source.live or (match.named and not match.ambiguous and not proposals):
        _report_over(book, source, receipt, match)
    elif proposals and match.named:
        text = "The receipt names receivables that do not add up to it: say which of them it pays."
        book.find(_of_receipt(book, source, receipt, "ambiguous_allocation", text))
    elif match.ambiguous:
        text = "What the receipt names is not one thing alone: say what it pays."
        book.find(_of_receipt(book, source, receipt, "ambiguous_allocation", text))
    elif match.orders:
        return  # Paid in advance: the order is known, and its invoice is to come.
    elif not receipt.mentions.written or book.due(receipt.at + book.cluster.rules.patience):
        text = "A receipt names no invoice that is known: find out what it pays."
        book.find(_of_receipt(book, source, receipt, "unapplied_cash", text))


def _report_over(book: Book, source: Source, receipt: Receipt, match: Match) -> None:
    if match.split is not None and match.split.unknown:
        if book.due(receipt.at + book.cluster.rules.patience):
            text = "The remittance advice names invoices nobody has told of; their part is left."
            book.find(_of_receipt(book, source, receipt, "unapplied_cash", text))
        return
    small = tolerance(book.cluster.rules.tolerance, receipt.currency)
    if source.free <= small or _more_to_come(receipt, match):
        return
    text = (
        "More was received than was open of what it names; the rest is unapplied cash, and is"
        " not used for any other invoice by itself."
    )
    book.find(_of_receipt(book, source, receipt, "overpayment", text))


def _more_to_come(receipt: Receipt, match: Match) -> bool:
    """Whether what it names are orders that are not invoiced to their end yet."""
    if "order_number" not in match.signals or not match.orders:
        return False
    totals = [one.total for one in match.orders if one.total and one.currency == receipt.currency]
    return total(totals) > total(one.original for one in match.named)


def _of_receipt(book: Book, source: Source, receipt: Receipt, kind: str, text: str) -> Finding:
    currency = receipt.currency
    proposals = book.proposals_of(source.key)
    touched = [one.receivable for one in (*source.live, *proposals)]
    return Finding(
        kind=kind,
        record=source.key,
        owner=Owner.FINANCE,
        explanation=f"{text} Account {masked(receipt.entry.data)}.",
        involved=tuple(dict.fromkeys(touched)),
        facts=frozenset({receipt.entry.id}),
        expected=shown(source.amount - source.free, currency),
        received=shown(receipt.amount, currency),
        balance=shown(source.free, currency),
        since=receipt.at,
    )


def _report_reversed(book: Book, source: Source, receipt: Receipt) -> None:
    gone = [one for one in source.allocations if one.state == "reversed"]
    still_open = [one for one in gone if book.claims[one.receivable].open > 0]
    if receipt.reversed_by is None or not still_open:
        return
    book.find(
        Finding(
            kind="receipt_reversed",
            record=source.key,
            owner=Owner.FINANCE,
            explanation="The bank took a receipt back; what it had paid is open again.",
            involved=tuple(one.receivable for one in still_open),
            facts=frozenset({receipt.entry.id, receipt.reversed_by.id}),
            received=shown(-receipt.amount, receipt.currency),
            balance=shown(total(one.planned for one in still_open), receipt.currency),
            since=receipt.reversed_by.at,
        )
    )


def _report_short(book: Book, source: Source, receipt: Receipt) -> None:
    """Of the receivables a receipt paid in part; the last such receipt says what is missing."""
    if not receipt.is_cash:
        return
    for one in source.live:
        claim = book.claims.get(one.receivable)
        if claim is None or one.decision or claim.open <= 0:
            continue
        last = [other for other in claim.applied if other.source in book.receipts][-1]
        if last is one:
            book.find(_short(claim, receipt))


def _short(claim: Receivable, receipt: Receipt) -> Finding:
    kept = [one for one in claim.deductions if one.receipt == receipt.key]
    reasons = sorted({one.reason for one in kept})
    said = f" The payer's reason: {', '.join(reasons).replace('_', ' ')}." if reasons else ""
    owner = Owner.SALES if "dispute" in reasons else Owner.FINANCE
    return Finding(
        kind="short_payment",
        record=claim.key,
        owner=owner,
        explanation=f"Invoice {claim.number[:40]} was paid in part; the rest stays open.{said}",
        involved=(receipt.key,),
        facts=frozenset({claim.issued.id, receipt.entry.id, *(one.fact for one in kept)}),
        expected=shown(claim.open + claim.allocated, claim.currency),
        received=shown(claim.allocated, claim.currency),
        balance=shown(claim.open, claim.currency),
        since=receipt.at,
    )


def report_claims(book: Book, unplaced: Iterable[Unplaced]) -> None:
    """What does not come out of invoices and credit notes."""
    for one in unplaced:
        _report_unplaced(book, one)
    for claim in book.claims.values():
        if claim.other_amounts:
            book.find(_told_differently(claim))
        if claim.customer_credit > 0:
            _report_credit(book, claim)


def _report_unplaced(book: Book, one: Unplaced) -> None:
    if one.rule in _UNPLACED:
        payable = one.note.data.totals.payable
        book.find(
            Finding(
                kind=one.rule,
                record=one.note.id,
                owner=Owner.FINANCE,
                explanation=_UNPLACED[one.rule],
                involved=(one.note.data.invoice_number,),
                facts=frozenset({one.note.id}),
                received=shown(payable.amount, payable.currency),
                since=one.note.at,
            )
        )
        return
    book.parked.append(
        Parked(
            fact=one.note.id,
            awaits=one.awaits,
            kind=one.rule,
            owner=Owner.FINANCE,
            explanation="A credit note names no invoice that is known; it is not applied.",
            patience=book.cluster.rules.patience,
        )
    )


def _told_differently(claim: Receivable) -> Finding:
    other = claim.other_amounts[0]
    payable = other.data.totals.payable
    return Finding(
        kind="invoice_told_differently",
        record=claim.key,
        owner=Owner.IT,
        explanation=f"Invoice {claim.number[:40]} was told again with another amount; what was"
        " told first counts, and a posted invoice never changes.",
        facts=frozenset({claim.issued.id, other.id}),
        expected=shown(claim.original, claim.currency),
        received=shown(payable.amount, payable.currency),
        since=other.at,
    )


def _report_credit(book: Book, claim: Receivable) -> None:
    """Money that is the customer's must go back, or be kept for them by somebody's decision."""
    held = [book.sources[o.source] for o in claim.applied if o.source in book.sources]
    if any(one.refunding + one.kept >= claim.customer_credit for one in held):
        return
    since = max((one.at for one in claim.credits), default=claim.at)
    if not book.due(since + book.cluster.rules.bank_due):
        return
    book.find(
        Finding(
            kind="credit_not_refunded",
            record=claim.key,
            owner=Owner.FINANCE,
            explanation=f"Invoice {claim.number[:40]} is credited beyond what is owed, and the"
            " customer has not got it back.",
            facts=frozenset(claim.facts),
            balance=shown(claim.customer_credit, claim.currency),
            since=since,
        )
    )


def park_reversals(book: Book, reversals: Sequence[Reversal]) -> None:
    """Reversals whose entry is not there wait for it."""
    for one in reversals:
        book.parked.append(
            Parked(
                fact=one.id,
                awaits=f"entry:{masked(one.data)}",
                kind="reversal_without_entry",
                owner=Owner.FINANCE,
                explanation="The bank took back an entry that nobody has told of.",
                patience=book.cluster.rules.patience,
            )
        )
