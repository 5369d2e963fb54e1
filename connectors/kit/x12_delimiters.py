"""Which bytes separate an X12 interchange: told by its ISA, or by nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

FIXED_BYTES = 106
LOOK_AHEAD = 1024
"""Enough for an ISA and the segment behind it."""
WHITE = b" \t\r\n\x0b\x0c\0"

HEADER = re.compile(rb"(?<![A-Za-z0-9])ISA([^A-Za-z0-9\s\0])[A-Za-z0-9 ]{0,3}\1")
"""The beginning of an ISA."""

HEADER_INSIDE = re.compile(
    rb"ISA([^A-Za-z0-9\s\0])..\1.{10}\1..\1.{10}\1..\1.{15}\1..\1.{15}\1[0-9]{6}\1[0-9]{4}\1",
    re.DOTALL,
)
"""An ISA so certain that it may be looked for in the middle of a segment."""

_SEPARATORS_AT = (3, 6, 17, 20, 31, 34, 50, 53, 69, 76, 81, 83, 89, 99, 101, 103)
_NEXT = re.compile(rb"GS|ST|TA1|TA3|ISB|ISE|IEA")
_MOST_ELEMENTS = 8
"""Of the segments that may follow an ISA, GS has the most."""
_LINE_ENDS = (b"\n", b"\r")


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The separators of one interchange, each a single byte."""

    element: bytes
    component: bytes
    """Empty where ISA16 is left out."""
    segment: bytes
    repetition: bytes
    """Empty before version 00402, where ISA11 is not a separator."""
    header_bytes: int
    """Length of the ISA with its terminator."""
    wrapped: bool = False
    """Whether lines are broken inside segments, so that line ends mean nothing."""


def delimiters_of(start: bytes) -> Delimiters | None:
    """The delimiters of the interchange that starts here; None when more than one reading, or
    none, fits the ISA and the segment behind it.

    `start` holds the ISA and, unless the file ends there, what follows up to `LOOK_AHEAD` bytes.
    """
    element = start[3:4]
    if not element:
        return None
    end = _end_of_header(start, element)
    found = None if end is None else _reading(start, element, end)
    return found or _wrapped(start, element)


def _end_of_header(start: bytes, element: bytes) -> int | None:
    """Where ISA16 stands: behind the sixteenth separator, whatever the widths."""
    place = -1
    for _ in _SEPARATORS_AT:
        place = start.find(element, place + 1)
        if place < 0:
            return None
    return place + 1


def _reading(start: bytes, element: bytes, end: int) -> Delimiters | None:
    if b"\n" in start[:end] or b"\r" in start[:end]:
        return None
    for component, segment, length in _candidates(start, end):
        if _is_plausible(start[length:], element, component, segment):
            return Delimiters(
                element, component, segment, _repetition(start[:end], element), length
            )
    return None


def _candidates(start: bytes, end: int) -> Iterator[tuple[bytes, bytes, int]]:
    yield start[end : end + 1], start[end + 1 : end + 2], end + 2
    yield b"", start[end : end + 1], end + 1  # ISA16 left out.


def _is_plausible(rest: bytes, element: bytes, component: bytes, segment: bytes) -> bool:
    if not segment or len({element, component, segment}) < 3 or (component + segment).isalnum():
        return False
    if segment.isalnum() or component.isalnum():
        return False
    rest = rest.lstrip(WHITE)
    following, ended, _ = rest.partition(segment)
    if not following:
        return not rest
    if not ended and len(rest) > LOOK_AHEAD // 2:
        return False
    # A line inside the next segment, or a mark at its end, means that it ends elsewhere.
    if b"\n" in following or not (following[-1:].isalnum() or not ended):
        return _is_padded(following, element)
    return _starts_well(following, element)


def _starts_well(following: bytes, element: bytes) -> bool:
    tag = _NEXT.match(following)
    return (
        tag is not None
        and following[tag.end() : tag.end() + 1] == element
        and following.count(element) <= _MOST_ELEMENTS
    )


def _is_padded(following: bytes, element: bytes) -> bool:
    # Behind the last element there may be padding or an empty element.
    bare = following.rstrip(WHITE + element)
    return b"\n" not in bare and bare[-1:].isalnum() and _starts_well(bare, element)


def _wrapped(start: bytes, element: bytes) -> Delimiters | None:
    """An ISA of fixed width with line ends inside it."""
    bare = start.replace(b"\r", b"").replace(b"\n", b"")
    if any(bare[place : place + 1] != element for place in _SEPARATORS_AT):
        return None
    component, segment = bare[104:105], bare[105:106]
    if segment in _LINE_ENDS or not _is_plausible(bare[106:], element, component, segment):
        return None
    length = _length_with_line_ends(start)
    return Delimiters(element, component, segment, _repetition(bare, element), length, wrapped=True)


def _length_with_line_ends(start: bytes) -> int:
    seen = 0
    for length, byte in enumerate(start, start=1):
        seen += byte not in b"\r\n"
        if seen == FIXED_BYTES:
            return length
    return len(start)


def _repetition(header: bytes, element: bytes) -> bytes:
    elements = header.split(element)
    version, mark = elements[12].strip(), elements[11].strip()
    is_mark = version.isdigit() and version >= b"00402" and len(mark) == 1 and not mark.isalnum()
    return mark if is_mark else b""


def find_header(part: bytes) -> re.Match[bytes] | None:
    """The first ISA in the bytes."""
    found = (HEADER.search(part), HEADER_INSIDE.search(part))
    return min((one for one in found if one), key=lambda one: one.start(), default=None)
