"""Payloads as text in a form and back again, without changing a byte that nobody changed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from canonical.errors import Malformed
from workbench.showing import harmless

LARGEST_TEXT: Final = 512 * 1024
"""Bytes of a payload that a form holds; larger ones are edited as a file."""
_ENCODINGS: Final = ("utf-8", "iso-8859-1")
_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class EditableText:
    """A payload as people edit it: lines end with `\\n` here, whatever they end with there."""

    text: str
    encoding: str
    newline: str
    bom: bool

    def content(self, text: str) -> bytes:
        """The bytes of an edited text. Raises Malformed (`not_in_encoding`)."""
        lines = text.replace("\r\n", "\n").replace("\r", "\n")
        whole = (_BOM if self.bom else "") + lines.replace("\n", self.newline)
        try:
            return whole.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise Malformed(
                f"the payload is written in {self.encoding}, which has no such character",
                code="not_in_encoding",
                path="text",
            ) from error


def editable_text(content: bytes) -> EditableText | None:
    """A payload as text; None where a form would change it, or it is too long for one.

    A form keeps no control characters and knows one way to end a line: what has others, or two
    ways, is edited as a file.
    """
    if len(content) > LARGEST_TEXT:
        return None
    for encoding in _ENCODINGS:
        try:
            decoded = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return _if_kept(decoded, encoding, content)
    return None


def _if_kept(decoded: str, encoding: str, content: bytes) -> EditableText | None:
    bom = decoded.startswith(_BOM)
    body = decoded.removeprefix(_BOM)
    newline = next((one for one in ("\r\n", "\n", "\r") if one in body), "\n")
    text = body.replace(newline, "\n")
    made = EditableText(text, encoding, newline, bom)
    is_kept = harmless(text) == text and _BOM not in text and "\f" not in text
    return made if is_kept and made.content(text) == content else None
