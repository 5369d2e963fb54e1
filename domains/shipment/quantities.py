"""Quantities as messages carry them."""

from __future__ import annotations

from decimal import Decimal

from canonical.values import Quantity
from domains.written import plain


def quantity(value: Decimal, unit: str) -> Quantity:
    """The quantity, however the parts of a sum were written."""
    return Quantity(value=Decimal(plain(value)), unit=unit)
