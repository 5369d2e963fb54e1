"""Reading a UBL tree: only children are followed, never descendants, and money is exact."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from canonical.errors import Malformed
from canonical.values import Money
from connectors.kit.decimals import decimal_of, money_of
from connectors.kit.xml import Element, text

UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd:"
_NAMES: Final = {
    "cac": f"{UBL}CommonAggregateComponents-2",
    "cbc": f"{UBL}CommonBasicComponents-2",
}
_PLACEHOLDERS: Final = frozenset({"NA", "N/A"})


def every(element: Element, path: str) -> list[Element]:
    """All elements at a path of prefixed names, e.g. `cac:Party/cbc:ID`."""
    return element.findall(path, _NAMES)


def first(element: Element, path: str) -> Element | None:
    """The first element at a path, where UBL allows several and EN 16931 means one."""
    return element.find(path, _NAMES)


def only(element: Element, path: str) -> Element | None:
    """The element at a path; Malformed (`repeated_element`) when there is a second one.

    A document in which an amount or an identity stands twice has no one meaning.
    """
    found = every(element, path)
    if len(found) > 1:
        raise Malformed("this stands more than once", code="repeated_element", path=shown(path))
    return found[0] if found else None


def content(element: Element | None) -> str | None:
    """An element's stripped text; None when absent or blank."""
    return None if element is None else text(element).strip() or None


def value(element: Element, path: str) -> str | None:
    """The stripped text of the first element at a path; None when absent or blank."""
    return content(first(element, path))


def only_value(element: Element, path: str) -> str | None:
    """Like `value`, of an element that may stand only once."""
    return content(only(element, path))


def values(element: Element, path: str) -> Iterator[str]:
    """The texts at a path that are not blank."""
    yield from filter(None, map(content, every(element, path)))


def references(element: Element, path: str) -> Iterator[str]:
    """The references at a path, without Peppol's placeholder for a mandatory one ("NA")."""
    return (found for found in values(element, path) if found.upper() not in _PLACEHOLDERS)


def reference(element: Element, path: str) -> str | None:
    """The first reference at a path; None without one."""
    return next(references(element, path), None)


def number(element: Element, path: str) -> Decimal | None:
    """An exact number; None when absent. Raises Malformed."""
    found = only(element, path)
    return None if found is None else decimal_of(text(found), shown(path))


def numbers(element: Element, path: str) -> list[Decimal]:
    """All numbers at a path. Raises Malformed."""
    return [decimal_of(text(found), shown(path)) for found in every(element, path)]


def money(element: Element, path: str, currency: str) -> Money | None:
    """An amount in the document's currency; None when absent.

    Raises Malformed without a `currencyID` (`missing_currency`) or with another one
    (`currency_mismatch`), Unsupported for an unknown one.
    """
    found = only(element, path)
    if found is None:
        return None
    where = shown(path)
    amount = money_of(text(found), (found.get("currencyID") or "").strip(), where)
    if amount.currency != currency:
        raise Malformed(
            f"an amount in {amount.currency} in a document in {currency}",
            code="currency_mismatch",
            path=where,
        )
    return amount


def shown(path: str) -> str:
    """A path as people read it, without prefixes."""
    return path.replace("cac:", "").replace("cbc:", "")
