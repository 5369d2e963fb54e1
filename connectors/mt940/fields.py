"""From lines to fields: where a tag is a tag, and where it is a payer's text that was wrapped.

Source: SWIFT Standards MT, Category 9 (MT940, MT942), and the envelope of FIN messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from connectors.mt940.lines import Line

END = "-"
"""Tag of the pseudo field that ends a message."""
ENVELOPE = "{"
"""Tag of the pseudo field that block 2 of an envelope becomes; its line is the message type."""
INFORMATION = frozenset({"86", "NS"})
BALANCES = frozenset({"60F", "60M", "60", "62F", "62M", "62", "64", "65"})
SUMS = frozenset({"90C", "90D"})
HEAD = frozenset({"20", "21", "25", "25P", "28", "28C", "34F", "13", "13D", "13B"})
MAX_FIELD_BYTES = 64 * 1024
FULL_LINE = 60
"""From this width on a line of :86: may have been wrapped (SWIFT wraps at 65)."""

_FRAMING = (b"-", b"{")
"""What a line of an envelope begins with."""
_TAG = re.compile(rb":([0-9]{2}[A-Z]?|NS):")
_KNOWN = HEAD | BALANCES | SUMS | INFORMATION | {"61"}
_ENTRY = re.compile(rb":61:[0-9]{6}(?:[0-9]{4})?(?:R?[CD]|E[CD])[A-Z]? ?(?:[0-9]|$)")
_FORMATS = {
    "62F": re.compile(rb":62F:[CD][0-9]{6}"),
    "62M": re.compile(rb":62M:[CD][0-9]{6}"),
    "62": re.compile(rb":62:[CD][0-9]{6}"),
    "64": re.compile(rb":64:[CD][0-9]{6}"),
    "65": re.compile(rb":65:[CD][0-9]{6}"),
    "90C": re.compile(rb":90C:[0-9]{1,5}[A-Z]{3}[0-9]"),
    "90D": re.compile(rb":90D:[0-9]{1,5}[A-Z]{3}[0-9]"),
    "86": re.compile(rb":86:"),
    "NS": re.compile(rb":NS:"),
    "61": _ENTRY,
}
"""What may follow the text of an entry, and what it must look like there."""
_TERMINATOR = re.compile(rb"-(?:\}.*|X*)\s*", re.DOTALL)
_BLOCK = re.compile(rb"\{1:[A-Z][0-9]{2}[A-Z0-9]{8,12}[0-9]{0,10}\}")
_TYPE = re.compile(rb"\{2:[IO]([0-9]{3})")
_TEXT_BLOCK = b"{4:"


@dataclass(slots=True)
class Field:
    """A field: its tag, and its lines with the tag taken off."""

    tag: str
    lines: list[bytes] = field(default_factory=list)
    width_before: int = 0
    """Width of the line before it where that is an entry's information, else 0."""
    is_in_statement: bool = False
    """A `:20:` in an entry's information, before the closing balance: perhaps a payer's text."""
    has_nul: bool = False
    has_entry_like_text: bool = False
    is_oversized: bool = False
    is_ended: bool = True
    """False when the file ends inside it, without a line end."""
    _bytes: int = 0

    @property
    def is_wrapped(self) -> bool:
        """It follows a line of text so wide that it could be the rest of that text."""
        return self.width_before >= FULL_LINE

    def add(self, line: Line, content: bytes) -> None:
        """Take one more line, or only note that there was no room for it."""
        self.has_nul = self.has_nul or line.had_nul
        self.is_ended = line.is_ended
        self._bytes += len(content)
        if self._bytes > MAX_FIELD_BYTES:
            self.is_oversized = True
        elif content.strip():
            self.lines.append(content)


def fields(lines: Iterator[Line]) -> Iterator[Field]:
    """The fields of all messages, with END and ENVELOPE between them.

    Lines outside of messages (headers that some banks put there) are dropped.
    """
    tokenizer = _Tokenizer()
    before: Line | None = None
    for line in lines:
        if before is not None:
            done = tokenizer.take(before, line.content)
            if done:
                yield from done
        before = line
    if before is not None:
        yield from tokenizer.take(before, b"")
    if tokenizer.current is not None:
        yield tokenizer.current


