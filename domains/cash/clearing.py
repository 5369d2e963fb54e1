"""Which bank entry is which payout.

A receipt decides it for itself, from facts alone, so that the cluster of the receipt and that of
the payout never disagree: the payout takes what the receipt says. An entry that names a payout is
that payout. Otherwise amount and date must fit, one to one, among all entries and payouts of that
amount.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from canonical.cash import BankEntryBooked, PayoutSettled
from canonical.values import Direction
from domains.cash.entries import Receipt
from domains.cash.names import payout_references
from domains.cash.payouts import Payout, payout_key
from domains.cash.references import mentions_of, squeezed
from domains.contract import Cluster
from domains.facts import Told, around, told

_EARLY: Final = timedelta(days=3)
"""A bank may value an entry before the gateway says it paid."""
_LATE: Final = timedelta(days=10)
_NEVER_PAID: Final = frozenset(("failed", "canceled", "cancelled", "returned", "reversed"))


@dataclass(frozen=True, slots=True)
class Expected:
    """A payout, as bank entries are held against it."""

    key: str
    gateway: str
    references: frozenset[str]
    amount: object
    at: datetime


def assign(
    cluster: Cluster,
    receipts: Sequence[Receipt],
    payouts: Mapping[str, Payout],
    known: frozenset[str],
) -> None:
    """Mark the receipts that are payouts; `known` are numbers of invoices and orders.

    Money that names one of these is a payout only if it names the payout as well.
    """
    if not receipts:
        return
    facts = around(cluster)
    expected = _expected(told(facts, PayoutSettled), payouts)
    entries = [
        one for one in told(facts, BankEntryBooked) if one.data.direction is Direction.CREDIT
    ]
    for receipt in receipts:
        named = [one for one in expected if _names(receipt.entry, one)]
        if named:
            receipt.payout = min(named, key=lambda one: _distance(receipt.entry, one)).key
            receipt.payout_signals = ("payout_reference",)
            continue
        if receipt.mentions.named & known:
            continue
        fitting = _by_amount(receipt.entry, entries, expected)
        if fitting is not None:
            receipt.payout = fitting.key
            said = ("gateway_name",) if _mentions(receipt.entry, fitting) else ()
            receipt.payout_signals = (*said, "exact_amount", "date")


def _expected(
    facts: Iterable[Told[PayoutSettled]], payouts: Mapping[str, Payout]
) -> list[Expected]:
    found: dict[str, Expected] = {}
    failed: set[str] = set()
    for one in facts:
        fact = one.data
        name = (fact.gateway, fact.account, fact.payout_id)
        key = payout_key(*name)
        if key not in payouts and payout_key(*name, currency=fact.net.currency) in payouts:
            key = payout_key(*name, currency=fact.net.currency)
        if fact.status.casefold() in _NEVER_PAID:
            failed.add(key)
        known = found.get(key)
        references = payout_references(fact) | (known.references if known else frozenset())
        at = min(one.at, known.at) if known else one.at
        found[key] = Expected(key, fact.gateway.casefold(), references, fact.net, at)
    return [one for key, one in sorted(found.items()) if key not in failed]


def _names(entry: Told[BankEntryBooked], payout: Expected) -> bool:
    return bool(mentions_of(entry.data).named & payout.references)


def _mentions(entry: Told[BankEntryBooked], payout: Expected) -> bool:
    """Whether the gateway is called by its name, in the text or as the payer."""
    payer = entry.data.counterparty.name if entry.data.counterparty else None
    text = squeezed(" ".join((*entry.data.remittance, payer or "")))
    return payout.gateway in text


def _distance(entry: Told[BankEntryBooked], payout: Expected) -> tuple[bool, timedelta, str]:
    return (entry.data.amount != payout.amount, abs(entry.at - payout.at), payout.key)


def _by_amount(
    entry: Told[BankEntryBooked],
    entries: Sequence[Told[BankEntryBooked]],
    expected: Sequence[Expected],
) -> Expected | None:
    """The payout an entry is by amount and date, in the order of both; None where it is not sure.

    Entries that name a payout, and payouts that are named, are out of it.
    """
    rivals = [one for one in entries if one.data.amount == entry.data.amount]
    named = {o.id: {p.key for p in expected if _names(o, p)} for o in rivals}
    taken = frozenset[str]().union(*named.values())
    open_payouts = [
        one for one in expected if one.amount == entry.data.amount and one.key not in taken
    ]
    contenders = [one for one in rivals if not named[one.id]]
    contenders = [o for o in contenders if any(_in_time(o, p) for p in open_payouts)]
    called = [o for o in contenders if any(_mentions(o, p) for p in open_payouts)]
    contenders = called or contenders
    if len(contenders) > len(open_payouts) and not called:
        return None  # One of them may be a customer's.
    return _paired(contenders, open_payouts).get(entry.id)


def _in_time(entry: Told[BankEntryBooked], payout: Expected) -> bool:
    return -_EARLY <= entry.at - payout.at <= _LATE


def _paired(
    entries: Sequence[Told[BankEntryBooked]], payouts: Sequence[Expected]
) -> dict[str, Expected]:
    """Payouts of one amount, each with the first entry that is left and in time."""
    pairs: dict[str, Expected] = {}
    for payout in sorted(payouts, key=lambda one: (one.at, one.key)):
        for entry in sorted(entries, key=lambda one: (one.at, one.fact.key)):
            if entry.id not in pairs and _in_time(entry, payout):
                pairs[entry.id] = payout
                break
    return pairs


def add_debits(cluster: Cluster, payouts: Iterable[Payout]) -> None:
    """A payout of a negative net is what the gateway takes from our account."""
    debits = [
        one
        for one in told(around(cluster), BankEntryBooked)
        if one.data.direction is Direction.DEBIT
    ]
    for payout in payouts:
        if payout.net >= 0 or payout.entries:
            continue
        fitting = [one for one in debits if _is_debit_of(one, payout)]
        if len(fitting) == 1:
            payout.entries = [_debit_state(fitting[0])]


def _is_debit_of(entry: Told[BankEntryBooked], payout: Payout) -> bool:
    same = entry.data.amount.currency == payout.currency
    in_time = -_EARLY <= entry.at - payout.settled_at <= _LATE
    return same and in_time and entry.data.amount.amount == -payout.net


def _debit_state(entry: Told[BankEntryBooked]) -> Mapping[str, Any]:
    amount = -entry.data.amount.amount
    return {"key": f"bank-entry/{entry.fact.key}", "amount": amount, "at": entry.at.isoformat()}
