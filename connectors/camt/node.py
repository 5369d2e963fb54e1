"""A record's elements as plain nodes by local name: read once, then looked up cheaply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from connectors.kit.xml import Element, text

_OPEN_CONTENT = "SplmtryData"
"""May hold elements of any namespace, and nothing that is read here."""
_NONE: Mapping[str, Any] = MappingProxyType({})


class Node:
    """One element: its text (empty when it has child elements), attributes and children."""

    __slots__ = ("attributes", "children", "text")

    def __init__(
        self, own_text: str, attributes: Mapping[str, str], children: Mapping[str, list[Node]]
    ) -> None:
        self.text = own_text
        self.attributes = attributes
        self.children = children

    def all(self, *path: str) -> Sequence[Node]:
        """The elements at a path of local names: all of the last step, of all before it."""
        found: Sequence[Node] = (self,)
        for step in path:
            found = [child for node in found for child in node.children.get(step, ())]
        return found

    def first(self, *path: str) -> Node | None:
        """The first element at a path, following the first element of each step."""
        node = self
        for step in path:
            listed = node.children.get(step)
            if listed is None:
                return None
            node = listed[0]
        return node

    def value(self, *path: str) -> str | None:
        """The stripped text at a path; None where there is none."""
        node = self.first(*path)
        return None if node is None else node.text.strip() or None


def node_of(element: Element, prefix: str) -> Node:
    """An element whose namespace, in Clark notation, is `prefix`. Raises Malformed."""
    return _node(element, len(prefix))


def _node(element: Element, cut: int) -> Node:
    items = element.items()
    attributes = dict(items) if items else _NONE
    if not len(element):
        return Node(element.text or "", attributes, _NONE)
    children: dict[str, list[Node]] = {}
    for child in element:
        tag = child.tag
        if isinstance(tag, str) and tag[cut:] != _OPEN_CONTENT:
            children.setdefault(tag[cut:], []).append(_node(child, cut))
    # Only comments and processing instructions inside: they split a text, they do not end it.
    return Node("" if children else text(element), attributes, children or _NONE)
