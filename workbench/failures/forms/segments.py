"""X12 and EDIFACT by segment and element.

Sources: ASC X12.5 (interchange control), ISO 9735 (service string advice, release character).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from connectors.kit.x12_delimiters import LOOK_AHEAD, delimiters_of
from workbench.failures.forms.lines import (
    MOST_FIELDS,
    Bound,
    Line,
    Span,
    best,
    candidates,
    part,
    plain_line,
)

_WHITE = b" \t\r\n\0"
_ELEMENT = re.compile(r"([A-Z][A-Z0-9]{1,2})(\d{2})")
_ENVELOPES = (("ISA", "GS", "ST"), ("UNB", "UNG", "UNH"))
_NO_ESCAPE = b""


@dataclass(frozen=True, slots=True)
class _Marks:
    element: bytes
    segment: bytes
    escape: bytes


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment and where it stands."""

    tag: str
    start: int
    end: int
    elements: tuple[tuple[int, int], ...]
    """The spans of its elements, without the tag; at most 500."""
    places: tuple[int, int, int]
    """Which interchange, group and set, each from 1; 0 outside of one."""
    index: int
    """The how-manieth of its tag in its set, from 1."""


def is_x12(content: bytes) -> bool:
    """Whether this begins like an X12 interchange."""
    return content.lstrip(_WHITE)[:3] == b"ISA"


def is_edifact(content: bytes) -> bool:
    """Whether this begins like an EDIFACT interchange."""
    return content.lstrip(_WHITE)[:4] in (b"UNA:", b"UNB+") or content.lstrip(_WHITE)[:3] == b"UNA"


def segments(content: bytes) -> Iterator[Segment]:
    """The segments in their order, as far as they can be told apart."""
    position = _skip(content, 0)
    marks = _edifact_marks(content, position) if is_edifact(content) else None
    if content[position : position + 3] == b"UNA":
        position = _skip(content, position + 9)
    places, counts = [0, 0, 0], Counter[str]()
    while position < len(content):
        if content[position : position + 3] == b"ISA":
            marks = _x12_marks(content, position)
        if marks is None:
            return
        end, after = _segment_end(content, position, marks)
        parts = _split(content, position, end, marks)
        tag = content[parts[0][0] : parts[0][1]][:3].decode("ascii", "replace").strip()
        _enter(tag, places, counts)
        counts[tag] += 1
        elements = tuple(parts[1 : MOST_FIELDS + 1])
        one, two, three = places
        yield Segment(tag, position, end, elements, (one, two, three), counts[tag])
        position = _skip(content, after)


def _skip(content: bytes, position: int) -> int:
    while position < len(content) and content[position] in _WHITE:
        position += 1
    return position


def _x12_marks(content: bytes, position: int) -> _Marks | None:
    found = delimiters_of(content[position : position + LOOK_AHEAD])
    if found is not None:
        return _Marks(found.element, found.segment, _NO_ESCAPE)
    # No reading fits: what most senders use is tried, so that people see something.
    return _Marks(content[position + 3 : position + 4] or b"*", b"~", _NO_ESCAPE)


def _edifact_marks(content: bytes, position: int) -> _Marks:
    told = content[position + 3 : position + 9]
    if content[position : position + 3] != b"UNA" or len(told) < 6:
        return _Marks(b"+", b"'", b"?")
    return _Marks(told[1:2], told[5:6], told[3:4].strip())


def _segment_end(content: bytes, start: int, marks: _Marks) -> tuple[int, int]:
    end = start
    while True:
        end = content.find(marks.segment, end)
        if end < 0:
            return len(content), len(content)
        if not _escaped(content, end, marks):
            return end, end + len(marks.segment)
        end += 1


def _escaped(content: bytes, place: int, marks: _Marks) -> bool:
    before = 0
    while marks.escape and content[place - before - 1 : place - before] == marks.escape:
        before += 1
    return before % 2 == 1


def _split(content: bytes, start: int, end: int, marks: _Marks) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    begins, place = start, start
    while True:
        place = content.find(marks.element, place, end)
        if place < 0:
            return [*found, (begins, end)]
        if not _escaped(content, place, marks):
            found.append((begins, place))
            begins = place + 1
        place += 1


def _enter(tag: str, places: list[int], counts: Counter[str]) -> None:
    """Count the envelopes a segment opens; inner ones begin anew."""
    for names in _ENVELOPES:
        if tag in names:
            level = names.index(tag)
            places[level] += 1
            places[level + 1 :] = [0] * (2 - level)
            counts.clear()


