"""Two payloads line by line, as people read them: what is taken out and what is put in. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice
from typing import Final, Literal

from workbench.failures.locating import MOST_LINES, view

CONTEXT: Final = 3
MOST_SHOWN: Final = 400


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line of the comparison."""

    kind: Literal["same", "removed", "added", "skipped"]
    number: int
    """In the payload it stands in, from 1; of skipped lines, how many."""
    text: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class LineDifferences:
    """What differs, with a few lines around it."""

    lines: tuple[ShownLine, ...]
    more: bool
    """Whether there is more than was looked at or is shown."""


def line_differences(old: bytes, new: bytes) -> LineDifferences:
    """Compare the first 1,000 lines of each, in the form each of them has."""
    before, after = (view(one, offset=0, limit=MOST_LINES) for one in (old, new))
    # The depth belongs to a line: what moves a level down is not the same.
    texts = [[(one.depth, one.text) for one in each.lines] for each in (before, after)]
    matcher = SequenceMatcher(None, texts[0], texts[1], autojunk=False)
    shown = list(islice(_told(matcher, texts[0], texts[1]), MOST_SHOWN + 1))
    more = before.more or after.more or len(shown) > MOST_SHOWN
    return LineDifferences(tuple(shown[:MOST_SHOWN]), more)


def _told(
    matcher: SequenceMatcher[tuple[int, str]],
    old: list[tuple[int, str]],
    new: list[tuple[int, str]],
) -> Iterator[ShownLine]:
    reached = 0
    for group in matcher.get_grouped_opcodes(CONTEXT):
        if (skipped := group[0][1] - reached) > 0:
            yield ShownLine("skipped", skipped, "")
        for tag, from_old, to_old, from_new, to_new in group:
            if tag == "equal":
                yield from _lines("same", old, from_old, to_old)
                continue
            yield from _lines("removed", old, from_old, to_old)
            yield from _lines("added", new, from_new, to_new)
        reached = group[-1][2]
    if reached and (skipped := len(old) - reached) > 0:
        yield ShownLine("skipped", skipped, "")


def _lines(
    kind: Literal["same", "removed", "added"], texts: list[tuple[int, str]], start: int, end: int
) -> Iterator[ShownLine]:
    for number in range(start, end):
        depth, text = texts[number]
        yield ShownLine(kind, number + 1, text, depth)
