"""How failures look: spans of time in words, sparklines, the colours of states. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

SEVERITY_KINDS: Final = {"critical": "bad", "high": "warn", "normal": "plain", "low": "plain"}
CAMPAIGN_KINDS: Final = {
    "proposed": "info", "running": "info", "paused": "warn", "stopped": "bad",
    "cancelled": "plain", "done": "good",
}  # fmt: skip
ITEM_KINDS: Final = {"released": "info", "succeeded": "good", "failed": "bad", "skipped": "plain"}
EXPECTED_KINDS: Final = {"new": "good", "same": "plain", "differs": "warn", "stale": "plain"}
EXPECTED_WORDS: Final = {
    "new": "would be published",
    "same": "published already, nothing happens",
    "differs": "differs from what was published: a conflict",
    "stale": "older than what is known, kept back",
}
OUTCOME_KINDS: Final = {
    "succeeded": "good", "replayed": "info", "retry_scheduled": "info", "failed": "bad",
    "discarded": "plain",
}  # fmt: skip
_UNITS: Final = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_SOON: Final = timedelta(hours=2)


class Due(NamedTuple):
    """A clock as it is shown."""

    text: str
    kind: str
    at: datetime


def span_text(span: timedelta) -> str:
    """A span of time in its largest unit or two: `3 d 4 h`, `12 min`, `40 s`."""
    rest = abs(int(span.total_seconds()))
    parts: list[str] = []
    for name, size in _UNITS:
        if rest >= size and len(parts) < 2:
            parts.append(f"{rest // size} {name}")
            rest %= size
        elif parts:
            break
    return " ".join(parts) or "0 s"


def due_text(due_at: datetime | None, now: datetime) -> Due | None:
    """How long something may still be open, or for how long it should not be any more."""
    if due_at is None:
        return None
    left = due_at - now
    if left < timedelta(0):
        return Due(f"overdue {span_text(left)}", "bad", due_at)
    return Due(f"due in {span_text(left)}", "warn" if left < _SOON else "plain", due_at)


def pretty_data(data: str) -> str:
    """A message's data over several lines."""
    return json.dumps(json.loads(data, parse_float=str), indent=2, ensure_ascii=False)


def ago(moment: datetime, now: datetime) -> str:
    """How long ago something was."""
    return f"{span_text(now - moment)} ago"


def bars(values: Sequence[int], *, width: int = 96, height: int = 22) -> str:
    """The path of a small bar chart: `d` of an SVG path, one bar a value."""
    most, step = max([*values, 1]), width / max(1, len(values))
    return " ".join(
        f"M{place * step:.1f} {height}h{step - 1:.1f}v-{_bar(value, most, height):.1f}"
        f"h-{step - 1:.1f}z"
        for place, value in enumerate(values)
        if value
    )


def _bar(value: int, most: int, height: int) -> float:
    return max(1.5, height * value / most)


class Apart(NamedTuple):
    """Two texts by what they have in common."""

    before: str
    old: str
    new: str
    after: str


def apart(old: str, new: str) -> Apart:
    """Two texts with their common beginning and end taken off."""
    most = min(len(old), len(new))
    start = next((at for at in range(most) if old[at] != new[at]), most)
    rest = most - start
    tail = next((at for at in range(rest) if old[-1 - at] != new[-1 - at]), rest)
    return Apart(
        old[:start],
        old[start : len(old) - tail],
        new[start : len(new) - tail],
        old[len(old) - tail :],
    )


def by_message(fields: Sequence[str]) -> dict[str, list[str]]:
    """What needs a second person, `key: path` each, by the message it is of."""
    found: dict[str, list[str]] = {}
    for one in fields:
        key, separator, path = one.rpartition(": ")
        found.setdefault(key if separator else "", []).append(path)
    return found


def share(part: int, whole: int) -> int:
    """A part in percent, rounded down; 0 of nothing."""
    return part * 100 // whole if whole else 0


LOOKS: Final[dict[str, Any]] = {
    "span_text": span_text,
    "due_text": due_text,
    "ago": ago,
    "pretty_data": pretty_data,
    "bars": bars,
    "share": share,
    "apart": apart,
    "by_message": by_message,
    "severity_kinds": SEVERITY_KINDS,
    "campaign_kinds": CAMPAIGN_KINDS,
    "item_kinds": ITEM_KINDS,
    "expected_kinds": EXPECTED_KINDS,
    "expected_words": EXPECTED_WORDS,
    "outcome_kinds": OUTCOME_KINDS,
}
"""What templates about failures are given beside their values."""
