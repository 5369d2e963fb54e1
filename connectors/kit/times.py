"""Moments and dates out of text; a moment without a zone is never given one by guess."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from canonical.errors import Malformed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII)


def moment_of(value: str, path: str = "", *, zone: tzinfo | None = None) -> datetime:
    """A moment from ISO 8601 text.

    `zone` is applied only where the text has none and the caller knows it from the system's
    documents or the account's options. Raises Malformed for anything else.
    """
    shown = _stripped(value, "bad_time", path)
    try:
        # RFC 3339 allows a small z; fromisoformat does not.
        moment = datetime.fromisoformat(shown.replace("z", "Z")) if len(shown) > 10 else None
    except ValueError:
        moment = None
    if moment is None:
        raise Malformed(f"{shown[:40]!r} is not a time", code="bad_time", path=path)
    if moment.tzinfo is None:
        if zone is None:
            raise Malformed(f"{shown[:40]!r} has no zone", code="time_without_zone", path=path)
        moment = moment.replace(tzinfo=zone)
    return _in_range(moment, path)


def moment_of_epoch(seconds: int, path: str = "") -> datetime:
    """A moment from whole seconds since 1970, in UTC. Raises Malformed outside 1970 … 9998."""
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise Malformed("not a time since 1970", code="bad_time", path=path)
    return moment_of_epoch_ms(seconds * 1000, path)


def moment_of_epoch_ms(milliseconds: int, path: str = "") -> datetime:
    """A moment from whole milliseconds since 1970, in UTC. Raises Malformed outside 1970 … 9998."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int) or milliseconds < 0:
        raise Malformed("not a time since 1970", code="bad_time", path=path)
    try:
        return _in_range(_EPOCH + timedelta(milliseconds=milliseconds), path)
    except OverflowError:
        raise Malformed(f"{milliseconds} is not a time", code="bad_time", path=path) from None


def date_of(value: str, path: str = "") -> date:
    """A date from ISO 8601 text; a zone behind the date (xs:date) is accepted and dropped.

    Raises Malformed for anything else, calendar errors included.
    """
    shown = _stripped(value, "bad_date", path)
    match = _DATE.fullmatch(shown)
    try:
        return date.fromisoformat(match.group(1)) if match else _bad_date(shown, path)
    except ValueError:
        return _bad_date(shown, path)


def _stripped(value: Any, code: str, path: str) -> str:
    if not isinstance(value, str):
        raise Malformed(f"expected text, found {type(value).__name__}", code=code, path=path)
    return value.strip()


def _bad_date(shown: str, path: str) -> date:
    raise Malformed(f"{shown[:40]!r} is not a date", code="bad_date", path=path)


def _in_range(moment: datetime, path: str) -> datetime:
    # A day inside the calendar's ends, so that no conversion to another zone can overflow.
    if not 1 < moment.year < 9999:
        raise Malformed(f"the year {moment.year} is out of range", code="bad_time", path=path)
    return moment
