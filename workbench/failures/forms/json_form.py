"""JSON by its bytes: paths to spans, and one line a member; broken JSON is shown as far as it goes.

Nothing is parsed into values: a document of a million members costs one pass over its tokens.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from workbench.failures.forms.lines import Bound, Line, Span, best, candidates, line, plain_line

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL)
_OPEN, _CLOSE = b"{[", b"}]"
_COMMA, _COLON = b",:"
_LOOKED_INTO = 500
"""Objects that are looked into for a path that does not begin at the outside."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an object, or an item of an array."""

    key: str | None
    index: int
    key_start: int
    """Where the member begins: its key, or the value of an item."""
    start: int
    end: int


def root(content: bytes) -> Span | None:
    """The document's outermost value, as far as it goes."""
    first = _TOKEN.search(content)
    if first is None:
        return None
    if first.group() not in (b"{", b"["):
        return Span(first.start(), first.end())
    return Span(first.start(), _end_of(content, first.start()))


def _end_of(content: bytes, start: int) -> int:
    end = start
    for member in members(content, start):
        end = member.end
    closing = _TOKEN.search(content, end if end > start else start + 1)
    return len(content) if closing is None else closing.end()


def members(content: bytes, start: int) -> Iterator[Member]:
    """What is directly in the object or array that begins at `start`."""
    in_object = content[start : start + 1] == b"{"
    depth, index, key_start, value_start = 0, 0, -1, -1
    key: str | None = None
    for token in _TOKEN.finditer(content, start):
        kind = token.group()
        if kind in (b"{", b"["):
            value_start = token.start() if depth == 1 else value_start
            depth += 1
            continue
        if kind in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                return
            if depth > 1:
                continue
        elif depth != 1 or kind == b":":
            continue
        elif kind == b",":
            key, index = None, index + 1
            continue
        elif in_object and key is None:
            key, key_start = _name(kind), token.start()
            continue
        else:
            value_start = token.start()
        begins = key_start if in_object else value_start
        yield Member(key, index, begins, value_start, token.end())


def _name(token: bytes) -> str:
    try:
        return str(json.loads(token))
    except ValueError:
        return token.decode("utf-8", "replace").strip('"')


def locate(content: bytes, at: str, path: str) -> Span | None:
    """Where a path leads; the innermost object on the way when the rest of it is missing."""
    whole = root(content)
    if whole is None:
        return None
    return best([_follow(content, whole, one) for one in candidates(at, path)], anchored=True)


def find(content: bytes, path: Sequence[str | int]) -> Member | None:
    """The member at an exact path, or None."""
    here = root(content)
    found: Member | None = None
    done = 0
    while here is not None and done < len(path):
        met = _next(content, here, path[done:])
        if met is None:
            return None
        found, used = met
        here, done = Span(found.start, found.end), done + used
    return found


def _follow(content: bytes, here: Span, path: Sequence[str | int]) -> tuple[Span | None, int]:
    done = 0
    while done < len(path):
        met = _next(content, here, path[done:]) or _deeper(content, here, path[done:])
        if met is None:
            # What is missing is missing in here: its beginning is marked.
            return (replace(here, exact=False) if done else None), done
        member, used = met
        here, done = Span(member.start, member.end), done + used
    return (here if path else None), done


def _next(content: bytes, here: Span, path: Sequence[str | int]) -> tuple[Member, int] | None:
    """The member the path goes to, and how many of its steps that took: keys may have dots."""
    if content[here.start : here.start + 1] not in (b"{", b"["):
        return None
    if isinstance(path[0], int):
        for member in members(content, here.start):
            if member.key is None and member.index == path[0]:
                return member, 1
        return None
    wanted = _joined(path)
    met: tuple[Member, int] | None = None
    for member in members(content, here.start):
        used = wanted.get(member.key or "", 0) if member.key is not None else 0
        if not used and member.key is None and str(member.index) == path[0]:
            used = 1
        if used and (met is None or used > met[1]):
            met = member, used
    return met


def _deeper(content: bytes, here: Span, path: Sequence[str | int]) -> tuple[Member, int] | None:
    """The same, inside what is in here: senders wrap what connectors speak of."""
    waiting = deque([here])
    for _ in range(_LOOKED_INTO):
        if not waiting or not isinstance(path[0], str):
            return None
        around = waiting.popleft()
        if content[around.start] not in _OPEN:
            continue
        for member in members(content, around.start):
            inner = Span(member.start, member.end)
            if content[member.start] in _OPEN and len(waiting) < _LOOKED_INTO:
                waiting.append(inner)
                met = _next(content, inner, path) if content[member.start] == _OPEN[0] else None
                if met is not None:
                    return met
    return None


def _joined(path: Sequence[str | int]) -> dict[str, int]:
    wanted: dict[str, int] = {}
    names: list[str] = []
    for step in path:
        if not isinstance(step, str):
            break
        names.append(step)
        wanted[".".join(names)] = len(names)
    return wanted


def bounds(content: bytes) -> Iterator[Bound]:
    """One line a member, and one for each bracket that closes; the depth is its indentation."""
    depth = 0
    in_object: list[bool] = []
    key, is_named = -1, False
    held: Bound | None = None
    for token in _TOKEN.finditer(content):
        kind = content[token.start()]
        if kind == _COMMA:
            held = None if held is None else held._replace(end=token.end())
            continue
        if kind == _COLON:
            is_named = True
            continue
        if held is not None:
            yield held
            held = None
        if kind in _CLOSE:
            depth = max(0, depth - 1)
            in_object = in_object[:-1]
            held = Bound(token.start(), token.end(), depth)
        elif in_object and in_object[-1] and not is_named and kind not in _OPEN:
            key = token.start()
        else:
            begins = key if is_named and key >= 0 else token.start()
            held = Bound(begins, token.end(), depth, "", token.start())
            key, is_named = -1, False
            if kind in _OPEN:
                in_object.append(kind == _OPEN[0])
                depth += 1
    if held is not None:
        yield held


def shown(content: bytes, bound: Bound) -> Line:
    """A member's line: its key, a colon and its value, however they are spaced."""
    made = plain_line(content, bound)
    if bound.value <= bound.start:
        return made
    key = content[bound.start : bound.value].rstrip().removesuffix(b":").rstrip()[:200]
    told = line(content, bound.value, bound.end)
    name = line(key, 0, len(key))
    return replace(
        made,
        text=f"{name.text}: {told.text}",
        left_out=told.left_out,
        lossy=name.lossy or told.lossy,
    )
