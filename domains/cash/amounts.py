"""Sums of money in one currency, and how they are written."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal
from typing import Final

from canonical.currencies import MINOR_UNITS
from canonical.values import Direction, Money

ZERO: Final = Decimal(0)
EXACT: Final = Context(prec=60)
"""Amounts have up to 30 digits: sums of them must not be rounded to the usual 28."""


def plain(amount: Decimal, currency: str) -> str:
    """Plain digits with the currency's decimals, and more only where the amount has more."""
    digits = MINOR_UNITS.get(currency, 2)
    least = Decimal(1).scaleb(-digits)
    rounded = EXACT.quantize(amount, least)
    if rounded == amount:
        return format(rounded or abs(rounded), "f")
    return format(EXACT.normalize(amount), "f")


def shown(amount: Decimal, currency: str) -> str:
    """`120.00 EUR`, as findings say it."""
    return f"{plain(amount, currency)} {currency}"


def money(amount: Decimal, currency: str) -> Money:
    """As messages carry it, with the currency's decimals."""
    return Money(amount=Decimal(plain(amount, currency)), currency=currency)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Their sum; 0 of nothing."""
    return sum(amounts, ZERO)


def signed(amount: Money, direction: Direction) -> Decimal:
    """Positive when it came in."""
    return amount.amount if direction is Direction.CREDIT else -amount.amount
