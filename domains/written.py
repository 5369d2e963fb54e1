"""How quantities and times are written in records and findings."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal


def plain(value: Decimal) -> str:
    """Plain digits without zeros that say nothing: `3` for 3.00, `0.5`, never `-0`."""
    digits = format(value, "f")
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return "0" if digits == "-0" else digits


def counted(value: Decimal, unit: str) -> str:
    """`3 EA`."""
    return f"{plain(value)} {unit}"


def iso(moment: datetime | None) -> str | None:
    """A time in a state: UTC."""
    return moment.astimezone(UTC).isoformat() if moment else None
