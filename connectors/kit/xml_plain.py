"""A quick proof that a large document is sound, made almost without Python.

Most documents are plain: one namespace, declared once, and nothing in them but elements, attributes
and text. Of such a one libxml2 proves that it is well-formed, and a look at its bytes the rest.
Whatever is not plain, or is wrong, is left to the caller's thorough check: nothing is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any, BinaryIO

from lxml import etree

_CHUNK = 64 * 1024
_LONGEST_TAG = 1000
"""Bytes. An element with more than 200 attributes is longer: each takes five at least."""

_START = re.compile(rb"(?:\xef\xbb\xbf)?(<\?xml[^<>]*\?>)?\s*(?=<[A-Za-z_])")
_ENCODING = re.compile(
    rb"encoding\s*=\s*[\"'](?:utf-8|us-ascii|iso-8859-1|windows-1252)[\"']", re.IGNORECASE
)
_UNUSUAL = re.compile(rb"<(?:[^<>\s:]*:|[!?]|[^<]{%d})" % _LONGEST_TAG)
"""A name with a prefix; a comment, CDATA section or instruction; a tag, or a text, too long."""


def is_plain(
    open_stream: Callable[[], BinaryIO],
    *,
    root: str,
    records: Collection[str],
    most_bytes_between: int,
    options: dict[str, Any],
) -> bool:
    """Whether a document is well-formed to its end and plain; `root` is its root's name.

    Plain: in an encoding that has ASCII's bytes, all of it in the root's namespace, no element with
    more than 200 attributes, and never more than `most_bytes_between` bytes without the end of one
    of the `records` (local names). False says only that somebody has to look closer.
    """
    namespaces = _Namespaces()
    target: Any = namespaces
    parser: Any = etree.XMLParser(target=target, **options)
    look = _Look(records, most_bytes_between)
    with open_stream() as stream:
        chunk = stream.read(_CHUNK)
        if not look.begins(chunk):
            return False
        try:
            while chunk:
                if look.finds_something(chunk):
                    return False
                parser.feed(chunk)
                chunk = stream.read(_CHUNK)
            parser.close()
        except (etree.XMLSyntaxError, ValueError, LookupError):
            return False
    # No name has a prefix, so that the one default namespace is the root's, and everybody's.
    return namespaces.defaults == (1 if root.startswith("{") else 0)


class _Namespaces:
    """A parser target that is told of namespaces only; all else stays inside libxml2."""

    def __init__(self) -> None:
        self.defaults = 0

    def start_ns(self, prefix: str, uri: str) -> None:
        del uri
        self.defaults += not prefix

    def close(self) -> None:
        return None


class _Look:
    """Looks at a document's bytes, from one `<` to the next."""

    def __init__(self, records: Collection[str], most_bytes_between: int) -> None:
        self._ends = [f"</{name}>".encode() for name in records]
        self._most_bytes = most_bytes_between
        self._bytes = 0
        self._rest = b""
        self._skip = 0

    def begins(self, chunk: bytes) -> bool:
        """Whether the document begins in a way that its bytes can be looked at as ASCII."""
        start = _START.match(chunk)
        if start is None:
            return False
        self._skip = start.end()
        declaration = start[1] or b""
        return b"encoding" not in declaration.lower() or bool(_ENCODING.search(declaration))

    def finds_something(self, chunk: bytes) -> bool:
        """Whether there is something in the next bytes that is not plain."""
        seen = self._rest + chunk[self._skip :]
        self._skip = 0
        self._rest = seen[seen.rfind(b"<") :]
        self._bytes += len(chunk)
        if any(end in seen for end in self._ends):
            self._bytes = 0
        is_too_large = bool(self._ends) and self._bytes > self._most_bytes
        return is_too_large or _UNUSUAL.search(seen) is not None
