"""JSON keeps every digit, and nothing that is not strict JSON gets through."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical import GatewayError, Malformed
from connectors.kit.json_body import (
    as_list,
    as_object,
    integer,
    join,
    json_text,
    read_json,
    read_json_object,
    required_text,
    text,
)

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**29), 10**29) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def test_numbers_are_exact() -> None:
    found = read_json(b"[9007199254740993, 12345678901234567890123, 1.10, -0.1, 1E2, 0.1e-7]")
    assert found[:2] == [9007199254740993, 12345678901234567890123]
    assert [str(number) for number in found[2:]] == ["1.10", "-0.1", "1E+2", "1E-8"]
    assert all(type(number) is Decimal for number in found[2:])


@given(DOCUMENTS)
def test_what_json_writes_is_read_back(document: Any) -> None:
    assert read_json(json.dumps(document, ensure_ascii=False).encode()) == document


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_a_decimal_is_read_digit_by_digit(number: Decimal) -> None:
    written = format(number, "f")
    assert format(read_json(written.encode()), "f") == written


@given(st.binary(max_size=200))
def test_any_bytes_give_a_document_or_our_own_error(body: bytes) -> None:
    with contextlib.suppress(Malformed):
        read_json(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 01}',
        b'{"a": 1} {"b": 2}',
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'"\\ud800"',
        b'"\xed\xa0\x80"',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        b"[" * 300 + b"]" * 300,
        b"[" * 100_000,
        b"9" * 31,
        b"[-" + b"9" * 5000 + b"]",
        b"[1e9999999999999999999999]",
    ],
)
def test_what_is_not_strict_json_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_json(body)


def test_thirty_digits_are_the_most() -> None:
    assert read_json(b"9" * 30) == 10**30 - 1
    assert read_json(b'"' + b"9" * 50 + b'"') == "9" * 50
    assert read_json(b"0." + b"1" * 50) == Decimal("0." + "1" * 50)


def test_an_error_does_not_quote_a_key() -> None:
    with pytest.raises(Malformed) as caught:
        read_json(b'{"jane@example.com": 1, "jane@example.com": 2}')
    assert "jane" not in str(caught.value)
    assert "line 1" in str(caught.value)


def test_fields_as_text() -> None:
    record = {"name": "Roe", "id": 9007199254740993, "blank": "", "none": None}
    assert text(record, "name") == "Roe"
    assert text(record, "id") == "9007199254740993"
    assert [text(record, field) for field in ("blank", "none", "absent")] == [None] * 3


@pytest.mark.parametrize("value", [True, Decimal("1.5"), [], {}])
def test_text_of_another_type_is_refused_with_its_path(value: Any) -> None:
    with pytest.raises(Malformed) as caught:
        text({"id": value}, "id", "orders[0]")
    assert (caught.value.code, caught.value.path) == ("unexpected_type", "orders[0].id")


def test_required_text_names_what_is_missing() -> None:
    with pytest.raises(Malformed) as caught:
        required_text({}, "id", "order")
    assert (caught.value.code, caught.value.path) == ("missing_field", "order.id")


def test_integers() -> None:
    assert integer({"n": 5}, "n") == 5
    assert integer({"n": None}, "n") is None
    for value in (True, "5", Decimal(5)):
        with pytest.raises(Malformed):
            integer({"n": value}, "n")


@pytest.mark.parametrize("document", [None, [], "x", 1, True, Decimal(1)])
def test_objects_and_lists_are_told_apart(document: Any) -> None:
    with pytest.raises(GatewayError):
        as_object(document, "order")
    if isinstance(document, list) or document is None:
        assert as_list(document) == []
    else:
        with pytest.raises(GatewayError):
            as_list(document, "lines")


def test_an_object_is_read_as_one() -> None:
    assert read_json_object(b'{"a": 1}') == {"a": 1}
    with pytest.raises(Malformed):
        read_json_object(b"[]")


def test_paths_are_joined_as_they_are_written() -> None:
    assert join("lines", 2) == "lines[2]"
    assert join("lines[2]", "price") == "lines[2].price"
    assert join("", "id") == "id"


def test_what_is_written_again_says_the_same_digits() -> None:
    body = b'{"id":9007199254740993,"price":1.10,"tiny":0.0000001,"x":[],"y":{},"n":null,"t":true}'
    written = json_text(read_json(body))
    assert read_json(written.encode()) == read_json(body)
    assert '"price":1.10' in written
    assert '"id":9007199254740993' in written


@given(DOCUMENTS)
def test_written_documents_are_read_back(document: Any) -> None:
    with contextlib.suppress(Malformed, UnicodeEncodeError):
        assert read_json(json_text(read_json(json.dumps(document).encode())).encode()) == document
