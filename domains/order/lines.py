"""Which lines of an order a line of another document is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from canonical.values import Identifier
from domains.names import folded
from domains.order.figures import NOTHING
from domains.order.snapshots import Line

_LONG = 8
"""Product numbers of so many characters (GTINs and the like) are the same in every scheme."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """How another document names a line."""

    order_line_id: str | None = None
    line_id: str | None = None
    """Its own id there, which counts only when nothing else is told."""
    sku: str | None = None
    products: tuple[Identifier, ...] = ()


def lines_for(named: Named, lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines it may be about: one, none, or several of one product."""
    by_id, by_sku = _by_id(named.order_line_id, lines), _by_sku(named.sku, lines)
    # Line numbers start from 1 everywhere: where the product is another line's, it decides.
    found = by_sku if by_sku and not set(by_sku) & set(by_id) else by_id
    found = found or _by_product(named.products, lines)
    if not found and not (named.order_line_id or named.sku or named.products):
        found = _by_id(named.line_id, lines)
    return found


def _by_id(line_id: str | None, lines: Sequence[Line]) -> tuple[Line, ...]:
    if not line_id:
        return ()
    exact = tuple(one for one in lines if one.line_id == line_id)
    return exact or tuple(one for one in lines if _numbered(one.line_id) == _numbered(line_id))


def _numbered(line_id: str) -> str:
    """A line number without leading zeros, which systems add and drop."""
    text = folded(line_id)
    return text.lstrip("0") or "0" if text.isdigit() else text


def _by_sku(sku: str | None, lines: Sequence[Line]) -> tuple[Line, ...]:
    if not sku:
        return ()
    return tuple(one for one in lines if one.sku and folded(one.sku) == folded(sku))


def _by_product(products: Sequence[Identifier], lines: Sequence[Line]) -> tuple[Line, ...]:
    numbers = {folded(one.value) for one in products if len(folded(one.value)) >= _LONG}
    return tuple(
        line
        for line in lines
        if set(line.products) & set(products)
        or numbers & {folded(one.value) for one in line.products}
        or (line.sku and folded(line.sku) in numbers)
    )


def shared_out(
    quantity: Decimal, lines: Sequence[Line], taken: dict[str, Decimal]
) -> dict[str, Decimal]:
    """A quantity over lines of one product: each is filled in turn, the last takes the rest.

    `taken` is what the lines have already, and is added to.
    """
    parts: dict[str, Decimal] = {}
    left = quantity
    for line in lines:
        room = max(line.ordered - taken.get(line.key, NOTHING), NOTHING)
        part = left if line is lines[-1] else min(left, room)
        if part:
            parts[line.key] = part
            taken[line.key] = taken.get(line.key, NOTHING) + part
        left -= part
    return parts
