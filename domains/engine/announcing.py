"""Announcing: what a domain has to tell goes in by the gateway's own front door.

There it is kept, deduplicated, traced and published like everything else. A crash between the two
hands it in again, which is a redelivery.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, select

from domains.engine.tables import outbox
from store.database import Database
from store.statements import among

BATCH: Final = 200

HandIn = Callable[[str, bytes], Awaitable[None]]
"""Hands a body in for a domain; returns when it is durable. Raises Unavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcer:
    """Hands in one domain's announcements, in the order in which they were made."""

    domain: str
    database: Database
    hand_in: HandIn

    async def announce(self) -> int:
        """Hand in a batch; how many that were. Raises Unavailable."""
        waiting = await self.database.read(self._waiting)
        if not waiting:
            return 0
        await asyncio.gather(*(self.hand_in(self.domain, body) for _, body in waiting))
        ids = [number for number, _ in waiting]
        await self.database.write(lambda connection: _strike_off(connection, ids))
        return len(waiting)

    def _waiting(self, connection: Connection) -> list[tuple[int, bytes]]:
        table = outbox.c
        statement = (
            select(table.id, table.body)
            .where(table.domain == self.domain)
            .order_by(table.id)
            .limit(BATCH)
        )
        return [(one.id, one.body.encode()) for one in connection.execute(statement)]


def _strike_off(connection: Connection, ids: list[int]) -> None:
    connection.execute(delete(outbox).where(among(connection, outbox.c.id, ids)))
