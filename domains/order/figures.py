"""Figures as the order domain writes them: plain digits, exact, with a unit behind them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal
from typing import Final

from canonical.values import Quantity

EXACT: Final = Context(prec=60)
"""Digits enough that no sum of quantities or amounts is rounded."""

NOTHING: Final = Decimal(0)

_PIECES: Final = frozenset({"EA", "C62", "H87", "NAR", "PC", "PCE", "PCS", "UN"})
"""Codes of UN/ECE Recommendation 20 and X12 element 355 that all say: so many pieces."""


def unit_of(quantity: Quantity) -> str:
    """The unit, where those that mean pieces are one."""
    unit = quantity.unit.strip().upper()
    return "EA" if unit in _PIECES else unit


def sum_of(values: Iterable[Decimal]) -> Decimal:
    return sum(values, NOTHING)
