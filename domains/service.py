"""A domain at work: a subscriber of the public streams, and the loop that settles what is due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection

from canonical.errors import Unavailable
from canonical.families import FAMILY_OF
from domains.contract import Domain, Rules
from domains.engine.announcing import Announcer, HandIn
from domains.engine.filing import file_fact
from domains.engine.settling import Settler, raised_where
from domains.engine.standing import standing
from domains.installed import Installed
from domains.metrics import DomainMetrics
from routing.envelope import Envelope
from routing.router import FAMILY_STREAM
from routing.subscriber import Subscriber, SubscriberSettings
from store.database import Database
from store.finding import following
from store.ids import IdSource

IDLE_S: Final = 0.5
"""How often a domain looks for what has become due when nothing arrives."""
LOOK_S: Final = 5.0
"""How often what is due and what waits is counted."""

Clock = Callable[[], datetime]

log = structlog.get_logger(__name__)


def utc_now() -> datetime:
    """The clock of a domain that is given no other."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a domain's service needs of the gateway."""

    database: Database
    redis_url: str
    hand_in: HandIn
    owner: str
    rules: Rules
    metrics: DomainMetrics
    lease_s: float = 30.0
    """After so long another process takes over what a dead one had in hand."""
    clock: Clock = utc_now


class DomainService:
    """Runs one domain; any number of processes may run the same."""

    def __init__(self, installed: Installed, around: Surroundings) -> None:
        self._domain = installed.domain
        self._around = around
        self._ids = IdSource()
        self._looked = float("-inf")
        owner = f"{around.owner}:{installed.domain.name}"
        self._owner = owner
        self._settler = Settler(
            domain=installed.domain,
            tables=installed.tables,
            rules=around.rules,
            database=around.database,
            owner=owner,
            ids=self._ids,
            lease=timedelta(seconds=around.lease_s),
        )
        self._announcer = Announcer(
            domain=installed.domain.name, database=around.database, hand_in=around.hand_in
        )
        self._subscriber = Subscriber(
            f"domain-{installed.domain.name}",
            redis_url=around.redis_url,
            database=around.database,
            streams=streams_of(installed.domain),
            clock=around.clock,
            settings=SubscriberSettings(reclaim_idle_s=around.lease_s),
        )
        self._subscriber.on(*sorted(installed.domain.listens))(self._file)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._subscriber.start())
                group.create_task(self._settle())
        finally:
            await self._subscriber.stop()
            await self._let_go()

    def _file(self, envelope: Envelope, connection: Connection) -> None:
        file_fact(connection, self._domain, envelope, self._ids, self._around.clock())

    async def _settle(self) -> None:
        while True:
            if not await self._turn():
                await asyncio.sleep(IDLE_S)

    async def _turn(self) -> bool:
        """One step of settling and announcing; whether there was anything to do."""
        try:
            settled = await self._settler.settle(self._around.clock())
            announced = await self._announcer.announce()
            await self._tell(settled, announced)
        except Unavailable as error:
            log.info("a domain waits", domain=self._domain.name, code=error.code)
            return False
        except Exception as error:  # noqa: BLE001 - it must go on, and say so
            # What an error says may quote a message.
            log.error(  # noqa: TRY400
                "a domain stumbled", domain=self._domain.name, error=raised_where(error)
            )
            return False
        return bool(settled or announced)

    async def _tell(self, settled: int, announced: int) -> None:
        """Counts for whoever watches; the gauges every few seconds."""
        metrics, name = self._around.metrics, self._domain.name
        metrics.settled.labels(name).inc(settled)
        metrics.announced.labels(name).inc(announced)
        if time.monotonic() - self._looked < LOOK_S:
            return
        self._looked = time.monotonic()
        now = self._around.clock()
        found = await self._around.database.read(lambda connection: standing(connection, name, now))
        metrics.due.labels(name).set(found.due)
        metrics.parked.labels(name).set(found.parked)

    async def _let_go(self) -> None:
        try:
            await self._around.database.write(
                lambda connection: following.let_go(connection, self._owner)
            )
        except Unavailable:
            log.info("a lease is not given back; it runs out", domain=self._domain.name)


def streams_of(domain: Domain) -> list[str]:
    """The streams of the families a domain listens to."""
    return sorted({FAMILY_STREAM[FAMILY_OF[kind]] for kind in domain.listens})
