"""Values: money is exact, currencies are known, floats are refused everywhere."""

from __future__ import annotations

import re
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from canonical import Identifier, Money, Quantity, Unsupported
from canonical.currencies import MINOR_UNITS, minor_units
from canonical.families import FACT_OF, FAMILIES, FAMILY_OF
from canonical.order import OrderPlaced
from canonical.payload import schema_uri

AMOUNTS = st.decimals(
    min_value=-(10**17), max_value=10**17, allow_nan=False, allow_infinity=False, places=12
)


@given(AMOUNTS)
def test_money_travels_as_text_and_comes_back_exactly(amount: Decimal) -> None:
    money = Money(amount=amount, currency="EUR")
    written = money.model_dump_json()
    assert Money.model_validate_json(written) == money
    assert money.model_dump(mode="json")["amount"] == format(amount, "f")


@given(AMOUNTS)
def test_negation_keeps_every_digit(amount: Decimal) -> None:
    money = Money(amount=amount, currency="EUR")
    with localcontext(prec=60):
        assert money.negated().amount + amount == 0
    assert money.negated().negated() == money


def test_negated_nothing_is_nothing() -> None:
    assert Money(amount=Decimal("0.00"), currency="EUR").negated().amount.is_signed() is False


@pytest.mark.parametrize(
    "amount", [1.5, 1.0, True, float("nan"), "NaN", "Infinity", "x", "", None, Decimal("NaN")]
)
def test_amounts_that_are_not_exact_are_refused(amount: Any) -> None:
    with pytest.raises(ValidationError):
        Money(amount=amount, currency="EUR")
    with pytest.raises(ValidationError):
        Quantity(value=amount)


@pytest.mark.parametrize("amount", ["1" * 19, "1." + "1" * 13])
def test_amounts_have_a_size(amount: str) -> None:
    with pytest.raises(ValidationError):
        Money(amount=Decimal(amount), currency="EUR")


@pytest.mark.parametrize("currency", ["XXX", "eur", "EURO", "", "€", None, 978])
def test_currencies_are_those_of_iso_4217(currency: Any) -> None:
    with pytest.raises(ValidationError):
        Money(amount=Decimal(1), currency=currency)


@given(st.integers(-(10**18) + 1, 10**18 - 1), st.sampled_from(sorted(MINOR_UNITS)))
def test_minor_units_become_major_units_exactly(minor: int, currency: str) -> None:
    money = Money.from_minor(minor, currency)
    with localcontext(prec=60):
        assert money.amount.scaleb(minor_units(currency)) == minor
    assert -money.amount.as_tuple().exponent == minor_units(currency)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("EUR", 2), ("JPY", 0), ("KRW", 0), ("VND", 0), ("ISK", 0), ("CLP", 0), ("BHD", 3), ("KWD", 3),
     ("CLF", 4), ("IDR", 2), ("HUF", 2)],
)  # fmt: skip
def test_minor_units_are_those_of_iso_4217(currency: str, digits: int) -> None:
    assert minor_units(currency) == digits


def test_two_decimals_are_never_assumed() -> None:
    for currency in ("XXX", "XAU", "", "usd"):
        with pytest.raises(Unsupported) as caught:
            minor_units(currency)
        assert caught.value.code == "unknown_currency"


def test_currency_codes_are_three_capitals() -> None:
    assert all(re.fullmatch("[A-Z]{3}", code) for code in MINOR_UNITS)


@pytest.mark.parametrize("value", ["", "x" * 401, "\ud800", 5, None])
def test_an_identifier_has_a_value(value: Any) -> None:
    with pytest.raises(ValidationError):
        Identifier(scheme="gtin", value=value)


def test_values_cannot_be_changed_and_take_no_unknown_field() -> None:
    money = Money(amount=Decimal(1), currency="EUR")
    with pytest.raises(ValidationError):
        money.amount = Decimal(2)  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Money.model_validate({"amount": "1", "currency": "EUR", "vat": "0"})


def test_every_fact_has_one_type_family_and_schema() -> None:
    facts = [fact for family in FAMILIES.values() for fact in family]
    assert len({fact.TYPE for fact in facts}) == len(facts) == len(FACT_OF) == len(FAMILY_OF)
    assert all(fact.TYPE.startswith("o2c.") for fact in facts)
    assert all((fact.__doc__ or "").strip() for fact in facts)
    assert schema_uri(OrderPlaced) == "urn:o2c:schema:o2c.order.placed:v1"


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_context_names_fields_that_exist_in_the_family(family: str) -> None:
    fields = {name for fact in FAMILIES[family] for name in fact.model_fields}
    for fact in FAMILIES[family]:
        assert fields >= fact.CONTEXT
