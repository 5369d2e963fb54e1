"""Canonical values as plain dicts, for a payload class to check all at once.

Each function checks what it is given as the rest of the kit does and names the path of what it
refuses, but builds no model: `OrderPlaced.model_validate(fields)` checks some thirty nested dicts
in half the time in which they become models one by one. The keys are the fields of
`canonical.values`.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal
from functools import reduce
from typing import Any, TypedDict

from canonical.errors import Malformed
from connectors.kit.decimals import currency_code, digits_of
from connectors.kit.json_body import join
from connectors.kit.records import Record, count

_EXACT = Context(prec=60)  # the default of 28 digits would round what may have 30

Fields = dict[str, Any]
"""Some canonical value; what its class does not know is refused when the whole is checked."""


class PlainMoney(TypedDict):
    """`Money`; the amount is digits that `decimal_of` has found exact."""

    amount: str
    currency: str


class PlainQuantity(TypedDict):
    """`Quantity`, in its default unit."""

    value: str


class PlainIdentifier(TypedDict):
    """`Identifier`."""

    scheme: str
    value: str


def money(value: Any, currency: Any, path: str = "") -> PlainMoney:
    """Money in major units. Raises Malformed without a currency, Unsupported for an unknown one."""
    code = currency_code(currency, path)
    return {"amount": digits_of(value, path), "currency": code}


def amount_of(stated: PlainMoney) -> Decimal:
    """The amount, to calculate with."""
    return Decimal(stated["amount"])


def summed(amounts: Iterable[PlainMoney | None]) -> PlainMoney | None:
    """The sum of what is stated; None when nothing is. Raises Malformed for mixed currencies."""
    stated = [amount for amount in amounts if amount is not None]
    if not stated:
        return None
    if len(stated) == 1 and not stated[0]["amount"].startswith("-"):
        return stated[0]  # only −0.00 is not its own sum: that has no sign
    currencies = {amount["currency"] for amount in stated}
    if len(currencies) > 1:
        raise Malformed("amounts of several currencies in one sum", code="mixed_currencies")
    total = reduce(_EXACT.add, map(amount_of, stated), Decimal(0))
    return {"amount": format(total, "f"), "currency": stated[0]["currency"]}


def pieces(record: Record, field: str, path: str = "") -> PlainQuantity:
    """A number of pieces, of at most 18 digits. Raises Malformed as `records.count` does."""
    return {"value": digits_of(count(record, field, path), join(path, field))}


def references(system: str, pairs: Iterable[tuple[str, str | None]]) -> list[PlainIdentifier]:
    """Identifiers in scheme `<system>:<name>`; pairs without a value and repeats are left out."""
    found: dict[tuple[str, str], PlainIdentifier] = {
        (name, value): {"scheme": f"{system}:{name}", "value": value}
        for name, value in pairs
        if value
    }
    return list(found.values())


def unless_empty(fields: Fields) -> Fields | None:
    """The fields when at least one says something, else None: an address of nothing is none."""
    return fields if any(fields.values()) else None
