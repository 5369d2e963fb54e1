"""The shape of a payload: which fields it has, whatever is in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from canonical.errors import GatewayError
from connectors.kit.json_body import read_json
from connectors.kit.xml import Element, local, read_xml

MOST_PATHS = 5000
"""A payload with more fields than this has no shape worth comparing."""
DEEPEST = 40


def paths_of(body: bytes) -> frozenset[str] | None:
    """The field paths of a JSON or XML document: `line_items[].price`, `Stmt/Ntry/Amt/@Ccy`.

    None for any other format, and for a document that cannot be read.
    """
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    try:
        if start in (b"{", b"["):
            return _bounded(_json_paths(read_json(body), "", 0))
        if start == b"<":
            root = read_xml(body)
            return _bounded(_xml_paths(root, local(root), 0))
    except GatewayError:
        return None
    return None


def unknown_paths(body: bytes, known: frozenset[str]) -> list[str]:
    """The topmost fields of a payload that are not among the known ones, in order."""
    found = paths_of(body) or frozenset()
    new = sorted(found - known)
    return [path for path in new if not any(_is_below(path, other) for other in new)]


def _json_paths(value: Any, path: str, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            below = f"{path}.{name}" if path else name
            yield below
            yield from _json_paths(inner, below, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _json_paths(inner, f"{path}[]", depth + 1)


def _xml_paths(element: Element, path: str, depth: int) -> Iterator[str]:
    yield path
    if depth > DEEPEST:
        return
    for name in element.attrib:
        yield f"{path}/@{str(name).rpartition('}')[2]}"
    for inner in element.iterchildren("*"):
        yield from _xml_paths(inner, f"{path}/{local(inner)}", depth + 1)


def _is_below(path: str, other: str) -> bool:
    return path != other and path.startswith(other) and path[len(other)] in ".[/"


def _bounded(paths: Iterator[str]) -> frozenset[str]:
    found: set[str] = set()
    for path in paths:
        found.add(path)
        if len(found) > MOST_PATHS:
            return frozenset()
    return frozenset(found)
