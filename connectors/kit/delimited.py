"""Delimited text (CSV, TSV), read strictly, as a stream, within limits.

A comma-separated file has no standard that senders keep; the form is therefore said by the caller,
never guessed. Structure that cannot be trusted ends the reading: an unclosed quote has swallowed
rows, a NUL or a broken character means that the bytes are not what they claim to be. A single row
with too many or too few cells is only that row's fault: it says so when it is looked at.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from canonical.errors import Malformed, Unsupported

_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)

IsHeader = Callable[[Sequence[str]], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a file is written, and how much of it is read."""

    encoding: str = "utf-8"
    """Used where the file has no byte order mark."""
    delimiter: str = ","
    quote: str | None = '"'
    """The character around cells; a doubled one stands for itself. None: there is no quoting."""
    max_rows: int = 50_000_000
    max_columns: int = 1000
    max_line_chars: int = 1024 * 1024
    max_field_chars: int = 64 * 1024
    max_preamble_rows: int = 100
    """How many rows may stand before the header."""

    def __post_init__(self) -> None:
        """Raise Unsupported (`bad_form`) for what cannot be read by."""
        single = [self.delimiter] if self.quote is None else [self.delimiter, self.quote]
        if any(len(mark) != 1 or mark in "\r\n\0" for mark in single) or len({*single}) < len(
            single
        ):
            raise Unsupported("delimiter and quote are one character each", code="bad_form")
        try:
            io.TextIOWrapper(io.BytesIO(), self.encoding)
        except (LookupError, ValueError):
            raise Unsupported(
                "the encoding is not known", code="bad_form", path="encoding"
            ) from None


@dataclass(frozen=True, slots=True)
class Row:
    """One row below the header."""

    number: int
    """The line of the file it begins on, from 1."""
    cells: tuple[str, ...]
    header: tuple[str, ...]

    def fields(self) -> dict[str, str]:
        """The cells by the names of their columns; columns without a name are left out.

        Raises Malformed (`wrong_cell_count`) when the row does not have the header's width.
        """
        if len(self.cells) != len(self.header):
            raise Malformed(
                f"the row has {len(self.cells)} cells, the header {len(self.header)}",
                code="wrong_cell_count",
            )
        return {name: cell for name, cell in zip(self.header, self.cells, strict=True) if name}


@dataclass(frozen=True, slots=True)
class Table:
    """A header and the rows below it, which can be walked through once."""

    header: tuple[str, ...]
    rows: Iterator[Row]


def open_table(
    stream: BinaryIO, form: Form | None = None, *, is_header: IsHeader | None = None
) -> Table:
    """Read up to the header; the rows are read as they are walked through.

    `is_header` finds the header below a preamble; without it the first row that is not blank is
    it. White space around column names is dropped, cells stay as they are. The stream stays open:
    it belongs to the caller.

    Raises Malformed with `no_header`, `duplicate_column`, or what `read_rows` raises.
    """
    known = form or Form()
    rows = read_rows(stream, known)
    header = _header(rows, known, is_header)
    return Table(header, (Row(number, cells, header) for number, cells in rows))


def read_rows(stream: BinaryIO, form: Form) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The rows that are not blank, each with the line it begins on.

    Raises Malformed: `bad_encoding`, `nul_character`, `bad_quoting` (an unclosed quote, text
    behind a closing one), `line_too_long`, `field_too_long`, `too_many_columns`, `too_many_rows`.
    """
    text = io.TextIOWrapper(stream, _encoding(stream, form), errors="strict", newline="")
    try:
        yield from _parsed(_lines(text, form), form)
    finally:
        # Left alone, the wrapper would close the caller's stream.
        if not stream.closed:
            text.detach()


def _encoding(stream: BinaryIO, form: Form) -> str:
    start = _start(stream)
    for mark, encoding in _BYTE_ORDER_MARKS:
        if start.startswith(mark):
            return encoding
    return form.encoding


def _start(stream: BinaryIO) -> bytes:
    # An unpacked member cannot go back, but its buffer can be looked into.
    if isinstance(stream, io.BufferedReader):
        return stream.peek(4)[:4]
    start = stream.read(4)
    stream.seek(-len(start), io.SEEK_CUR)
    return start


def _lines(text: io.TextIOWrapper, form: Form) -> Iterator[str]:
    while True:
        try:
            line = text.readline(form.max_line_chars + 1)
        except UnicodeError:
            raise Malformed(
                f"the bytes are not {text.encoding} text", code="bad_encoding"
            ) from None
        if not line:
            return
        if len(line) > form.max_line_chars:
            raise Malformed("a line is too long", code="line_too_long")
        if "\0" in line:
            raise Malformed("the text has a NUL character", code="nul_character")
        yield line


def _parsed(lines: Iterator[str], form: Form) -> Iterator[tuple[int, tuple[str, ...]]]:
    reader = csv.reader(
        lines,
        strict=True,
        delimiter=form.delimiter,
        doublequote=True,
        quotechar=form.quote,
        quoting=csv.QUOTE_NONE if form.quote is None else csv.QUOTE_MINIMAL,
    )
    for _ in range(form.max_rows + 1):
        begins = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise _unreadable(error, begins) from None
        if cells is None:
            return
        if cells:
            yield begins, _checked(cells, begins, form)
    raise Malformed(f"more than {form.max_rows} rows", code="too_many_rows")


def _checked(cells: list[str], begins: int, form: Form) -> tuple[str, ...]:
    if len(cells) > form.max_columns:
        raise Malformed(f"line {begins} has {len(cells)} cells", code="too_many_columns")
    if max(map(len, cells)) > form.max_field_chars:
        raise Malformed(f"a cell of line {begins} is too long", code="field_too_long")
    return tuple(cells)


def _unreadable(error: csv.Error, begins: int) -> Malformed:
    # A quote that is never closed reads on until the module's own limit.
    code = "field_too_long" if "field limit" in str(error) else "bad_quoting"
    return Malformed(f"line {begins}: {error}", code=code)


def _header(
    rows: Iterator[tuple[int, tuple[str, ...]]], form: Form, is_header: IsHeader | None
) -> tuple[str, ...]:
    for _ in range(form.max_preamble_rows + 1):
        _, cells = next(rows, (0, ()))
        names = tuple(cell.strip() for cell in cells)
        if not names:
            break
        if is_header is None or is_header(names):
            return _distinct(names)
    raise Malformed("no row is the expected header", code="no_header")


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    named = [name for name in names if name]
    if len(set(named)) != len(named):
        raise Malformed("two columns have one name", code="duplicate_column")
    return names