@dataclass(frozen=True, slots=True)
class _Wanted:
    places: tuple[int | None, int | None, int | None]
    tags: tuple[tuple[str, int], ...]
    """Segments by tag and number, outer ones first."""
    element: int | None


def locate(content: bytes, at: str, path: str) -> Span | None:
    """The element or segment of `ISA[1]/GS[1]/ST[5]` and `TDS[1]/TDS01`, or what is around it."""
    wanted = [_wanted(one) for one in candidates(at, path)]
    found: list[tuple[Span | None, int]] = [(None, 0)] * len(wanted)
    for segment in segments(content):
        for number, one in enumerate(wanted):
            span, matched = _meets(segment, one)
            if matched > found[number][1]:
                found[number] = span, matched
    return best(found)


def _wanted(path: Sequence[str | int]) -> _Wanted:
    places: list[int | None] = [None, None, None]
    tags: list[tuple[str, int]] = []
    element = None
    for place, step in enumerate(path):
        if not isinstance(step, str):
            continue
        following = path[place + 1] if place + 1 < len(path) else None
        number = following if isinstance(following, int) else 1
        told = _ELEMENT.fullmatch(step)
        level = [names.index(step) for names in _ENVELOPES if step in names]
        if level:
            places[level[0]] = number
        elif told:
            element = int(told[2])
            tags += [] if tags and tags[-1][0] == told[1] else [(told[1], 1)]
        elif not tags or tags[-1] != (step, number):
            tags.append((step, number))
    one, two, three = places
    return _Wanted((one, two, three), tuple(tags), element)


def _meets(segment: Segment, wanted: _Wanted) -> tuple[Span | None, int]:
    """How much of what is wanted this segment is: 1 its set, 2 an outer segment, 3 all."""
    if any(
        want not in (None, have) for want, have in zip(wanted.places, segment.places, strict=True)
    ):
        return None, 0
    around = Span(segment.start, segment.end, exact=False)
    for outer, tag in enumerate(reversed(wanted.tags)):
        told = tag[0] == segment.tag and (tag[1] == segment.index or tag[0] in _NAMED)
        if told and not outer:
            return _inside(segment, wanted.element), 3
        if told:
            return around, 2
    opens = any(segment.tag in names for names in _ENVELOPES)
    if opens and not wanted.tags:
        return replace(around, exact=True), 3
    told = any(place is not None for place in wanted.places)
    return (around, 1) if opens and told else (None, 0)


_NAMED = frozenset({"ST", "GS", "ISA", "UNH", "UNG", "UNB"})


def _inside(segment: Segment, element: int | None) -> Span:
    if element is None:
        return Span(segment.start, segment.end)
    if not 0 < element <= len(segment.elements):
        return Span(segment.start, segment.end, exact=False)
    return Span(*segment.elements[element - 1])


def bounds(content: bytes) -> Iterator[Bound]:
    """One line a segment."""
    end = 0
    for segment in segments(content):
        depth = sum(1 for place in segment.places if place)
        yield Bound(segment.start, segment.end, depth, segment.tag)
        end = segment.end
    if not end and content:
        yield Bound(0, len(content), 0, "not read")


def shown(content: bytes, bound: Bound) -> Line:
    """A segment's line, with its elements by their names (`BIG07`)."""
    made = plain_line(content, bound)
    marks = _marks_before(content, bound.start)
    if marks is None:
        return made
    elements = _split(content, bound.start, bound.end, marks)[1 : MOST_FIELDS + 1]
    fields = tuple(
        part(content, start, stop, f"{bound.label}{number:02d}")
        for number, (start, stop) in enumerate(elements, start=1)
    )
    return replace(made, fields=fields)


def _marks_before(content: bytes, place: int) -> _Marks | None:
    if is_edifact(content):
        return _edifact_marks(content, _skip(content, 0))
    begins = content.rfind(b"ISA", 0, place + 3)
    return None if begins < 0 else _x12_marks(content, begins)


def separators(content: bytes) -> tuple[bytes, ...]:
    """What separates elements and segments of the first interchange, and what escapes them."""
    marks = _marks_before(content, content.find(b"ISA"))
    if marks is None:
        return ()
    return tuple(one for one in (marks.element, marks.segment, marks.escape) if one)
