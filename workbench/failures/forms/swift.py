"""SWIFT text blocks (MT940, MT942 …) by field. Source: SWIFT Standards MT, category 9."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from workbench.failures.forms.lines import Bound, Span, best, candidates

_FIELD = re.compile(rb"^:(\d{2}[A-Z]?):", re.MULTILINE)
_STATEMENT = re.compile(rb"^:(?:60[FM]|61|62[FM]|25P?):", re.MULTILINE)
_FIRST = b"20"


def is_swift(content: bytes) -> bool:
    """Whether this reads like a statement message."""
    head = content[:20_000].replace(b"\r", b"\n")
    return bool(re.search(rb"^:20:", head, re.MULTILINE) and _STATEMENT.search(head))


def fields(content: bytes) -> Iterator[tuple[str, int, int, int]]:
    """(tag, which message from 1, start, end) of each field in its order."""
    # A line ends with CR LF, LF or, in old files, CR alone: as long as one character each.
    found = list(_FIELD.finditer(content.replace(b"\r", b"\n")))
    message = 0
    for place, one in enumerate(found):
        message += one[1] == _FIRST
        end = found[place + 1].start() if place + 1 < len(found) else len(content)
        stop = one.start() + len(content[one.start() : end].rstrip())
        yield one[1].decode(), message, one.start(), stop


def locate(content: bytes, at: str, path: str) -> Span | None:
    """The field of `message[1]/:61:[2]` and `:86:`, or the one it belongs to."""
    return best([_find(content, one) for one in candidates(at, path)])


def _find(content: bytes, path: Sequence[str | int]) -> tuple[Span | None, int]:
    message, tags = _wanted(path)
    matched, count = 0, 0
    furthest: Span | None = None
    for tag, number, start, end in fields(content):
        if message is not None and number != message:
            continue
        if furthest is None and message is not None:
            furthest = Span(start, end, exact=False)
        if matched and tag == tags[0][0] and matched < len(tags):
            break  # the next record begins: this one has no such field
        if matched < len(tags) and tag == tags[matched][0]:
            count += 1
            if count == tags[matched][1]:
                matched, count = matched + 1, 0
                furthest = Span(start, end, exact=matched == len(tags))
                if furthest.exact:
                    return furthest, matched + 1
    if not tags and furthest:
        return Span(furthest.start, furthest.end), 1
    return furthest, matched + (message is not None)


def _wanted(path: Sequence[str | int]) -> tuple[int | None, list[tuple[str, int]]]:
    message: int | None = None
    tags: list[tuple[str, int]] = []
    for place, step in enumerate(path):
        if not isinstance(step, str):
            continue
        following = path[place + 1] if place + 1 < len(path) else None
        number = following if isinstance(following, int) else 1
        if step == "message":
            message = number
        elif not tags or tags[-1][0] != step.strip(":") or isinstance(following, int):
            tags.append((step.strip(":"), number))
    return message, tags


def bounds(content: bytes) -> Iterator[Bound]:
    """One line a field and one for each line it goes on with."""
    tags = {start: tag for tag, _, start, _ in fields(content)}
    for match in re.finditer(rb"[^\r\n]+", content):
        tag = tags.get(match.start(), "")
        yield Bound(match.start(), match.end(), 0 if tag else 1, tag)
