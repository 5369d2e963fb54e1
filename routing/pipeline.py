"""The pipeline as one thing: receive → normalise → deduplicate → route → publish."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from routing.accounts import Accounts
from routing.metrics import Metrics
from routing.normalise import Normaliser
from routing.receive import Receiver
from routing.relay import Publishes, Relay
from routing.router import Router
from routing.worker import Worker
from store import inbox, outbox
from store.database import Database
from store.ids import IdSource, first_id_at

log = structlog.get_logger(__name__)

ABANDONED = timedelta(hours=1)
"""Parts of a body older than this whose receipt never came are of a process that died."""
LOOKED_BACK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSettings:
    """Bounds and intervals of a pipeline."""

    max_waiting: int = 2000
    lease: timedelta = timedelta(seconds=30)
    sweep_s: float = 1.0


class Pipeline:
    """Receiver, normaliser and relay of one process around one store."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        router: Router,
        publisher: Publishes,
        *,
        spool_folder: Path,
        settings: PipelineSettings | None = None,
    ) -> None:
        settings = settings or PipelineSettings()
        self._spool_folder = spool_folder
        self.database = database
        self.accounts = accounts
        self.ids = IdSource()
        self.metrics = Metrics()
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.relay = Relay(
            database,
            publisher,
            self.metrics,
            owner=self.owner,
            lease=settings.lease,
            sweep_s=settings.sweep_s,
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
        )
        self.receiver = Receiver(
            database,
            self.ids,
            self.metrics,
            owner=self.owner,
            lease=settings.lease,
            room=self.worker.has_room,
            hand_over=self.worker.hand_over,
            max_waiting=settings.max_waiting,
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, *, alone: bool) -> None:
        """Begin to work. `alone`: no other process serves this store, so all leases are void."""
        if alone:
            await self.database.write(inbox.release_all_claims)
            await self.database.write(outbox.release_all_claims)
            await self._clean_up()
        self._tasks = [
            asyncio.create_task(self.worker.run(), name="normaliser"),
            asyncio.create_task(self.relay.run(), name="relay"),
        ]

    async def _clean_up(self) -> None:
        """Drop what a killed process left half-written: parts without a receipt, spool files."""
        now = datetime.now(UTC)
        before, after = first_id_at(now - ABANDONED), first_id_at(now - LOOKED_BACK)
        await self.database.write(
            lambda connection: inbox.drop_orphan_parts(connection, before, after)
        )
        for spool in self._spool_folder.iterdir():
            spool.unlink(missing_ok=True)

    async def watch(self) -> None:
        """Return only when a loop ends, raising what ended it.

        A gateway whose normaliser or relay is gone must not go on looking alive.
        """
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            log.critical("a loop ended", loop=task.get_name())
            task.result()

    async def settle(self) -> None:
        """Wait until what was accepted is translated and, where the road is open, published."""
        await self.receiver.drain()
        self.worker.wake()
        await self.worker.idle()
        self.relay.wake()
        await self.relay.idle()

    async def stop(self) -> None:
        """Let commits in flight end, then stop; what is left waits in the store."""
        await self.receiver.drain()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.database.write(lambda connection: inbox.release_claims(connection, self.owner))
        await self.database.write(lambda connection: outbox.release_claims(connection, self.owner))
