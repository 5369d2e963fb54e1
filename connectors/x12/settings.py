"""An account's options for X12."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from canonical.currencies import MINOR_UNITS
from canonical.errors import Unsupported

_ENCODINGS = ("utf-8", "latin-1", "cp1252")


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of the manifest, read."""

    currency: str | None = None
    zone: tzinfo | None = None
    is_warehouse: bool = False
    encoding: str = "utf-8"
    ignores_tests: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """Raises Unsupported (`bad_option`) for a value that is not understood."""
        currency = options.get("currency")
        if currency and currency not in MINOR_UNITS:
            raise _not_understood("currency")
        return cls(
            currency=str(currency) if currency else None,
            zone=_zone(options.get("timezone")),
            is_warehouse=_one_of(options, "role", ("seller", "warehouse")) == "warehouse",
            encoding=_one_of(options, "encoding", _ENCODINGS),
            ignores_tests=_one_of(options, "test_interchanges", ("translate", "ignore"))
            == "ignore",
        )


def zone_named(name: str) -> tzinfo:
    """A zone of the tz database. Raises Unsupported (`unknown_zone`) when it is not there."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Unsupported(f"zone {name[:40]!r} is not known", code="unknown_zone") from None


def _zone(name: object) -> tzinfo | None:
    if not name:
        return None
    try:
        return zone_named(str(name))
    except Unsupported:
        raise _not_understood("timezone") from None


def _one_of(options: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    value = str(options.get(name) or allowed[0])
    if value not in allowed:
        raise _not_understood(name)
    return value


def _not_understood(option: str) -> Unsupported:
    return Unsupported(
        f"the account's option {option} is not understood",
        code="bad_option",
        path=f"options.{option}",
    )
