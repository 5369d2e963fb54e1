"""What identifies an entry: its content, and the how-manieth such line of the day it is.

Nothing of where a line was reported (file, statement number, page) is part of it, so that a line
in two overlapping statements is one fact. See the README for the reasons.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from datetime import date

from connectors.kit.marks import Marks

_Day = tuple[date, tuple[str, ...]]
"""A day, and what is told of its lines."""


class Occurrences:
    """Counts how often a line has been seen on a day, in some 20 bytes a line."""

    def __init__(self) -> None:
        self._once: dict[_Day, Marks] = {}
        self._again: dict[_Day, Counter[int]] = {}

    def nth(self, day: date, fact: tuple[str, ...], content: str) -> int:
        """The how-manieth time this content (a digest) is told of as this fact on this day."""
        mark = int(content[:16], 16)
        once = self._once.get((day, fact))
        if once is None:
            once = self._once[day, fact] = Marks()
        if once.add(mark):
            return 1
        again = self._again.setdefault((day, fact), Counter())
        again[mark] += 1
        return again[mark] + 1

    def forget_before(self, day: date) -> None:
        """Leave what was seen on earlier days aside: another statement goes on behind it."""
        self._once = {seen: marks for seen, marks in self._once.items() if seen[0] >= day}
        self._again = {seen: marks for seen, marks in self._again.items() if seen[0] >= day}


def digest_of(parts: Iterable[str]) -> str:
    """A digest in which the boundaries between the parts count."""
    text = "".join([f"{len(part)}:{part}" for part in parts])
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
