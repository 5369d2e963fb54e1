"""How Shopify writes ids, money, people and places; shared by all its resources.

Source: Shopify REST Admin API reference (Order, Refund, Transaction, Fulfillment), which the
webhook bodies follow field by field.
"""

from __future__ import annotations

import re
from functools import partial

from canonical.errors import GatewayError, Malformed
from connectors.kit import plain
from connectors.kit.json_body import as_object, join, required_text, text
from connectors.kit.plain import Fields, PlainMoney
from connectors.kit.records import Record, country_code

_GLOBAL_ID = re.compile(r"gid://shopify/[A-Za-z]+/([0-9]{1,20})(?:\?.*)?", re.ASCII)
_ID = re.compile(r"[0-9]{1,20}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_DOUBLE_DIGITS = 52
"""Bits behind the leading one in a double: how far JavaScript may have rounded an id."""

identifiers = partial(plain.references, "shopify")
"""References in scheme `shopify:<name>`; pairs without a value and repeats are left out."""


def id_of(record: Record, path: str = "") -> str:
    """The record's own id. Raises Malformed when there is none."""
    found = optional_id(record, path)
    if found is None:
        raise Malformed("id is missing", code="missing_field", path=join(path, "id"))
    return found


def optional_id(record: Record, path: str = "") -> str | None:
    """The record's own id, or None.

    Ids exceed 2^53, and senders in between that read them as doubles round `id`; the digits of
    `admin_graphql_api_id` are text and survive. Raises Malformed with code `conflicting_ids`
    when the two differ by more than such a rounding.
    """
    told = id_in(record, "id", path)
    match = _GLOBAL_ID.fullmatch(text(record, "admin_graphql_api_id", path) or "")
    exact = match[1] if match else told
    if told == exact or told is None or exact is None:
        return exact
    if abs(int(told) - int(exact)) > int(exact) >> _DOUBLE_DIGITS:
        raise Malformed(
            "id and admin_graphql_api_id name different objects",
            code="conflicting_ids",
            path=join(path, "id"),
        )
    return exact


def id_in(record: Record, field: str, path: str = "") -> str | None:
    """An id in a field of any name, as digits; None when absent or null.

    A global id (`gid://shopify/Order/…`) gives its digits. Raises Malformed for anything else.
    """
    value = text(record, field, path)
    if value is None:
        return None
    if _ID.fullmatch(value):
        return value
    match = _GLOBAL_ID.fullmatch(value)
    if match is None:
        raise Malformed(f"{value[:40]!r} is not an id", code="bad_id", path=join(path, field))
    return match.group(1)


def required_id(record: Record, field: str, path: str = "") -> str:
    """Like `id_in`, but raises Malformed when there is nothing."""
    required_text(record, field, path)
    found = id_in(record, field, path)
    assert found is not None  # noqa: S101 - required_text has just found it
    return found


def money(record: Record, field: str, currency: str | None, path: str = "") -> PlainMoney | None:
    """An amount in the shop's currency; None when the record does not state it.

    `<field>_set.shop_money` names its currency itself and goes first; the plain field is in the
    given one.
    """
    pair = f"{field}_set"
    try:
        both = record.get(pair)
        shop = None if both is None else as_object(both, pair).get("shop_money")
        if shop is None:
            value = record.get(field)
            return None if value is None else plain.money(value, currency, field)
        where = f"{pair}.shop_money"
        own_currency = text(as_object(shop, where), "currency_code", where)
        return plain.money(shop.get("amount"), own_currency, where)
    except GatewayError as error:
        # Where the record stands is added here: it is of interest to errors only.
        error.path = join(path, error.path)
        raise


def required_money(record: Record, field: str, currency: str | None, path: str = "") -> PlainMoney:
    """Like `money`, but raises Malformed when there is nothing."""
    found = money(record, field, currency, path)
    if found is None:
        raise Malformed(f"{field} is missing", code="missing_field", path=join(path, field))
    return found


def address(record: Record | None, path: str = "") -> Fields | None:
    """A postal address; the country only as its ISO 3166-1 code. None when nothing is stated."""
    if record is None:
        return None
    country = country_code(record, "country_code", path)
    lines = [text(record, field, path) for field in ("company", "address1", "address2")]
    return plain.unless_empty(
        {
            "country": country,
            "lines": [line for line in lines if line],
            "city": text(record, "city", path),
            "region": text(record, "province_code", path) or text(record, "province", path),
            "postal_code": text(record, "zip", path),
        }
    )


def addressee(record: Record | None, path: str = "") -> Fields | None:
    """Who a billing or shipping address names, with the address."""
    if record is None:
        return None
    return plain.unless_empty(
        {
            "name": person(record, path),
            "phone": text(record, "phone", path),
            "address": address(record, path),
        }
    )


def person(record: Record, path: str = "") -> str | None:
    """A full name: `name`, or first and last name joined; None when blank."""
    first, last = text(record, "first_name", path), text(record, "last_name", path)
    joined = f"{first} {last}" if first and last else first or last
    return text(record, "name", path) or joined


def country_or_name(value: str | None) -> tuple[str | None, tuple[str, ...]]:
    """An event's `country`, which is a code or a name: the code, or the name as a line."""
    if value is None:
        return None, ()
    return (value, ()) if _COUNTRY.fullmatch(value) else (None, (value,))


def order_chain(account: str, order_id: str) -> str:
    """The correlation of everything about an order."""
    return f"shopify/{account}/order/{order_id}"
