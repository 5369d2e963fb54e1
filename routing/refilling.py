"""What the relay publishes through: refills streams that lost their data, then appends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Literal

import structlog
from redis.asyncio import Redis

from canonical.errors import Unavailable
from routing.republish import (
    Gap,
    Progress,
    Refill,
    StreamsWatch,
    open_road,
    publishing_paused,
    utc_now,
)
from routing.road import CHANGED, WHOLE, Road
from routing.stream_metrics import StreamMetrics
from routing.stream_states import entries_added
from routing.streams import append, flat_fields, stream_name
from routing.wire import Command
from store.access import audit_log
from store.database import Connection, Database
from store.ids import MESSAGE, show_id
from store.records import OutboxRow

Settle = Callable[[], Awaitable[None]]
LOOK_S: Final = 1.0
"""How often an idle gateway looks whether the streams still have their data."""

log = structlog.get_logger(__name__)


class RefillingPublisher:
    """Appends message rows, and before that puts back what the streams lost meanwhile.

    What the relay publishes through. With `refill="manual"` a loss is only told.
    """

    def __init__(
        self,
        database: Database,
        redis: Redis,
        *,
        owner: str,
        refill: Literal["auto", "manual"] = "auto",
        metrics: StreamMetrics | None = None,
        watch: StreamsWatch | None = None,
    ) -> None:
        self._database = database
        self._owner = owner
        self._auto = refill == "auto"
        self._metrics = metrics or StreamMetrics()
        self._watch = watch or StreamsWatch(database, redis)
        self._redis = redis
        self._road = Road(redis)
        self._lock = asyncio.Lock()
        self._used: set[str] = set()
        """Streams that are known to be there since the road was opened."""
        self._added: dict[str, int] = {}
        """How many entries they had ever had, when that was last looked at."""
        self._suspects: set[str] = set()
        self._settle: Settle = _nothing

    def settle_first(self, settle: Settle) -> None:
        """Await this before the streams are compared with the store.

        What was appended and is not yet marked as published would be missed by nobody.
        """
        self._settle = settle

    async def publish(self, rows: Sequence[OutboxRow]) -> int:
        """Append every row to each of its destinations, in order; returns the number of entries.

        All or an error: Unavailable says that nothing was appended, or that it is not known, and
        all rows are to be published again. Raises Malformed for an impossible destination.
        """
        streams = {stream_name(stream) for row in rows for stream in row.destinations}
        if not streams:
            return 0
        async with self._lock:
            return await self._publish(rows, streams)

    async def run(self) -> None:
        """Look after the streams until cancelled: an idle gateway refills them too."""
        while True:
            try:
                await self.look_after()
            except Unavailable as error:
                log.debug("streams are not looked after", code=error.code)
            except Exception:
                # Its end would be noticed by nobody before it is too late.
                log.exception("streams are not looked after")
            await asyncio.sleep(LOOK_S)

    async def look_after(self) -> None:
        """See whether the streams still have their data, and refill them. Raises Unavailable."""
        async with self._lock:
            if self._road.is_open and await self._is_as_it_was():
                return
            await self._open()

    async def close(self) -> None:
        """Let go of the connection."""
        async with self._lock:
            await self._road.leave()

    async def _publish(self, rows: Sequence[OutboxRow], streams: set[str]) -> int:
        if self._road.is_open:
            try:
                return await self._append(rows, streams)
            except Unavailable as error:
                if error.code != CHANGED:
                    raise
        await self._open()
        return await self._append(rows, streams)

    async def _append(self, rows: Sequence[OutboxRow], streams: set[str]) -> int:
        commands = [command for row in rows for command in self._appends(row)]
        answers = await self._road.append(commands)
        await self._look_for_gone(commands, answers)
        self._used |= streams
        return len(commands)

    def _appends(self, row: OutboxRow) -> list[Command]:
        fields = flat_fields(row)
        return [
            append(stream, fields, create=stream not in self._used) for stream in row.destinations
        ]

    async def _look_for_gone(self, commands: Sequence[Command], answers: Sequence[object]) -> None:
        """A stream that was there and is not: deleted alone, the marker still stands."""
        gone = {
            command[1] for command, answer in zip(commands, answers, strict=True) if answer is None
        }
        if gone:
            self._suspects |= gone
            await self._road.leave()
            raise Unavailable(f"gone: {', '.join(sorted(gone))}", code=CHANGED)

    async def _is_as_it_was(self) -> bool:
        """Whether the marker stands, and no stream was deleted and made again."""
        if not await self._road.still_stands():
            return False
        for stream in self._used:
            added = await entries_added(self._redis, stream)
            if added < self._added.get(stream, 0):
                self._suspects.add(stream)
            self._added[stream] = added
        return not self._suspects

    async def _open(self) -> None:
        self._used.clear()
        self._added.clear()
        said = await open_road(self._road)
        try:
            await self._settle()
            gaps = await self._watch.lost_streams(
                # Without a marker nobody can append; what others had in hand must be counted.
                owner=self._owner if said is None else None,
                suspects=self._suspects,
            )
            await self._mend(gaps, said)
        except BaseException:
            await self._road.leave()
            raise
        self._suspects.clear()

    async def _mend(self, gaps: Sequence[Gap], said: str | None) -> None:
        for gap in gaps:
            self._metrics.lost.labels(gap.stream).inc()
        streams = sorted(gap.stream for gap in gaps)
        if gaps and self._auto:
            await self._refill(gaps, claimed_too=said is None)
        elif gaps:
            log.error("streams lost their data; gateway republish refills them", streams=streams)
        if not (gaps and self._auto) and said != WHOLE:
            await self._road.mark(WHOLE)

    async def _refill(self, gaps: Sequence[Gap], *, claimed_too: bool) -> None:
        streams = sorted(gap.stream for gap in gaps)
        log.warning("streams lost their data and are refilled from the store", streams=streams)
        refill = Refill(self._database, self._road, owner=self._owner, claimed_too=claimed_too)
        async with publishing_paused(self._road, self._owner, then=WHOLE):
            progress = await refill.run(
                gaps, self._watch.empty_stream, behind=min(gap.behind for gap in gaps)
            )
        self._metrics.refilled.inc(progress.appended)
        log.warning("streams refilled", streams=streams, appended=progress.appended)
        await self._database.write(lambda connection: _note(connection, streams, progress))


async def _nothing() -> None:
    """Of a publisher whose rows are marked as soon as they are appended."""


def _note(connection: Connection, streams: Sequence[str], progress: Progress) -> None:
    audit_log.append_audit(
        connection,
        at=utc_now(),
        actor="gateway",
        action="streams.refill",
        target=", ".join(streams),
        details={"appended": progress.appended, "until": show_id(MESSAGE, progress.last_id)},
    )
