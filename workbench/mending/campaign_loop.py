"""The loop that takes campaigns further, and what else the workbench does by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

import structlog

from canonical.errors import GatewayError, Unavailable
from store.database import Connection
from store.failures import resends
from store.mending import campaigns, reprocessing
from store.mending.campaigns import Campaign
from store.mending.failure_groups import forget_hours, group_ungrouped
from workbench.bench import Bench
from workbench.mending import reprocessing as comparing
from workbench.mending.campaigns import step
from workbench.mending.resolving import resolve_known

LEASE: Final = timedelta(seconds=30)
TIDY_S: Final = 30.0

log = structlog.get_logger(__name__)

Step = Callable[[], Awaitable[bool]]


class Campaigns:
    """Runs the campaigns and reprocessings that nobody else runs; any number of processes may."""

    def __init__(self, bench: Bench, *, owner: str, sweep_s: float = 1.0) -> None:
        self._bench = bench
        self._owner = owner
        self._sweep_s = sweep_s
        self._task: asyncio.Task[None] | None = None
        self._tidied = float("-inf")
        self._looked_at = 0
        """The last failure of which was looked whether it has come through meanwhile."""

    async def start(self) -> None:
        """Begin to work, beside whatever else this process does."""
        self._task = asyncio.create_task(self.run(), name="campaigns")

    async def stop(self) -> None:
        """Stop, and let go of what is leased: anybody may go on at once."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self._bench.database.write(self._let_go)
        except Unavailable:
            return  # The leases end by themselves.

    def _let_go(self, connection: Connection) -> None:
        campaigns.release_claims(connection, self._owner)
        reprocessing.release_claims(connection, self._owner)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                moved = await self.work_once()
            except Unavailable as error:
                log.warning("campaigns stalled", code=error.code, reason=str(error))
                moved = False
            except Exception:
                # Its end would be noticed by nobody: campaigns would just stand still.
                log.exception("campaigns stalled")
                moved = False
            if not moved:
                await asyncio.sleep(self._sweep_s)

    async def work_once(self) -> bool:
        """One step of everything that can go on; whether anything moved. Raises Unavailable."""
        steps: Sequence[Step] = (self._campaigns, self._reprocessings, self._tidy)
        moved = [await each() for each in steps]
        return any(moved)

    async def _campaigns(self) -> bool:
        moved = False
        held = await self._claim(0)
        while held is not None:
            moved = await self._step(held) or moved
            held = await self._claim(held.campaign_id)
        return moved

    async def _claim(self, after: int) -> Campaign | None:
        now = self._bench.now()
        return await self._bench.database.write(
            lambda connection: campaigns.claim_campaign(
                connection, self._owner, now, LEASE, after=after
            )
        )

    async def _step(self, held: Campaign) -> bool:
        """One that cannot go on stops, and says why; the others go on."""
        try:
            return await step(self._bench, held.campaign_id, self._owner)
        except Unavailable:
            raise
        except GatewayError as error:
            why, now = f"{error.code}: {error}"[:300], self._bench.now()
            await self._bench.database.write(
                lambda connection: campaigns.finish(connection, held, "stopped", now, why=why)
            )
            return True

    async def _reprocessings(self) -> bool:
        now = self._bench.now()
        held = await self._bench.database.write(
            lambda connection: reprocessing.claim(connection, self._owner, now, LEASE)
        )
        return held is not None and await comparing.step(self._bench, held, self._owner)

    async def _tidy(self) -> bool:
        """Groups for letters from before, resent deliveries, counts nobody looks at any more."""
        passed = asyncio.get_running_loop().time()
        if passed - self._tidied < TIDY_S:
            return False
        now = self._bench.now()
        write = self._bench.database.write
        grouped = await write(group_ungrouped)
        resolved = await write(lambda connection: resends.resolve_resent(connection, now))
        await write(lambda connection: forget_hours(connection, now))
        known, self._looked_at = await resolve_known(self._bench, self._looked_at)
        if not grouped and not resolved:
            self._tidied = passed
        return bool(grouped or resolved or known)
