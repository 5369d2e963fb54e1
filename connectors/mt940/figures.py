"""Amounts, dates, balances and entry lines (`:61:`) as SWIFT writes them.

Source: SWIFT Standards MT, Category 9: fields 60a, 61, 62a, 64, 65, 90a.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from canonical.errors import Malformed
from canonical.values import Direction, Money
from connectors.kit.decimals import decimal_of, money_of

_AMOUNT = r"[0-9][0-9.,]{0,24}"
_ENTRY = re.compile(
    r"(?P<value>[0-9]{6})(?P<booked>[0-9]{4})? ?(?P<mark>R?[CD]|E[CD])[A-Z]? ?"
    rf"(?P<amount>{_AMOUNT})(?P<code>[A-Z][A-Z0-9 ]{{3}})?(?P<rest>.*)",
    re.ASCII,
)
_BALANCE = re.compile(
    rf"(?P<mark>[CD])(?P<day>[0-9]{{6}})(?P<currency>[A-Z]{{3}})(?P<amount>{_AMOUNT})\s*", re.ASCII
)
_SUM = re.compile(
    rf"(?P<count>[0-9]{{1,5}})(?P<currency>[A-Z]{{3}})(?P<amount>{_AMOUNT})\s*", re.ASCII
)
_DIRECTIONS = {
    "C": Direction.CREDIT,
    "D": Direction.DEBIT,
    "RC": Direction.DEBIT,
    "RD": Direction.CREDIT,
    "EC": Direction.CREDIT,
    "ED": Direction.DEBIT,
}
_NO_REFERENCE = frozenset(
    {
        "NONREF", "NOTPROVIDED", "NOT PROVIDED", "NOTAVAILABLE", "EREF", "EREF+", "KREF", "KREF+",
        "PREF", "PREF+", "MARF", "MARF+", "MREF", "MREF+",
    }
)  # fmt: skip
"""Words for "none", or for "see :86:"."""
_OWNER_REFERENCE_LENGTH = 16
_ENTRY_NEAR_VALUE = timedelta(days=31)


class EntryLine(NamedTuple):
    """What a `:61:` says. References are None where there is none."""

    value_text: str
    booked_text: str
    mark: str
    amount_text: str
    code: str | None
    """`NTRF` …: the transaction type."""
    owner_reference: str | None
    bank_reference: str | None
    supplement: tuple[str, ...]
    stated: str
    """References and supplement as they are written."""

    @property
    def direction(self) -> Direction:
        """Which way money moved: the reversal of a credit takes money out."""
        return direction_of(self.mark)

    @property
    def is_reversal(self) -> bool:
        """RC or RD."""
        return self.mark[0] == "R"

    @property
    def is_expected(self) -> bool:
        """EC or ED: not booked."""
        return is_expected(self.mark)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A balance of an account."""

    tag: str
    money: Money
    direction: Direction
    date: date

    @property
    def signed(self) -> Decimal:
        """The amount, negative when the account is overdrawn."""
        return signed(self.money.amount, self.direction)


@dataclass(frozen=True, slots=True)
class Sum:
    """Number and sum of credit (`:90C:`) or debit (`:90D:`) entries."""

    count: int
    money: Money


def entry_line(lines: list[str]) -> EntryLine:
    """The parts of a `:61:`, not judged yet. Raises Malformed (`bad_entry_line`)."""
    match, rest = _matched(lines)
    owner, bank, beyond = _references(match["rest"])
    supplement = [line.strip() for line in (beyond, *rest)]
    return EntryLine(
        value_text=match["value"],
        booked_text=match["booked"] or "",
        mark=match["mark"],
        amount_text=match["amount"],
        code=(match["code"] or "").strip() or None,
        owner_reference=reference(owner),
        bank_reference=reference(bank),
        supplement=tuple(line for line in supplement if line),
        stated="".join((match["rest"], *rest)),
    )


def moved_by(lines: list[str]) -> tuple[str, str]:
    """Mark and amount of a `:61:` as they are written. Raises Malformed (`bad_entry_line`)."""
    match, _ = _matched(lines)
    return match["mark"], match["amount"]


def direction_of(mark: str) -> Direction:
    """Which way money moves by a mark: the reversal of a credit takes money out."""
    return _DIRECTIONS[mark]


def is_expected(mark: str) -> bool:
    """EC or ED: the bank expects the entry, and has not booked it."""
    return mark[0] == "E"


