"""Records are read alike by every connector: what is absent, what is refused, and where."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.errors import GatewayError, Malformed, Unsupported
from canonical.message import Ignored, Problem
from canonical.values import Identifier
from connectors.kit.records import (
    child,
    count,
    country_code,
    each,
    first_time,
    flag,
    objects,
    one,
    optional_object,
    pieces,
    references,
    required_time,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
READERS: list[Callable[..., Any]] = [
    child, count, country_code, first_time, flag, optional_object, pieces, required_time,
]  # fmt: skip
SOMETHING = Ignored(reason="of no interest", at="lines[0]")


def refused_by(build: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(Malformed) as caught:
        build()
    return caught.value.code, caught.value.path


class TestOneRecordOfSeveral:
    def test_its_items_come_through(self) -> None:
        assert list(each("[1]", lambda: [SOMETHING, SOMETHING])) == [SOMETHING, SOMETHING]
        assert one("[1]", lambda: SOMETHING) is SOMETHING

    @pytest.mark.parametrize("kind", [Malformed, Unsupported])
    def test_an_error_becomes_one_problem_that_says_where(self, kind: type[GatewayError]) -> None:
        def broken() -> Iterator[Ignored]:
            yield SOMETHING
            raise kind("3 is odd", code="odd", path="lines[0].amount")

        problem = Problem(code="odd", message="3 is odd", path="lines[0].amount", at="[1]")
        assert list(each("[1]", broken)) == [problem]
        assert one("[1]", lambda: list(broken())) == problem

    def test_a_value_the_model_refuses_is_not_quoted(self) -> None:
        def refused() -> list[Identifier]:
            return [Identifier(scheme="shop:order", value="Ada Example" * 1000)]

        [problem] = each("[1]", refused)
        assert isinstance(problem, Problem)
        assert (problem.code, problem.path, problem.at) == ("invalid_value", "", "[1]")
        assert "Ada" not in problem.message
        assert one("[1]", refused) == problem

    def test_any_other_error_is_a_fault_of_ours_and_goes_on(self) -> None:
        def faulty() -> list[Ignored]:
            raise KeyError("x")

        with pytest.raises(KeyError):
            list(each("[1]", faulty))
        with pytest.raises(KeyError):
            one("[1]", faulty)


class TestObjects:
    @pytest.mark.parametrize("record", [{}, {"a": None}])
    def test_absent_and_null_are_nothing(self, record: dict[str, Any]) -> None:
        assert optional_object(record, "a") is None
        assert child(record, "a") == {}
        assert list(objects(record, "a")) == []

    def test_an_object_is_given_as_it_is(self) -> None:
        assert optional_object({"a": {}}, "a") == {}
        assert child({"a": {"b": 1}}, "a") == {"b": 1}

    @pytest.mark.parametrize("value", [[], "", "x", 0, False])
    @pytest.mark.parametrize("read", [optional_object, child])
    def test_anything_else_is_refused(self, read: Callable[..., Any], value: Any) -> None:
        assert refused_by(lambda: read({"a": value}, "a", "in")) == ("unexpected_type", "in.a")

    def test_those_of_an_array_come_with_their_paths(self) -> None:
        record = {"lines": [{"n": 1}, {"n": 2}]}
        assert list(objects(record, "lines", "order")) == [
            ("order.lines[0]", {"n": 1}),
            ("order.lines[1]", {"n": 2}),
        ]

    def test_an_element_that_is_none_is_refused_when_it_is_reached(self) -> None:
        found = objects({"lines": [{"n": 1}, None]}, "lines")
        assert next(found) == ("lines[0]", {"n": 1})
        assert refused_by(lambda: next(found)) == ("unexpected_type", "lines[1]")

    def test_an_object_is_no_array(self) -> None:
        assert refused_by(lambda: list(objects({"lines": {}}, "lines"))) == (
            "unexpected_type",
            "lines",
        )


def test_references_are_told_once_in_order_and_only_when_there() -> None:
    pairs = [("order", "7"), ("name", None), ("order", "8"), ("order", "7"), ("tag", "")]
    assert references("shop", pairs) == (
        Identifier(scheme="shop:order", value="7"),
        Identifier(scheme="shop:order", value="8"),
    )


class TestTimes:
    def test_the_first_field_that_is_given_counts_in_utc(self) -> None:
        record = {"a": None, "b": "", "c": "2026-03-01T01:30:00+02:00", "d": "2020-01-01T00:00:00Z"}
        expected = datetime(2026, 2, 28, 23, 30, tzinfo=UTC)
        assert first_time(record, "a", "b", "c", "d") == expected
        assert required_time(record, "a", "b", "c", "d") == expected
        assert expected.tzinfo is UTC

    def test_without_any_there_is_none(self) -> None:
        assert first_time({}, "a", "b") is None
        assert refused_by(lambda: required_time({}, "a", "b", path="in")) == (
            "missing_field",
            "in.a",
        )

    def test_the_first_one_given_is_not_passed_over_when_it_is_bad(self) -> None:
        record = {"a": "soon", "b": "2026-03-01T00:00:00Z"}
        assert refused_by(lambda: first_time(record, "a", "b", path="in")) == ("bad_time", "in.a")

    def test_a_zone_is_never_guessed(self) -> None:
        record = {"a": "2026-03-01T00:00:00"}
        assert refused_by(lambda: first_time(record, "a")) == ("time_without_zone", "a")


class TestPieces:
    def test_they_are_whole_numbers(self) -> None:
        assert count({"n": 3}, "n") == 3
        assert pieces({"n": 0}, "n").value == Decimal(0)
        assert pieces({"n": 3}, "n").unit == "EA"

    @pytest.mark.parametrize(
        ("value", "code"),
        [
            (None, "missing_field"),
            (-1, "bad_quantity"),
            (Decimal("1.5"), "unexpected_type"),
            ("3", "unexpected_type"),
            (True, "unexpected_type"),
        ],
    )
    @pytest.mark.parametrize("read", [count, pieces])
    def test_nothing_else_is(self, read: Callable[..., Any], value: Any, code: str) -> None:
        assert refused_by(lambda: read({"n": value}, "n", "line")) == (code, "line.n")

    def test_more_digits_than_a_quantity_has_are_refused(self) -> None:
        assert refused_by(lambda: pieces({"n": 10**18}, "n")) == ("bad_amount", "n")


class TestFlag:
    @pytest.mark.parametrize(("value", "expected"), [(None, False), (False, False), (True, True)])
    def test_it_is_true_or_false(self, value: bool | None, expected: bool) -> None:
        assert flag({"test": value}, "test") is expected
        assert flag({}, "test") is False

    @pytest.mark.parametrize("value", ["true", "", 0, 1, [], {}])
    def test_words_and_numbers_are_refused(self, value: Any) -> None:
        assert refused_by(lambda: flag({"test": value}, "test", "in")) == (
            "unexpected_type",
            "in.test",
        )


class TestCountry:
    def test_it_is_two_capital_letters(self) -> None:
        assert country_code({"c": "DE"}, "c") == "DE"
        assert country_code({"c": ""}, "c") is None
        assert country_code({}, "c") is None

    @pytest.mark.parametrize("value", ["de", "DEU", "D1", "ÄÖ", "DE\n", "Germany"])
    def test_names_and_other_codes_are_refused(self, value: str) -> None:
        assert refused_by(lambda: country_code({"c": value}, "c", "to")) == ("bad_country", "to.c")


@given(value=JSON)
@pytest.mark.parametrize("read", READERS)
def test_no_value_raises_anything_but_malformed(read: Callable[..., Any], value: Any) -> None:
    with contextlib.suppress(Malformed):
        read({"field": value}, "field")
