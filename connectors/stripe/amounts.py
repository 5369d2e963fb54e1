"""Stripe's integer amounts: whole minor units, with Stripe's own idea of a minor unit.

Source: Stripe documentation, "Supported currencies", sections "Zero-decimal currencies",
"Three-decimal currencies" and "Special cases". Where it differs from ISO 4217:

    MGA        no decimals (ISO 4217: two)
    ISK, UGX   two decimals, which are always 00 (ISO 4217: none); UGX also stands in the list of
               zero-decimal currencies, so a UGX amount that does not end in 00 is refused
    HUF, TWD   two decimals as in ISO 4217; that a payout must be whole does not change the unit
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from canonical.currencies import MINOR_UNITS
from canonical.errors import Malformed, Unsupported
from canonical.values import Money
from connectors.kit.decimals import decimal_of
from connectors.kit.json_body import integer, join, required_text

_NO_DECIMALS = frozenset(
    {
        "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF",
        "XOF", "XPF",
    }
)  # fmt: skip
_THREE_DECIMALS = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
_WHOLE_IN_HUNDREDTHS = frozenset(("ISK", "UGX"))
_LIMIT = 10**15


def exponent(currency: str, path: str = "") -> int:
    """How many decimals an amount of this currency (upper case) has in Stripe's API.

    Raises Unsupported for a currency that Stripe does not document.
    """
    if currency in _NO_DECIMALS:
        return 0
    if currency in _THREE_DECIMALS:
        return 3
    if currency in _WHOLE_IN_HUNDREDTHS or MINOR_UNITS.get(currency) == 2:
        return 2
    raise Unsupported(
        f"currency {currency[:10]!r} has no documented minor unit",
        code="unknown_currency",
        path=path,
    )


def currency_of(record: Mapping[str, Any], path: str = "") -> str:
    """The `currency` of an object as an ISO 4217 code. Raises Malformed or Unsupported."""
    code = required_text(record, "currency", path).upper()
    exponent(code, join(path, "currency"))
    return code


def minor(record: Mapping[str, Any], field: str, path: str = "") -> int:
    """A required amount in minor units. Raises Malformed; text is refused, even `"1000"`."""
    value = minor_or_none(record, field, path)
    if value is None:
        raise Malformed(f"{field} is missing", code="missing_field", path=join(path, field))
    return value


def unsigned(record: Mapping[str, Any], field: str, path: str = "") -> int:
    """A required amount in minor units that cannot be negative. Raises Malformed."""
    value = minor(record, field, path)
    if value < 0:
        raise Malformed(f"{field} is negative", code="bad_amount", path=join(path, field))
    return value


def minor_or_none(record: Mapping[str, Any], field: str, path: str = "") -> int | None:
    """An amount in minor units; None when absent or null. Raises Malformed."""
    try:
        value = integer(record, field, path)
    except Malformed as error:
        # Some tools store Stripe's objects with major units as text: "10.00" is not ten cents.
        raise Malformed(str(error), code="bad_amount", path=error.path) from None
    if value is not None and abs(value) >= _LIMIT:
        raise Malformed("an amount is out of range", code="bad_amount", path=join(path, field))
    return value


def money(value: int, currency: str, path: str = "") -> Money:
    """Money from minor units. Raises Unsupported for an unknown currency or an ambiguous amount."""
    digits = exponent(currency, path)
    if currency == "UGX" and value % 100:
        raise Unsupported(
            "a UGX amount does not end in 00: its unit is unclear",
            code="ambiguous_amount",
            path=path,
        )
    return Money(amount=Decimal(value).scaleb(-digits), currency=currency)


def money_in(record: Mapping[str, Any], field: str, currency: str, path: str = "") -> Money:
    """A required amount field as money. Raises Malformed or Unsupported."""
    return money(minor(record, field, path), currency, join(path, field))


def money_or_none(
    record: Mapping[str, Any], field: str, currency: str, path: str = ""
) -> Money | None:
    """An amount field as money; None when absent or null. Raises Malformed or Unsupported."""
    value = minor_or_none(record, field, path)
    return None if value is None else money(value, currency, join(path, field))


def unit_price(record: Mapping[str, Any], currency: str, path: str = "") -> Money | None:
    """`unit_amount_decimal` (text, fractions of a minor unit) or `unit_amount` as money.

    None when a price has neither (tiers). Raises Malformed or Unsupported.
    """
    fractional = record.get("unit_amount_decimal")
    if fractional is None:
        return money_or_none(record, "unit_amount", currency, path)
    where = join(path, "unit_amount_decimal")
    sign, digits, places = decimal_of(fractional, where).as_tuple()
    shifted = int(places) - exponent(currency, where)
    if shifted < -12:
        raise Malformed("a unit price has too many decimals", code="bad_amount", path=where)
    # Built from its digits: arithmetic would round beyond the 28 of the decimal context.
    return Money(amount=Decimal((sign, digits, shifted)), currency=currency)
