"""What a line is about: product ids, units, prices and their basis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from canonical.values import Identifier, Money
from connectors.kit.x12 import Segment
from connectors.x12.reading import Document, identifier, shifted, unmapped

_SCHEMES = {"UP": "gtin-12", "EN": "gtin-13", "UK": "gtin-14", "EO": "gtin-8", "IB": "isbn"}
"""Qualifiers of element 235 that have a name of their own; others are `x12:<qualifier>`."""
_OWN = ("VN", "VP", "VC", "VA", "SK")
"""Qualifiers of the seller's (or depositor's) own article number, the best first."""

_PER_UNIT = frozenset(
    {
        "", "PE", "LE", "QE", "RE", "TE", "WE", "UM", "AP", "AW", "BD", "BR", "CA", "CP", "CT",
        "DI", "DR", "DS", "ES", "FX", "NC", "NE", "NT", "PQ", "PR", "PV", "QT", "RS", "RT", "SC",
        "SR", "ST", "SW", "VQ", "WH",
    }
)  # fmt: skip
_PER_MANY = {
    "PN": 1,
    "HP": 2, "LC": 2, "QH": 2, "RC": 2, "TC": 2, "WC": 2,
    "TP": 3, "LM": 3, "QS": 3, "RM": 3, "TM": 3, "WM": 3,
    "TT": 4, "HT": 5,
}  # fmt: skip
"""Basis codes of prices per ten, hundred …: the power of ten."""
_PER_MEASURE = {
    "PP": "LB", "PO": "OZ", "PK": "KG", "PG": "GR", "PT": "TN", "PF": "FT", "PY": "YD", "PL": "LT",
}  # fmt: skip
"""Basis codes of prices per measure, which is a unit price where the line counts in it."""


def product_ids(segment: Segment, start: int) -> tuple[Identifier, ...]:
    """Pairs of qualifier and id from an element on, as identifiers, each once."""
    named = dict.fromkeys(
        (_SCHEMES.get(qualifier) or f"x12:{qualifier}", value)
        for qualifier, value in pairs(segment, start)
    )
    return tuple([found for scheme, value in named for found in identifier(scheme, value)])


def sku_of(segment: Segment, start: int) -> str | None:
    """The seller's own article number."""
    named = dict(reversed(pairs(segment, start)))
    return next((named[qualifier] for qualifier in _OWN if qualifier in named), None)


def pairs(segment: Segment, start: int) -> list[tuple[str, str]]:
    """Qualifier and value, for each pair of elements that has both."""
    listed = segment.elements[start - 1 :]
    return [pair for pair in zip(listed[::2], listed[1::2], strict=False) if pair[0] and pair[1]]


def description_of(loop: Sequence[Segment]) -> str | None:
    """PID05 or G69, the first there is."""
    for tag, position in (("PID", 5), ("G69", 1)):
        for one in loop:
            if one.tag == tag and (word := one.get(position)):
                return word
    return None


def unit_price(document: Document, segment: Segment, price: int, basis: int) -> Money | None:
    """The price of one unit, from its element and the code of what it is for.

    Raises Unsupported (`unmapped_code`) for a basis that cannot be exactly turned into one unit:
    an unknown one, a dozen, a measure the line does not count in.
    """
    amount = document.money(segment, price)
    code = segment.get(basis)
    if amount is None or code in _PER_UNIT or _PER_MEASURE.get(code) == segment.get(price - 1):
        return amount
    if code not in _PER_MANY:
        raise unmapped(segment, basis)
    return Money(amount=shifted(amount.amount, -_PER_MANY[code]), currency=amount.currency)


def extended(lines: Iterable[tuple[Decimal, Money | None]]) -> Decimal | None:
    """Sum of quantity × price; None where a line has no price."""
    total = Decimal(0)
    for quantity, price in lines:
        if price is None:
            return None
        total += quantity * price.amount
    return total
