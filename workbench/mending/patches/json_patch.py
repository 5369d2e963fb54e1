"""JSON by a rule: only the bytes of the members that change are new."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.kit.json_body import read_json
from workbench.failures.forms.json_form import Member, find, members, root
from workbench.failures.forms.lines import Span, steps
from workbench.mending.patch_rules import JsonRule, Splice, When, spliced

_EVERY = ""
"""The step `[]`: every item of a list."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A member the path leads to, or the object it is missing in."""

    holder: Span
    member: Member | None
    name: str | int


def patch(rule: JsonRule, content: bytes) -> bytes:
    """The document changed. Raises Malformed for what is no JSON, Unsupported without a match."""
    read_json(content)
    whole = root(content)
    assert whole is not None  # noqa: S101 - it was readable
    splices = [
        splice
        for place in _places(content, whole, steps(rule.path))
        if _holds(content, place, rule.when)
        for splice in _changes(rule, content, place)
    ]
    changed = spliced(content, splices)
    read_json(changed)
    return changed


def _places(content: bytes, here: Span, path: Sequence[str | int]) -> Iterator[_Place]:
    if content[here.start : here.start + 1] not in (b"{", b"["):
        return
    step, rest = path[0], path[1:]
    found = [one for one in members(content, here.start) if _is(one, step)]
    if not rest:
        if step != _EVERY:
            yield _Place(here, found[0] if found else None, step)
        return
    for one in found if step == _EVERY else found[:1]:
        yield from _places(content, Span(one.start, one.end), rest)


def _is(member: Member, step: str | int) -> bool:
    if member.key is None:
        return step == _EVERY or step in (member.index, str(member.index))
    return member.key == step and step != _EVERY


def _changes(rule: JsonRule, content: bytes, place: _Place) -> Iterator[Splice]:
    member = place.member
    if rule.asks_old and (member is None or not _equals(_value(content, member), rule.old)):
        return
    if rule.op == "remove":
        if member is not None:
            yield _without(content, place.holder, member)
        return
    new = _new(rule, content, place)
    if new is None:
        return
    if member is not None:
        if content[member.start : member.end] != new:
            yield Splice(member.start, member.end, new)
    elif rule.op != "replace" and content[place.holder.start : place.holder.start + 1] == b"{":
        yield _added(content, place, new)


def _new(rule: JsonRule, content: bytes, place: _Place) -> bytes | None:
    if rule.number is not None:
        return rule.number.encode()
    if rule.source is None:
        return json.dumps(rule.value, ensure_ascii=False).encode()
    source = _look(content, place.holder, rule.source)
    return None if source is None else content[source.start : source.end]


def _look(content: bytes, holder: Span, path: str) -> Member | None:
    """The member at a path from the holder, or with a `/` from the outside."""
    if path.startswith("/"):
        return find(content, steps(path))
    within = find(content[holder.start : holder.end], steps(path))
    if within is None:
        return None
    by = holder.start
    return Member(
        within.key, within.index, within.key_start + by, within.start + by, within.end + by
    )


def _holds(content: bytes, place: _Place, when: When | None) -> bool:
    if when is None:
        return True
    member = _look(content, place.holder, when.path)
    if when.exists is not None:
        return (member is not None) == when.exists
    return member is not None and _equals(_value(content, member), when.equals)


def _value(content: bytes, member: Member) -> Any:
    return json.loads(content[member.start : member.end], parse_float=Decimal)


def _equals(value: Any, expected: Any) -> bool:
    # True is not 1: a rule about a flag is not one about a number.
    return isinstance(value, bool) == isinstance(expected, bool) and bool(value == expected)


def _without(content: bytes, holder: Span, member: Member) -> Splice:
    """The member with one of the commas around it."""
    end = member.end
    while content[end : end + 1].isspace():
        end += 1
    if content[end : end + 1] == b",":
        end += 1
        while content[end : end + 1].isspace():
            end += 1
        return Splice(member.key_start, end, b"")
    start = member.key_start
    while start > holder.start + 1 and content[start - 1 : start].isspace():
        start -= 1
    start -= content[start - 1 : start] == b","
    return Splice(start, member.end, b"")


def _added(content: bytes, place: _Place, new: bytes) -> Splice:
    name = json.dumps(str(place.name), ensure_ascii=False).encode()
    has_others = next(members(content, place.holder.start), None) is not None
    after = place.holder.start + 1
    return Splice(after, after, name + b": " + new + (b", " if has_others else b""))
