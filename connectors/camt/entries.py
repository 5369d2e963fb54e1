"""An entry (`Ntry`) read in two steps: what it moves, then what is known about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from typing import Final

from canonical.errors import Malformed, Unsupported
from canonical.values import Direction, Money
from connectors.camt.fields import (
    Day,
    day_at,
    direction_at,
    indicator,
    money_at,
    reference_at,
    signed,
)
from connectors.camt.node import Node, Paths

BOOKED = "BOOK"
_STATUSES = frozenset({BOOKED, "PDNG", "INFO", "FUTR"})
_STATUS: Final = Paths("Sts/Cd", "Sts/Prtry", "Sts")
_LINE_NUMBER = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class Movement:
    """What an entry does to the account."""

    amount: Money
    direction: Direction
    status: str
    """`BOOK`, `PDNG`, `INFO` or `FUTR`."""
    reversal: bool

    @property
    def original_direction(self) -> Direction:
        """The direction of the transaction the parties are named for."""
        if not self.reversal:
            return self.direction
        return Direction.DEBIT if self.direction is Direction.CREDIT else Direction.CREDIT


@dataclass(frozen=True, slots=True)
class Part:
    """An entry as a whole, or one of the transactions it is split into; `index` from 1."""

    movement: Movement
    transactions: tuple[Node, ...]
    index: int
    count: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry and its parts."""

    node: Node
    movement: Movement
    booked: Day | None
    value: Day | None
    servicer_reference: str | None
    """`AcctSvcrRef`: the bank's own."""
    entry_reference: str | None
    """`NtryRef`, unless it is just the number of the line."""
    transactions: tuple[Node, ...]
    parts: tuple[Part, ...]


def movement_of(node: Node, status_when_absent: str | None) -> Movement:
    """What an entry moves. Raises Malformed or Unsupported; nothing is defaulted."""
    return Movement(
        amount=money_at(node.first("Amt")),
        direction=direction_at(node),
        status=_status(node, status_when_absent),
        reversal=indicator(node, "RvslInd"),
    )


def entry_of(node: Node, movement: Movement, zone: tzinfo | None) -> Entry:
    """The rest of an entry. Raises Malformed or Unsupported.

    `batch_sum_mismatch`: it lists transactions that do not add up to it, so none can be trusted.
    """
    # Version 01 had the transactions directly in the entry.
    transactions = (*node.all("NtryDtls", "TxDtls"), *node.all("TxDtls"))
    return Entry(
        node=node,
        movement=movement,
        booked=day_at(node, "BookgDt", zone),
        value=day_at(node, "ValDt", zone),
        servicer_reference=reference_at(node, "AcctSvcrRef"),
        entry_reference=_entry_reference(node),
        transactions=transactions,
        parts=_parts(movement, transactions),
    )


def _status(node: Node, when_absent: str | None) -> str:
    # Text up to version 06, a code inside from 07 on; `Prtry` is no status that is known.
    status = node.one_of(_STATUS) or when_absent
    if status is None:
        raise Malformed("Sts is missing", code="missing_status", path="Sts")
    if status not in _STATUSES:
        raise Unsupported(
            f"entry status {status[:10]!r} is not known", code="unknown_status", path="Sts"
        )
    return status


def _entry_reference(node: Node) -> str | None:
    reference = reference_at(node, "NtryRef")
    if reference is None or _LINE_NUMBER.fullmatch(reference):
        return None
    return reference


def _parts(movement: Movement, transactions: tuple[Node, ...]) -> tuple[Part, ...]:
    whole = (Part(movement, transactions, 1, 1),)
    if len(transactions) < 2:
        return whole
    amounts = [_amount_in(one, movement.amount.currency) for one in transactions]
    found = [money for money in amounts if money is not None]
    if len(found) < len(transactions):
        return whole  # Some have no amount in the account's currency: the entry is what is known.
    movements = [
        Movement(money, direction_at(one, movement.direction), movement.status, movement.reversal)
        for one, money in zip(transactions, found, strict=True)
    ]
    _refuse_mismatch(movement, movements)
    return tuple(
        Part(moved, (one,), index, len(movements))
        for index, (moved, one) in enumerate(zip(movements, transactions, strict=True), start=1)
    )


def _amount_in(transaction: Node, currency: str) -> Money | None:
    for path in (("Amt",), ("AmtDtls", "TxAmt", "Amt")):
        node = transaction.first(*path)
        if node is not None:
            money = money_at(node, "/".join(("TxDtls", *path)))
            if money.currency == currency:
                return money
    return None


def _refuse_mismatch(whole: Movement, movements: Sequence[Movement]) -> None:
    total = sum((signed(one.amount, one.direction) for one in movements), Decimal(0))
    expected = signed(whole.amount, whole.direction)
    if total != expected:
        raise Malformed(
            f"{len(movements)} transactions add up to {total}, the entry is {expected}",
            code="batch_sum_mismatch",
            path="NtryDtls",
        )
