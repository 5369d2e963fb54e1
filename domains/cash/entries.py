"""Bank entries: receipts, what reverses them, and what was only told beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from canonical.cash import BankEntryBooked, BankEntryNotified, BankEntryReversed
from canonical.keys import Key
from canonical.values import Direction
from domains.cash.names import entry_ids
from domains.cash.references import BankEntry, Mentions, mentions_of, squeezed
from domains.contract import Cluster, Fact
from domains.facts import Told, around, told

_APART: Final = timedelta(days=7)
"""How far apart a notice and the booking of one entry may be."""


@dataclass(slots=True, kw_only=True)
class Receipt:
    """A credit on our account: customers' money, or a payout."""

    key: str
    entry: Told[BankEntryBooked]
    mentions: Mentions
    payout: str | None = None
    payout_signals: tuple[str, ...] = ()
    reversed_by: Told[BankEntryReversed] | Told[BankEntryBooked] | None = None

    @property
    def at(self) -> datetime:
        return self.entry.at

    @property
    def currency(self) -> str:
        return self.entry.data.amount.currency

    @property
    def amount(self) -> Decimal:
        return self.entry.data.amount.amount

    @property
    def is_cash(self) -> bool:
        """Customers' money that is still here."""
        return self.payout is None and self.reversed_by is None

    @property
    def label(self) -> str:
        """Without names, and no more of the account than four digits."""
        return f"{day_of(self.entry.data) or self.at.date()} {masked(self.entry.data)}"


def masked(entry: BankEntry) -> str:
    """The last four digits of our account."""
    return f"…{entry.bank_account.value[-4:]}"


def day_of(entry: BankEntry) -> date | None:
    """The day a bank gives an entry."""
    return entry.booking_date or entry.value_date


def receipt_key(fact: Fact, entry: BankEntryBooked) -> str:
    """The key of the receipt of a bank entry."""
    return Key.of("receipt", entry.bank_account.value, fact.key).text


def is_return(entry: BankEntryBooked) -> bool:
    """Money going back because a credit did not stand; some banks book it as a plain debit."""
    return entry.direction is Direction.DEBIT and entry.return_reason is not None


def receipts_in(cluster: Cluster) -> dict[str, Receipt]:
    """The receipts of the booked credits of a cluster, in the order they were booked."""
    found: dict[str, Receipt] = {}
    for one in told(cluster.facts, BankEntryBooked):
        if one.data.direction is Direction.CREDIT:
            key = receipt_key(one.fact, one.data)
            found[key] = Receipt(key=key, entry=one, mentions=mentions_of(one.data))
    return found


Reversal = Told[BankEntryReversed] | Told[BankEntryBooked]


def reverse(cluster: Cluster, receipts: Sequence[Receipt]) -> list[Reversal]:
    """Mark the receipts that were reversed; returns the reversals whose entry is not there."""
    reversals: list[Reversal] = [
        *told(cluster.facts, BankEntryReversed),
        *(one for one in told(cluster.facts, BankEntryBooked) if is_return(one.data)),
    ]
    reversals.sort(key=lambda one: (one.at, one.fact.key))
    left: list[Reversal] = []
    for one in reversals:
        if one.data.direction is not Direction.DEBIT:
            continue  # It takes back a debit, which is no receipt.
        fitting = [r for r in receipts if r.reversed_by is None and _takes_back(one, r)]
        if fitting:
            max(fitting, key=lambda r: (_shared(one.data, r), r.at, r.key)).reversed_by = one
        else:
            left.append(one)
    return left


def _takes_back(one: Reversal, receipt: Receipt) -> bool:
    entry = receipt.entry.data
    return (
        entry.bank_account == one.data.bank_account
        and entry.amount == one.data.amount
        and receipt.at.date() <= one.at.date()
        and _shared(one.data, receipt) > 0
    )


def _shared(entry: BankEntry, receipt: Receipt) -> int:
    """How much says that these two are about one payment: ids first, then what was written."""
    ids = entry_ids(entry) & entry_ids(receipt.entry.data)
    words = mentions_of(entry).written & receipt.mentions.written
    return 2 * bool(ids) + bool(words)


def never_booked(cluster: Cluster) -> list[Told[BankEntryNotified]]:
    """What was told as pending or as an advice, and no booked entry has taken the place of."""
    booked: Iterable[Told[BankEntryBooked]] = told(around(cluster), BankEntryBooked)
    taken: set[str] = set()
    left: list[Told[BankEntryNotified]] = []
    for one in told(cluster.facts, BankEntryNotified):
        if one.data.status == "INFO":
            continue
        same = [other for other in booked if other.id not in taken and _supersedes(other, one)]
        if same:
            taken.add(max(same, key=lambda o: _likeness(o, one)).id)
        else:
            left.append(one)
    return left


def _supersedes(booked: Told[BankEntryBooked], notice: Told[BankEntryNotified]) -> bool:
    return (
        squeezed(booked.data.bank_account.value) == squeezed(notice.data.bank_account.value)
        and booked.data.amount == notice.data.amount
        and booked.data.direction is notice.data.direction
        and abs(booked.at - notice.at) <= _APART
    )


def _likeness(
    booked: Told[BankEntryBooked], notice: Told[BankEntryNotified]
) -> tuple[bool, timedelta, str]:
    shared = bool(entry_ids(booked.data) & entry_ids(notice.data))
    return (shared, -abs(booked.at - notice.at), booked.fact.key)
