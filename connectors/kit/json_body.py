"""JSON, read without losing anything: decimals exact, integers whole, duplicates refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import jiter

from canonical.errors import Malformed

MAX_INTEGER_DIGITS = 30


def read_json(body: bytes) -> Any:
    """Parse a JSON document.

    Numbers with a fraction or exponent become `Decimal`, integers stay whole at any size up to 30
    digits. Raises Malformed for anything that is not strict UTF-8 JSON: NaN and Infinity,
    duplicate keys, lone surrogates, nesting deeper than 200, text behind the end.
    """
    try:
        document = jiter.from_json(
            body,
            allow_inf_nan=False,
            cache_mode="keys",
            partial_mode="off",
            catch_duplicate_keys=True,
            float_mode="decimal",
        )
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not readable as JSON: {_reason(error)}", code="bad_json") from None
    if _has_long_run_of_digits(body):
        _refuse_huge_integers(document)
    return document


def read_json_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON document that must be an object. Raises Malformed."""
    return as_object(read_json(body))


def as_object(document: Any, path: str = "") -> dict[str, Any]:
    """The value as an object. Raises Malformed naming the path."""
    if not isinstance(document, dict):
        raise Malformed(
            f"expected an object, found {_name(document)}", code="unexpected_type", path=path
        )
    return document


def as_list(value: Any, path: str = "") -> list[Any]:
    """The value as a list; None is an empty one. Raises Malformed naming the path."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(
            f"expected an array, found {_name(value)}", code="unexpected_type", path=path
        )
    return value


def text(record: Mapping[str, Any], field: str, path: str = "") -> str | None:
    """A field as text: strings as they are, integers in digits; None when absent, null or blank.

    Raises Malformed for any other type.
    """
    value = record.get(field)
    if value is None or isinstance(value, str):
        return value or None
    if type(value) is int:
        return str(value)
    raise Malformed(
        f"expected text, found {_name(value)}", code="unexpected_type", path=join(path, field)
    )


def required_text(record: Mapping[str, Any], field: str, path: str = "") -> str:
    """Like `text`, but raises Malformed when there is nothing."""
    value = text(record, field, path)
    if value is None:
        raise Malformed(f"{field} is missing", code="missing_field", path=join(path, field))
    return value


def integer(record: Mapping[str, Any], field: str, path: str = "") -> int | None:
    """A field as a whole number; None when absent or null. Raises Malformed otherwise."""
    value = record.get(field)
    if value is None or type(value) is int:
        return value
    raise Malformed(
        f"expected a whole number, found {_name(value)}",
        code="unexpected_type",
        path=join(path, field),
    )


def json_text(value: Any) -> str:
    """JSON with every number as it was read: the standard writer knows no Decimal.

    For documents that are cut out of a larger answer.
    """
    return "".join(_written(value))


def join(path: str, field: str | int) -> str:
    """Extend a field path: `join("lines", 2)` is `lines[2]`, `join("a", "b")` is `a.b`.

    Where one of the two is empty it is the other.
    """
    if isinstance(field, int):
        return f"{path}[{field}]"
    return f"{path}.{field}" if path and field else path or field


def _written(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for number, (name, inner) in enumerate(value.items()):
            yield "," if number else "{"
            yield f"{json.dumps(name)}:"
            yield from _written(inner)
        yield "}" if value else "{}"
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield "," if number else "["
            yield from _written(inner)
        yield "]" if value else "[]"
    else:
        yield str(value) if isinstance(value, Decimal) else json.dumps(value)


def _name(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "text", bool: "true or false"}
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return "a number"
    return "null" if value is None else names.get(type(value), type(value).__name__)


def _reason(error: Exception) -> str:
    # Keys belong to the sender's data: an error tells where the second one is, not which it is.
    return re.sub(r'duplicate key ".*" at', "a duplicate key at", str(error), flags=re.DOTALL)


_DIGITS_TO_X = bytes.maketrans(b"123456789", b"000000000")
_LONG_RUN = b"0" * (MAX_INTEGER_DIGITS + 1)
_SPARSE_RUN = b"0" * ((MAX_INTEGER_DIGITS + 1) // 10)


def _has_long_run_of_digits(body: bytes) -> bool:
    # Of a long run every tenth byte is a digit too, three times in a row at least; in most
    # bodies that never happens, and only a tenth of them has to be looked at.
    return _SPARSE_RUN in body[::10].translate(_DIGITS_TO_X) and _LONG_RUN in body.translate(
        _DIGITS_TO_X
    )


def _refuse_huge_integers(document: Any) -> None:
    limit = 10**MAX_INTEGER_DIGITS
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, int) and abs(value) >= limit:
            raise Malformed(
                f"an integer has more than {MAX_INTEGER_DIGITS} digits", code="number_out_of_range"
            )
