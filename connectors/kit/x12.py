"""ANSI X12 as a stream: interchanges, groups and transaction sets out of bytes, in bounded memory.

Real files break envelope rules, so nothing here refuses one: what is wrong is told as a Fault, and
reading goes on at the next interchange. A fault is `doubtful` where content may be missing or
foreign; where only the envelope is careless it is not.

Source: ASC X12.5 (interchange control structures) and X12.6 (application control structure).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from connectors.kit.x12_delimiters import (
    HEADER,
    HEADER_INSIDE,
    LOOK_AHEAD,
    WHITE,
    Delimiters,
    delimiters_of,
)
from connectors.kit.x12_model import (
    Event,
    Fault,
    Group,
    GroupEnd,
    Interchange,
    InterchangeEnd,
    Segment,
    TransactionSet,
)
from connectors.kit.x12_window import Window

__all__ = [
    "Delimiters",
    "Event",
    "Fault",
    "Group",
    "GroupEnd",
    "Interchange",
    "InterchangeEnd",
    "Segment",
    "TransactionSet",
    "events",
]

MAX_SET_SEGMENTS = 200_000

_ENVELOPE = frozenset({b"ST", b"SE", b"GS", b"GE", b"IEA", b""})
"""What is no segment of an open set."""
_CONTROL = frozenset({"TA1", "TA3", "ISB", "ISE"})
"""Segments of interchange control that may stand outside a transaction set."""


def events(
    stream: BinaryIO, encoding: str = "utf-8", *, with_contents: bool = True
) -> Iterator[Event]:
    """What is in the stream, in its order; a set comes out when it is complete.

    Tolerated: byte order marks, white space around segments, line ends behind terminators, lines
    wrapped inside the ISA, an ISA that is not of fixed width, junk between interchanges, missing
    GE and IEA. `encoding` is a superset of ASCII. Without contents, sets come without their
    segments and nothing in them is judged, which is cheaper. Raises what reading the stream
    raises, nothing of its own. Memory is bounded by the largest set: at most `MAX_SET_SEGMENTS`
    segments of `MAX_SEGMENT_BYTES` bytes.
    """
    window = Window(stream)
    number = 0
    lost = False
    while True:
        junk = window.skip_to_header()
        if junk and not lost:  # What follows an ISA nobody can read has been told of already.
            message = "segments stand outside any interchange"
            yield Fault("outside_envelope", message, f"before ISA[{number + 1}]", True)
        if window.at_end:
            return
        number += 1
        delimiters = delimiters_of(window.ahead(LOOK_AHEAD))
        lost = delimiters is None
        if delimiters is None:
            window.take(3)
            message = "the ISA does not tell its delimiters without doubt"
            yield Fault("bad_isa", message, f"ISA[{number}]", True)
        else:
            header = window.ahead(delimiters.header_bytes)
            window.take(len(header))
            elements, _ = _split(header[: -len(delimiters.segment)], delimiters.element, encoding)
            interchange = Interchange(number, tuple(elements[1:]), delimiters)
            yield from _Reader(window, interchange, encoding, with_contents).events()


def _split(piece: bytes, separator: bytes, encoding: str) -> tuple[list[str], bool]:
    """The parts without white space around them, and whether every byte was text."""
    if piece.isascii() and separator.isascii():
        text = piece.decode("ascii")
        listed = text.split(chr(separator[0]))
        has_white = " " in text or not text.isprintable()
        return [part.strip() for part in listed] if has_white else listed, True
    parts = piece.split(separator)
    try:
        return [part.decode(encoding).strip() for part in parts], True
    except UnicodeDecodeError:
        return [part.decode(encoding, "replace").strip() for part in parts], False


@dataclass(slots=True)
class _OpenSet:
    """A set of which SE has not come yet."""

    header: Segment
    number: int
    segments: list[Segment] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    total: int = 1
    readable: bool = True


@dataclass(slots=True)
class _OpenGroup:
    group: Group
    sets: int = 0


class _Reader:
    """Reads one interchange, from its ISA to where it ends in whatever way."""

    def __init__(
        self, window: Window, interchange: Interchange, encoding: str, with_contents: bool
    ) -> None:
        self._window = window
        self._with_contents = with_contents
        self._interchange = interchange
        self._delimiters = interchange.delimiters
        self._encoding = encoding
        self._group: _OpenGroup | None = None
        self._set: _OpenSet | None = None
        self._groups = 0
        self._bare_sets = 0
        self._stray = False

    def events(self) -> Iterator[Event]:
        yield self._interchange
        for piece in self._pieces():
            current = self._set
            tag = piece.partition(self._delimiters.element)[0].strip()
            if current is not None and tag not in _ENVELOPE:
                self._add(current, piece)
                continue
            segment = self._segment(piece)
            yield from self._take(segment)
            if segment.tag == "IEA":
                yield from self._close(broken=False)
                if segment.get(2) != self._interchange.control:
                    message = "IEA02 is not ISA13"
                    at = self._interchange.at
                    yield Fault("interchange_control", message, at, False)
                return
        yield from self._close(broken=True)

    def _pieces(self) -> Iterator[bytes]:
        """The segments' bytes up to where the interchange ends without IEA; each is taken."""
        window, mark = self._window, self._delimiters.segment
        while True:
            for whole in () if self._delimiters.wrapped else window.whole_pieces(mark):
                if b"ISA" not in whole:
                    window.take(len(whole) + 1)
                    yield whole.lstrip(WHITE)
                elif (piece := self._next()) is not None:
                    yield piece
                else:
                    return
            piece = self._next()
            if piece is None:
                return
            yield piece

    def _add(self, current: _OpenSet, piece: bytes) -> None:
        """Take a segment into the set that is open."""
        current.total += 1
        if self._with_contents:
            segment = self._segment(piece)
            if len(current.segments) < MAX_SET_SEGMENTS:
                current.segments.append(segment)

    def _next(self) -> bytes | None:
        """The next segment's bytes; None where the interchange ends without IEA."""
        self._window.skip_white()
        start = self._window.ahead(16)
        if not start or HEADER.match(start):
            return None
        piece = self._window.until(self._delimiters.segment)
        if piece is None:
            return None
        # A cut interchange may run straight into the next one.
        cut = HEADER_INSIDE.search(piece) if b"ISA" in piece else None
        if cut:
            self._window.back_to(cut.start())
            return None
        return piece.replace(b"\r", b"").replace(b"\n", b"") if self._delimiters.wrapped else piece

    def _segment(self, piece: bytes) -> Segment:
        parts, is_text = _split(piece, self._delimiters.element, self._encoding)
        tag, number = parts[0], 1
        current = self._set
        if current is not None:
            current.readable = current.readable and is_text
            current.counts[tag] += 1
            number = current.counts[tag]
        return Segment(tag, tuple(parts[1:]), number)

    def _take(self, segment: Segment) -> Iterator[Event]:
        match segment.tag:
            case "ST":
                yield from self._abandon_set()
                self._open_set(segment)
            case "SE":
                yield from self._finish_set(segment)
            case "GS":
                yield from self._close_group("", broken=False)
                self._groups += 1
                group = Group(self._interchange, self._groups, segment)
                self._group = _OpenGroup(group)
                yield group
            case "GE":
                yield from self._end_group(segment)
            case "IEA" | "":
                pass
            case _:
                yield from self._content(segment)

    def _content(self, segment: Segment) -> Iterator[Event]:
        if segment.tag not in _CONTROL and not self._stray:
            self._stray = True
            yield Fault("stray_segments", "segments outside a transaction set", self._place, True)

    @property
    def _place(self) -> str:
        return self._group.group.at if self._group else self._interchange.at

    def _open_set(self, header: Segment) -> None:
        self._stray = False
        if self._group is not None:
            self._group.sets += 1
            self._set = _OpenSet(header, self._group.sets)
        else:
            self._bare_sets += 1
            self._set = _OpenSet(header, self._bare_sets)

    def _finish_set(self, trailer: Segment) -> Iterator[Event]:
        current = self._set
        if current is None:
            yield from self._content(trailer)
            return
        faults = list(_trailer_faults(current, trailer, self._set_at(current)))
        yield self._built(current, faults)

    def _abandon_set(self) -> Iterator[Event]:
        if self._set is not None:
            message = "the transaction set has no SE: it is cut"
            at = self._set_at(self._set)
            yield self._built(self._set, [Fault("truncated_set", message, at, True)])

    def _built(self, current: _OpenSet, faults: list[Fault]) -> TransactionSet:
        self._set = None
        at = self._set_at(current)
        if not current.readable:
            message = "bytes are not text in the account's encoding"
            faults.append(Fault("bad_encoding", message, at, True))
        if self._group is None:
            faults.append(Fault("no_group", "the set is in no functional group", at, False))
        return TransactionSet(
            interchange=self._interchange,
            group=self._group.group if self._group else None,
            number=current.number,
            kind=current.header.get(1),
            control=current.header.get(2),
            segments=() if any(one.doubtful for one in faults) else tuple(current.segments),
            faults=tuple(faults),
        )

    def _set_at(self, current: _OpenSet) -> str:
        return f"{self._place}/ST[{current.number}]"

    def _end_group(self, trailer: Segment) -> Iterator[Event]:
        opened = self._group
        if opened is None:
            return
        at = opened.group.at
        yield from self._abandon_set()
        declared = trailer.get(1)
        if declared.isascii() and declared.isdigit() and int(declared[:9]) != opened.sets:
            missing = int(declared[:9]) > opened.sets
            message = f"GE01 counts {declared[:9]} sets, there are {opened.sets}"
            yield Fault("group_count", message, at, missing)
        if trailer.get(2) != opened.group.control:
            yield Fault("group_control", "GE02 is not GS06", at, False)
        self._group = None
        yield GroupEnd(opened.group, declared, opened.sets)

    def _close_group(self, declared: str, *, broken: bool) -> Iterator[Event]:
        was_cut = self._set is not None
        yield from self._abandon_set()
        opened = self._group
        if opened is None:
            return
        message = "the functional group has no GE"
        # Where a set was cut, that says it all.
        yield Fault("group_trailer", message, opened.group.at, broken and not was_cut)
        self._group = None
        yield GroupEnd(opened.group, declared, opened.sets)

    def _close(self, *, broken: bool) -> Iterator[Event]:
        yield from self._close_group("", broken=broken)
        if broken:
            message = "the interchange has no IEA"
            is_empty = not (self._groups or self._bare_sets)
            yield Fault("interchange_trailer", message, self._interchange.at, is_empty)
        yield InterchangeEnd(self._interchange)


def _trailer_faults(current: _OpenSet, trailer: Segment, at: str) -> Iterator[Fault]:
    if trailer.get(2) != current.header.get(2):
        yield Fault("set_control", "SE02 is not ST02", at, True)
    declared = trailer.get(1)
    found = current.total + 1
    if not (declared.isascii() and declared.isdigit() and int(declared[:12]) == found):
        yield Fault("segment_count", f"SE01 does not count {found} segments", at, False)
    if current.total - 1 > MAX_SET_SEGMENTS:
        yield Fault("set_too_large", f"more than {MAX_SET_SEGMENTS} segments", at, True)
