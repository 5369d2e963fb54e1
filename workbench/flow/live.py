"""One look at the whole, shared by everybody who watches; none when nobody does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime
from typing import Final, TypeVar

import structlog

from canonical.errors import GatewayError
from domains.exceptions import listing
from routing.stream_states import StreamState, look_at
from routing.trimming import MAX_ENTRIES, known_streams
from store.database import Database
from store.finding import audit, overview
from store.finding.audit import BalanceRow
from transports.running import OpenedHub
from workbench.flow.attention import Beside
from workbench.flow.overview import Overview, build
from workbench.flow.silence import Silent, silent_accounts

EVERY_S: Final = 2.0
SELDOM_S: Final = 60.0
_STREAMS_S: Final = 1.0
_COST: Final = 50.0
"""What is dear is looked at again after so many times as long as it took."""

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Seldom:
    """Something dear that is looked at now and then."""

    def __init__(self, every_s: float = SELDOM_S) -> None:
        self._every_s = every_s
        self._due = float("-inf")
        self._found: object = None

    async def get(self, look: Callable[[], Awaitable[T]]) -> T:
        """What was found last, or a new look when it is time."""
        began = time.monotonic()
        if began >= self._due:
            self._found = await look()
            took = time.monotonic() - began
            self._due = time.monotonic() + max(self._every_s, took * _COST)
        return self._found  # type: ignore[return-value]


class Live:
    """The overview, looked at every two seconds while somebody watches."""

    def __init__(
        self,
        database: Database,
        hub: OpenedHub | None,
        clock: Callable[[], datetime],
        *,
        every_s: float = EVERY_S,
    ) -> None:
        self._database = database
        self._hub = hub
        self._clock = clock
        self._every_s = every_s
        self._lock = asyncio.Lock()
        self._shown: Overview | None = None
        self._looked_at = float("-inf")
        self._audit, self._silent = Seldom(), Seldom()
        self._watchers = 0
        self._changed = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self.looks = 0

    async def now(self) -> Overview:
        """The overview, at most two seconds old. Raises Unavailable."""
        async with self._lock:
            if self._shown is None or time.monotonic() - self._looked_at >= self._every_s:
                self._shown = await self._look()
                self._looked_at = time.monotonic()
            return self._shown

    async def balance(self) -> list[BalanceRow]:
        """Both sides of the audit, at most a minute old, or older where it is dear."""
        found: list[BalanceRow] = await self._audit.get(lambda: self._database.read(audit.balance))
        return found

    async def watch(self) -> AsyncGenerator[Overview | None, None]:
        """Every new look; None when the store does not answer."""
        self._watchers += 1
        if self._loop is None:
            self._loop = asyncio.create_task(self._keep_looking(), name="overview")
        try:
            while True:
                await self._changed.wait()
                yield self._shown
        finally:
            self._watchers -= 1
            if not self._watchers and self._loop is not None:
                self._loop.cancel()
                self._loop = None

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.now()
            except GatewayError:
                self._shown = None
            # Everybody who waits is woken, and waits again for the next one.
            self._changed.set()
            self._changed = asyncio.Event()

    async def _look(self) -> Overview:
        self.looks += 1
        now = self._clock()
        standing, exceptions = await self._database.read(
            lambda connection: (
                overview.standing(connection, now),
                listing.standing(connection, now),
            )
        )
        streams = [] if self._hub is None else await self._streams(self._hub)
        beside = Beside(
            streams=streams,
            max_entries=self._hub.configuration.streams.max_entries if self._hub else MAX_ENTRIES,
            audit=await self.balance(),
            silent=await self._silent.get(self._look_for_silence),
            exceptions=exceptions,
        )
        return build(standing, beside)

    async def _look_for_silence(self) -> list[Silent]:
        now = self._clock()
        heard = await self._database.read(lambda connection: overview.heard(connection, now))
        return silent_accounts(heard, now)

    async def _streams(self, hub: OpenedHub) -> list[StreamState] | None:
        names = known_streams(hub.configuration.routes)
        try:
            async with asyncio.timeout(_STREAMS_S):
                found = [await look_at(hub.publisher.redis, name) for name in names]
        except (GatewayError, TimeoutError):
            return None
        return [one for one in found if one is not None]
