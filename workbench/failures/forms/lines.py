"""What every form gives: spans of bytes, and harmless lines of bounded length."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from workbench.showing import harmless

LONGEST_LINE = 2000
"""Bytes of one line that are shown; the rest is said to be there."""
MOST_FIELDS = 500

_STEP = re.compile(r"\[([^\]]*)\]|([^./\[\]]+)")


@dataclass(frozen=True, slots=True)
class Span:
    """A place in the bytes: from `start` up to, not including, `end`."""

    start: int
    end: int
    exact: bool = True
    """False: the path leads further, but only this much of it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A part of a line: an element of a segment, a cell of a row."""

    name: str
    text: str
    start: int
    end: int
    marked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a payload as it is shown."""

    number: int
    """Counted from 0 through the whole view."""
    text: str
    """Harmless: no control characters, no reordering of what is written."""
    start: int
    end: int
    depth: int = 0
    label: str = ""
    """What the line is: a tag, a row's number, an offset."""
    fields: tuple[Field, ...] = ()
    marked: bool = False
    lossy: bool = False
    """Some bytes are no characters, or were left out: they stand as U+FFFD."""
    left_out: int = 0
    """Bytes of a long line that are not shown."""


class Bound(NamedTuple):
    """A line that has not been read yet: skipping a million of them costs little."""

    start: int
    end: int
    depth: int = 0
    label: str = ""
    value: int = -1
    """Where the value begins behind its name, if the line has one."""


def line(content: bytes, start: int, end: int, *, depth: int = 0, label: str = "") -> Line:
    """A line over these bytes, without its number."""
    shown = content[start : min(end, start + LONGEST_LINE)]
    text = shown.decode("utf-8", "replace")
    cut = max(0, end - start - LONGEST_LINE)
    return Line(
        number=0,
        text=harmless(text),
        start=start,
        end=end,
        depth=depth,
        label=label,
        lossy="\ufffd" in text and b"\xef\xbf\xbd" not in shown,
        left_out=cut,
    )


def plain_line(content: bytes, bound: Bound) -> Line:
    """The line within a bound, as it stands."""
    return line(content, bound.start, bound.end, depth=bound.depth, label=bound.label)


def part(content: bytes, start: int, end: int, name: str) -> Field:
    """A field over these bytes."""
    shown = content[start : min(end, start + LONGEST_LINE)].decode("utf-8", "replace")
    return Field(name=name, text=harmless(shown), start=start, end=end)


def marked(made: Line, mark: Span) -> Line:
    """The line with the mark on it, and on the field that is meant."""
    fields = tuple(
        replace(field, marked=True) if (field.start, field.end) == (mark.start, mark.end) else field
        for field in made.fields
    )
    return replace(made, marked=True, fields=fields)


def steps(path: str) -> list[str | int]:
    """A path in parts: `lines[3].price` and `lines/3/price` alike; numbers in brackets are ints."""
    found: list[str | int] = []
    for bracketed, name in _STEP.findall(path):
        if name:
            found.append(name)
        else:
            found.append(
                int(bracketed) if bracketed.isascii() and bracketed.isdigit() else bracketed
            )
    return found


def candidates(at: str, path: str) -> list[list[str | int]]:
    """The ways to read a record's place and a field's path together, the likeliest first."""
    outer, inner = steps(at), steps(path)
    if not outer or inner[: len(outer)] == outer:
        return [inner]
    if inner and outer[-len(inner) :] == inner:
        return [outer]
    return [outer + inner, inner] if inner else [outer]


def best(spans: Sequence[tuple[Span | None, int]], *, anchored: bool = False) -> Span | None:
    """Of (span, steps matched): the first candidate of which anything was met.

    Where paths are anchored at the outside, an exact one goes before all others: there a shorter
    path cannot be met by chance.
    """
    if anchored:
        for span, _ in spans:
            if span is not None and span.exact:
                return span
    return next((span for span, matched in spans if span is not None and matched), None)
