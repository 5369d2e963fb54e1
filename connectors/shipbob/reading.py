"""How ShipBob writes ids, times and goods; shared by shipments and returns.

Source: ShipBob API reference, objects Shipment and Return.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from canonical.errors import GatewayError, Malformed, Unsupported
from canonical.message import Item, Problem
from canonical.values import Identifier
from connectors.kit.json_body import as_list, as_object, integer, join, text
from connectors.kit.times import moment_of

Record = Mapping[str, Any]


def time(record: Record, *fields: str, path: str = "") -> datetime | None:
    """The first of the fields that is given, as a moment in UTC."""
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


def count(record: Record, field: str, path: str = "") -> int:
    """A number of pieces. Raises Malformed when missing, not whole, or negative."""
    value = integer(record, field, path)
    if value is None:
        raise Malformed(f"{field} is missing", code="missing_field", path=join(path, field))
    if value < 0:
        raise Malformed(f"{value} pieces", code="bad_quantity", path=join(path, field))
    return value


def child(record: Record, field: str, path: str = "") -> Record:
    """A field that is an object; empty when absent or null. Raises Malformed for anything else."""
    value = record.get(field)
    return {} if value is None else as_object(value, join(path, field))


def objects(record: Record, field: str, path: str = "") -> Iterator[tuple[str, Record]]:
    """The objects of an array field with their paths; none when absent or null."""
    where = join(path, field)
    for index, value in enumerate(as_list(record.get(field), where)):
        place = join(where, index)
        yield place, as_object(value, place)


def identifiers(pairs: Iterable[tuple[str, str | None]]) -> tuple[Identifier, ...]:
    """References in scheme `shipbob:<name>`; pairs without a value and repeats are left out."""
    found = [Identifier(scheme=f"shipbob:{name}", value=value) for name, value in pairs if value]
    return tuple(dict.fromkeys(found))


def unmapped(value: str, path: str) -> Unsupported:
    """The error for a status that ShipBob does not document."""
    return Unsupported(f"{value[:40]!r} is not a known status", code="unmapped_code", path=path)


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
