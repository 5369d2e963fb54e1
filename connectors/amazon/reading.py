"""How the Selling Partner API writes ids, money, times, places and people.

Source: Selling Partner API models (Orders v0 and 2026-01-01, Fulfillment Outbound 2020-07-01,
Vendor Orders v1). The newer APIs begin names in lower case, the older ones in upper case.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from canonical.errors import Unsupported
from canonical.values import Address, Money, Party
from connectors.kit.decimals import money_of
from connectors.kit.json_body import join, required_text, text
from connectors.kit.records import Record, country_code, optional_object, references
from connectors.kit.times import moment_of

_STREET = ("addressLine1", "addressLine2", "addressLine3", "districtOrCounty", "municipality")

identifiers = partial(references, "amazon")
"""References in scheme `amazon:<name>`; pairs without a value and repeats are left out."""


def required_time(record: Record, field: str, path: str = "") -> datetime:
    """A moment in UTC. Raises Malformed when there is none."""
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
        country=country_code(record, "countryCode", path),
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
