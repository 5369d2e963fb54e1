"""Dates and moments out of text, by the declared format; a zone is never guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, tzinfo

from canonical.errors import Malformed
from connectors.kit.times import date_of, moment_of, moment_of_epoch, moment_of_epoch_ms
from connectors.mapping.scopes import Value

_SAMPLE = datetime(2026, 11, 23, 17, 48, 59, tzinfo=UTC)


def day_of(value: Value, pattern: str | None, path: str) -> date:
    """A date, written as `pattern` says or, without one, as in ISO 8601. Raises Malformed."""
    text = str(value)
    if pattern is None:
        return date_of(text, path)
    return _parsed(text, pattern, path, "bad_date").date()


def moment(value: Value, pattern: str | None, zone: tzinfo | None, path: str) -> datetime:
    """A moment. `zone` applies where the text has none. Raises Malformed.

    A local time that a change of the clocks leaves out or repeats is refused (`ambiguous_time`).
    """
    text = str(value)
    if pattern is None:
        found = moment_of(text, path, zone=zone)
    else:
        # Read as it is written, so that the zone is a decision and not a default.
        found = _parsed(text, pattern, path, "bad_time")
        if found.tzinfo is None and zone is None:
            raise Malformed(f"{text[:40]!r} has no zone", code="time_without_zone", path=path)
        found = found if found.tzinfo is not None else found.replace(tzinfo=zone)
    if found.replace(fold=0).utcoffset() != found.replace(fold=1).utcoffset():
        raise Malformed(f"{text[:40]!r} is not one moment", code="ambiguous_time", path=path)
    return found


def moment_since_1970(value: Value, unit: str, path: str) -> datetime:
    """A moment from whole seconds (`epoch`) or milliseconds (`epoch_ms`). Raises Malformed."""
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Malformed("not a time since 1970", code="bad_time", path=path)
    return (moment_of_epoch if unit == "epoch" else moment_of_epoch_ms)(int(text), path)


def start_of(day: date, zone: tzinfo | None) -> datetime:
    """The first moment of a day: in the mapping's zone, or in UTC where it names none."""
    return datetime.combine(day, time(), zone or UTC)


def tells_a_day(pattern: str) -> bool:
    """Whether a date written by this format can be read back: day, month and year are in it.

    Formats that depend on the machine (names of zones, its own way of writing dates) do not count.
    """
    if any(mark in pattern for mark in ("%Z", "%c", "%x", "%X")):
        return False
    try:
        read = datetime.strptime(_SAMPLE.strftime(pattern), pattern)  # noqa: DTZ007 - the day only
    except ValueError:
        return False
    return read.date() == _SAMPLE.date()


def _parsed(text: str, pattern: str, path: str, code: str) -> datetime:
    if not text.isascii() and any(sign.isdigit() and not sign.isascii() for sign in text):
        raise Malformed(f"{text[:40]!r} has digits of another script", code=code, path=path)
    try:
        found = datetime.strptime(text, pattern)  # noqa: DTZ007 - the caller adds the zone
    except ValueError:
        raise Malformed(f"{text[:40]!r} is not as {pattern}", code=code, path=path) from None
    if not 1 < found.year < 9999:
        raise Malformed(f"the year {found.year} is out of range", code=code, path=path)
    return found
