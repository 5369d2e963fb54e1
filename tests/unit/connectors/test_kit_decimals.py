"""Amounts are exact or refused; a currency decides where the point is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical import GatewayError, Malformed, Unsupported
from canonical.currencies import MINOR_UNITS
from connectors.kit.decimals import decimal_of, money_of, money_of_minor, quantity_of

AMOUNTS = st.decimals(
    min_value=-(10**17), max_value=10**17, allow_nan=False, allow_infinity=False, places=12
)


@given(AMOUNTS)
def test_text_and_decimal_give_the_same_exact_amount(amount: Decimal) -> None:
    written = format(amount, "f")
    assert str(decimal_of(written)) == str(decimal_of(amount))
    assert decimal_of(f" {written}\n") == amount


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_integers_never_pass_through_a_float(amount: int) -> None:
    assert decimal_of(amount) == amount
    assert decimal_of(str(amount)) == amount


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        ("1", "1"),
        ("1.50", "1.50"),
        ("-1.", "-1"),
        ("+.5", "0.5"),
        ("007", "7"),
        (0, "0"),
        (9007199254740993, "9007199254740993"),
        (Decimal("1E+2"), "100"),
        (Decimal("0E-5"), "0.00000"),
    ],
)
def test_amounts_keep_their_digits(value: Any, exact: str) -> None:
    assert str(decimal_of(value)) in {exact, format(Decimal(exact), "f"), str(Decimal(exact))}


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "1e5",
        "1,5",
        "1.234,56",
        "1 000",
        "0x10",
        "１",
        "٣",
        "NaN",
        "inf",
        "--1",
        "1-",
        "$1",
        "1" * 19,
        "1." + "1" * 13,
        "1_000",
        1.5,
        True,
        None,
        [],
        {},
        b"1",
        10**18,
        pytest.param(10**5000, id="5001 digits"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("-Infinity"),
        Decimal("1E+18"),
        Decimal("1E-13"),
        Decimal("1E+999999999"),
        Decimal("1E-999999999"),
        Decimal("0E+999999999"),
        Decimal("1E+999999999999999999"),
    ],
)
def test_what_is_not_an_exact_amount_is_refused(value: Any) -> None:
    with pytest.raises(Malformed) as caught:
        decimal_of(value, "order.total")
    assert (caught.value.code, caught.value.path) == ("bad_amount", "order.total")
    assert len(str(caught.value)) < 120


@given(st.text(max_size=30))
def test_any_text_gives_an_amount_or_our_own_error(value: str) -> None:
    try:
        found = decimal_of(value)
    except Malformed:
        return
    assert found == Decimal(value.strip())


def test_money_takes_its_currency_from_the_payload() -> None:
    money = money_of("10.00", "eur")
    assert (str(money.amount), money.currency) == ("10.00", "EUR")


@pytest.mark.parametrize("currency", ["XXX", "EURO", "€", "ınr", "ＥＵＲ", " EUR", "BTC"])
def test_an_unknown_currency_is_never_guessed(currency: str) -> None:
    for convert in (money_of, money_of_minor):
        with pytest.raises(Unsupported) as caught:
            convert("10", currency, "total")
        assert (caught.value.code, caught.value.path) == ("unknown_currency", "total")


@pytest.mark.parametrize("currency", [None, ""])
def test_an_amount_without_a_currency_is_refused(currency: str | None) -> None:
    for convert in (money_of, money_of_minor):
        with pytest.raises(Malformed) as caught:
            convert("10", currency, "total")
        assert caught.value.code == "missing_currency"


@pytest.mark.parametrize("currency", [1, True, ["EUR"], {"code": "EUR"}])
def test_a_currency_that_is_not_text_is_refused(currency: Any) -> None:
    with pytest.raises(GatewayError):
        money_of("10", currency)


@pytest.mark.parametrize(
    ("minor", "currency", "major"),
    [
        (1999, "EUR", "19.99"),
        (1999, "JPY", "1999"),
        (1999, "KWD", "1.999"),
        (1999, "CLF", "0.1999"),
        (-5, "BHD", "-0.005"),
        ("100", "usd", "1.00"),
        (0, "EUR", "0.00"),
        (Decimal("7.0"), "EUR", "0.07"),
        (10**18 - 1, "EUR", "9999999999999999.99"),
    ],
)
def test_minor_units_follow_the_currency(minor: Any, currency: str, major: str) -> None:
    assert str(money_of_minor(minor, currency).amount) == major


@given(st.integers(-(10**18) + 1, 10**18 - 1), st.sampled_from(sorted(MINOR_UNITS)))
def test_minor_units_lose_nothing(minor: int, currency: str) -> None:
    amount = money_of_minor(minor, currency).amount
    assert amount * 10 ** MINOR_UNITS[currency] == minor


@pytest.mark.parametrize("minor", ["19.99", Decimal("0.5"), 1.0, True, None, "x"])
def test_minor_units_must_be_whole(minor: Any) -> None:
    with pytest.raises(Malformed) as caught:
        money_of_minor(minor, "EUR")
    assert caught.value.code == "bad_amount"


def test_quantities_have_a_unit() -> None:
    assert quantity_of("2.5", "KGM").unit == "KGM"
    assert quantity_of(2).model_dump(mode="json") == {"value": "2", "unit": "EA"}
