"""Receipts to receivables. By itself only what is named exactly; the rest is put before people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from canonical.cash import RemittanceAdvised
from domains.cash.advices import Split, split_of
from domains.cash.amounts import ZERO, total
from domains.cash.entries import Receipt
from domains.cash.ledger import Book, Evidence, Source, in_order
from domains.cash.orders import Order
from domains.cash.receivables import Deduction, Receivable, WriteOff
from domains.cash.signals import shared_signals
from domains.facts import Told, told


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a receipt names, and what was made of it."""

    named: tuple[Receivable, ...] = ()
    other_currency: tuple[Receivable, ...] = ()
    ambiguous: bool = False
    orders: tuple[Order, ...] = ()
    """Orders it names, with or without invoices."""
    open_before: Decimal = ZERO
    """What was open of all it names when it came."""
    split: Split | None = None
    signals: tuple[str, ...] = ()


def match_receipts(book: Book) -> dict[str, Match]:
    """Apply the receipts of a book in the order they came; returns what each names."""
    advices = told(book.cluster.facts, RemittanceAdvised)
    used: set[str] = set()
    matches: dict[str, Match] = {}
    for source in in_order([book.sources[key] for key in book.receipts]):
        receipt = book.receipts[source.key]
        if receipt.payout is not None:
            continue
        left = [one for one in advices if one.id not in used]
        matches[source.key] = match = _match(book, receipt, left)
        if match.split is not None and receipt.is_cash:
            used.add(match.split.advice.id)
        _use(book, source, receipt, match)
    return matches


def _match(book: Book, receipt: Receipt, advices: Sequence[Told[RemittanceAdvised]]) -> Match:
    numbers = receipt.mentions.named
    orders = [one for one in book.orders if one.numbers & numbers]
    hits, signals = _named(book, receipt, orders)
    same = [one for one in hits if one.currency == receipt.currency]
    return Match(
        named=tuple(same),
        other_currency=tuple(one for one in hits if one.currency != receipt.currency),
        ambiguous=_is_ambiguous(same, orders, receipt, by_order="order_number" in signals),
        orders=tuple(orders),
        open_before=total(one.expected(receipt.at) for one in same),
        split=split_of(receipt, advices, book.claims),
        signals=signals,
    )


def _named(
    book: Book, receipt: Receipt, orders: Iterable[Order]
) -> tuple[list[Receivable], tuple[str, ...]]:
    """Receivables by the invoice numbers, else by the order numbers a receipt names."""
    claims = sorted(book.claims.values(), key=lambda one: (one.issue_date, one.key))
    mentions = receipt.mentions
    named = [one for one in claims if one.numbers & mentions.named]
    if named:
        structured = any(one.numbers & mentions.structured for one in named)
        return named, ("structured_reference",) if structured else ("invoice_number",)
    numbers = mentions.named.union(*(one.numbers for one in orders))
    by_order = [one for one in claims if one.orders & numbers]
    return by_order, ("order_number",) if by_order else ()


def _is_ambiguous(
    named: Sequence[Receivable], orders: Sequence[Order], receipt: Receipt, *, by_order: bool
) -> bool:
    """One number that several open receivables, or several orders, go by."""
    for number in receipt.mentions.named:
        meant = [one for one in named if number in one.numbers and one.expected(receipt.at) > 0]
        if len(meant) > 1 or (by_order and sum(number in one.numbers for one in orders) > 1):
            return True
    return False


def _use(book: Book, source: Source, receipt: Receipt, match: Match) -> None:
    if not receipt.is_cash:
        for claim, amount in _plan(book, receipt, match, receipt.amount) or ():
            book.note_reversed(source, claim, amount, _why(receipt, match, claim))
        return
    if source.free <= 0:
        return
    plan = _plan(book, receipt, match, source.free)
    if plan is None:
        _ask(book, source, receipt, match.named)
        return
    for claim, amount in plan:
        book.allocate(source, claim, amount, _why(receipt, match, claim))
    if match.split is not None and source.live:
        _note_deductions(receipt, match.split)


def _plan(
    book: Book, receipt: Receipt, match: Match, money: Decimal
) -> list[tuple[Receivable, Decimal]] | None:
    """What goes where by itself; None where it is for people to say."""
    if match.split is not None and money == receipt.amount:
        shares = [(claim, one.paid) for claim, one in match.split.parts]
    elif match.ambiguous:
        return None
    else:
        named = [one for one in match.named if one.expected(receipt.at) > 0]
        wanted = total(one.expected(receipt.at) for one in named)
        if len(named) > 1 and money < wanted - _tolerance(book, receipt.currency):
            return None
        shares = [(one, one.expected(receipt.at)) for one in named]
    return _filled(shares, receipt, money)


def _filled(
    shares: Iterable[tuple[Receivable, Decimal]], receipt: Receipt, money: Decimal
) -> list[tuple[Receivable, Decimal]]:
    """Never more than is open of each, nor than there is."""
    plan: list[tuple[Receivable, Decimal]] = []
    left = money
    for claim, wanted in shares:
        amount = min(wanted, claim.expected(receipt.at), left)
        if amount > 0:
            plan.append((claim, amount))
            left -= amount
    return plan


def _tolerance(book: Book, currency: str) -> Decimal:
    return tolerance(book.cluster.rules.tolerance, currency)


def tolerance(told_of: Mapping[str, str], currency: str) -> Decimal:
    """The largest difference that is written off by itself; none where the company set none."""
    return Decimal(told_of.get(currency, "0"))


def _why(receipt: Receipt, match: Match, claim: Receivable) -> Evidence:
    split = match.split
    advised = split is not None and any(one is claim for one, _ in split.parts)
    first = ("remittance_advice",) if advised else match.signals
    exact = ("exact_amount",) if receipt.amount == match.open_before else ()
    facts = frozenset({split.advice.id}) if split is not None and advised else frozenset[str]()
    return Evidence(
        signals=(*first, *exact, *shared_signals(receipt, claim.issued.data)), facts=facts
    )


def _note_deductions(receipt: Receipt, split: Split) -> None:
    for claim, one in split.parts:
        if one.deduction:
            claim.deductions.append(
                Deduction(one.deduction, one.reason, receipt.key, split.advice.id)
            )
            claim.facts.add(split.advice.id)


def _ask(book: Book, source: Source, receipt: Receipt, named: Sequence[Receivable]) -> None:
    """Put before people which of several it pays: all, or those that make up the amount."""
    still_open = [one for one in named if one.open > 0]
    exact = [one for one in still_open if one.open == source.free]
    for claim in exact if len(exact) == 1 else still_open:
        why = Evidence(
            signals=("invoice_number", *shared_signals(receipt, claim.issued.data)),
            confidence="medium",
        )
        book.propose(source, claim.key, min(source.free, claim.open), why)


def write_off_small(book: Book) -> None:
    """What a payment left open within the company's tolerance is written off by itself."""
    for claim in book.claims.values():
        most = tolerance(book.cluster.rules.tolerance, claim.currency)
        if claim.allocated > 0 and 0 < claim.open <= most:
            claim.written_off.append(WriteOff(claim.open, "tolerance"))
