"""What an edit changes in the canonical messages, message by message. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Final

from workbench.failures.differences import Difference, message_differences
from workbench.failures.dry_runs import DryRun, TriedFact

MOST_MESSAGES: Final = 50
MOST_DIFFERENCES: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A message before and after an edit."""

    before: TriedFact | None
    after: TriedFact | None
    differences: tuple[Difference, ...]
    """Field by field, where there is one on both sides."""

    @property
    def fact(self) -> TriedFact:
        """The message, as it would be or was."""
        fact = self.after or self.before
        assert fact is not None  # noqa: S101 - one of them is there
        return fact


def compare(before: DryRun, after: DryRun) -> list[Compared]:
    """The messages that change first, then what stays; at most fifty."""
    old = {one.message.key: one for one in before.facts}
    new = {one.message.key: one for one in after.facts}
    pairs = [_compared(old.get(key), new.get(key)) for key in dict.fromkeys([*old, *new])]
    changed = [one for one in pairs if _changes(one)]
    return list(islice([*changed, *(one for one in pairs if not _changes(one))], MOST_MESSAGES))


def _compared(old: TriedFact | None, new: TriedFact | None) -> Compared:
    found: list[Difference] = []
    if old is not None and new is not None:
        found = message_differences(
            new.message.type, old.message.data, new.message.data, most=MOST_DIFFERENCES
        )
    return Compared(before=old, after=new, differences=tuple(found))


def _changes(one: Compared) -> bool:
    return one.before is None or one.after is None or bool(one.differences)
