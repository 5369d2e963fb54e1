"""The followers: traffic by minute and the blocks search reads, kept up behind the pipeline.

They read what is committed and write little, one process at a time, and rest four times as long as
they work. Search and overview look at what they have not reached themselves.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import structlog

from canonical.errors import GatewayError, Unavailable
from store.database import Connection, Database
from store.finding import following, search, traffic
from workbench.finding.search_blocks import block_of

SEARCH: Final = "search"
LEASE: Final = timedelta(seconds=30)
SWEEP_S: Final = 5.0
TIDY_S: Final = 300.0
_REST: Final = 4.0
"""How long it rests for each second it works: a fifth of a processor at the most."""

log = structlog.get_logger(__name__)


class Followers:
    """Keeps traffic and search up; any number of processes may have one."""

    def __init__(
        self,
        database: Database,
        *,
        owner: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sweep_s: float = SWEEP_S,
    ) -> None:
        self._database = database
        self._owner = owner
        self._clock = clock
        self._sweep_s = sweep_s
        self._tidied = float("-inf")

    async def run(self) -> None:
        """Follow until cancelled."""
        try:
            while True:
                rest = await self._turn()
                await asyncio.sleep(rest)
        finally:
            await self._let_go()

    async def _turn(self) -> float:
        began = time.monotonic()
        try:
            moved = await self.follow_once()
        except Unavailable as error:
            log.info("followers wait for the store", code=error.code)
            return self._sweep_s
        except Exception as error:  # noqa: BLE001 - search is no reason to end a gateway
            # What an error says may quote a message.
            log.warning("followers stumbled", error=type(error).__name__)
            return self._sweep_s
        took = time.monotonic() - began
        return took * _REST if moved else max(self._sweep_s, took * _REST)

    async def follow_once(self) -> bool:
        """One step of each; whether there is more to do at once. Raises Unavailable."""
        moved = [await self._traffic(name) for name in traffic.FOLLOWED]
        moved.append(await self._search())
        await self._tidy()
        return any(moved)

    async def _claim(self, name: str) -> int | None:
        now = self._clock()
        return await self._database.write(
            lambda connection: following.claim(connection, name, self._owner, now, LEASE)
        )

    async def _traffic(self, name: str) -> bool:
        held = await self._claim(name)
        if held is None:
            return False
        until = self._clock() - traffic.SETTLED
        read = partial(traffic.FOLLOWED[name], after=held, until=until)
        found = await self._database.read(read)
        if found.position == held:
            return False

        def add(connection: Connection) -> bool:
            if not following.move(connection, name, self._owner, held, found.position):
                return False
            traffic.add_traffic(connection, found.tallies)
            return True

        return await self._database.write(add) and not found.whole

    async def _search(self) -> bool:
        held = await self._claim(SEARCH)
        if held is None:
            return False
        now = self._clock()
        rows = await self._database.read(
            lambda connection: search.to_summarise(connection, held, now)
        )
        if len(rows) < search.BLOCK_ROWS:
            return await self._look_for_late_ones(held)
        block = await asyncio.to_thread(block_of, rows)

        def put(connection: Connection) -> bool:
            if not following.move(connection, SEARCH, self._owner, held, block.last_id):
                return False
            search.put_block(connection, block)
            return True

        return await self._database.write(put)

    async def _look_for_late_ones(self, held: int) -> bool:
        """Messages that came in behind the mark: a store was away while they were under way."""
        behind = await self._database.read(search.late_block)
        if behind is None:
            return False

        def go_back(connection: Connection) -> bool:
            if not following.move(connection, SEARCH, self._owner, held, behind):
                return False
            search.drop_blocks_behind(connection, behind)
            return True

        return await self._database.write(go_back)

    async def _tidy(self) -> None:
        passed = time.monotonic()
        if passed - self._tidied < TIDY_S:
            return
        self._tidied = passed
        now = self._clock()
        await self._database.write(search.forget_blocks)
        await self._database.write(lambda connection: traffic.forget_traffic(connection, now))

    async def _let_go(self) -> None:
        try:
            await self._database.write(lambda connection: following.let_go(connection, self._owner))
        except GatewayError:
            return  # The leases end by themselves.
