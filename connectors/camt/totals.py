"""Whether a statement's figures agree: its balances, its control totals, its neighbours.

What is found here is a Problem of the statement. Its entries stand all the same: real files
disagree with themselves often enough, and the money has moved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from canonical.errors import GatewayError
from canonical.message import Problem
from canonical.values import Direction
from connectors.camt.entries import BOOKED, Movement
from connectors.camt.fields import signed
from connectors.camt.node import Node
from connectors.camt.statements import Balance, Head
from connectors.kit.decimals import decimal_of

STATEMENT = "camt.053"
"""Only statements are whole; reports and notifications show what is new or of interest."""

_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(slots=True)
class _Sum:
    number: int = 0
    total: Decimal = Decimal(0)

    def add(self, amount: Decimal) -> None:
        self.number += 1
        self.total += amount


@dataclass(slots=True)
class Tally:
    """Adds up a statement over all its pages in one file."""

    credits: _Sum = field(default_factory=_Sum)
    debits: _Sum = field(default_factory=_Sum)
    booked: Decimal = Decimal(0)
    currencies: set[str] = field(default_factory=set)
    pages: set[str] = field(default_factory=set)
    is_readable: bool = True
    """False when an amount could not be read, so that no sum means anything."""
    opening: Balance | None = None
    closing: Balance | None = None

    def add(self, movement: Movement) -> None:
        """Count an entry."""
        amounts = self.credits if movement.direction is Direction.CREDIT else self.debits
        amounts.add(movement.amount.amount)
        self.currencies.add(movement.amount.currency)
        if movement.status == BOOKED:
            self.booked += signed(movement.amount, movement.direction)

    def add_balance(self, balance: Balance) -> None:
        """Note a balance: the statement opens with its first, and closes with its last one.

        A "previously closed" balance opens it only where no other does.
        """
        if balance.code == "CLBD":
            self.closing = balance
        elif balance.code == "OPBD":
            is_first = self.opening is None or self.opening.code != "OPBD"
            self.opening = balance if is_first else self.opening
        elif balance.code == "PRCD":
            self.opening = self.opening or balance

    def problems(self, head: Head, summary: Node | None, at: str) -> Iterator[Problem]:
        """Where balances or control totals disagree with the entries.

        Nothing is found on a page whose other pages came in other files.
        """
        if not self.is_readable or not self._is_complete(head):
            return
        if summary is not None and len(self.pages) < 2:
            yield from self._control_totals(summary, at)
        difference = self._difference() if head.position.report == STATEMENT else Decimal(0)
        if difference:
            yield Problem(
                code="balance_mismatch",
                message=f"opening balance and entries differ from the closing by {difference:f}",
                path="Bal",
                at=at,
            )

    def _is_complete(self, head: Head) -> bool:
        if head.page is None:
            return True
        wanted = {str(number) for number in range(1, len(self.pages) + 1)}
        return head.is_last_page and {page.lstrip("0") for page in self.pages} == wanted

    def _difference(self) -> Decimal:
        if self.opening is None or self.closing is None:
            return Decimal(0)
        currencies = {self.opening.money.currency, self.closing.money.currency, *self.currencies}
        if len(currencies) > 1:
            return Decimal(0)  # Sums over several currencies say nothing.
        return self.opening.signed + self.booked - self.closing.signed

    def _control_totals(self, summary: Node, at: str) -> Iterator[Problem]:
        credit, debit = self.credits, self.debits
        both = _Sum(credit.number + debit.number, credit.total + debit.total)
        for name, found in (
            ("TtlNtries", both),
            ("TtlCdtNtries", credit),
            ("TtlDbtNtries", debit),
        ):
            for field_name, value in (("NbOfNtries", found.number), ("Sum", found.total)):
                stated = summary.value(name, field_name)
                if stated is not None and _differs(stated, value):
                    yield Problem(
                        code="control_total_mismatch",
                        message=f"stated as {stated[:40]!r}, the entries give {value}",
                        path=f"TxsSummry/{name}/{field_name}",
                        at=at,
                    )


@dataclass(slots=True)
class Chain:
    """Whether the statements of an account in one file follow one another."""

    _before: dict[tuple[str, str], tuple[Head, Balance | None]] = field(default_factory=dict)

    def problems(self, head: Head, tally: Tally, at: str) -> Iterator[Problem]:
        """A missing statement, or an opening balance that is not the closing one before."""
        if head.position.report != STATEMENT:
            return
        key = (head.account.value, head.currency)
        before = self._before.get(key)
        self._before[key] = (head, tally.closing)
        if before is None or before[0].statement_id == head.statement_id:
            return
        step = _step(before[0].sequence, head.sequence)
        if step is not None and step > 1:
            yield Problem(
                code="statement_gap",
                message=f"{step - 1} statements are missing before number {head.sequence}",
                path="ElctrncSeqNb",
                at=at,
            )
        elif step in {1, None} and _breaks(before[1], tally.opening):
            yield Problem(
                code="balance_chain_broken",
                message="the opening balance is not the closing one of the statement before",
                path="Bal",
                at=at,
            )


def _step(before: str | None, now: str | None) -> int | None:
    """How many numbers on; None where there are none."""
    if before is None or now is None:
        return None
    if not (_NUMBER.fullmatch(before) and _NUMBER.fullmatch(now)):
        return None
    return int(now) - int(before)


def _breaks(closing: Balance | None, opening: Balance | None) -> bool:
    # An opening before the last closing: the file is not in order, or the statements overlap.
    if closing is None or opening is None or opening.date < closing.date:
        return False
    return closing.money.currency == opening.money.currency and closing.signed != opening.signed


def _differs(stated: str, found: Decimal | int) -> bool:
    try:
        return decimal_of(stated) != found
    except GatewayError:
        return True
