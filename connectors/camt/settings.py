"""An account's options for these files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from canonical.errors import Unsupported


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of the manifest, read."""

    cash_from: str
    """The kind whose booked entries are cash."""
    zone: tzinfo | None
    status_when_absent: str | None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """Raises Unsupported (`bad_option`) for a value that is not understood."""
        report = str(options.get("cash_from", "053")).removeprefix("camt.")
        if report not in {"052", "053", "054"}:
            raise _not_understood("cash_from")
        status = options.get("status_when_absent")
        return cls(
            cash_from=f"camt.{report}",
            zone=_zone(options.get("timezone")),
            status_when_absent=str(status) if status else None,
        )


def _zone(name: object) -> tzinfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _not_understood("timezone") from None


def _not_understood(option: str) -> Unsupported:
    return Unsupported(
        f"the account's option {option} is not understood",
        code="bad_option",
        path=f"options.{option}",
    )
