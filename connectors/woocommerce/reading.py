"""How WooCommerce writes ids, money, times and addresses.

Source: WooCommerce REST API documentation (v3), order properties.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Context, Decimal
from functools import partial
from typing import Any

from canonical.errors import Malformed
from connectors.kit import plain
from connectors.kit.json_body import as_object, join, required_text, text
from connectors.kit.plain import Fields, PlainMoney, amount_of
from connectors.kit.records import Record, country_code
from connectors.kit.times import moment_of

_ID = re.compile(r"[0-9]{1,20}", re.ASCII)
_WIDE = 60
"""Digits enough that differences and exact quotients of amounts are never rounded."""
_FINEST = Decimal("1E-12")

identifiers = partial(plain.references, "woocommerce")
"""References in scheme `woocommerce:<name>`; pairs without a value and repeats are left out."""


def id_in(record: Record, field: str, path: str = "") -> str | None:
    """An id in digits; None when absent, null or 0, which WooCommerce writes for "none".

    Raises Malformed for anything else.
    """
    value = text(record, field, path)
    if value is None or value == "0":
        return None
    if not _ID.fullmatch(value):
        raise Malformed(f"{value[:40]!r} is not an id", code="bad_id", path=join(path, field))
    return value


def required_id(record: Record, field: str, path: str = "") -> str:
    """Like `id_in`, but raises Malformed when there is nothing."""
    found = id_in(record, field, path)
    if found is None:
        raise Malformed(f"{field} is missing", code="missing_field", path=join(path, field))
    return found


def money(record: Record, field: str, currency: str, path: str = "") -> PlainMoney | None:
    """An amount in the order's currency; None when absent, null or blank. Raises Malformed."""
    value = record.get(field)
    return None if value is None or value == "" else plain.money(value, currency, join(path, field))


def required_money(record: Record, field: str, currency: str, path: str = "") -> PlainMoney:
    """Like `money`, but raises Malformed when there is nothing."""
    found = money(record, field, currency, path)
    if found is None:
        raise Malformed(f"{field} is missing", code="missing_field", path=join(path, field))
    return found


def difference(whole: PlainMoney | None, part: PlainMoney | None) -> PlainMoney | None:
    """`whole` − `part`, exactly; None when either is not stated or nothing is left."""
    if whole is None or part is None:
        return None
    left = Context(prec=_WIDE).subtract(amount_of(whole), amount_of(part))
    return {"amount": format(left, "f"), "currency": whole["currency"]} if left else None


def unit_price(total: PlainMoney | None, quantity: Decimal) -> PlainMoney | None:
    """`total` / `quantity` where the quotient is exact; None otherwise: no price is rounded up."""
    if total is None or quantity <= 0:
        return None
    wide = Context(prec=_WIDE)
    amount = amount_of(total)
    quotient = wide.divide(amount, quantity)
    if wide.quantize(quotient, _FINEST) != quotient:
        return None
    if wide.multiply(quotient, quantity) != amount:
        return None
    return plain.money(quotient, total["currency"])


def utc_time(record: Record, field: str, path: str = "") -> datetime | None:
    """A `…_gmt` field, which is UTC by documentation and carries no zone; None when not given."""
    value = text(record, field, path)
    return None if value is None else moment_of(value, join(path, field), zone=UTC).astimezone(UTC)


def required_utc_time(record: Record, field: str, path: str = "") -> datetime:
    """Like `utc_time`, but raises Malformed when there is nothing."""
    required_text(record, field, path)
    moment = utc_time(record, field, path)
    assert moment is not None  # noqa: S101 - required_text has just found it
    return moment


def optional_object(record: Record, field: str, path: str = "") -> dict[str, Any]:
    """A field that is an object; absent and null are an empty one. Raises Malformed."""
    value = record.get(field)
    # PHP writes an empty object as an empty array.
    return {} if value is None or value == [] else as_object(value, join(path, field))


def address(record: Record, path: str) -> Fields | None:
    """A billing or shipping address; the country only as its ISO 3166-1 code."""
    country = country_code(record, "country", path)
    lines = [text(record, field, path) for field in ("company", "address_1", "address_2")]
    return plain.unless_empty(
        {
            "lines": [line for line in lines if line],
            "city": text(record, "city", path),
            "region": text(record, "state", path),
            "postal_code": text(record, "postcode", path),
            "country": country,
        }
    )


def addressee(record: Record, path: str) -> Fields | None:
    """Who a billing or shipping address names, with the address; None when it is blank."""
    return plain.unless_empty(
        {
            "name": person(record, path),
            "email": text(record, "email", path),
            "phone": text(record, "phone", path),
            "address": address(record, path),
        }
    )


def person(record: Record, path: str) -> str | None:
    """First and last name joined; without them the company's; None when blank."""
    parts = (text(record, field, path) for field in ("first_name", "last_name"))
    return " ".join(part for part in parts if part) or text(record, "company", path)
