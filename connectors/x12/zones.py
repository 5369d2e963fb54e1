"""Time codes of X12 (element 623) as zones."""

from __future__ import annotations

from datetime import timedelta, timezone, tzinfo

from canonical.errors import Unsupported
from connectors.x12.settings import zone_named

_REGIONS = {
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "PT": "America/Los_Angeles",
    "AT": "America/Halifax",
    "NT": "America/St_Johns",
    "TT": "America/Anchorage",
    "HT": "Pacific/Honolulu",
}
"""Codes that mean whichever of standard and daylight time is in force."""
_HOURS = {
    "UT": 0, "GM": 0,
    "AS": -4, "AD": -3, "ES": -5, "ED": -4, "CS": -6, "CD": -5, "MS": -7, "MD": -6,
    "PS": -8, "PD": -7, "TS": -9, "TD": -8, "HS": -10, "HD": -9,
}  # fmt: skip
_HALF_HOURS = {"NS": -7, "ND": -5}
"""Newfoundland, in half hours."""


def zone_of(code: str | None, local: tzinfo | None, path: str) -> tzinfo | None:
    """The zone of a time code; the local one without a code or with `LT`.

    `01` … `12` are hours east of UTC, `13` … `24` are 12 … 1 hours west (ISO P01 … M01).
    Raises Unsupported (`unmapped_code`) for any other code.
    """
    if code in (None, "LT"):
        return local
    if code in _REGIONS:
        return zone_named(_REGIONS[code])
    minutes = _minutes(code)
    if minutes is None:
        raise Unsupported(f"time code {code[:10]!r} is not known", code="unmapped_code", path=path)
    return timezone(timedelta(minutes=minutes))


def _minutes(code: str) -> int | None:
    if code in _HOURS:
        return _HOURS[code] * 60
    if code in _HALF_HOURS:
        return _HALF_HOURS[code] * 30
    if code.isascii() and code.isdigit() and len(code) == 2 and 1 <= int(code) <= 24:
        hours = int(code)
        return (hours if hours <= 12 else hours - 25) * 60
    return None
