"""Entries of consumers that died: taken over one by one, with a cap on how often.

An entry that was read and never acknowledged stays with its consumer. When that consumer is
silent for long, the entry is claimed and tried here; when it was tried too often, it is taken for
the cause of the deaths and goes to the workbench.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, cast

import structlog
from redis.asyncio import Redis

from routing.streams import reachable
from routing.subscriber_streams import Entry

SWEEP_BATCH: Final = 100
CONSUMER_KEPT_MS: Final = 86_400_000
"""A consumer without entries is forgotten after a day of silence."""

# Both steps in one, because forgetting a consumer drops what it has read meanwhile.
_FORGET_SILENT: Final = """
local forgotten = 0
for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #flat, 2 do consumer[flat[i]] = flat[i + 1] end
  if consumer['pending'] == 0 and consumer['idle'] > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer['name'])
    forgotten = forgotten + 1
  end
end
return forgotten
"""

log = structlog.get_logger(__name__)

Treat = Callable[[Entry], Awaitable[None]]
"""Deals with one entry and acknowledges it."""


class Reclaimer:
    """Sweeps a group's streams for entries nobody works on any more."""

    def __init__(
        self, redis: Redis, *, group: str, consumer: str, idle_ms: int, deliveries_max: int
    ) -> None:
        self._redis = redis
        self._group = group
        self._consumer = consumer
        self._idle_ms = idle_ms
        self._deliveries_max = deliveries_max

    async def sweep(self, stream: str, *, again: Treat, poisonous: Treat) -> int:
        """Claim what is idle too long; returns how many entries were dealt with.

        `again` gets an entry for another try, `poisonous` one that was delivered as often as the
        cap allows. Raises Unavailable.
        """
        count = 0
        # What was taken over is idle no longer, so the next answer begins behind it.
        while ids := await self._take_over(stream):
            for entry_id in ids:
                count += await self._deal_with(stream, entry_id, again, poisonous)
        if count:
            log.info("entries reclaimed", group=self._group, stream=stream, count=count)
        await self._forget_silent(stream)
        return count

    async def refresh(self, stream: str, ids: Iterable[bytes]) -> None:
        """Say that these entries are still being worked on here. Raises Unavailable."""
        with reachable():
            await self._redis.xclaim(stream, self._group, self._consumer, 0, list(ids), justid=True)

    async def leave(self, stream: str) -> None:
        """Forget this consumer, if it has nothing pending. Raises Unavailable."""
        with reachable():
            pending = await self._redis.xpending_range(
                stream, self._group, "-", "+", 1, self._consumer
            )
            if not pending:
                await self._redis.xgroup_delconsumer(stream, self._group, self._consumer)

    async def _take_over(self, stream: str) -> list[bytes]:
        # Ids only: that does not count as a delivery. Were a whole batch counted each time one
        # poisonous entry kills its consumer, its neighbours would reach the cap with it.
        with reachable():
            ids: list[bytes] = await self._redis.xautoclaim(
                stream, self._group, self._consumer, self._idle_ms, count=SWEEP_BATCH, justid=True
            )
        return ids

    async def _deal_with(self, stream: str, entry_id: bytes, again: Treat, poisonous: Treat) -> int:
        with reachable():
            pending = cast(
                "list[dict[str, Any]]",
                await self._redis.xpending_range(stream, self._group, entry_id, entry_id, 1),
            )
        if not pending:
            return 0
        over = pending[0]["times_delivered"] >= self._deliveries_max
        with reachable():
            found = cast(
                "list[tuple[bytes, dict[bytes, bytes] | None]]",
                await self._redis.xclaim(stream, self._group, self._consumer, 0, [entry_id]),
            )
        fields = found[0][1] if found else None
        if fields is None:
            # Trimmed away meanwhile: there is nothing left to handle.
            await self._acknowledge(stream, entry_id)
            return 0
        entry = Entry(stream, entry_id, fields)
        await (poisonous if over else again)(entry)
        return 1

    async def _acknowledge(self, stream: str, entry_id: bytes) -> None:
        with reachable():
            await self._redis.xack(stream, self._group, entry_id)

    async def _forget_silent(self, stream: str) -> None:
        with reachable():
            await self._redis.eval(_FORGET_SILENT, 1, stream, self._group, str(CONSUMER_KEPT_MS))
