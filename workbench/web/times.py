"""Times as people type them into a filter."""

from __future__ import annotations

from datetime import UTC, datetime

from canonical.errors import Malformed


def a_time(text: str, path: str) -> datetime | None:
    """A date, or a date and a time; without a zone it is UTC. None for nothing.

    Raises Malformed (`bad_time`).
    """
    plain = text.strip().replace(" ", "T")
    if not plain:
        return None
    try:
        found = datetime.fromisoformat(plain)
    except ValueError:
        raise Malformed(
            f"{text[:40]!r} is no time; write 2026-03-02 or 2026-03-02 14:30",
            code="bad_time",
            path=path,
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
