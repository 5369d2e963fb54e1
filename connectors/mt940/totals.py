"""Whether a statement's figures agree: its balances, its sums, its neighbours.

What is found here is a Problem of the statement. Its entries stand all the same: real files
disagree with themselves often enough, and the money has moved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from canonical.message import Problem
from canonical.values import Direction
from connectors.mt940.figures import Balance, Sum, direction_of, is_expected, signed
from connectors.mt940.records import MT940
from connectors.mt940.statements import Head

OPENING = frozenset({"60F", "60M", "60"})
CLOSING = frozenset({"62F", "62M", "62"})
_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(slots=True)
class Tally:
    """Adds up one message."""

    opening: Balance | None = None
    closing: Balance | None = None
    sums: dict[str, Sum] = field(default_factory=dict)
    net: Decimal = Decimal(0)
    found: dict[Direction, tuple[int, Decimal]] = field(default_factory=dict)
    has_only_plain_marks: bool = True
    is_readable: bool = True
    """False when an amount could not be read, so that no sum means anything."""

    def add(self, mark: str, amount: Decimal) -> None:
        """Count an entry by its mark; what is only expected moves nothing."""
        if len(mark) > 1:
            self.has_only_plain_marks = False
        if is_expected(mark):
            return
        direction = direction_of(mark)
        self.net += signed(amount, direction)
        count, total = self.found.get(direction, (0, Decimal(0)))
        self.found[direction] = (count + 1, total + amount)

    def add_balance(self, balance: Balance) -> None:
        """Note the balance a message opens with, or closes with."""
        if balance.tag in OPENING:
            self.opening = self.opening or balance
        elif balance.tag in CLOSING:
            self.closing = balance

    def difference(self) -> Decimal | None:
        """What the entries say beyond the stated figures; None where that cannot be told."""
        if not self.is_readable:
            return None
        if self.opening is not None and self.closing is not None:
            if self.opening.money.currency != self.closing.money.currency:
                return None
            return self.opening.signed + self.net - self.closing.signed
        if len(self.sums) == 2 and self.has_only_plain_marks:
            return self.net - (self.sums["90C"].money.amount - self.sums["90D"].money.amount)
        return None

    def problems(self, at: str) -> Iterator[Problem]:
        """Where balances or sums disagree with the entries."""
        balanced = self.opening is not None and self.closing is not None
        difference = self.difference() if balanced else None
        if difference:
            yield Problem(
                code="balance_mismatch",
                message=f"opening balance and entries differ from the closing by {difference:f}",
                path=f":{self.closing.tag}:" if self.closing else "",
                at=at,
            )
        if self.is_readable and self.has_only_plain_marks:
            yield from self._sum_problems(at)

    def _sum_problems(self, at: str) -> Iterator[Problem]:
        for tag, direction in (("90C", Direction.CREDIT), ("90D", Direction.DEBIT)):
            stated = self.sums.get(tag)
            count, total = self.found.get(direction, (0, Decimal(0)))
            if stated is not None and (stated.count, stated.money.amount) != (count, total):
                yield Problem(
                    code="control_total_mismatch",
                    message=f"stated as {stated.count} with {stated.money.amount:f}, "
                    f"the entries give {count} with {total:f}",
                    path=f":{tag}:",
                    at=at,
                )


@dataclass(frozen=True, slots=True)
class _Statement:
    number: str | None
    page: str | None
    opening: Balance | None
    closing: Balance | None


@dataclass(slots=True)
class Chain:
    """Whether the statements of an account in one file follow one another."""

    _before: dict[tuple[str, str], _Statement] = field(default_factory=dict)

    def continues(self, head: Head, opening: Balance) -> bool:
        """Whether this message goes on behind the account's one before, and is not that again."""
        before = self._before.get((head.account.value, opening.money.currency))
        if before is None or before.closing is None:
            return False
        again = (head.number, head.page, opening) == (before.number, before.page, before.opening)
        return before.closing.signed == opening.signed and not again

    def problems(self, head: Head, tally: Tally, at: str) -> Iterator[Problem]:
        """A missing statement, or an opening balance that is not the closing one before."""
        told = tally.opening or tally.closing
        if head.report != MT940 or told is None:
            return
        key = (head.account.value, told.money.currency)
        before = self._before.get(key)
        now = _Statement(head.number, head.page, tally.opening, tally.closing)
        self._before[key] = now
        if before is None or _is_again(before, now):
            return
        missing = _missing(before, now)
        if missing:
            yield Problem(
                code="statement_gap",
                message=f"{missing} statements or pages are missing before this one",
                path=":28C:",
                at=at,
            )
        elif _breaks(before.closing, now.opening):
            yield Problem(
                code="balance_chain_broken",
                message="the opening balance is not the closing one of the statement before",
                path=f":{now.opening.tag}:" if now.opening else "",
                at=at,
            )


def _is_again(before: _Statement, now: _Statement) -> bool:
    same = (before.number, before.page, before.opening) == (now.number, now.page, now.opening)
    return same and now.number is not None


def _missing(before: _Statement, now: _Statement) -> int:
    """How many statements, or pages of a statement, are left out."""
    steps = _step(before.number, now.number)
    if steps == 0:
        steps = _step(before.page, now.page)
    elif steps and now.page and _NUMBER.fullmatch(now.page) and int(now.page) > 1:
        return int(now.page) - 1 if steps == 1 else steps - 1
    return max((steps or 0) - 1, 0)


def _step(before: str | None, now: str | None) -> int | None:
    if before is None or now is None:
        return None
    if not (_NUMBER.fullmatch(before) and _NUMBER.fullmatch(now)):
        return None
    return int(now) - int(before)


def _breaks(closing: Balance | None, opening: Balance | None) -> bool:
    # An opening before the last closing: the file is not in order, or the statements overlap.
    if closing is None or opening is None or opening.date < closing.date:
        return False
    return closing.signed != opening.signed
