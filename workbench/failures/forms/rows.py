"""Delimited text by row and cell; the delimiter is the one that most rows agree on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from workbench.failures.forms.lines import MOST_FIELDS, Bound, Line, Span, part, plain_line

_DELIMITERS = (b"\t", b";", b",", b"|")
_LOOKED_AT = 30
_PLACE = re.compile(r"(?:row|line)\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line it begins on, from 1, and its cells' spans without their quotes."""

    number: int
    start: int
    end: int
    cells: tuple[tuple[int, int], ...]


def delimiter_of(content: bytes) -> bytes | None:
    """What separates the cells, or None where the first lines do not agree on anything."""
    head = [one for one in content[:100_000].splitlines()[:_LOOKED_AT] if one.strip()]
    scores: dict[bytes, int] = {}
    for mark in _DELIMITERS:
        counts = Counter(one.count(mark) for one in head if one.count(mark))
        if counts:
            columns, rows = counts.most_common(1)[0]
            scores[mark] = rows * min(columns, 50)
    best_one = max(scores, key=lambda mark: scores[mark], default=None)
    agreed = best_one is not None and sum(best_one in one for one in head) * 2 > len(head)
    return best_one if agreed and len(head) > 1 else None


def rows(content: bytes, delimiter: bytes) -> Iterator[Row]:
    """The rows; a quoted cell may hold delimiters and line ends."""
    token = re.compile(rb'"(?:[^"]|"")*"|\r\n|\r|\n|' + re.escape(delimiter))
    number, starts, begins = 1, 0, 0
    cells: list[tuple[int, int]] = []
    for found in token.finditer(content):
        mark = found.group()
        if mark.startswith(b'"'):
            continue
        cells.append(_unquoted(content, begins, found.start()))
        begins = found.end()
        if mark == delimiter:
            continue
        yield Row(number, starts, found.start(), tuple(cells[:MOST_FIELDS]))
        number += 1 + content.count(b"\n", starts, found.start())
        starts, cells = found.end(), []
    if starts < len(content):
        cells.append(_unquoted(content, begins, len(content)))
        yield Row(number, starts, len(content), tuple(cells[:MOST_FIELDS]))


def _unquoted(content: bytes, start: int, end: int) -> tuple[int, int]:
    if end - start > 1 and content[start : start + 1] == b'"' == content[end - 1 : end]:
        return start + 1, end - 1
    return start, end


def _header(content: bytes, delimiter: bytes, wanted: Sequence[str] = ()) -> list[str]:
    """The names of the columns: the first row that has a wanted one, or is as wide as most."""
    first = [one.cells for one in islice(rows(content, delimiter), _LOOKED_AT)]
    named = [[_name(content, start, end) for start, end in cells] for cells in first]
    for names in named:
        if any(one in names for one in wanted):
            return names
    width = Counter(len(names) for names in named).most_common(1)
    return next((names for names in named if len(names) == width[0][0]), [])


def _name(content: bytes, start: int, end: int) -> str:
    cell = content[start:end]
    try:
        return cell.decode().strip()
    except UnicodeDecodeError:
        return cell.decode("cp1252", "replace").strip()


def locate(content: bytes, at: str, path: str) -> Span | None:
    """The cell of `row[3]` in the column `path`; the row where there is no such cell."""
    place = _PLACE.match(at) or _PLACE.match(path)
    delimiter = delimiter_of(content)
    if place is None or delimiter is None:
        return None
    wanted = [one.strip() for one in path.split(" | ")]
    names = _header(content, delimiter, wanted)
    columns = [names.index(one) for one in wanted if one in names]
    for row in rows(content, delimiter):
        if row.number == int(place[1]):
            if columns and columns[0] < len(row.cells):
                return Span(*row.cells[columns[0]])
            return Span(row.start, row.end, exact=not path or bool(_PLACE.fullmatch(path)))
    return None


def bounds(content: bytes) -> Iterator[Bound]:
    """One line a row; the label is the line it begins on."""
    delimiter = delimiter_of(content) or b","
    for row in rows(content, delimiter):
        yield Bound(row.start, row.end, 0, str(row.number))


def shown(content: bytes, bound: Bound) -> Line:
    """A row's line, with its cells by the header's names."""
    delimiter = delimiter_of(content) or b","
    names = _header(content, delimiter)
    cells = next((one.cells for one in rows(content[bound.start : bound.end], delimiter)), ())
    fields = tuple(
        part(
            content,
            bound.start + start,
            bound.start + end,
            names[place] if place < len(names) else str(place + 1),
        )
        for place, (start, end) in enumerate(cells)
    )
    return replace(plain_line(content, bound), fields=fields)
