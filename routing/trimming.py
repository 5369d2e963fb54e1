"""Trimming streams behind what every group has acknowledged; further only past a cap, loudly.

Streams live in memory, so they cannot grow for ever; and what is trimmed before a group read it is
lost to that group. Both are settled here: entries go when every consumer group that is known has
acknowledged them and they are older than `keep`. When a group is so far behind that a stream
passes its cap, the oldest entries go all the same, and that is an error in the log and a metric;
the store still has them, and `gateway republish` appends them again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from redis.asyncio import Redis

from canonical.errors import Unavailable
from configuration import RouteSettings
from routing.router import FAMILY_STREAM
from routing.stream_metrics import StreamMetrics
from routing.stream_states import EntryId, StreamState, look_at
from routing.wire import reachable

MAX_ENTRIES: Final = 1_000_000
KEEP: Final = timedelta(hours=24)
"""How long acknowledged entries stay, for groups that come later and for people who look."""
WARN_AT: Final = 0.8
EVERY_S: Final = 30.0
AT_ONCE: Final = 10_000
"""Entries a command may trim: the server does nothing else meanwhile."""
NODE: Final = 100
"""Trimming goes by nodes of so many entries, which cost the server next to nothing."""

log = structlog.get_logger(__name__)


def known_streams(routes: Iterable[RouteSettings]) -> tuple[str, ...]:
    """The streams a configuration publishes to: the families' own, and those of the routes."""
    routed = (stream for route in routes for stream in route.to)
    return tuple(dict.fromkeys((*FAMILY_STREAM.values(), *routed)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trimmed:
    """What was done to a stream."""

    stream: str
    acknowledged: int
    """Entries trimmed that every group had acknowledged."""
    unread: int
    """Entries trimmed because the stream was over its cap, before every group had read them."""
    left: int


class Trimmer:
    """Looks after the length of some streams. Any number may do so at the same time."""

    def __init__(
        self,
        redis: Redis,
        streams: Sequence[str],
        *,
        max_entries: int = MAX_ENTRIES,
        keep: timedelta = KEEP,
        every_s: float = EVERY_S,
        metrics: StreamMetrics | None = None,
    ) -> None:
        self._redis = redis
        self._streams = tuple(dict.fromkeys(streams))
        self._max = max_entries
        self._keep = keep
        self._every_s = every_s
        self._metrics = metrics or StreamMetrics()
        self._warned: set[str] = set()

    async def run(self) -> None:
        """Trim now and then, until cancelled."""
        while True:
            try:
                await self.trim_once()
            except Unavailable as error:
                log.info("streams are not trimmed", code=error.code)
            except Exception:
                # Its end would be noticed by nobody before it is too late.
                log.exception("streams are not trimmed")
            await asyncio.sleep(self._every_s)

    async def trim_once(self) -> list[Trimmed]:
        """Trim every stream that is there; what was done. Raises Unavailable."""
        done = []
        for stream in self._streams:
            state = await look_at(self._redis, stream)
            if state is not None:
                done.append(await self._trim(state))
        return done

    async def _trim(self, state: StreamState) -> Trimmed:
        acknowledged = await self._trim_acknowledged(state)
        unread = await self._trim_over_cap(state.name)
        after = await look_at(self._redis, state.name) or state
        self._metrics.entries.labels(state.name).set(after.length)
        self._metrics.waiting.labels(state.name).set(after.waiting)
        self._metrics.fill.labels(state.name).set(after.waiting / self._max)
        self._metrics.trimmed.labels(state.name, "acknowledged").inc(acknowledged)
        self._metrics.trimmed.labels(state.name, "cap").inc(unread)
        if unread:
            self._say_what_was_lost(state, after, unread)
        else:
            self._warn_in_time(after)
        return Trimmed(
            stream=state.name, acknowledged=acknowledged, unread=unread, left=after.length
        )

    # ── trimming ─────────────────────────────────────────────────────────────────────────────────

    async def _trim_acknowledged(self, state: StreamState) -> int:
        floor = state.acknowledged
        if floor is None:
            # Nobody reads it yet: whoever comes is to find everything.
            return 0
        trimmed = await self._trim_below(state.name, min(floor, await self._kept_since()))
        over = state.length - trimmed - self._max
        if over > 0:
            # Room is made of what nobody waits for, oldest first, before it is kept long enough.
            trimmed += await self._trim_some_below(state.name, floor, over + NODE)
        return trimmed

    async def _trim_below(self, stream: str, floor: EntryId) -> int:
        total = 0
        while count := await self._trim_some_below(stream, floor, AT_ONCE):
            total += count
        return total

    async def _trim_some_below(self, stream: str, floor: EntryId, most: int) -> int:
        with reachable():
            count = await self._redis.xtrim(
                stream, minid=f"{floor[0]}-{floor[1]}", approximate=True, limit=most
            )
        return int(count)

    async def _trim_over_cap(self, stream: str) -> int:
        total = 0
        while True:
            with reachable():
                count = await self._redis.xtrim(
                    stream, maxlen=self._max, approximate=True, limit=AT_ONCE
                )
            if not count:
                return total
            total += int(count)

    async def _kept_since(self) -> EntryId:
        # By the server's clock, which made the ids.
        with reachable():
            seconds, micros = await self._redis.time()
        now_ms = seconds * 1000 + micros // 1000
        return max(now_ms - int(self._keep.total_seconds() * 1000), 0), 0

    # ── saying so ────────────────────────────────────────────────────────────────────────────────

    def _warn_in_time(self, state: StreamState) -> None:
        if state.waiting < WARN_AT * self._max:
            self._warned.discard(state.name)
            return
        if state.name in self._warned:
            return
        self._warned.add(state.name)
        log.warning(
            "a stream fills up; at its cap the oldest entries go, read or not",
            stream=state.name,
            waiting=state.waiting,
            cap=self._max,
            behind=_behind(state, state.first),
        )

    def _say_what_was_lost(self, before: StreamState, after: StreamState, count: int) -> None:
        log.error(
            "a stream passed its cap: entries were trimmed that somebody had not read;"
            " gateway republish appends them again",
            stream=after.name,
            trimmed=count,
            cap=self._max,
            behind=_behind(before, after.first),
            since=None if before.first is None else _time(before.first),
            until=None if after.first is None else _time(after.first),
        )


def _behind(state: StreamState, first: EntryId | None) -> list[str]:
    """The groups that had not acknowledged everything before this entry."""
    return [group.name for group in state.groups if first is None or group.floor <= first]


def _time(entry: EntryId) -> str:
    return datetime.fromtimestamp(entry[0] / 1000, UTC).isoformat(timespec="seconds")
