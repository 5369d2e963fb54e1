"""When a document was issued."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from canonical.errors import Malformed, Unsupported
from connectors.kit.times import date_of, moment_of
from connectors.kit.xml import Element
from connectors.ubl.tree import only_value

_PLAUSIBLE_YEARS = range(1970, 2200)
"""Others (9999-12-31 is a favourite) stand for "unknown" or are mistakes."""


@dataclass(frozen=True, slots=True)
class Issued:
    """The date of issue, and the moment as far as it is known."""

    date: date
    moment: datetime


def issued(root: Element, options: Mapping[str, Any]) -> Issued:
    """`IssueDate` with `IssueTime`; midnight UTC when the time is absent or has no known zone.

    Raises Malformed without a date, `implausible_date` outside 1970 … 2199; Unsupported for an
    option that is not understood.
    """
    written = only_value(root, "cbc:IssueDate")
    if written is None:
        raise Malformed("IssueDate is missing", code="missing_field", path="IssueDate")
    day = date_of(written, "IssueDate")
    if day.year not in _PLAUSIBLE_YEARS:
        raise Malformed(f"{day} is hardly meant", code="implausible_date", path="IssueDate")
    return Issued(day, _moment(day, only_value(root, "cbc:IssueTime"), _zone(options)))


def _moment(day: date, clock: str | None, zone: tzinfo | None) -> datetime:
    if clock:
        try:
            return moment_of(f"{day.isoformat()}T{clock}", zone=zone)
        except Malformed:
            pass  # It only describes; a zone is never invented for it.
    return datetime.combine(day, time(), UTC)


def _zone(options: Mapping[str, Any]) -> tzinfo | None:
    name = options.get("timezone")
    if not name:
        return None
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Unsupported(
            "the account's option timezone is not understood",
            code="bad_option",
            path="options.timezone",
        ) from None
