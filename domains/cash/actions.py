"""What people decide about cash, and the checks of what they say.

Where `receipt` or `receivable` is left out it is the record the decision is about, and where
`allocation` is left out it is the decision's subject.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from canonical.errors import Malformed

_MOST: Final = 500
_DIGITS: Final = 18


def amount_of(
    values: Mapping[str, Any], name: str, path: str = "", *, signed: bool = False
) -> Decimal:
    """An amount in plain digits. Raises Malformed (`bad_amount`)."""
    where = f"{path}.{name}" if path else name
    value = values.get(name)
    if not isinstance(value, str):
        raise Malformed("an amount is text in plain digits", code="bad_amount", path=where)
    try:
        amount = Decimal(value)
    except InvalidOperation as error:
        raise Malformed("not an amount", code="bad_amount", path=where) from error
    if not amount.is_finite() or abs(amount.adjusted()) > _DIGITS or not amount:
        raise Malformed("not an amount", code="bad_amount", path=where)
    if amount < 0 and not signed:
        raise Malformed("a negative amount", code="bad_amount", path=where)
    return amount


def text_of(values: Mapping[str, Any], name: str, path: str = "") -> str:
    """A text that is there. Raises Malformed (`missing_field`)."""
    value = values.get(name)
    if not isinstance(value, str) or not value:
        where = f"{path}.{name}" if path else name
        raise Malformed(f"{name} is missing", code="missing_field", path=where)
    return value


def shares_of(values: Mapping[str, Any]) -> list[tuple[str, Decimal]]:
    """The receivables and amounts of an `apply`. Raises Malformed."""
    listed = values.get("allocations")
    if not isinstance(listed, list) or not 0 < len(listed) <= _MOST:
        raise Malformed(
            "a list of receivables with amounts is needed", code="missing_field", path="allocations"
        )
    shares: list[tuple[str, Decimal]] = []
    for index, one in enumerate(listed):
        path = f"allocations[{index}]"
        if not isinstance(one, Mapping):
            raise Malformed("not an object", code="bad_value", path=path)
        shares.append((text_of(one, "receivable", path), amount_of(one, "amount", path)))
    if len({key for key, _ in shares}) < len(shares):
        raise Malformed("a receivable is named twice", code="named_twice", path="allocations")
    return shares


def _optional_text(values: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if name in values:
            text_of(values, name)


def _apply(values: Mapping[str, Any]) -> None:
    _optional_text(values, "receipt")
    shares_of(values)


def _plan(values: Mapping[str, Any]) -> None:
    _optional_text(values, "allocation")
    if "amount" in values:
        amount_of(values, "amount")


def _write_off(values: Mapping[str, Any]) -> None:
    _optional_text(values, "receivable")
    amount_of(values, "amount")
    text_of(values, "reason")


def _adjust(values: Mapping[str, Any]) -> None:
    _optional_text(values, "receivable")
    amount_of(values, "amount", signed=True)
    text_of(values, "reason")


def _rest(values: Mapping[str, Any]) -> None:
    _optional_text(values, "receipt")
    amount_of(values, "amount")


ACTIONS: Final[Mapping[str, Callable[[Mapping[str, Any]], None]]] = {
    "apply": _apply,
    "reverse": _plan,
    "accept": _plan,
    "reject": _plan,
    "write_off": _write_off,
    "adjust": _adjust,
    "refund_customer": _rest,
    "keep_as_credit": _rest,
}
MONEY_ACTIONS: Final = frozenset(ACTIONS) - {"reject"}
"""A rejected proposal moves nothing; all others are for four eyes."""
