"""A record's elements by their local names: its structure read once a shape, its texts each time.

A file has a million entries, and a few dozen shapes of them: which elements stand in which, with
which attributes. What follows from the shape alone is found once and kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from html import unescape
from types import MappingProxyType
from typing import Final

from lxml import etree

from connectors.kit.xml import Element

_OPEN_CONTENT = "SplmtryData"
"""May hold elements of any namespace, and nothing that is read here."""
_ATTRIBUTE = re.compile(r"\s([^\s=]+)=(?:\"([^\"]*)\"|'([^']*)')")
_LONGEST_KEPT = 4096
"""Characters of a shape; with the number of those kept it bounds their memory to a few MB."""
_NO_TEXT: Final = -1
"""Place of the text of what has none: behind a record's last tag there is nothing."""
_NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})

Path = tuple[str, ...]


class Paths:
    """Several paths of local names, `A/B`, any of which may lead to a text that is looked for."""

    __slots__ = ("steps",)

    def __init__(self, *paths: str) -> None:
        self.steps: tuple[Path, ...] = tuple(tuple(path.split("/")) for path in paths)


class Node:
    """One element: its text (empty when it has child elements), attributes and children."""

    __slots__ = ("_shape", "_texts")

    def __init__(self, shape: _Shape, texts: Sequence[str]) -> None:
        self._shape = shape
        self._texts = texts

    @property
    def text(self) -> str:
        return self._texts[self._shape.text_at]

    @property
    def attributes(self) -> Mapping[str, str]:
        return self._shape.attributes

    @property
    def names(self) -> Iterable[str]:
        """The local names of its children, each once, in the order of their first ones."""
        return self._shape.children

    def all(self, *path: str) -> Sequence[Node]:
        """The elements at a path of local names: all of the last step, of all before it."""
        found = self._shape.all[path]
        return [Node(shape, self._texts) for shape in found] if found else ()

    def first(self, *path: str) -> Node | None:
        """The first element at a path, following the first element of each step."""
        shape = self._shape.first[path]
        return None if shape is None else Node(shape, self._texts)

    def value(self, *path: str) -> str | None:
        """The stripped text at a path; None where there is none."""
        shape = self._shape.first[path]
        return None if shape is None else self._texts[shape.text_at].strip() or None

    def values(self, paths: Paths) -> list[str]:
        """The stripped texts at the paths that lead to one, in the order of the paths."""
        texts = self._texts
        return [text for place in self._shape.places[paths] if (text := texts[place].strip())]

    def one_of(self, paths: Paths) -> str | None:
        """The first of `values`; None where there is none."""
        for place in self._shape.places[paths]:
            if text := self._texts[place].strip():
                return text
        return None


class Written:
    """Elements as libxml2 writes them: tags, and the text behind each."""

    __slots__ = ("tags", "texts")

    def __init__(self) -> None:
        self.tags: list[str] = []
        self.texts: list[str] = []

    def add(self, element: Element) -> None:
        """Take one more element; comments and instructions in it are left out."""
        text = etree.tostring(element, encoding="unicode", with_tail=False)
        if "<!" in text or "<?" in text:
            # They split a text, they do not end it.
            etree.strip_tags(element, etree.Comment, etree.ProcessingInstruction)
            text = etree.tostring(element, encoding="unicode", with_tail=False)
        # Written by libxml2, `<` and `>` stand around tags and nowhere else.
        pieces = text.replace(">", "<").split("<")
        self.tags += pieces[1::2]
        self.texts += map(unescape, pieces[2::2]) if "&" in text else pieces[2::2]

    def node(self) -> Node:
        """A node with these elements as its children."""
        key = "<".join(self.tags)
        shape = _kept_shape(key) if len(key) <= _LONGEST_KEPT else _shape_of(key)
        return Node(shape, self.texts or [""])


def node_of(element: Element) -> Node:
    """An element that stands, save in open content, in one namespace with all below it."""
    written = Written()
    written.add(element)
    found = written.node().first(_local(written.tags[0]))
    assert found is not None  # noqa: S101 - it has just been written
    return found


class _Shape:
    """What an element has in common with all that are built like it."""

    __slots__ = ("all", "attributes", "children", "first", "places", "text_at")

    def __init__(self, text_at: int, attributes: Mapping[str, str]) -> None:
        self.text_at = text_at
        self.attributes = attributes
        self.children: dict[str, list[_Shape]] = {}
        self.first = _First(self.children)
        self.all = _All(self.children)
        self.places = _Places(self.first)

    def is_parent_of(self, child: _Shape, name: str) -> None:
        """Take a child element; what has any has no text of its own."""
        self.text_at = _NO_TEXT
        if name != _OPEN_CONTENT:
            self.children.setdefault(name, []).append(child)


Children = Mapping[str, "Sequence[_Shape]"]


class _First(dict[Path, "_Shape | None"]):
    """The first elements by their paths, each found when it is first asked for."""

    __slots__ = ("_children",)

    def __init__(self, children: Children) -> None:
        self._children = children

    def __missing__(self, path: Path) -> _Shape | None:
        found: _Shape | None = None
        children = self._children
        for step in path:
            listed = children.get(step)
            found = listed[0] if listed else None
            children = found.children if found else {}
        self[path] = found
        return found


class _All(dict[Path, "Sequence[_Shape]"]):
    """All elements by their paths, found when they are first asked for."""

    __slots__ = ("_children",)

    def __init__(self, children: Children) -> None:
        self._children = children

    def __missing__(self, path: Path) -> Sequence[_Shape]:
        found = self._children.get(path[0], ())
        for step in path[1:]:
            found = [child for shape in found for child in shape.children.get(step, ())]
        self[path] = found
        return found


class _Places(dict[Paths, "Sequence[int]"]):
    """Where the texts at several paths stand, found when they are first asked for."""

    __slots__ = ("_first",)

    def __init__(self, first: _First) -> None:
        self._first = first

    def __missing__(self, paths: Paths) -> Sequence[int]:
        found = [self._first[path] for path in paths.steps]
        places = tuple(shape.text_at for shape in found if shape is not None)
        self[paths] = places
        return places


def _shape_of(key: str) -> _Shape:
    """The shape of an element around these tags."""
    root = _Shape(_NO_TEXT, _NO_ATTRIBUTES)
    opened = [root]
    for place, tag in enumerate(key.split("<") if key else ()):
        if tag.startswith("/"):
            opened.pop()
            continue
        is_empty = tag.endswith("/")
        shape = _Shape(_NO_TEXT if is_empty else place, _attributes(tag))
        opened[-1].is_parent_of(shape, _local(tag))
        if not is_empty:
            opened.append(shape)
    return root


_kept_shape = lru_cache(maxsize=128)(_shape_of)


def _attributes(tag: str) -> Mapping[str, str]:
    if "=" not in tag:
        return _NO_ATTRIBUTES
    return {name: unescape(double or single) for name, double, single in _ATTRIBUTE.findall(tag)}


def _local(tag: str) -> str:
    name = tag.rstrip("/").split(None, 1)[0]
    return name.rpartition(":")[2]


NOTHING: Final = Written().node()
"""A node without anything in it."""
