"""How Square writes money and people; shared by all its objects.

Source: Square API reference, objects Money, Address, Order, Payment.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from canonical.errors import Malformed, Unsupported
from canonical.values import Address, Money, Party
from connectors.kit.decimals import money_of_minor
from connectors.kit.json_body import as_object, join, text
from connectors.kit.records import Record, child, references

_ADDRESS_LINES = ("address_line_1", "address_line_2", "address_line_3", "sublocality")

identifiers = partial(references, "square")
"""References in scheme `square:<name>`; pairs without a value and repeats are left out."""


def money(record: Record, field: str, path: str = "") -> Money | None:
    """An amount of whole minor units; None when the record does not state it.

    Payouts name the currency `currency_code`, everything else `currency`. Raises Malformed,
    Unsupported for a currency ISO 4217 does not know.
    """
    if record.get(field) is None:
        return None
    where = join(path, field)
    stated = as_object(record[field], where)
    currency = text(stated, "currency", where) or text(stated, "currency_code", where)
    return money_of_minor(stated.get("amount"), currency, where)


def required_money(record: Record, field: str, path: str = "") -> Money:
    """Like `money`, but raises Malformed when there is nothing."""
    found = money(record, field, path)
    if found is None:
        raise Malformed(f"{field} is missing", code="missing_field", path=join(path, field))
    return found


def unsigned_money(record: Record, field: str, path: str = "") -> Money:
    """Like `required_money`, but raises Malformed for a negative amount."""
    found = required_money(record, field, path)
    if found.amount < 0:
        raise Malformed("a negative amount", code="bad_amount", path=join(path, field))
    return found


def customer(record: Record, email_field: str) -> Party | None:
    """Who bought, as far as an order or payment tells."""
    found = Party(
        identifiers=identifiers([("customer", text(record, "customer_id"))]),
        email=text(record, email_field),
    )
    return None if found == Party() else found


def recipient(record: Record, path: str) -> Party | None:
    """Whom a fulfilment goes to, with the address."""
    found = Party(
        name=text(record, "display_name", path),
        email=text(record, "email_address", path),
        phone=text(record, "phone_number", path),
        address=_address(child(record, "address", path), join(path, "address")),
    )
    return None if found == Party() else found


def order_chain(account: str, order_id: str) -> str:
    """The correlation of everything about an order."""
    return f"square/{account}/order/{order_id}"


def is_test(options: Mapping[str, Any]) -> bool:
    """Whether the account is one of Square's sandbox; payloads themselves do not tell."""
    return options.get("environment") == "sandbox"


def unmapped(value: str, path: str) -> Unsupported:
    """The error for a status that Square does not document."""
    return Unsupported(f"{value[:40]!r} is not a known {path}", code="unmapped_code", path=path)


def _address(record: Record, path: str) -> Address | None:
    lines = (text(record, field, path) for field in _ADDRESS_LINES)
    found = Address(
        lines=tuple(line for line in lines if line),
        city=text(record, "locality", path),
        region=text(record, "administrative_district_level_1", path),
        postal_code=text(record, "postal_code", path),
        country=_country(record, path),
    )
    return None if found == Address() else found


def _country(record: Record, path: str) -> str | None:
    code = text(record, "country", path)
    if code in (None, "ZZ"):  # ZZ is Square's word for unknown.
        return None
    assert code is not None  # noqa: S101 - the line above leaves text only
    if not (len(code) == 2 and code.isascii() and code.isupper()):
        raise Malformed(
            f"{code[:40]!r} is not a country code", code="bad_country", path=join(path, "country")
        )
    return code
