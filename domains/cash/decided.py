"""Decisions of people, applied to the book before any rule of our own.

What no longer fits the facts is not applied at all, and a finding says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote

from domains.cash.actions import amount_of, shares_of
from domains.cash.amounts import ZERO, shown
from domains.cash.ledger import Book, Evidence, Source
from domains.cash.receivables import (
    APPLIED,
    REVERSED,
    Allocation,
    Receivable,
    WriteOff,
    allocation_key,
)
from domains.contract import Decision, Finding, Owner


def apply_decisions(book: Book) -> None:
    """Apply what people decided, in the order of their decisions."""
    for decision in sorted(book.cluster.decisions, key=lambda one: (one.at, one.id)):
        apply = _APPLIED.get(decision.action)
        if apply is None:
            continue
        misfit = apply(book, decision)
        if misfit is not None:
            book.find(_no_longer_fits(decision, misfit))


def _no_longer_fits(decision: Decision, why: str) -> Finding:
    return Finding(
        kind="decision_no_longer_fits",
        record=decision.record,
        subject=decision.id,
        owner=Owner.FINANCE,
        explanation=f"The decision to {decision.action.replace('_', ' ')} does not fit the facts"
        f" any more and nothing of it is applied: {why}.",
        since=decision.at,
    )


def _apply(book: Book, decision: Decision) -> str | None:
    source = book.sources.get(str(decision.values.get("receipt") or decision.record))
    if source is None:
        return "the money it is about is not there"
    return _give(book, decision, source, shares_of(decision.values), "decided")


def _accept(book: Book, decision: Decision) -> str | None:
    source, receivable = _pair(book, decision)
    if source is None:
        return "the money it is about is not there"
    open_now = _open_of(book, receivable, source)
    if open_now is None:
        return "the receivable it is about is not there"
    if "amount" in decision.values:
        amount = amount_of(decision.values, "amount")
    else:
        amount = min(source.free, open_now)
    book.blocked.pop(allocation_key(source.key, receivable), None)
    return _give(book, decision, source, [(receivable, amount)], "proposal_accepted")


def _give(
    book: Book,
    decision: Decision,
    source: Source,
    shares: list[tuple[str, Decimal]],
    signal: str,
) -> str | None:
    misfit = _misfit(book, decision, source, shares)
    if misfit is not None:
        return misfit
    why = Evidence(signals=(signal,), decision=decision)
    for key, amount in shares:
        if key in book.claims:
            book.allocate(source, book.claims[key], amount, why)
        else:
            source.claims[key] = source.claims.get(key, ZERO) + amount
    return None


def _misfit(
    book: Book, decision: Decision, source: Source, shares: list[tuple[str, Decimal]]
) -> str | None:
    wanted = sum((amount for _, amount in shares), ZERO)
    if wanted <= 0 or wanted > source.free:
        return f"{shown(wanted, source.currency)} is not left of the money"
    for key, amount in shares:
        claim = book.claims.get(key)
        if claim is None and key not in book.cluster.borrowed:
            return "a receivable it names is not there"
        currency = claim.currency if claim else book.cluster.borrowed[key].get("currency")
        if currency != source.currency:
            return "the currencies differ"
        if claim is not None and amount > claim.expected(decision.at):
            return f"more than is open of {claim.number[:40]}"
    return None


def _open_of(book: Book, receivable: str, source: Source) -> Decimal | None:
    if receivable in book.claims:
        return book.claims[receivable].open
    state = book.cluster.borrowed.get(receivable)
    if state is None:
        return None
    # What it has taken of this money already must not count against taking it.
    return Decimal(str(state["open"])) + taken_by(state, source.key)


def taken_by(state: Mapping[str, Any], source: str) -> Decimal:
    """How much a receivable of another cluster took of a source of this one."""
    return sum((Decimal(str(one["amount"])) for one in _applied_from(state, source)), ZERO)


def _applied_from(state: Mapping[str, Any], source: str) -> list[Mapping[str, Any]]:
    listed = state.get("allocations", ())
    return [one for one in listed if one["source"] == source and one["state"] == APPLIED]


def confirm_claims(book: Book) -> None:
    """What receivables of other clusters took of the money decided for them."""
    for source in book.sources.values():
        for key, decided in sorted(source.claims.items()):
            state = book.cluster.borrowed.get(key, {})
            if _applied_from(state, source.key):
                source.elsewhere.append(
                    Allocation(
                        source=source.key,
                        receivable=key,
                        planned=decided,
                        amount=min(decided, taken_by(state, source.key)),
                        signals=("decided",),
                        decision=source.key,
                        at=source.at,
                    )
                )


def take_claims(book: Book) -> None:
    """Take what people decided to apply from receipts of other clusters, where it fits."""
    for key, state in sorted(book.cluster.borrowed.items()):
        for receivable, amount in sorted(state.get("claims", {}).items()):
            if receivable in book.claims:
                _take(book, key, state, book.claims[receivable], Decimal(str(amount)))


def _take(
    book: Book, key: str, state: Mapping[str, Any], claim: Receivable, amount: Decimal
) -> None:
    booked_at = datetime.fromisoformat(str(state["booked_at"]))
    if state["currency"] != claim.currency or amount > claim.expected(booked_at):
        book.find(
            Finding(
                kind="decision_no_longer_fits",
                record=claim.key,
                subject=key,
                owner=Owner.FINANCE,
                explanation=f"Money was decided for invoice {claim.number[:40]} that does not fit"
                " what is open of it any more; nothing of it is applied.",
                expected=shown(claim.open, claim.currency),
                received=f"{amount} {state['currency']}",
                since=booked_at,
            )
        )
        return
    source = Source(
        key=key,
        kind="receipt",
        currency=claim.currency,
        amount=amount,
        at=booked_at,
        facts=frozenset(),
    )
    made = book.allocate(source, claim, amount, Evidence(signals=("decided",)))
    made.decision = key


def _pair(book: Book, decision: Decision) -> tuple[Source | None, str]:
    key = str(decision.values.get("allocation") or decision.subject)
    parts = [unquote(part) for part in key.split("/")]
    if len(parts) != 3:
        return None, ""
    return book.sources.get(parts[1]), parts[2]


def _reverse(book: Book, decision: Decision) -> str | None:
    source, receivable = _pair(book, decision)
    if source is None:
        return "the money it is about is not there"
    key = allocation_key(source.key, receivable)
    book.blocked[key] = decision
    source.claims.pop(receivable, None)
    for one in source.allocations:
        if one.key == key and one.state == APPLIED:
            one.state, one.decision = REVERSED, decision.id
    return None


def _write_off(book: Book, decision: Decision) -> str | None:
    claim = _claim(book, decision)
    if claim is None:
        return "the receivable it is about is not there"
    amount = amount_of(decision.values, "amount")
    if amount > claim.limit - claim.credited - claim.allocated:
        return f"more than is open of {claim.number[:40]}"
    reason = str(decision.values["reason"])[:40]
    claim.written_off.append(WriteOff(amount, reason, decision.id))
    return None


def _adjust(book: Book, decision: Decision) -> str | None:
    claim = _claim(book, decision)
    if claim is None:
        return "the receivable it is about is not there"
    amount = amount_of(decision.values, "amount", signed=True)
    if claim.limit + amount < claim.credited + claim.allocated:
        return f"more than is open of {claim.number[:40]}"
    claim.adjusted += amount
    return None


def _claim(book: Book, decision: Decision) -> Receivable | None:
    return book.claims.get(str(decision.values.get("receivable") or decision.record))


def _refund(book: Book, decision: Decision) -> str | None:
    source = _source_with(book, decision)
    if isinstance(source, str):
        return source
    source.refunding += amount_of(decision.values, "amount")
    return None


def _keep(book: Book, decision: Decision) -> str | None:
    source = _source_with(book, decision)
    if isinstance(source, str):
        return source
    source.kept += amount_of(decision.values, "amount")
    return None


def _source_with(book: Book, decision: Decision) -> Source | str:
    """The money a decision is about, if so much is left of it; else why not."""
    source = book.sources.get(str(decision.values.get("receipt") or decision.record))
    if source is None:
        return "the money it is about is not there"
    amount = amount_of(decision.values, "amount")
    if amount > source.free:
        return f"{shown(amount, source.currency)} is not left of the money"
    return source


_APPLIED: Final[Mapping[str, Callable[[Book, Decision], str | None]]] = {
    "apply": _apply,
    "accept": _accept,
    "reverse": _reverse,
    "reject": _reverse,
    "write_off": _write_off,
    "adjust": _adjust,
    "refund_customer": _refund,
    "keep_as_credit": _keep,
}
