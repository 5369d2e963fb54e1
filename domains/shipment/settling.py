"""What people may decide here: how much of a partly delivered shipment arrived."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from canonical.errors import Malformed

SETTLE: Final = "confirm_arrived"
"""Values: `{"lines": {"<line id>": "<pieces that arrived>"}}`, of a shipment's record."""
_DIGITS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?", re.ASCII)


def check_arrived(values: Mapping[str, Any]) -> None:
    """Raises Malformed for anything but lines with exact pieces."""
    pieces_of(values)


def pieces_of(values: Mapping[str, Any]) -> dict[str, Decimal]:
    """Pieces that arrived by line. Raises Malformed."""
    lines = values.get("lines")
    if not isinstance(lines, Mapping) or not lines:
        raise Malformed("which lines arrived is not told", code="missing_field", path="lines")
    found: dict[str, Decimal] = {}
    for line_id, pieces in lines.items():
        if not isinstance(pieces, str) or not _DIGITS.fullmatch(pieces):
            raise Malformed(
                "pieces are digits in quotes, not less than none",
                code="bad_quantity",
                path=f"lines.{str(line_id)[:40]}",
            )
        found[str(line_id)] = Decimal(pieces)
    return found
