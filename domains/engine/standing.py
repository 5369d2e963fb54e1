"""How far a domain is: what is due, what waits for its cause, what is still to be handed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from domains.engine.tables import due_names, outbox, parked
from store.times import micros


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Counts of one domain."""

    due: int
    """Names to be derived now; deadlines ahead do not count."""
    parked: int
    to_announce: int

    @property
    def is_quiet(self) -> bool:
        """Nothing is left to do but to wait."""
        return not self.due and not self.to_announce


def standing(connection: Connection, domain: str, now: datetime) -> Standing:
    """How far a domain is at this moment."""
    due = select(func.count()).where(
        due_names.c.domain == domain, due_names.c.due_at <= micros(now)
    )
    waiting = select(func.count()).where(parked.c.domain == domain)
    unsaid = select(func.count()).where(outbox.c.domain == domain)
    return Standing(
        due=connection.scalar(due) or 0,
        parked=connection.scalar(waiting) or 0,
        to_announce=connection.scalar(unsaid) or 0,
    )
