"""Subscribers under test: a clock that is told the time, a store that can be away, an effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, text

from canonical.errors import Unavailable
from routing.envelope import Envelope
from routing.retry import RetryPolicy
from routing.subscriber import Subscriber, SubscriberSettings
from store.database import Database
from store.failures.dead_letters import list_dead
from store.records import DeadLetter

T = TypeVar("T")
STREAM = "o2c.order"


@dataclass
class Clock:
    """The time, as far as retries are concerned."""

    now: datetime = datetime(2026, 3, 2, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Outage:
    """A store that takes nothing as long as it is away."""

    database: Database
    away: bool = False
    refused: int = 0

    @property
    def dialect(self) -> str:
        return self.database.dialect

    async def write(self, work: Callable[[Connection], T], /) -> T:
        self._refuse()
        return await self.database.write(work)

    async def read(self, work: Callable[[Connection], T], /) -> T:
        self._refuse()
        return await self.database.read(work)

    async def close(self) -> None:
        await self.database.close()

    def _refuse(self) -> None:
        if self.away:
            self.refused += 1
            raise Unavailable("the store is away")


@dataclass
class Ledger:
    """An effect that shows when it is doubled: a row for each time a message was handled."""

    database: Database
    tried: list[str] = field(default_factory=list)
    """Subjects in the order of the tries, whatever became of them."""

    async def prepare(self) -> None:
        await self.database.write(
            lambda connection: connection.execute(text("CREATE TABLE effects (subject TEXT)"))
        )

    def enter(self, envelope: Envelope, connection: Connection) -> None:
        self.tried.append(envelope.subject)
        connection.execute(
            text("INSERT INTO effects VALUES (:subject)"), {"subject": envelope.subject}
        )

    async def entries(self) -> list[str]:
        return await self.database.read(
            lambda connection: list(
                connection.execute(text("SELECT subject FROM effects")).scalars()
            )
        )

    async def holds(self, count: int) -> bool:
        return len(await self.entries()) == count


@dataclass
class Stage:
    """Everything a test of a subscriber needs."""

    url: str
    database: Database
    ledger: Ledger
    clock: Clock = field(default_factory=Clock)

    def subscriber(
        self,
        name: str = "crm",
        *,
        database: Database | None = None,
        attempts_max: int = 3,
        reclaim_idle_s: float = 3600,
        deliveries_max: int = 3,
        streams: tuple[str, ...] = (STREAM,),
        url: str | None = None,
    ) -> Subscriber:
        return Subscriber(
            name,
            redis_url=url or self.url,
            database=database or self.database,
            streams=streams,
            retry=RetryPolicy(attempts_max=attempts_max, first_s=10),
            settings=SubscriberSettings(
                poll_s=0.02, reclaim_idle_s=reclaim_idle_s, deliveries_max=deliveries_max
            ),
            clock=self.clock,
        )

    async def dead(self) -> list[DeadLetter]:
        return await self.database.read(list_dead)
