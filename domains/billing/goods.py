"""What goods are called, and how much of them: what lines of different systems are matched by."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from canonical.values import Identifier, Quantity
from domains.names import bare, folded

NOTHING: Final = Decimal(0)
_PIECES: Final = frozenset(
    {"EA", "C62", "H87", "PCE", "PCS", "PC", "ST", "NAR", "XPP", "UN", "UNIT", "STK", "NR", "PZ"}
)
"""Words for a single piece: UN/ECE Recommendation 20, its older codes, and what senders write."""


def unit_of(quantity: Quantity) -> str:
    """The unit; all words for a piece are one."""
    unit = quantity.unit.strip().upper()
    return "EA" if unit in _PIECES else unit


def by_order_line(order_line_id: str | None) -> frozenset[str]:
    return bare("line", order_line_id)


def by_item(sku: str | None, product: Iterable[Identifier] = ()) -> frozenset[str]:
    """The sku, and the identifiers of the product with their schemes."""
    return bare("sku", sku) | frozenset(f"{one.scheme}:{folded(one.value)}" for one in product)
