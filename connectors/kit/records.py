"""Reading records: the small steps every JSON connector takes.

A record is a JSON object; `path` is where it stands in the payload, empty for the payload itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from canonical.errors import GatewayError, Malformed
from canonical.message import Problem
from canonical.values import Identifier, Quantity
from connectors.kit.decimals import decimal_of
from connectors.kit.json_body import as_list, as_object, integer, join, text
from connectors.kit.times import moment_of

Record = Mapping[str, Any]
Told = TypeVar("Told")

_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


def each(at: str, build: Callable[[], Iterable[Told]]) -> Iterator[Told | Problem]:
    """The items of one record of several; when it cannot be read, one Problem in their place."""
    try:
        items = list(build())
    except (GatewayError, ValueError) as error:
        yield problem_of(error, at)
    else:
        yield from items


def one(at: str, build: Callable[[], Told]) -> Told | Problem:
    """The only item of one record of several; a Problem when it cannot be read."""
    try:
        return build()
    except (GatewayError, ValueError) as error:
        return problem_of(error, at)


def problem_of(error: GatewayError | ValueError, at: str) -> Problem:
    """Why the record at `at` cannot be told."""
    if isinstance(error, GatewayError):
        return Problem(code=error.code, message=str(error), path=error.path, at=at)
    # pydantic's refusal of a value outside the model's limits; the value may be anybody's name.
    message = "a value is outside the limits of the canonical model"
    return Problem(code="invalid_value", message=message, at=at)


def optional_object(record: Record, field: str, path: str = "") -> dict[str, Any] | None:
    """A field that is an object; None when absent or null. Raises Malformed for anything else."""
    value = record.get(field)
    if value is None or isinstance(value, dict):
        return value
    return as_object(value, join(path, field))


def child(record: Record, field: str, path: str = "") -> dict[str, Any]:
    """Like `optional_object`, with an empty object where there is nothing."""
    return optional_object(record, field, path) or {}


def objects(record: Record, field: str, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of an array field with their paths; none when absent or null.

    Raises Malformed for anything else, at the first element that is no object.
    """
    values = record.get(field)
    if values is None or values == []:
        return
    where = join(path, field)
    for index, value in enumerate(as_list(values, where)):
        place = f"{where}[{index}]"
        yield place, as_object(value, place)


def references(system: str, pairs: Iterable[tuple[str, str | None]]) -> tuple[Identifier, ...]:
    """Identifiers in scheme `<system>:<name>`; pairs without a value and repeats are left out."""
    found = [Identifier(scheme=f"{system}:{name}", value=value) for name, value in pairs if value]
    return tuple(dict.fromkeys(found))


def first_time(record: Record, *fields: str, path: str = "") -> datetime | None:
    """The first of the fields that is given, as a moment in UTC. Raises Malformed.

    In UTC, because a sender that moves to another offset would otherwise tell the same fact in
    other words.
    """
    for field in fields:
        value = text(record, field, path)
        if value is not None:
            moment = moment_of(value, join(path, field))
            return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return None


def required_time(record: Record, *fields: str, path: str = "") -> datetime:
    """Like `first_time`, but raises Malformed when none of the fields is given."""
    moment = first_time(record, *fields, path=path)
    if moment is None:
        names = " and ".join(fields)
        raise Malformed(f"{names} missing", code="missing_field", path=join(path, fields[0]))
    return moment


def count(record: Record, field: str, path: str = "") -> int:
    """A number of pieces. Raises Malformed when missing, not whole, or negative."""
    value = integer(record, field, path)
    if value is None:
        raise Malformed(f"{field} is missing", code="missing_field", path=join(path, field))
    if value < 0:
        raise Malformed(f"{value} pieces", code="bad_quantity", path=join(path, field))
    return value


def pieces(record: Record, field: str, path: str = "") -> Quantity:
    """Like `count`, as a quantity of at most 18 digits."""
    return Quantity(value=decimal_of(count(record, field, path), join(path, field)))


def flag(record: Record, field: str, path: str = "") -> bool:
    """A true or false; absent and null are false. Raises Malformed for anything else."""
    value = record.get(field)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Malformed("expected true or false", code="unexpected_type", path=join(path, field))


def country_code(record: Record, field: str, path: str = "") -> str | None:
    """An ISO 3166-1 alpha-2 code; None when absent. Raises Malformed for anything else."""
    code = text(record, field, path)
    if code is not None and not _COUNTRY.fullmatch(code):
        raise Malformed(
            f"{code[:40]!r} is not a country code", code="bad_country", path=join(path, field)
        )
    return code
