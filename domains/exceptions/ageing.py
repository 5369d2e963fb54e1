"""Ageing: what has been open for 7, 14 and 30 days is escalated, by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection, select, update

from canonical.errors import Unavailable
from domains.exceptions.listing import standing
from domains.exceptions.metrics import ExceptionMetrics
from domains.exceptions.stored import LEVELS, Happened, StoredException, add_history, stored
from domains.exceptions.tables import exceptions
from store.database import Database
from store.statements import among, is_state
from store.times import micros

EVERY_S: Final = 60.0
A_STEP: Final = 200
"""Exceptions escalated in one transaction."""

log = structlog.get_logger(__name__)


def age(connection: Connection, now: datetime, limit: int = A_STEP) -> list[StoredException]:
    """Escalate open exceptions that have reached a level, oldest first; at most `limit`.

    Returns them as they are now. One that was overlooked for long goes to its highest level at
    once. Processes may do this at the same time: each takes what no other has in hand.
    """
    found: list[StoredException] = []
    for level in sorted(LEVELS, reverse=True):
        if len(found) < limit:
            found += _escalate(connection, level, now, limit - len(found))
    return found


def _escalate(
    connection: Connection, level: int, now: datetime, limit: int
) -> list[StoredException]:
    table = exceptions.c
    lower = [0, *(one for one in LEVELS if one < level)]
    statement = (
        select(exceptions)
        .where(
            is_state(table.state, "open"),
            table.escalated.in_(lower),
            table.opened_at <= micros(now - timedelta(days=level)),
        )
        .order_by(table.opened_at, table.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    due = [stored(one) for one in connection.execute(statement)]
    if not due:
        return []
    ids = [one.exception_id for one in due]
    connection.execute(
        update(exceptions)
        .where(among(connection, table.id, ids))
        # Not a new revision: nobody's form is out of date because of it.
        .values(escalated=level)
    )
    entries = [
        Happened(
            exception_id=one.exception_id,
            action="escalated",
            detail={"from": one.escalated, "to": level},
        )
        for one in due
    ]
    add_history(connection, entries, now)
    return [replace(one, escalated=level) for one in due]


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ageing:
    """The loop that ages exceptions; any number of processes may run it."""

    database: Database
    metrics: ExceptionMetrics
    clock: Callable[[], datetime] = _utc_now
    every_s: float = EVERY_S

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            began = time.monotonic()
            more = await self.step()
            if not more:
                await asyncio.sleep(max(1.0, self.every_s - (time.monotonic() - began)))

    async def step(self) -> bool:
        """Escalate what is due, and count what is open; whether there may be more to do at once."""
        now = self.clock()
        try:
            due = await self.database.write(lambda connection: age(connection, now))
            counts = await self.database.read(lambda connection: standing(connection, now))
        except Unavailable as error:
            log.info("exceptions are not aged", code=error.code)
            return False
        except Exception as error:  # noqa: BLE001 - it must go on, and say so
            # What an error says may quote a message.
            log.error("exceptions are not aged", error=type(error).__name__)  # noqa: TRY400
            return False
        self._tell(due)
        self.metrics.show(counts)
        return len(due) == A_STEP

    def _tell(self, due: Sequence[StoredException]) -> None:
        for one in due:
            log.warning(
                "an exception is escalated",
                domain=one.domain,
                kind=one.kind,
                owner=one.owner,
                days=one.escalated,
                assigned=one.assigned_to is not None,
            )
            self.metrics.escalated.labels(one.domain, one.owner, str(one.escalated)).inc()
