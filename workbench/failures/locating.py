"""A payload as people read it, and the place of an error marked in it.

Bounded in every direction: so many bytes are looked at, so many lines are given, so long is each.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Literal, NamedTuple

from workbench.failures.forms import json_form, plain, rows, segments, swift, xml_form
from workbench.failures.forms.lines import Bound, Field, Line, Span, marked, plain_line

__all__ = ["LOOKED_AT", "Field", "Form", "Line", "Span", "View", "form_of", "locate", "view"]

Form = Literal["json", "xml", "x12", "edifact", "swift", "delimited", "text", "binary"]

LOOKED_AT: Final = 4 * 1024 * 1024
"""Bytes of a payload that are looked at; what is behind them is only counted."""
MOST_LINES: Final = 1000

_WIDE = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}

_Locate = Callable[[bytes, str, str], Span | None]


class _Form(NamedTuple):
    bounds: Callable[[bytes], Iterator[Bound]]
    shown: Callable[[bytes, Bound], Line]
    locate: _Locate


def _nowhere(_content: bytes, _at: str, _path: str) -> Span | None:
    return None


_FORMS: Final[dict[Form, _Form]] = {
    "json": _Form(json_form.bounds, json_form.shown, json_form.locate),
    "xml": _Form(xml_form.bounds, plain_line, xml_form.locate),
    "x12": _Form(segments.bounds, segments.shown, segments.locate),
    "edifact": _Form(segments.bounds, segments.shown, segments.locate),
    "swift": _Form(swift.bounds, plain_line, swift.locate),
    "delimited": _Form(rows.bounds, rows.shown, rows.locate),
    "text": _Form(plain.text_bounds, plain_line, _nowhere),
    "binary": _Form(plain.hex_bounds, plain.hex_shown, _nowhere),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A page of a payload."""

    form: Form
    lines: tuple[Line, ...]
    offset: int
    """The number of the first line here."""
    more: bool
    """Whether lines follow."""
    mark: Span | None
    """The place of the error, in `content` as `shown_bytes` gives it."""
    lossy: bool
    """Whether something on this page could not be decoded."""
    not_looked_at: int
    """Bytes behind what is looked at."""


def shown_bytes(content: bytes) -> bytes:
    """What spans count in: the bytes themselves; of UTF-16, the same text as UTF-8."""
    encoding = _WIDE.get(content[:2])
    if encoding is None or content[:4] == codecs.BOM_UTF32_LE:
        return content[:LOOKED_AT]
    return content[:LOOKED_AT].decode(encoding, "replace").encode()


def form_of(content: bytes) -> Form:
    """What these bytes read like; never an error."""
    body = content.removeprefix(codecs.BOM_UTF8).lstrip()
    first = body[:1]
    if plain.is_binary(content):
        return "binary"
    if first == b"{" or (first == b"[" and _is_array(body)):
        return "json"
    if first == b"<":
        return "xml"
    if segments.is_x12(body):
        return "x12"
    if segments.is_edifact(body):
        return "edifact"
    if swift.is_swift(content):
        return "swift"
    return "delimited" if rows.delimiter_of(content) else "text"


def _is_array(body: bytes) -> bool:
    return body[1:1000].lstrip()[:1] in b'{["-0123456789tfn]'


def locate(content: bytes, at: str, path: str) -> Span | None:
    """Where a failure's record and field are: `Stmt[1]/Ntry[3]` and `Amt`, `lines[3].price`, …

    The nearest thing around it, with `exact` false, when the field is what is missing; None when
    nothing of the path is there. Counts in `shown_bytes(content)`.
    """
    shown = shown_bytes(content)
    if not at and not path:
        return None
    return _FORMS[form_of(shown)].locate(shown, at, path)


def view(
    content: bytes,
    *,
    at: str = "",
    path: str = "",
    offset: int | None = None,
    limit: int = 200,
    size: int | None = None,
    form: Form | None = None,
) -> View:
    """A page of a payload: from line `offset`, or around the error when that is not given.

    `content` is the payload or its beginning, `size` the bytes of the whole. `limit` is cut to
    1000 lines. A `form` that is given (`text` or `binary`, say, for a part out of the middle) is
    what it is read as, without a mark.
    """
    shown = shown_bytes(content)
    read = form or form_of(shown)
    mark = None if form else locate(content, at, path)
    limit = max(1, min(limit, MOST_LINES))
    bounds = enumerate(_FORMS[read].bounds(shown))
    page = _around(bounds, limit, mark) if offset is None else _from(bounds, offset, limit)
    lines = [
        _line(_FORMS[read].shown(shown, bound), number, mark) for number, bound in page[:limit]
    ]
    return View(
        form=read,
        lines=tuple(lines),
        offset=lines[0].number if lines else (offset or 0),
        more=len(page) > limit,
        mark=mark,
        lossy=any(one.lossy for one in lines),
        not_looked_at=max(0, (len(content) if size is None else size) - LOOKED_AT),
    )


def _line(made: Line, number: int, mark: Span | None) -> Line:
    numbered = replace(made, number=number)
    begins = mark is not None and made.start <= mark.start < max(made.end, made.start + 1)
    return marked(numbered, mark) if begins and mark is not None else numbered


_Numbered = tuple[int, Bound]


def _from(bounds: Iterator[_Numbered], offset: int, limit: int) -> list[_Numbered]:
    return list(islice(bounds, max(0, offset), max(0, offset) + limit + 1))


def _around(bounds: Iterator[_Numbered], limit: int, mark: Span | None) -> list[_Numbered]:
    """One line more than a page, with the marked line in its middle; the first page without one."""
    if mark is None:
        return list(islice(bounds, limit + 1))
    first: list[_Numbered] = []
    before: deque[_Numbered] = deque(maxlen=limit // 2)
    for one in bounds:
        if one[1].start <= mark.start < one[1].end:
            page = [*before, one]
            return [*page, *islice(bounds, limit + 1 - len(page))]
        before.append(one)
        if len(first) <= limit:
            first.append(one)
    return first
