"""How HubSpot writes ids, times and amounts.

Source: HubSpot developer documentation, "CRM objects" and "Properties".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import partial
from typing import Any

from canonical.currencies import MINOR_UNITS
from canonical.errors import Malformed
from canonical.values import Money
from connectors.kit.decimals import money_of
from connectors.kit.json_body import join, required_text, text
from connectors.kit.records import Record, references
from connectors.kit.times import moment_of, moment_of_epoch_ms

_ID = re.compile(r"[0-9]{1,20}", re.ASCII)
_EPOCH_MS = re.compile(r"[0-9]{12,14}", re.ASCII)
_LONG = re.compile(r"[+-]?[0-9]{1,18}\.[0-9]{1,60}", re.ASCII)
_NOISE = Decimal("0.000001")
_DOUBLE = Decimal(2) ** -48
"""A double has 53 bits; 5 of them may have been lost in additions."""

identifiers = partial(references, "hubspot")
"""References in scheme `hubspot:<name>`; pairs without a value and repeats are left out."""


def required_id(record: Record, field: str, path: str = "") -> str:
    """An object's id, in digits. Raises Malformed when there is none."""
    value = required_text(record, field, path)
    if not _ID.fullmatch(value):
        raise Malformed(f"{value[:40]!r} is not an id", code="bad_id", path=join(path, field))
    return value


def time(record: Record, field: str, path: str = "") -> datetime | None:
    """Milliseconds since 1970, as a number or text, or ISO 8601 with a zone; in UTC.

    None when absent, null or blank. Raises Malformed.
    """
    value = text(record, field, path)
    if value is None:
        return None
    where = join(path, field)
    if _EPOCH_MS.fullmatch(value):
        return moment_of_epoch_ms(int(value), where)
    return moment_of(value, where).astimezone(UTC)


def first_time(record: Record, fields: Iterable[str], path: str = "") -> datetime:
    """The first of the fields that is given. Raises Malformed when none is."""
    names = list(fields)
    moment = next(filter(None, (time(record, field, path) for field in names)), None)
    if moment is None:
        raise Malformed(
            f"none of {', '.join(names)} is given"[:200],
            code="missing_field",
            path=join(path, names[0]),
        )
    return moment


def money(record: Record, field: str, currency: str | None, path: str = "") -> Money | None:
    """An amount; None when absent, null or blank. Raises Malformed, Unsupported.

    HubSpot keeps numbers as floats, and their noise shows (`10.000000000000000555`). An amount so
    close to whole minor units that a double cannot hold the difference is rounded to them, half
    to even; any other is taken exactly as it is, and refused beyond 12 decimals.
    """
    value = record.get(field)
    if value is None or value == "":
        return None
    return money_of(_without_noise(value, currency), currency, join(path, field))


def _without_noise(value: Any, currency: str | None) -> Any:
    digits = MINOR_UNITS.get((currency or "").upper())
    shown = str(value).strip() if isinstance(value, str | Decimal) else ""
    if digits is None or not _LONG.fullmatch(shown):
        return value
    exact, wide = Decimal(shown), Context(prec=90)
    rounded = exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN, wide)
    away = wide.abs(wide.subtract(exact, rounded))
    is_noise = away and away < _NOISE and away <= wide.multiply(wide.abs(exact), _DOUBLE)
    return rounded if is_noise else value