class _Tokenizer:
    def __init__(self) -> None:
        self.current: Field | None = None
        self._in_entries = False
        self._is_opened = False
        self._is_closed = False
        self._width = 0

    def take(self, line: Line, following: bytes) -> Sequence[Field]:
        """What a line completes; `following` is the content of the next one."""
        content = line.content
        if content.startswith(_FRAMING):
            handled = self._frame(line, following)
            if handled is not None:
                return handled
        tag = self._tag_of(content, following) if content.startswith(b":") else None
        if tag is None:
            self._continue(line)
            return ()
        return self._start(tag, line, content[len(tag) + 2 :])

    def _frame(self, line: Line, following: bytes) -> list[Field] | None:
        """The fields that a line of the envelope completes; None when it is something else."""
        content = line.content
        is_end = _TERMINATOR.fullmatch(content) is not None
        if is_end and content[:2] != b"-}" and self._goes_on(following):
            return None
        block = _BLOCK.search(content) if is_end or content[:1] == b"{" else None
        opens_text = content[:1] == b"{" and self.current is None and _TEXT_BLOCK in content
        if not is_end and block is None and not opens_text:
            return None
        done = [] if self.current is None else [self.current]
        self.current = None
        self._width = 0
        if is_end:
            done.append(Field(END))
        if block is not None:
            kind = _TYPE.search(content, block.end())
            done.append(Field(ENVELOPE, [kind[1]] if kind else []))
        rest = content.partition(_TEXT_BLOCK)[2] if not is_end or block else b""
        tag = self._tag_of(rest, b"")
        if tag is not None:
            done += self._start(tag, line, rest[len(tag) + 2 :])
        return done

    def _start(self, tag: str, line: Line, content: bytes) -> list[Field]:
        done = [] if self.current is None else [self.current]
        in_statement = tag == "20" and self._in_text and self._is_opened and not self._is_closed
        self.current = Field(tag, [], self._width, in_statement)
        self.current.add(line, content)
        self._width = len(content.rstrip()) if tag in INFORMATION else 0
        if tag == "20":
            self._in_entries = self._is_opened = self._is_closed = False
        elif tag == "61":
            self._in_entries = True
        elif tag[:2] == "60":
            self._is_opened = True
        elif tag[:2] in {"62", "64", "65"} or tag in SUMS:
            self._is_closed = True
        return done

    def _continue(self, line: Line) -> None:
        current = self.current
        if current is None:
            return
        current.add(line, line.content)
        if current.tag in INFORMATION:
            # Blanks at the end are padding: such a line was not wrapped by its width.
            self._width = len(line.content.rstrip())
            is_like_entry = line.content.startswith(b":61:")
            current.has_entry_like_text = current.has_entry_like_text or is_like_entry

    @property
    def _in_text(self) -> bool:
        """Inside the information of an entry, which is somebody's words."""
        current = self.current
        return current is not None and current.tag in INFORMATION and self._in_entries

    def _goes_on(self, following: bytes) -> bool:
        """Whether a dash is part of a text: the statement is open, and more text follows."""
        more = bool(following.strip()) and following[:1] not in {b":", b"{", b"-"}
        return self._in_text and not self._is_closed and more

    def _tag_of(self, content: bytes, following: bytes) -> str | None:
        match = _TAG.match(content)
        tag = match[1].decode("ascii") if match else None
        if tag not in _KNOWN:
            return None
        if not self._in_text or (tag == "20" and self._is_closed):
            return tag
        if tag == "20":
            # "at 12:20:30" may be wrapped before the colon; a message goes on with :21: or :25:.
            return tag if following.startswith((b":25", b":21:")) else None
        if tag == "61" and following.startswith(b":86:"):
            return tag  # With information of its own it is an entry, however broken.
        if tag[:2] == "62" and following.startswith((b":61:", b":62")):
            return None  # No statement goes on behind its closing balance.
        form = _FORMATS.get(tag)
        return tag if form is not None and form.match(content) else None
