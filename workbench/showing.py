"""Foreign text made harmless for a terminal."""

from __future__ import annotations

import re
from datetime import datetime

from rich.console import Console

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
SHOWN_BYTES = 8 * 1024
PIPED_WIDTH = 180


def console(*, markup: bool = False) -> Console:
    """Where tables are printed: as wide as the terminal, or wide enough when piped.

    `[bold]` and the like mean something with `markup` only: an order's number may look like that.
    """
    plain = Console(soft_wrap=True, markup=markup)
    if plain.is_terminal:
        return plain
    return Console(soft_wrap=True, width=PIPED_WIDTH, markup=markup)


def harmless(text: str) -> str:
    """Text without control codes: a payload must not move the cursor, colour or reorder a line."""
    return _CONTROL.sub("�", text)


def payload_text(body: bytes, size: int, shown_bytes: int = SHOWN_BYTES) -> str:
    """The beginning of a payload of `size` bytes; undecodable and control characters are marked."""
    shown = harmless(body[:shown_bytes].decode("utf-8", "replace"))
    rest = size - min(shown_bytes, len(body))
    return shown if rest <= 0 else f"{shown}\n… {rest} more bytes"


def time_text(moment: datetime | None) -> str:
    """RFC 3339 in UTC to the millisecond, or a dash."""
    if moment is None:
        return "–"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
