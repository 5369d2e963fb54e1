"""From bytes to physical lines, in bounded memory: line ends, byte order marks, NUL padding."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from canonical.errors import Malformed

Opener = Callable[[], BinaryIO]

MAX_LINE_BYTES = 64 * 1024
"""SWIFT lines have 65 characters; some banks do not wrap. Longer ones are no statement."""

_CHUNK_BYTES = 64 * 1024
_LINE_END = re.compile(rb"\r\n|\r|\n")
_WIDE = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_FRAMES = b"\x01\x02\x03\x04\x1a"
"""Control characters that frame messages in files of SWIFT interfaces, and an old end of file."""


class Line(NamedTuple):
    """One physical line without its end and without NUL bytes."""

    content: bytes
    had_nul: bool
    is_ended: bool
    """False for a last line without a line end: more may have followed."""


def lines(open_stream: Opener) -> Iterator[Line]:
    """The lines of a stream, whatever ends them. A UTF-16 file comes out as UTF-8.

    Raises Malformed: `line_too_long`, `undecodable_text` for a broken UTF-16 file.
    """
    with open_stream() as stream:
        rest = b""
        for chunk in _chunks(stream):
            rest += chunk
            # A carriage return at the end may be half of a line end.
            held = rest[-1:] if rest.endswith(b"\r") else b""
            *whole, rest = _LINE_END.split(rest[: len(rest) - len(held)])
            rest += held
            for content in whole:
                yield _line(content, True)
            if len(rest) > MAX_LINE_BYTES:
                raise Malformed("a line is too long for a statement", code="line_too_long")
        if rest:
            yield _line(rest.removesuffix(b"\r"), rest.endswith(b"\r"))


def _line(content: bytes, is_ended: bool) -> Line:
    if len(content) > MAX_LINE_BYTES:
        raise Malformed("a line is too long for a statement", code="line_too_long")
    had_nul = b"\0" in content
    kept = content.replace(b"\0", b"") if had_nul else content
    if kept[:1] < b" " or kept[-1:] < b" ":
        kept = kept.strip(_FRAMES)
    return Line(kept, had_nul, is_ended)


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    first = stream.read(_CHUNK_BYTES)
    encoding = _WIDE.get(first[:2])
    if encoding is None:
        yield first.removeprefix(codecs.BOM_UTF8)
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    chunk = first[2:]
    try:
        while chunk:
            yield decoder.decode(chunk).encode()
            chunk = stream.read(_CHUNK_BYTES)
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError:
        raise Malformed("the UTF-16 text is broken", code="undecodable_text") from None