def _matched(lines: list[str]) -> tuple[re.Match[str], list[str]]:
    match, rest = _ENTRY.fullmatch(lines[0] if lines else ""), lines[1:]
    if match is None and len(lines) > 1:
        # Some banks wrap between the mark and the amount.
        match, rest = _ENTRY.fullmatch(lines[0].rstrip() + lines[1]), lines[2:]
    if match is None:
        raise Malformed("this is no statement line", code="bad_entry_line", path=":61:")
    return match, rest


def reference(text: str) -> str | None:
    """A reference; None when absent or one of the words for "none"."""
    shown = text.strip() if text else text
    return None if not shown or shown.upper() in _NO_REFERENCE else shown


def balance_of(tag: str, text: str, separator: str) -> Balance:
    """A balance. Raises Malformed or Unsupported."""
    path = f":{tag}:"
    match = _BALANCE.fullmatch(text)
    if match is None:
        raise Malformed("this is no balance", code="bad_balance", path=path)
    return Balance(
        tag=tag,
        money=money(match["amount"], match["currency"], separator, path),
        direction=_DIRECTIONS[match["mark"]],
        date=day_of(match["day"], path),
    )


def sum_of(tag: str, text: str, separator: str) -> Sum:
    """A number and sum of entries. Raises Malformed or Unsupported."""
    match = _SUM.fullmatch(text)
    if match is None:
        raise Malformed("this is no sum", code="bad_sum", path=f":{tag}:")
    return Sum(
        int(match["count"]), money(match["amount"], match["currency"], separator, f":{tag}:")
    )


def money(text: str, currency: str | None, separator: str, path: str) -> Money:
    """An amount. Raises Malformed; `bad_amount` for a decimal sign the account does not use."""
    return money_of(_with_point(text, separator, path), currency, path)


def amount_of(text: str, separator: str, path: str) -> Decimal:
    """An amount's number. Raises Malformed."""
    return decimal_of(_with_point(text, separator, path), path)


def signed(amount: Decimal, direction: Direction) -> Decimal:
    """The amount as it changes the account: negative for a debit."""
    return amount if direction is Direction.CREDIT else -amount


@lru_cache(maxsize=64)
def day_of(text: str, path: str) -> date:
    """A date written YYMMDD: 80 to 99 are of the last century, as SWIFT has it.

    Raises Malformed (`bad_date`), also for 30 February.
    """
    year = int(text[:2])
    try:
        return date(year + (1900 if year >= 80 else 2000), int(text[2:4]), int(text[4:6]))
    except ValueError:
        raise Malformed(f"{text!r} is not a date", code="bad_date", path=path) from None


@lru_cache(maxsize=64)
def booking_day(text: str, value: date, opening: date | None, path: str) -> date:
    """An entry date written MMDD, in the year that brings it next to the value date.

    Where that is further than a month away (an old value date), next to the date of the opening
    balance. Raises Malformed (`bad_date`).
    """
    near_value = _nearest(text, value, path)
    if opening is None or abs(near_value - value) <= _ENTRY_NEAR_VALUE:
        return near_value
    return _nearest(text, opening, path)


def started(day: date) -> datetime:
    """Midnight UTC of a date: it has no zone, so none is invented."""
    return datetime.combine(day, time(), UTC)


def _nearest(text: str, near: date, path: str) -> date:
    found = []
    for year in (near.year - 1, near.year, near.year + 1):
        try:
            found.append(date(year, int(text[:2]), int(text[2:])))
        except ValueError:
            continue
    if not found:
        raise Malformed(f"{text!r} is not a date", code="bad_date", path=path)
    return min(found, key=lambda day: abs(day - near))


def _with_point(text: str, separator: str, path: str) -> str:
    other = "." if separator == "," else ","
    if other in text or text.count(separator) > 1:
        raise Malformed(
            f"{text[:40]!r} is not an amount with {separator!r}", code="bad_amount", path=path
        )
    return text.replace(separator, ".")


def _references(text: str) -> tuple[str, str, str]:
    """Account owner's reference, bank's reference, and what was written behind the former."""
    owner, _, bank = text.partition("//")
    if len(owner) <= _OWNER_REFERENCE_LENGTH:
        return owner, bank, ""
    # Rabobank writes the other party's name behind the sixteen characters.
    return text[:_OWNER_REFERENCE_LENGTH], "", text[_OWNER_REFERENCE_LENGTH:]
