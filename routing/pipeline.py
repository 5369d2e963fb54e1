"""The pipeline as one thing: receive → normalise → deduplicate → route → publish."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from canonical.errors import Unavailable
from configuration import ALL_ROLES, Role
from routing.accounts import Accounts
from routing.metrics import Metrics
from routing.normalise import Normaliser
from routing.receive import Receiver
from routing.relay import Publishes, Relay
from routing.router import Router
from routing.spans import Spans, process_spans
from routing.worker import Worker
from store.database import Connection, Database
from store.ids import IdSource, first_id_at
from store.intake import inbox
from store.intake.raw_partitions import ensure_partitions
from store.log import outbox

log = structlog.get_logger(__name__)

ABANDONED = timedelta(hours=1)
"""Parts of a body older than this whose receipt never came are of a process that died."""
LOOKED_BACK = timedelta(days=7)
HOUSEKEEPING_S = 6 * 3600
LETTING_GO_S = 3.0
"""How long a pipeline that ends waits for the store; what it holds is free when its lease ends."""


def process_name() -> str:
    """A name no other process has: what it claims, it claims by it."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSettings:
    """Bounds and intervals of a pipeline, and which part of the work is done here."""

    roles: AbstractSet[Role] = ALL_ROLES
    max_waiting: int = 2000
    lease: timedelta = timedelta(seconds=30)
    sweep_s: float = 1.0


class Pipeline:
    """Receiver, normaliser and relay of one process around one store.

    A part whose role is not this process's stands still: nothing is leased for it, so that what
    it would do is anybody's at once.
    """

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        router: Router,
        publisher: Publishes,
        *,
        spool_folder: Path,
        settings: PipelineSettings | None = None,
        owner: str | None = None,
        spans: Spans | None = None,
    ) -> None:
        settings = settings or PipelineSettings()
        spans = spans or process_spans()
        self._roles = settings.roles
        self.database = database
        self.accounts = accounts
        self.ids = IdSource()
        self.metrics = Metrics()
        self.owner = owner or process_name()
        self.relay = Relay(
            database,
            publisher,
            self.metrics,
            owner=self.owner,
            lease=settings.lease,
            sweep_s=settings.sweep_s,
            spans=spans,
        )
        self.worker = Worker(
            database,
            accounts,
            Normaliser(router, self.ids),
            self.relay,
            self.metrics,
            owner=self.owner,
            lease=settings.lease,
            sweep_s=settings.sweep_s,
            spool_folder=spool_folder,
            spans=spans,
        )
        self.receiver = Receiver(
            database,
            self.ids,
            self.metrics,
            owner=self.owner,
            lease=settings.lease,
            room=self._has_room,
            hand_over=self.worker.hand_over,
            max_waiting=settings.max_waiting,
            spans=spans,
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, *, alone: bool) -> None:
        """Begin to work. `alone`: no other process serves this store, so all leases are void."""
        if alone:
            await self.database.write(inbox.release_all_claims)
            await self.database.write(outbox.release_all_claims)
            await self._clean_up()
        loops = (
            (Role.WORKER, self.worker.run, "normaliser"),
            (Role.RELAY, self.relay.run, "relay"),
            (Role.WORKER, self._keep_house, "housekeeping"),
        )
        self._tasks = [
            asyncio.create_task(run(), name=name)
            for role, run, name in loops
            if role in self._roles
        ]

    def _has_room(self) -> bool:
        return Role.WORKER in self._roles and self.worker.has_room()

    async def _clean_up(self) -> None:
        """Drop what a killed process left half-written: parts without a receipt."""
        now = datetime.now(UTC)
        before, after = first_id_at(now - ABANDONED), first_id_at(now - LOOKED_BACK)
        await self.database.write(
            lambda connection: inbox.drop_orphan_parts(connection, before, after)
        )

    async def _keep_house(self) -> None:
        """What has to be done a few times a day, whether or not anything arrives."""
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            try:
                await self.database.write(
                    lambda connection: ensure_partitions(connection, datetime.now(UTC))
                )
                await self._clean_up()
            except Unavailable as error:
                log.warning("housekeeping is put off", code=error.code)

    async def watch(self) -> None:
        """Return only when a loop ends, raising what ended it.

        A gateway whose normaliser or relay is gone must not go on looking alive.
        """
        if not self._tasks:
            await asyncio.Event().wait()
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            log.critical("a loop ended", loop=task.get_name())
            task.result()

    async def settle(self) -> None:
        """Wait until what was accepted is translated and, where the road is open, published."""
        await self.receiver.drain()
        if Role.WORKER in self._roles:
            self.worker.wake()
            await self.worker.idle()
        if Role.RELAY in self._roles:
            self.relay.wake()
            await self.relay.idle()

    async def drain(self, within_s: float) -> None:
        """Work off what this process holds, for so long at most; the rest waits in the store."""
        try:
            async with asyncio.timeout(within_s):
                await self.receiver.drain()
                if Role.WORKER in self._roles:
                    await self.worker.idle()
                if Role.RELAY in self._roles:
                    await self.relay.idle()
        except TimeoutError:
            log.warning("stopped with work in hand; it is in the store", after_s=within_s)

    async def stop(self) -> None:
        """Let commits in flight end, then stop; what is left waits in the store."""
        try:
            async with asyncio.timeout(LETTING_GO_S):
                await self.receiver.drain()
        except TimeoutError:
            log.warning("the store does not answer; commits in flight are given up")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(LETTING_GO_S):
                await self.relay.finish()
                await self.database.write(self._let_go)
        except (TimeoutError, Unavailable):
            log.warning("leases are not given back; they run out by themselves")

    def _let_go(self, connection: Connection) -> None:
        inbox.release_claims(connection, self.owner)
        outbox.release_claims(connection, self.owner)
