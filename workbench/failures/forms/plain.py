"""What has no other form: text by its lines, anything else as hexadecimal."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workbench.failures.forms.lines import Bound, Line

_ROW = 16
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def is_binary(content: bytes) -> bool:
    """Whether the beginning holds what no text holds."""
    head = content[:4096]
    return len(_CONTROL.findall(head)) * 50 > len(head)


def text_bounds(content: bytes) -> Iterator[Bound]:
    """One line a line."""
    start, number = 0, 1
    for found in re.finditer(rb"\r\n|\r|\n", content):
        yield Bound(start, found.start(), 0, str(number))
        start, number = found.end(), number + 1
    if start < len(content):
        yield Bound(start, len(content), 0, str(number))


def hex_bounds(content: bytes) -> Iterator[Bound]:
    """Sixteen bytes a line."""
    for start in range(0, len(content), _ROW):
        yield Bound(start, min(start + _ROW, len(content)), 0, f"{start:08x}")


def hex_shown(content: bytes, bound: Bound) -> Line:
    """Bytes as their values, and the ASCII among them."""
    row = content[bound.start : bound.end]
    text = "".join(chr(one) if 32 <= one < 127 else "." for one in row)
    return Line(
        number=0,
        text=f"{row.hex(' '):<{_ROW * 3 - 1}}  {text}",
        start=bound.start,
        end=bound.end,
        label=bound.label,
    )
