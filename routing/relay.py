"""Relay: from the outbox to the streams, in order, until the road is there again.

The message rows are the outbox. As long as the stream server answers, rows come straight from the
normaliser; when it does not, they stay in the store, and the relay drains them from there, oldest
first, before it takes new ones. A crash between the append and the mark publishes the same
message again under the same id.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Protocol

import structlog

from canonical.errors import Unavailable
from routing.metrics import Metrics
from routing.spans import NO_SPANS, Spans
from store.database import Connection, Database
from store.log import outbox
from store.records import OutboxRow

BATCH = 200
MEMORY_BOUND = 5000
"""Rows kept in memory; past it they are left to the store."""
BACKOFF_S = (0.1, 0.25, 0.5, 1.0, 2.0)
LULL_S = 0.005
"""Without new rows for so long, what was published is marked."""
GIVE_WAY = 3
"""Failures in a row after which nobody is made to wait for the road."""

log = structlog.get_logger(__name__)


class Publishes(Protocol):
    """What the relay needs of the streams."""

    async def publish(self, rows: Sequence[OutboxRow]) -> object:
        """Append all rows in order. Raises Unavailable when the server cannot take them."""


class Relay:
    """Publishes what is pending."""

    def __init__(
        self,
        database: Database,
        publisher: Publishes,
        metrics: Metrics,
        *,
        owner: str,
        lease: timedelta,
        sweep_s: float,
        spans: Spans = NO_SPANS,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._metrics = metrics
        self._spans = spans
        self._owner = owner
        self._lease = lease
        self._sweep_s = sweep_s
        self._waiting: deque[OutboxRow] = deque()
        self._from_store = True
        self._let_go = True
        self._taken_back: set[int] = set()
        self._unmarked: list[int] = []
        self._marking = asyncio.Lock()
        self._swept = 0.0
        self._woken = asyncio.Event()
        self._idle = asyncio.Event()
        self._failures = 0

    @property
    def takes_rows(self) -> bool:
        """Whether rows may come from memory; otherwise they wait in the store."""
        return not self._from_store and len(self._waiting) < MEMORY_BOUND

    def offer(self, rows: Sequence[OutboxRow]) -> None:
        """Publish these next. They must be leased to this process."""
        self._waiting.extend(rows)
        self._idle.clear()
        self._woken.set()

    def wake(self) -> None:
        """There may be something in the store."""
        self._go_back_to_store()
        self._idle.clear()
        self._woken.set()

    async def idle(self) -> None:
        """Wait until memory and store hold nothing this process could publish."""
        await self._idle.wait()

    async def finish(self) -> None:
        """After `run` was cancelled: mark what it published. Raises Unavailable."""
        await self.mark_appended()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            try:
                if not await self._publish_next():
                    await self._rest()
                self._failures = 0
            except Unavailable as error:
                await self._stall(error)

    async def _publish_next(self) -> bool:
        rows = await self._next_rows()
        if not rows:
            return False
        begun = perf_counter()
        await self._publisher.publish(rows)
        self._metrics.appended(rows, begun)
        self._spans.published(rows, begun)
        self._unmarked += [row.row_id for row in rows]
        if self._from_store or len(self._unmarked) >= BATCH:
            await self.mark_appended()
        return True

    async def mark_appended(self) -> None:
        """Take off the outbox what was published.

        Under load once for many batches: until then a crash publishes them again, under the same
        ids, which subscribers drop.
        """
        async with self._marking:
            ids = list(self._unmarked)
            if ids:
                now, begun = datetime.now(UTC), perf_counter()
                await self._database.write(
                    lambda connection: outbox.mark_published(connection, ids, now)
                )
                self._metrics.committed("publish", begun)
                del self._unmarked[: len(ids)]

    async def _next_rows(self) -> Sequence[OutboxRow]:
        if self._from_store:
            rows = await self._claim()
            if rows:
                return rows
            self._leave_store()
        elif self._sweep_is_due() and (orphans := await self._claim()):
            return orphans
        taken = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        self._metrics.relay_backlog.set(len(self._waiting))
        return taken

    async def _claim(self) -> Sequence[OutboxRow]:
        """The oldest rows of the store that nobody holds; first this process lets go of its own."""
        now = datetime.now(UTC)
        let_go, self._let_go = self._let_go, False

        def claim(connection: Connection) -> Sequence[OutboxRow]:
            if let_go:
                outbox.mark_published(connection, unmarked, now)
                outbox.release_claims(connection, self._owner)
            return outbox.claim_outbox(connection, self._owner, now, self._lease, BATCH)

        if let_go:
            # What is in memory is let go of too; whoever claims it next publishes it.
            self._waiting.clear()
        unmarked = list(self._unmarked)
        self._swept = asyncio.get_running_loop().time()
        rows = await self._database.write(claim)
        if let_go:
            self._unmarked.clear()
        if len(rows) == BATCH:
            self._swept = 0.0  # there may be more
        self._taken_back.update(row.row_id for row in rows)
        return rows

    def _go_back_to_store(self) -> None:
        self._from_store = True
        self._let_go = True

    def _leave_store(self) -> None:
        # What was offered while the relay claimed may have been claimed as well.
        self._waiting = deque(row for row in self._waiting if row.row_id not in self._taken_back)
        self._taken_back.clear()
        self._from_store = False

    def _sweep_is_due(self) -> bool:
        return asyncio.get_running_loop().time() - self._swept >= self._sweep_s

    async def _rest(self) -> None:
        if self._waiting or self._from_store:
            return
        self._woken.clear()
        if self._unmarked and await self._woken_within(LULL_S):
            return
        await self.mark_appended()
        if not self._waiting:
            self._idle.set()
            await self._woken_within(self._sweep_s)

    async def _woken_within(self, seconds: float) -> bool:
        # Not wait_for: on Python 3.11 a cancel that meets a wake is lost in it.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self._woken.wait()
        return False

    async def _stall(self, error: Unavailable) -> None:
        self._metrics.publish_failures.inc()
        if self._failures == 0:
            log.warning("relay stalled", code=error.code, reason=str(error))
        delay = BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
        if self._failures >= GIVE_WAY:
            self._idle.set()  # nothing can be published now; whoever waits may go
        self._failures += 1
        self._go_back_to_store()
        await asyncio.sleep(delay)
