"""Texts, amounts and dates of elements, which stand in no namespace; each raises by its path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal

from canonical.errors import GatewayError, Malformed
from canonical.values import Identifier, Money
from connectors.kit.decimals import decimal_of, money_of
from connectors.kit.times import date_of
from connectors.kit.xml import Element, child, child_text, children

_MOST_CHARACTERS = 24
"""The standard allows 21; with more, sums would no longer be exact in Decimal's context."""
_PLAUSIBLE_YEARS = range(1970, 2200)
_MOST_IN_AN_IDENTIFIER = 400


@contextmanager
def inside(place: str) -> Iterator[None]:
    """Errors raised in here are told by where they are: their path is put behind `place`."""
    try:
        yield
    except GatewayError as error:
        error.path = f"{place}/{error.path}" if error.path else place
        raise


def part(element: Element, path: str) -> Element | None:
    """The first element at a path; None where there is none."""
    return child(element, path, "")


def parts(element: Element, path: str) -> list[Element]:
    """All elements at a path."""
    return children(element, path, "")


def needed(element: Element, path: str) -> Element:
    """The first element at a path. Raises Malformed (`missing_field`) where there is none."""
    found = part(element, path)
    if found is None:
        raise _missing(path)
    return found


def value(element: Element, path: str) -> str | None:
    """The stripped text at a path; None where it is absent or blank."""
    return child_text(element, path, "")


def required(element: Element, path: str) -> str:
    """The stripped text at a path. Raises Malformed (`missing_field`) without one."""
    found = value(element, path)
    if found is None:
        raise _missing(path)
    return found


def number(element: Element, path: str) -> Decimal | None:
    """An exact number at a path; None where it is absent. Raises Malformed (`bad_amount`)."""
    found = value(element, path)
    return None if found is None else decimal_of(_short(found, path), path)


def needed_number(element: Element, path: str) -> Decimal:
    """An exact number at a path. Raises Malformed."""
    return decimal_of(_short(required(element, path), path), path)


def money(element: Element, path: str, currency: str) -> Money | None:
    """An amount at a path in the document's currency; None where it is absent."""
    found = value(element, path)
    return None if found is None else money_of(_short(found, path), currency, path)


def day(element: Element, path: str) -> date | None:
    """A date at a path; None where it is absent. Raises Malformed."""
    found = value(element, path)
    if found is None:
        return None
    told = date_of(found, path)
    if told.year not in _PLAUSIBLE_YEARS:
        raise Malformed(f"{told} is hardly meant", code="implausible_date", path=path)
    return told


def needed_day(element: Element, path: str) -> date:
    """A date at a path. Raises Malformed."""
    found = day(element, path)
    if found is None:
        raise _missing(path)
    return found


def identifiers(*named: tuple[str, str | None]) -> tuple[Identifier, ...]:
    """Identifiers from (scheme, value) pairs: absent ones left out, each once."""
    found = [
        Identifier(scheme=scheme, value=told)
        for scheme, told in named
        if told and len(told) <= _MOST_IN_AN_IDENTIFIER
    ]
    return tuple(dict.fromkeys(found))


def only(found: Iterable[str | None]) -> str | None:
    """The one text that all of them are; None when there are several, or none."""
    different = {one for one in found if one}
    return different.pop() if len(different) == 1 else None


def _short(found: str, path: str) -> str:
    if len(found) > _MOST_CHARACTERS:
        raise Malformed("an amount has too many digits", code="bad_amount", path=path)
    return found


def _missing(path: str) -> Malformed:
    return Malformed(f"{path.rpartition('/')[2]} is missing", code="missing_field", path=path)
