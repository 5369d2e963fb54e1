"""Bytes of a field as text: by the account's encoding, else UTF-8, else plausible windows-1252."""

from __future__ import annotations

import re

from canonical.errors import Malformed

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_INVISIBLE = bytes([*range(0x21), *range(0x7F, 0x100)])
_LETTERS = rb"[A-Za-z\xc0-\xff]"
_NOT_CP1252 = re.compile(
    _LETTERS
    + rb"[\x80-\x89\x8b\x8d\x8f-\x91\x93-\x95\x98\x99\x9b\x9d"
    + rb"\xa0-\xa9\xab\xac\xae\xaf\xb1-\xb3\xb5\xb6\xb8\xb9\xbb-\xbf]+"
    + _LETTERS
)
"""Signs of windows-1252 that do not stand inside a word: letters of another code page do.

A pattern of bytes that fits no word keeps `M\\x84ller` (cp850) from becoming `M„ller`.
"""


def decoded(content: bytes, encoding: str | None, path: str) -> str:
    """The text, its control characters as blanks.

    The decision is made field by field, so that no field changes how another one is read. Raises
    Malformed (`undecodable_text`) where the encoding does not fit: nothing is replaced.
    """
    if content.isascii() and encoding is None:
        text = content.decode("ascii")
    elif encoding is not None:
        text = _strictly(content, encoding, path)
    else:
        text = _guessed(content, path)
    # What can be printed has no controls, and finding that out is cheaper than looking for them.
    return text if text.isprintable() else _CONTROLS.sub(" ", text)


def visible_ascii(content: bytes) -> str:
    """What of a field is the same in every encoding and however its lines are wrapped."""
    return content.translate(None, _INVISIBLE).decode("ascii")


def _strictly(content: bytes, encoding: str, path: str) -> str:
    try:
        return content.decode(encoding)
    except (UnicodeError, ValueError):
        raise Malformed(f"the text is not {encoding}", code="undecodable_text", path=path) from None


def _guessed(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if not _NOT_CP1252.search(content):
        try:
            return content.decode("cp1252")
        except UnicodeDecodeError:
            pass
    raise Malformed(
        "the text is neither UTF-8 nor windows-1252: set the account's option encoding",
        code="undecodable_text",
        path=path,
    )
