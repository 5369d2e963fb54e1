"""How the Selling Partner API writes ids, money, times, places and people.

Source: Selling Partner API models (Orders v0 and 2026-01-01, Fulfillment Outbound 2020-07-01,
Vendor Orders v1). The newer APIs begin names in lower case, the older ones in upper case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from canonical.errors import GatewayError, Malformed, Unsupported
from canonical.message import Item, Problem
from canonical.values import Address, Identifier, Money, Party, Quantity
from connectors.fetching import Fetch
from connectors.kit.decimals import decimal_of, money_of
from connectors.kit.json_body import as_list, as_object, integer, join, required_text, text
from connectors.kit.times import moment_of

Record = Mapping[str, Any]

_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_STREET = ("addressLine1", "addressLine2", "addressLine3", "districtOrCounty", "municipality")


def optional_object(record: Record, field: str, path: str = "") -> dict[str, Any] | None:
    """A field that is an object or null. Raises Malformed for anything else."""
    value = record.get(field)
    return None if value is None else as_object(value, join(path, field))


def inner(record: Record, field: str, path: str = "") -> dict[str, Any]:
    """Like `optional_object`, with an empty object where there is nothing."""
    return optional_object(record, field, path) or {}


def objects(record: Record, field: str, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of an array field with their paths; none when absent or null."""
    where = join(path, field)
    for index, value in enumerate(as_list(record.get(field), where)):
        place = join(where, index)
        yield place, as_object(value, place)


def time(record: Record, field: str, path: str = "") -> datetime | None:
    """A moment in UTC; None when absent. Raises Malformed."""
    value = text(record, field, path)
    return None if value is None else moment_of(value, join(path, field)).astimezone(UTC)


def required_time(record: Record, field: str, path: str = "") -> datetime:
    """Like `time`, but raises Malformed when there is nothing."""
    return moment_of(required_text(record, field, path), join(path, field)).astimezone(UTC)


def money(record: Record, field: str, path: str = "") -> Money | None:
    """An amount with its currency, in either spelling of the two; None when absent or empty.

    Raises Malformed when one is given without the other.
    """
    where = join(path, field)
    value = optional_object(record, field, path)
    if not value:
        return None
    amount = value.get("amount", value.get("Amount"))
    currency = text(value, "currencyCode", where) or text(value, "CurrencyCode", where)
    return money_of(amount, currency, join(where, "amount"))


def pieces(record: Record, field: str, path: str = "") -> Quantity:
    """A count of pieces. Raises Malformed when missing, not whole, or negative."""
    value = integer(record, field, path)
    if value is None:
        raise Malformed(f"{field} is missing", code="missing_field", path=join(path, field))
    if value < 0:
        raise Malformed(f"{value} pieces", code="bad_quantity", path=join(path, field))
    return Quantity(value=decimal_of(value, join(path, field)))


def identifiers(pairs: Iterable[tuple[str, str | None]]) -> tuple[Identifier, ...]:
    """References in scheme `amazon:<name>`; pairs without a value and repeats are left out."""
    found = [Identifier(scheme=f"amazon:{name}", value=value) for name, value in pairs if value]
    return tuple(dict.fromkeys(found))


def address(record: Record | None, path: str = "") -> Address | None:
    """A postal address with lower-case field names; None when nothing is stated."""
    if record is None:
        return None
    lines = (text(record, field, path) for field in ("companyName", *_STREET))
    found = Address(
        lines=tuple(line for line in lines if line),
        city=text(record, "city", path),
        region=text(record, "stateOrRegion", path),
        postal_code=text(record, "postalCode", path),
        country=country(record, "countryCode", path),
    )
    return None if found == Address() else found


def addressee(record: Record | None, path: str = "") -> Party | None:
    """Who an address names, with the address."""
    if record is None:
        return None
    found = Party(
        name=text(record, "name", path),
        phone=text(record, "phone", path),
        address=address(record, path),
    )
    return None if found == Party() else found


def country(record: Record, field: str, path: str = "") -> str | None:
    """An ISO 3166-1 alpha-2 code. Raises Malformed for anything else."""
    code = text(record, field, path)
    if code is not None and not _COUNTRY.fullmatch(code):
        raise Malformed(
            f"{code[:40]!r} is not a country code", code="bad_country", path=join(path, field)
        )
    return code


def lower_named(record: Record | None) -> dict[str, Any] | None:
    """A record of the older APIs with the first letter of its names in lower case."""
    if record is None:
        return None
    return {name[:1].lower() + name[1:]: value for name, value in record.items()}


def order_chain(account: str, order_id: str) -> str:
    """The correlation of everything about an order."""
    return f"amazon/{account}/order/{order_id}"


def unmapped(code: str, path: str) -> Unsupported:
    """What is raised for a code that carries the meaning and is not documented."""
    return Unsupported(f"{code[:40]!r} is not a known code", code="unmapped_code", path=path)


def each(at: str, build: Callable[[], Iterable[Item | Fetch]]) -> Iterator[Item | Fetch]:
    """The items of one record of several; when it cannot be read, one Problem in their place."""
    try:
        items = list(build())
    except GatewayError as error:
        yield Problem(code=error.code, message=str(error), path=error.path, at=at)
    except ValueError:
        # pydantic's refusal of a value outside the model's limits; the value may be anybody's name.
        message = "a value is outside the limits of the canonical model"
        yield Problem(code="invalid_value", message=message, at=at)
    else:
        yield from items
