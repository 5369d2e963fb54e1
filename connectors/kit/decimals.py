"""Amounts and quantities out of text and JSON, exactly or not at all."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from canonical.currencies import MINOR_UNITS
from canonical.errors import Malformed, Unsupported
from canonical.values import Money, Quantity

_is_plain = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,12})?|\.[0-9]{1,12})", re.ASCII).fullmatch


def decimal_of(value: Any, path: str = "") -> Decimal:
    """An exact decimal from JSON (text, integer or Decimal) or from element text.

    Text is ASCII digits with an optional sign and point, surrounded by white space at most: no
    grouping, no exponent, no other script. At most 18 digits before and 12 behind the point.
    Raises Malformed for anything else; a float is always refused.
    """
    return Decimal(digits_of(value, path))


def digits_of(value: Any, path: str = "") -> str:
    """The digits of an exact decimal: what `decimal_of` reads, checked and not yet read."""
    shown = value.strip() if isinstance(value, str) else _digits(value, path)
    if _is_plain(shown):
        return shown
    raise Malformed(f"{shown[:40]!r} is not an amount", code="bad_amount", path=path)


def _digits(value: Any, path: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Malformed(
            f"expected an amount, found {type(value).__name__}", code="bad_amount", path=path
        )
    if isinstance(value, int) and -(10**18) < value < 10**18:
        return str(value)
    # An int is never formatted as "f": that would go through a float. A Decimal's exponent is
    # looked at first: written out, 1E+999999999 would fill the memory.
    exact = Decimal(value)
    if not exact.is_finite() or not -400 <= exact.adjusted() < 18:
        return str(exact)[:40] + "…"
    return format(exact, "f")


def money_of(value: Any, currency: str | None, path: str = "") -> Money:
    """Money in major units. Raises Malformed without a currency, Unsupported for an unknown one."""
    code = currency_code(currency, path)
    return Money(amount=decimal_of(value, path), currency=code)


def money_of_minor(value: Any, currency: str | None, path: str = "") -> Money:
    """Money from an integer (or its digits as text) of minor units.

    Raises Malformed for anything that is not a whole number, Unsupported for an unknown currency.
    """
    code = currency_code(currency, path)
    amount = decimal_of(value, path)
    if amount != amount.to_integral_value():
        raise Malformed(f"{amount} minor units are not whole", code="bad_amount", path=path)
    return Money.from_minor(int(amount), code)


def quantity_of(value: Any, unit: str = "EA", path: str = "") -> Quantity:
    """A quantity. Raises Malformed when it is not an exact number."""
    return Quantity(value=decimal_of(value, path), unit=unit)


def currency_code(currency: Any, path: str = "") -> str:
    """An ISO 4217 code, in capitals. Raises Malformed without one, Unsupported if unknown."""
    if isinstance(currency, str) and currency in MINOR_UNITS:
        return currency
    if not currency:
        raise Malformed("an amount has no currency", code="missing_currency", path=path)
    if not isinstance(currency, str):
        raise Malformed("a currency must be text", code="unexpected_type", path=path)
    # Only ASCII is raised: "ı" in upper case would become a plain I.
    code = currency.upper() if currency.isascii() else currency
    if code not in MINOR_UNITS:
        raise Unsupported(
            f"currency {code[:10]!r} is not an ISO 4217 code", code="unknown_currency", path=path
        )
    return code
