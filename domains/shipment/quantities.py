"""Quantities in plain digits."""

from __future__ import annotations

from decimal import Decimal

from canonical.values import Quantity


def plain(value: Decimal) -> str:
    """Plain digits without trailing zeros behind the point: the same for 3 and 3.00."""
    digits = format(value, "f")
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return "0" if digits == "-0" else digits


def shown(value: Decimal, unit: str) -> str:
    """`3 EA`."""
    return f"{plain(value)} {unit}"


def quantity(value: Decimal, unit: str) -> Quantity:
    """The quantity, however the parts of a sum were written."""
    return Quantity(value=Decimal(plain(value)), unit=unit)
