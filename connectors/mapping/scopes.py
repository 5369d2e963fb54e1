"""Records as a mapping sees them: a place where paths are looked up, inside a larger one.

A path is a tuple of steps: one column of a CSV file, member names of JSON, local names of XML with
`@name` for an attribute. A value is text, a whole number, a Decimal or a truth value; None stands
for absent, null and blank alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from canonical.errors import Malformed
from connectors.kit import xml

Path = tuple[str, ...]
Value = str | int | Decimal | bool
ROWS = "rows"
"""The list of rows in a group of a CSV file."""


class Scope(Protocol):
    """A record, or a part of one that repeats."""

    @property
    def account(self) -> str: ...
    @property
    def parent(self) -> Scope | None: ...
    @property
    def position(self) -> int:
        """Which one of its list it is, from 1."""
        ...

    def value(self, path: Path) -> Value | None:
        """The value at a path. Raises Malformed where there is no single value."""
        ...

    def within(self, path: Path) -> Sequence[Scope] | None:
        """The scopes of a list; None: there is no list. Raises Malformed for something else."""
        ...


@dataclass(frozen=True, slots=True)
class RowScope:
    """A row of a CSV file."""

    cells: Mapping[str, str]
    account: str
    position: int = 1
    parent: Scope | None = None

    def value(self, path: Path) -> Value | None:
        return self.cells.get(path[0], "").strip() or None

    def within(self, path: Path) -> Sequence[Scope] | None:
        del path
        return None


@dataclass(frozen=True, slots=True)
class GroupScope:
    """Rows of a CSV file that belong together; a value is what all of them agree on."""

    rows: tuple[Mapping[str, str], ...]
    account: str
    position: int = 1
    parent: Scope | None = None

    def value(self, path: Path) -> Value | None:
        said = {row.get(path[0], "").strip() for row in self.rows}
        if len(said) > 1:
            raise Malformed(
                "the rows of one group differ in this column", code="rows_disagree", path=path[0]
            )
        return said.pop() or None

    def within(self, path: Path) -> Sequence[Scope]:
        del path
        return [
            RowScope(row, self.account, number, self) for number, row in enumerate(self.rows, 1)
        ]


@dataclass(frozen=True, slots=True)
class JsonScope:
    """A JSON value."""

    document: Any
    account: str
    position: int = 1
    parent: Scope | None = None

    def value(self, path: Path) -> Value | None:
        found = reached(self.document, path)
        if isinstance(found, str):
            return found.strip() or None
        if found is None or isinstance(found, int | Decimal):
            return found
        raise Malformed("not a single value", code="unexpected_type", path="/".join(path))

    def within(self, path: Path) -> Sequence[Scope] | None:
        found = reached(self.document, path)
        if found is None:
            return None
        if not isinstance(found, list):
            raise Malformed("not a list", code="unexpected_type", path="/".join(path))
        return [JsonScope(one, self.account, number, self) for number, one in enumerate(found, 1)]


def reached(document: Any, path: Path) -> Any:
    """What is at the end of a path; None where a step leads nowhere."""
    for step in path:
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document


@dataclass(frozen=True, slots=True)
class XmlScope:
    """An element; namespaces are not looked at below it."""

    element: xml.Element
    account: str
    position: int = 1
    parent: Scope | None = None

    def value(self, path: Path) -> Value | None:
        steps, attribute = (
            (path[:-1], path[-1][1:]) if path[-1:] and path[-1][0] == "@" else (path, "")
        )
        found = self._elements(steps)
        if len(found) > 1:
            raise Malformed("there are several", code="several_values", path="/".join(path))
        if not found:
            return None
        said = found[0].get(attribute, "") if attribute else xml.text(found[0])
        return str(said).strip() or None

    def within(self, path: Path) -> Sequence[Scope] | None:
        found = self._elements(path)
        # XML has no empty list: without an item nobody knows whether there was to be one.
        return (
            None
            if not found
            else [XmlScope(one, self.account, number, self) for number, one in enumerate(found, 1)]
        )

    def _elements(self, steps: Path) -> list[xml.Element]:
        if not steps:
            return [self.element]
        return self.element.findall("/".join([f"{{*}}{step}" for step in steps]))
