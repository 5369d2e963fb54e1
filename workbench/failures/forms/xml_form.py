"""XML by its bytes: paths of local names to spans, and one line an element.

Read by expat, which tells where it is; a DOCTYPE, and whatever is not well-formed, ends the
reading: the rest is shown as it stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from xml.parsers import expat

from workbench.failures.forms.lines import Bound, Span, best, candidates, steps

_CHUNK = 64 * 1024
_DEEPEST = 500


class Event(NamedTuple):
    """A tag, or text between tags, and where it begins."""

    kind: str
    name: str
    start: int


class _Stop(Exception):
    """A DOCTYPE, or nesting without end."""


class _Reader:
    def __init__(self) -> None:
        self.found: list[Event] = []
        self._depth = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _start(self, name: str, _: Any) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _Stop
        self.found.append(Event("start", name, self.parser.CurrentByteIndex))

    def _end(self, name: str) -> None:
        self._depth -= 1
        self.found.append(Event("end", name, self.parser.CurrentByteIndex))

    def _text(self, text: str) -> None:
        if text.strip():
            self.found.append(Event("text", "", self.parser.CurrentByteIndex))

    def _doctype(self, *_: object) -> None:
        raise _Stop


def events(content: bytes) -> Iterator[Event]:
    """Tags and texts in their order, up to the first fault; the last is `stop`, where that is."""
    reader = _Reader()
    position = 0
    try:
        while position < len(content):
            reader.parser.Parse(content[position : position + _CHUNK], False)
            position += _CHUNK
            yield from reader.found
            reader.found.clear()
        reader.parser.Parse(b"", True)
    except (expat.ExpatError, _Stop, ValueError, LookupError):
        yield from reader.found
        yield Event("stop", "", max(reader.parser.CurrentByteIndex, 0))
    else:
        yield from reader.found


@dataclass(slots=True)
class _Step:
    name: str
    index: int | None = None


@dataclass(slots=True)
class _Open:
    name: str
    index: int
    start: int
    children: Counter[str] = field(default_factory=Counter)


def locate(content: bytes, at: str, path: str) -> Span | None:
    """The element at a path of local names, as far in as it goes; an attribute is its element."""
    wanted = [_named(one) for one in candidates(at, path)]
    found = best([find(content, one) for one in wanted if one])
    if found is None and not at and len(steps(path)) == 1:
        # A single name that is no element is an attribute of the outermost one, or missing there.
        start = next((one.start for one in events(content) if one.kind == "start"), None)
        return None if start is None else Span(start, _tag_end(content, start), exact=False)
    return found


def find_path(content: bytes, path: str) -> Span | None:
    """The element at exactly this path, or None."""
    span, _ = find(content, _named(steps(path)))
    return span if span is not None and span.exact else None


def _named(path: Sequence[str | int]) -> list[_Step]:
    named: list[_Step] = []
    for one in path:
        if isinstance(one, int):
            if named:
                named[-1].index = one
        elif not one.startswith("@"):
            named.append(_Step(one))
    return named


def find(content: bytes, path: Sequence[_Step]) -> tuple[Span | None, int]:
    """The first element below anything at this path, and how many steps were met."""
    stack = [_Open("", 0, 0)]
    furthest: tuple[Span | None, int] = (None, 0)
    whole: _Open | None = None
    for kind, name, start in events(content):
        if kind == "start":
            local = name.rpartition(":")[2]
            stack[-1].children[local] += 1
            stack.append(_Open(local, stack[-1].children[local], start))
            met = 0 if whole else _met(stack, path)
            if met == len(path):
                whole = stack[-1]
            elif met > furthest[1]:
                furthest = Span(start, _tag_end(content, start), exact=False), met
        elif kind == "end" and stack.pop() is whole:
            return Span(whole.start, _end_of(content, start)), len(path)
    if whole:
        return Span(whole.start, _tag_end(content, whole.start)), len(path)
    return furthest


def _met(stack: Sequence[_Open], path: Sequence[_Step]) -> int:
    """How many steps of the path the innermost open elements are."""
    for number in range(len(path), 0, -1):
        if number < len(stack) and all(
            one.name == step.name and step.index in (None, one.index)
            for one, step in zip(stack[-number:], path[:number], strict=True)
        ):
            return number
    return 0


def _tag_end(content: bytes, start: int) -> int:
    end = content.find(b">", start)
    return len(content) if end < 0 else end + 1


def _end_of(content: bytes, start: int) -> int:
    """Where the element ends whose end was told to be here: an empty one has no end tag."""
    is_past = content[start - 2 : start] == b"/>" and content[start : start + 2] != b"</"
    return start if is_past else _tag_end(content, start)


def bounds(content: bytes) -> Iterator[Bound]:
    """One line an element: with its text and end where it has no others in it."""
    depth = 0
    opened: int | None = None
    for kind, _, start in events(content):
        if kind == "text":
            if opened is None:
                yield Bound(start, _text_end(content, start), depth)
        elif kind == "start":
            if opened is not None:
                yield Bound(opened, _before(content, opened, start), depth)
                depth += 1
            opened = start
        elif kind == "stop":
            yield from _rest(content, opened if opened is not None else start)
        elif opened is not None:
            yield Bound(opened, _end_of(content, start), depth)
            opened = None
        else:
            depth = max(0, depth - 1)
            yield Bound(start, _end_of(content, start), depth)


def _text_end(content: bytes, start: int) -> int:
    end = content.find(b"<", start)
    return len(content) if end < 0 else end


def _before(content: bytes, opened: int, start: int) -> int:
    """Where the white space before the next tag begins."""
    while start > opened and content[start - 1] in b" \t\r\n":
        start -= 1
    return start


def _rest(content: bytes, start: int) -> Iterator[Bound]:
    """What is not XML any more, by its own lines."""
    while start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        yield Bound(start, end, 0, "not read")
        start = end + 1


class Element(NamedTuple):
    """An element at a path."""

    start: int
    tag_end: int
    inner_end: int
    """Where its end tag begins."""
    is_empty: bool
    """It is written as one tag, `<a/>`."""


def elements_at(content: bytes, path: Sequence[str | int]) -> Iterator[Element]:
    """All elements at a path of local names; a step without a number is every one of its name."""
    wanted = _named(path)
    stack = [_Open("", 0, 0)]
    for kind, name, start in events(content):
        if kind == "start":
            local = name.rpartition(":")[2]
            stack[-1].children[local] += 1
            stack.append(_Open(local, stack[-1].children[local], start))
        elif kind == "end":
            met = _met(stack, wanted) == len(wanted)
            begun = stack.pop().start
            if met and wanted:
                tag_end = _tag_end(content, begun)
                is_empty = content[tag_end - 2 : tag_end] == b"/>"
                yield Element(begun, tag_end, tag_end if is_empty else start, is_empty)
