"""The leaves of a payload: where its values stand, and what they are called. Text in, spans out.

Replacing spans leaves everything else as it was, to the byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from canonical.errors import GatewayError, Unsupported
from connectors.kit.xml import read_xml
from workbench.forms import rows, segments, swift

Path = tuple[str, ...]


class Leaf(NamedTuple):
    """A value in the text."""

    start: int
    end: int
    path: Path
    form: str
    """How it is written: json, number, xml, cdata, cell, element or swift."""


_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}\[\]:,]'
)


def json_leaves(text: str) -> Iterator[Leaf]:
    """Strings and numbers. Raises Unsupported for what is no JSON."""
    _check_json(text)
    stack: list[str | None] = []
    keys: list[str] = []
    expects_key = False
    for found in _TOKEN.finditer(text):
        piece = found[0]
        if piece in "{[":
            stack.append(piece)
            keys.append("")
            expects_key = piece == "{"
        elif piece in "}]":
            stack.pop()
            keys.pop()
            expects_key = False
        elif piece == ",":
            expects_key = bool(stack) and stack[-1] == "{"
        elif piece == ":":
            expects_key = False
        elif expects_key:
            keys[-1] = json.loads(piece)
        elif piece[0] == '"':
            yield Leaf(found.start() + 1, found.end() - 1, _named(keys), "json")
        elif piece[0] in "-0123456789":
            yield Leaf(found.start(), found.end(), _named(keys), "number")


def _named(keys: list[str]) -> Path:
    return tuple(one for one in keys if one)


def _check_json(text: str) -> None:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        raise _unreadable("JSON") from None


_XML = re.compile(
    r"<!--.*?-->|<\?.*?\?>|<!\[CDATA\[(?P<cdata>.*?)\]\]>|</(?P<close>[^>\s]+)\s*>"
    r"|<(?P<open>[^\s/>!?]+)(?P<attributes>(?:[^>\"']|\"[^\"]*\"|'[^']*')*?)(?P<empty>/?)>"
    r"|(?P<text>[^<]+)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"([\w:.-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")


def xml_leaves(text: str) -> Iterator[Leaf]:
    """Texts and attributes. Raises Unsupported for what is no XML, or has a DOCTYPE."""
    names: list[str] = []
    for found in _XML.finditer(text):
        if found["open"]:
            names.append(found["open"].rpartition(":")[2])
            for one in _ATTRIBUTE.finditer(
                text, found.start("attributes"), found.end("attributes")
            ):
                group = 2 if one[2] is not None else 3
                if not one[1].startswith("xmlns"):
                    yield Leaf(one.start(group), one.end(group), (*names, one[1]), "xml")
            if found["empty"]:
                names.pop()
        elif found["close"] and names:
            names.pop()
        elif found["cdata"] is not None:
            yield Leaf(found.start("cdata"), found.end("cdata"), tuple(names), "cdata")
        elif found["text"] is not None and found["text"].strip():
            yield Leaf(found.start(), found.end(), tuple(names), "xml")


def check_xml(body: bytes) -> None:
    """Raises Unsupported for bytes that are no XML the gateway would read."""
    try:
        read_xml(body)
    except GatewayError:
        raise _unreadable("XML") from None


def delimited_leaves(text: str) -> Iterator[Leaf]:
    """The cells under the names of their columns. Raises Unsupported without a header."""
    content = text.encode("latin-1", "replace")  # One byte a character: spans are the same.
    delimiter = rows.delimiter_of(content)
    found = list(rows.rows(content, delimiter)) if delimiter else []
    header = next((one for one in found if _is_header(text, one)), None)
    if header is None:
        raise _unreadable("delimited text with a header")
    names = [text[start:end].strip() for start, end in header.cells]
    for row in found:
        if row.start == header.start:
            continue
        for place, (start, end) in enumerate(row.cells):
            yield Leaf(start, end, (names[place] if place < len(names) else "",), "cell")


def _is_header(text: str, row: rows.Row) -> bool:
    cells = [text[start:end].strip() for start, end in row.cells]
    return (
        len(cells) > 1
        and not any(re.search(r"\d[.,]\d|^\d+$", one) for one in cells)
        and all(cells[:2])
    )


_X12: Final = {
    "N1": {2: "recipientname"}, "N2": {1: "recipientname", 2: "recipientname"},
    "N3": {1: "street", 2: "street"}, "N4": {1: "city", 3: "zip"},
    "PER": {2: "contactname", 4: "telephone", 6: "telephone", 8: "telephone"},
    "G61": {2: "contactname", 4: "telephone"}, "MSG": {1: "note"}, "NTE": {2: "note"},
    "BPR": {7: "routingnumber", 9: "accountnumber", 13: "routingnumber", 15: "accountnumber"},
    "NM1": {3: "lastname", 4: "firstname", 5: "middlename"}, "N9": {3: "note"},
}  # fmt: skip
_EDIFACT: Final = {
    "NAD": {3: "recipientname", 4: "recipientname", 5: "street", 6: "city", 8: "zip"},
    "CTA": {2: "contactname"}, "COM": {1: "telephone"}, "FTX": {4: "note", 5: "note"},
    "FII": {2: "accountnumber"},
}  # fmt: skip


def segment_leaves(text: str) -> Iterator[Leaf]:
    """The elements of X12 and EDIFACT segments that name persons, and all others by their tag."""
    content = text.encode("latin-1", "replace")
    known = _X12 if segments.is_x12(content) else _EDIFACT
    found = False
    for segment in segments.segments(content):
        found = True
        named = known.get(segment.tag, {})
        for place, (start, end) in enumerate(segment.elements, start=1):
            yield Leaf(start, end, (segment.tag, named.get(place, f"{place:02d}")), "element")
    if not found:
        raise _unreadable("an interchange")


_SWIFT: Final = {"25": "iban", "25P": "iban", "86": "note", "NS": "note"}


def swift_leaves(text: str) -> Iterator[Leaf]:
    """The account and the free text of statement messages; in an entry, its second line."""
    content = text.encode("latin-1", "replace")
    found = False
    for tag, _, start, end in swift.fields(content):
        found = True
        begins = start + len(tag) + 2
        if tag == "61":
            # What follows two blanks, or stands on the second line, is the bank's own text.
            line = re.search(r" {2,}(?=\S)|\r\n|\n|\r", text[begins:end])
            if line:
                yield Leaf(begins + line.end(), end, ("61", "note"), "swift")
            continue
        yield Leaf(begins, end, (tag, _SWIFT.get(tag, tag)), "swift")
    if not found:
        raise _unreadable("a statement message")


def _unreadable(what: str) -> Unsupported:
    return Unsupported(f"this cannot be read as {what}", code="unscrubbable")


LEAVES: Final[dict[str, Callable[[str], Iterator[Leaf]]]] = {
    "json": json_leaves,
    "xml": xml_leaves,
    "delimited": delimited_leaves,
    "x12": segment_leaves,
    "edifact": segment_leaves,
    "swift": swift_leaves,
}
"""By the form a payload reads like."""
