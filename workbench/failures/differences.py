"""What differs between two canonical messages, field by field. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any, Final, Literal

from canonical.families import FACT_OF

MOST: Final = 500
_ABSENT: Final = object()
_IDENTITIES: Final = (("line_id",), ("scheme", "value"), ("scheme",))
"""Fields by which items of a list are known; where none fits, their places are compared."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not the same."""

    path: str
    """`lines[line_id=2].unit_price.amount`, `totals.total.amount`, …"""
    kind: Literal["added", "removed", "changed"]
    old: Any
    """None where it was added."""
    new: Any
    """None where it was removed."""
    context: bool = False
    """It says where the fact was reported, not what it is: this alone makes no conflict."""


def differences(old: Any, new: Any, *, most: int = MOST) -> list[Difference]:
    """The differences between two JSON documents, in the order of the old one; at most so many."""
    return list(islice(_between(old, new, ""), most))


def message_differences(
    kind: str, old: str | None, new: str | None, *, most: int = MOST
) -> list[Difference]:
    """The differences between the data of two messages of one type, as JSON texts.

    Data that is no longer kept (None) is as an empty message.
    """
    fact = FACT_OF.get(kind)
    context = fact.CONTEXT if fact else frozenset()
    return [
        Difference(one.path, one.kind, one.old, one.new, _first(one.path) in context)
        for one in differences(document(old), document(new), most=most)
    ]


def document(data: str | None) -> Any:
    """A message's data as a JSON document."""
    return {} if data is None else json.loads(data)


def _first(path: str) -> str:
    return path.split(".", 1)[0].split("[", 1)[0]


def _between(old: Any, new: Any, path: str) -> Iterator[Difference]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        names = [*old, *(name for name in new if name not in old)]
        for name in names:
            here = f"{path}.{name}" if path else str(name)
            yield from _pair(old.get(name, _ABSENT), new.get(name, _ABSENT), here)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _between_lists(old, new, path)
    elif not _same(old, new):
        yield Difference(path, "changed", old, new)


def _same(old: Any, new: Any) -> bool:
    # True is not 1 here, and 1 is not 1.0.
    return type(old) is type(new) and bool(old == new)


def _pair(old: Any, new: Any, path: str) -> Iterator[Difference]:
    if old is _ABSENT:
        yield Difference(path, "added", None, new)
    elif new is _ABSENT:
        yield Difference(path, "removed", old, None)
    else:
        yield from _between(old, new, path)


def _between_lists(old: Sequence[Any], new: Sequence[Any], path: str) -> Iterator[Difference]:
    for names in _IDENTITIES:
        before, after = _by_identity(old, names), _by_identity(new, names)
        if before is not None and after is not None:
            for name in [*before, *(one for one in after if one not in before)]:
                here = f"{path}[{name}]"
                yield from _pair(before.get(name, _ABSENT), after.get(name, _ABSENT), here)
            return
    for place, (one, other) in enumerate(zip_longest(old, new, fillvalue=_ABSENT)):
        yield from _pair(one, other, f"{path}[{place}]")


def _by_identity(items: Sequence[Any], names: tuple[str, ...]) -> dict[str, Any] | None:
    """Items by what names them; None unless all have a name of their own."""
    named: dict[str, Any] = {}
    for item in items:
        if not isinstance(item, Mapping) or any(name not in item for name in names):
            return None
        named[",".join(f"{name}={item[name]}" for name in names)] = item
    return named if len(named) == len(items) else None
