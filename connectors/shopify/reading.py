"""How Shopify writes ids, money, times, people and places; shared by all its resources.

Source: Shopify REST Admin API reference (Order, Refund, Transaction, Fulfillment), which the
webhook bodies follow field by field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from canonical.errors import GatewayError, Malformed
from canonical.message import Item, Problem
from canonical.values import Address, Identifier, Money, Party, Quantity
from connectors.kit.decimals import decimal_of, money_of
from connectors.kit.json_body import as_list, as_object, integer, join, required_text, text
from connectors.kit.times import moment_of

Record = Mapping[str, Any]

_GLOBAL_ID = re.compile(r"gid://shopify/[A-Za-z]+/([0-9]{1,20})(?:\?.*)?", re.ASCII)
_ID = re.compile(r"[0-9]{1,20}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_DOUBLE_DIGITS = 52
"""Bits behind the leading one in a double: how far JavaScript may have rounded an id."""


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
    plain = id_in(record, "id", path)
    match = _GLOBAL_ID.fullmatch(text(record, "admin_graphql_api_id", path) or "")
    if match is None:
        return plain
    exact = match.group(1)
    if plain is not None and abs(int(plain) - int(exact)) > int(exact) >> _DOUBLE_DIGITS:
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
    match = _GLOBAL_ID.fullmatch(value)
    digits = match.group(1) if match else value
    if not _ID.fullmatch(digits):
        raise Malformed(f"{value[:40]!r} is not an id", code="bad_id", path=join(path, field))
    return digits


def required_id(record: Record, field: str, path: str = "") -> str:
    """Like `id_in`, but raises Malformed when there is nothing."""
    required_text(record, field, path)
    found = id_in(record, field, path)
    assert found is not None  # noqa: S101 - required_text has just found it
    return found


def money(record: Record, field: str, currency: str | None, path: str = "") -> Money | None:
    """An amount in the shop's currency; None when the record does not state it.

    `<field>_set.shop_money` names its currency itself and goes first; the plain field is in the
    given one.
    """
    both = optional_object(record, f"{field}_set", path)
    if both is not None and both.get("shop_money") is not None:
        where = join(join(path, f"{field}_set"), "shop_money")
        shop = as_object(both["shop_money"], where)
        return money_of(shop.get("amount"), text(shop, "currency_code", where), where)
    if record.get(field) is None:
        return None
    return money_of(record[field], currency, join(path, field))


def required_money(record: Record, field: str, currency: str | None, path: str = "") -> Money:
    """Like `money`, but raises Malformed when there is nothing."""
    found = money(record, field, currency, path)
    if found is None:
        raise Malformed(f"{field} is missing", code="missing_field", path=join(path, field))
    return found


def summed(amounts: Iterable[Money | None]) -> Money | None:
    """The sum of what is stated; None when nothing is. Raises Malformed for mixed currencies."""
    stated = [amount for amount in amounts if amount is not None]
    if not stated:
        return None
    currencies = {amount.currency for amount in stated}
    if len(currencies) > 1:
        raise Malformed("amounts of several currencies in one sum", code="mixed_currencies")
    total = sum((amount.amount for amount in stated), Decimal(0))
    return Money(amount=total, currency=stated[0].currency)


def pieces(record: Record, field: str, path: str = "") -> Quantity:
    """A count of pieces. Raises Malformed when missing, not whole, or negative."""
    value = integer(record, field, path)
    if value is None:
        raise Malformed(f"{field} is missing", code="missing_field", path=join(path, field))
    if value < 0:
        raise Malformed(f"{value} pieces", code="bad_quantity", path=join(path, field))
    return Quantity(value=decimal_of(value, join(path, field)))


def time(record: Record, *fields: str, path: str = "") -> datetime | None:
    """The first of the fields that is given, as a moment in UTC.

    Shopify writes the shop's own offset; a shop that moves would otherwise tell the same fact in
    other words.
    """
    for field in fields:
        value = text(record, field, path)
        if value is not None:
            return moment_of(value, join(path, field)).astimezone(UTC)
    return None


def required_time(record: Record, *fields: str, path: str = "") -> datetime:
    """Like `time`, but raises Malformed when none of the fields is given."""
    moment = time(record, *fields, path=path)
    if moment is None:
        names = " and ".join(fields)
        raise Malformed(f"{names} missing", code="missing_field", path=join(path, fields[0]))
    return moment


def flag(record: Record, field: str, path: str = "") -> bool:
    """A true or false; absent and null are false. Raises Malformed for anything else."""
    value = record.get(field)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Malformed("expected true or false", code="unexpected_type", path=join(path, field))


def optional_object(record: Record, field: str, path: str = "") -> dict[str, Any] | None:
    """A field that is an object or null. Raises Malformed for anything else."""
    value = record.get(field)
    return None if value is None else as_object(value, join(path, field))


def objects(record: Record, field: str, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of an array field with their paths; none when absent or null."""
    where = join(path, field)
    for index, value in enumerate(as_list(record.get(field), where)):
        place = join(where, index)
        yield place, as_object(value, place)


def identifiers(pairs: Iterable[tuple[str, str | None]]) -> tuple[Identifier, ...]:
    """References in scheme `shopify:<name>`; pairs without a value and repeats are left out."""
    found = [Identifier(scheme=f"shopify:{name}", value=value) for name, value in pairs if value]
    return tuple(dict.fromkeys(found))


def address(record: Record | None, path: str = "") -> Address | None:
    """A postal address; the country only as its ISO 3166-1 code. None when nothing is stated."""
    if record is None:
        return None
    lines = (text(record, field, path) for field in ("company", "address1", "address2"))
    country = text(record, "country_code", path)
    if country is not None and not _COUNTRY.fullmatch(country):
        raise Malformed(
            f"{country[:40]!r} is not a country code",
            code="bad_country",
            path=join(path, "country_code"),
        )
    found = Address(
        lines=tuple(line for line in lines if line),
        city=text(record, "city", path),
        region=text(record, "province_code", path) or text(record, "province", path),
        postal_code=text(record, "zip", path),
        country=country,
    )
    return None if found == Address() else found


def addressee(record: Record | None, path: str = "") -> Party | None:
    """Who a billing or shipping address names, with the address."""
    if record is None:
        return None
    found = Party(
        name=person(record, path), phone=text(record, "phone", path), address=address(record, path)
    )
    return None if found == Party() else found


def person(record: Record, path: str = "") -> str | None:
    """A full name: `name`, or first and last name joined; None when blank."""
    parts = (text(record, field, path) for field in ("first_name", "last_name"))
    joined = " ".join(part for part in parts if part)
    return text(record, "name", path) or joined or None


def country_or_name(value: str | None) -> tuple[str | None, tuple[str, ...]]:
    """An event's `country`, which is a code or a name: the code, or the name as a line."""
    if value is None:
        return None, ()
    return (value, ()) if _COUNTRY.fullmatch(value) else (None, (value,))


def order_chain(account: str, order_id: str) -> str:
    """The correlation of everything about an order."""
    return f"shopify/{account}/order/{order_id}"


def each(at: str, build: Callable[[], Iterable[Item]]) -> Iterator[Item]:
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
