"""Adyen's amounts: whole minor units, with Adyen's own idea of a minor unit.

Source: Adyen documentation, "Currency codes and minor units", which is leading where it differs
from ISO 4217:

    CVE, IDR   no decimals (ISO 4217: two)
    CLP, ISK   two decimals (ISO 4217: none)

A currency that Adyen does not list is refused: its minor unit is not known. CNH, which Adyen
lists, is no ISO 4217 code.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from canonical.currencies import MINOR_UNITS
from canonical.errors import Malformed, Unsupported
from canonical.values import Money
from connectors.kit.decimals import decimal_of
from connectors.kit.json_body import as_object, join, required_text

_NO_DECIMALS = frozenset(
    {
        "CVE", "DJF", "GNF", "IDR", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF",
        "XOF", "XPF",
    }
)  # fmt: skip
_THREE_DECIMALS = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))
_TWO_DECIMALS_AT_ADYEN = frozenset(("CLP", "ISK"))
_LIMIT = 10**15


def exponent(currency: str, path: str = "") -> int:
    """How many decimals an amount of this currency has in Adyen's notifications.

    Raises Unsupported for a currency whose minor unit Adyen does not document.
    """
    if currency in _NO_DECIMALS:
        return 0
    if currency in _THREE_DECIMALS:
        return 3
    if currency in _TWO_DECIMALS_AT_ADYEN or MINOR_UNITS.get(currency) == 2:
        return 2
    raise Unsupported(
        f"currency {currency[:10]!r} has no documented minor unit",
        code="unknown_currency",
        path=path,
    )


def amount_in(record: Mapping[str, Any], path: str = "") -> Money:
    """The `amount` of a notification item: `value` is a whole number or its digits as text.

    Raises Malformed or Unsupported; a negative amount is refused, the event says its direction.
    """
    where = join(path, "amount")
    amount = as_object(record.get("amount"), where)
    currency = required_text(amount, "currency", where)
    digits = exponent(currency, join(where, "currency"))
    at = join(where, "value")
    minor = decimal_of(amount.get("value"), at)
    if minor < 0 or minor >= _LIMIT or minor != minor.to_integral_value():
        raise Malformed("not a whole number of minor units", code="bad_amount", path=at)
    # Built from its digits, because arithmetic would round to the decimal context.
    return Money(amount=Decimal(f"{int(minor)}E-{digits}"), currency=currency)
