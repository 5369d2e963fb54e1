"""Plain values are those of the models: what they become when the whole is checked, and errors."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical import GatewayError, Identifier, Malformed, Money, Quantity
from connectors.kit import plain, records
from connectors.kit.decimals import decimal_of, digits_of, money_of

AMOUNTS = st.decimals(
    min_value=-(10**17), max_value=10**17, allow_nan=False, allow_infinity=False, places=12
)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(), st.text(max_size=12),
    AMOUNTS.map(str), st.from_regex(r"[ +-]?[0-9]{0,19}\.?[0-9]{0,13}\n?", fullmatch=True),
)  # fmt: skip


def answer(build: Any, *arguments: Any) -> Any:
    """What a function gives, or how it refuses."""
    try:
        return build(*arguments)
    except GatewayError as error:
        return error.code, error.path, str(error)


@given(VALUES, st.sampled_from(["EUR", "eur", "XXX", "", None, 978, "ı"]))
def test_plain_money_becomes_the_money_that_the_model_is(value: Any, currency: Any) -> None:
    found = answer(plain.money, value, currency, "total")
    expected = answer(money_of, value, currency, "total")
    if isinstance(expected, Money):
        found = Money.model_validate(found)
        assert found.model_dump_json() == expected.model_dump_json()
    assert found == expected


@given(VALUES)
def test_digits_are_those_of_the_decimal(value: Any) -> None:
    found, expected = answer(digits_of, value, "a"), answer(decimal_of, value, "a")
    assert (Decimal(found) if isinstance(found, str) else found) == expected


@given(st.lists(AMOUNTS, min_size=1, max_size=5))
def test_a_sum_keeps_every_digit(amounts: list[Decimal]) -> None:
    total = plain.summed(plain.money(amount, "EUR") for amount in amounts)
    assert total is not None
    assert Fraction(total["amount"]) == sum(map(Fraction, amounts))


def test_a_sum_of_one_is_that_amount_but_never_a_negative_nothing() -> None:
    assert plain.summed([None, plain.money("5.90", "EUR")]) == plain.money("5.90", "EUR")
    assert plain.summed([plain.money("-0.00", "EUR")]) == plain.money("0.00", "EUR")
    assert plain.summed([None]) is None


def test_currencies_are_not_mixed_in_a_sum() -> None:
    with pytest.raises(Malformed) as caught:
        plain.summed([plain.money(1, "EUR"), plain.money(1, "USD")])
    assert caught.value.code == "mixed_currencies"


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3)))
def test_pieces_are_those_of_the_model(value: Any) -> None:
    record = {"quantity": value}
    found = answer(plain.pieces, record, "quantity", "lines[0]")
    expected = answer(records.pieces, record, "quantity", "lines[0]")
    assert (Quantity.model_validate(found) if isinstance(found, dict) else found) == expected


def test_references_leave_out_repeats_and_what_has_no_value() -> None:
    pairs = [("order", "1"), ("name", None), ("order", "1"), ("order", "2"), ("po", "")]
    found = plain.references("shop", pairs)
    assert [Identifier.model_validate(one) for one in found] == [
        Identifier(scheme="shop:order", value="1"),
        Identifier(scheme="shop:order", value="2"),
    ]


@pytest.mark.parametrize("fields", [{}, {"name": None}, {"lines": [], "city": None}])
def test_what_says_nothing_is_nothing(fields: plain.Fields) -> None:
    assert plain.unless_empty(fields) is None
    assert plain.unless_empty({**fields, "city": "Exampletown"}) is not None
