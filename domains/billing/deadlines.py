"""Deadlines: which have passed, and which is the nearest still ahead."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class Deadlines:
    """Asked about deadlines, it remembers those ahead, for the next derivation."""

    now: datetime
    ahead: set[datetime] = field(default_factory=set)

    def passed(self, moment: datetime) -> bool:
        if self.now >= moment:
            return True
        self.ahead.add(moment)
        return False

    @property
    def next(self) -> datetime | None:
        return min(self.ahead, default=None)
