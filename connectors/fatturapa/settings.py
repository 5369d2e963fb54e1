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

    zone: tzinfo | None
    """Of times that SdI gives without one."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """Raises Unsupported (`bad_option`) for a value that is not understood."""
        name = options.get("timezone")
        try:
            return cls(zone=ZoneInfo(str(name)) if name else None)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Unsupported(
                "the account's option timezone is not understood",
                code="bad_option",
                path="options.timezone",
            ) from None
