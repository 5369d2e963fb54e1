"""Refilling streams that lost their data from the store, before anything new is appended.

The store is the truth: what it says was published must be on its stream, unless every group had
acknowledged it and it was trimmed. After a loss (FLUSHALL, a server without its file, a replica
that lagged and was promoted) the same messages are appended again, under the same ids and in the
order of the log, so that subscribers' inboxes drop what they had handled.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import structlog
from redis.asyncio import Redis

from canonical.errors import Unavailable
from routing.road import Road
from routing.stream_states import MessageIds, held_message_ids, look_at, newest_message_ids
from routing.streams import append, flat_fields
from routing.wire import Command
from store.database import Database
from store.ids import MESSAGE, first_id_at, show_id
from store.log import published
from store.records import OutboxRow

WINDOW: Final = timedelta(days=7)
"""How far back a refill goes."""
MOST: Final = 800_000
"""How many messages a refill appends at most: below the cap of a stream, and its warning."""
NEWEST: Final = 200
"""How many published messages are looked for on the streams to know whether they lost data."""
PAGE: Final = 500
LEASE_MS: Final = 10_000
"""Who refills says so again with every page; a dead one is forgotten after this."""
REFILLING: Final = "refilling by "

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock where no other is given."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Gap:
    """What a stream has lost: what was published to it behind a row id, but for what it holds."""

    stream: str
    behind: int
    held: MessageIds = field(default_factory=MessageIds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a refill is."""

    looked_at: int = 0
    appended: int = 0
    without_data: int = 0
    """Messages the retention has left nothing of."""
    last_id: int = 0
    """The row id of the last message looked at."""


Report = Callable[[Progress], None]
Unknown = Callable[[str], Awaitable[Gap | None]]
"""What is to be put back of a stream that nobody has looked at yet; None: nothing."""


class StreamsWatch:
    """Compares the streams with what the store says was published."""

    def __init__(
        self,
        database: Database,
        redis: Redis,
        *,
        window: timedelta = WINDOW,
        most: int = MOST,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._redis = redis
        self._window = window
        self._most = most
        self._clock = clock
        self._begin: int | None = None

    async def lost_streams(
        self, *, owner: str | None = None, suspects: Collection[str] = ()
    ) -> list[Gap]:
        """The streams that lost data, and from where on.

        Looked at are those of the last messages published. Suspects were seen to lose data: what
        they do not hold is missing. With an owner, what other processes may just be publishing
        counts as published. Raises Unavailable.
        """
        self._begin = None
        since = first_id_at(self._clock() - self._window)
        newest = await self._database.read(
            lambda connection: published.newest_published(connection, since, NEWEST, owner=owner)
        )
        rows: dict[str, list[published.Published]] = {}
        for row in newest:
            for stream in row.destinations:
                rows.setdefault(stream, []).append(row)
        certain = [await self._all_that_is_missing(stream) for stream in suspects]
        found = [
            await self._gap(stream, of_stream)
            for stream, of_stream in rows.items()
            if stream not in suspects
        ]
        return certain + [gap for gap in found if gap is not None]

    async def empty_stream(self, stream: str) -> Gap | None:
        """All of the window, if there never was an entry on this stream. Raises Unavailable."""
        state = await look_at(self._redis, stream)
        if state is not None and state.last_id != (0, 0):
            return None
        return Gap(stream, await self.begin_of_window())

    async def begin_of_window(self) -> int:
        """The row id behind which the messages lie that a refill appends. Raises Unavailable."""
        if self._begin is None:
            self._begin = await self._look_for_begin()
        return self._begin

    async def _look_for_begin(self) -> int:
        since = first_id_at(self._clock() - self._window)
        most = self._most
        behind = await self._database.read(
            lambda connection: published.id_of_newest(connection, most, since)
        )
        if behind is not None:
            log.warning(
                "more was published than is refilled; the rest with gateway republish --until",
                most=most,
                until=show_id(MESSAGE, behind + 1),
            )
        return max(since - 1, 0) if behind is None else behind

    async def _all_that_is_missing(self, stream: str) -> Gap:
        held = await held_message_ids(self._redis, stream)
        return Gap(stream, await self.begin_of_window(), held)

    async def _gap(self, stream: str, rows: Sequence[published.Published]) -> Gap | None:
        if empty := await self.empty_stream(stream):
            return empty
        on_it = await newest_message_ids(self._redis, stream, 2 * NEWEST)
        if not on_it:
            # Trimmed to nothing, by somebody else: what was there last cannot be known.
            return None
        held = MessageIds()
        for one in on_it:
            held.add(one)
        there = [row.row_id for row in rows if row.message_id in held]
        missing = [row.row_id for row in rows if row.message_id not in held]
        if not missing or (there and max(missing) < min(there)):
            # What is missing is older than what is there: trimmed, or further back.
            return None
        return Gap(stream, min(there) if there else await self._row_before(on_it), held)

    async def _row_before(self, message_ids: Sequence[str]) -> int:
        """The row of the first of these messages that the store knows."""
        for one in message_ids:
            row_id = await self._database.read(partial(published.row_id_of, message_id=one))
            if row_id is not None:
                return row_id
        return await self.begin_of_window()


class Refill:
    """Walks through what was published, in the order of the log, and appends what is missing."""

    def __init__(
        self, database: Database, road: Road, *, owner: str, claimed_too: bool = False
    ) -> None:
        """`claimed_too`: also what other processes have claimed, and may have appended."""
        self._database = database
        self._road = road
        self._marker = REFILLING + owner
        self._except = owner if claimed_too else None

    async def run(
        self,
        gaps: Collection[Gap],
        unknown: Unknown,
        *,
        behind: int,
        until: int | None = None,
        report: Report | None = None,
    ) -> Progress:
        """Fill these gaps from a row id on, and those of streams met on the way.

        The road must be open. Memory is bounded by a page of messages and the ids that the gaps
        hold. Raises Unavailable; then what was appended is appended, and it can be run again.
        """
        known: dict[str, Gap | None] = {gap.stream: gap for gap in gaps}
        progress = Progress(last_id=behind)
        while page := await self._page(progress.last_id, until):
            for stream in {name for row in page.rows for name in row.destinations} - known.keys():
                known[stream] = await unknown(stream)
            commands = [command for row in page.rows for command in _missing(row, known)]
            await self._road.append_marked(commands, self._marker, for_ms=LEASE_MS)
            progress = Progress(
                looked_at=progress.looked_at + len(page.rows) + page.without_data,
                appended=progress.appended + len(commands),
                without_data=progress.without_data + page.without_data,
                last_id=page.last_id,
            )
            if report:
                report(progress)
        return progress

    async def _page(self, behind: int, until: int | None) -> published.Page | None:
        return await self._database.read(
            lambda connection: published.published_page(
                connection, behind, PAGE, until=until, owner=self._except
            )
        )


def _missing(row: OutboxRow, known: dict[str, Gap | None]) -> list[Command]:
    fields: list[str] = []
    commands: list[Command] = []
    for stream in row.destinations:
        gap = known[stream]
        if gap is None or row.row_id <= gap.behind or row.message_id in gap.held:
            continue
        fields = fields or flat_fields(row)
        commands.append(append(stream, fields))
    return commands


@asynccontextmanager
async def publishing_paused(road: Road, owner: str, *, then: str | None) -> AsyncIterator[None]:
    """Keep every gateway from appending meanwhile; afterwards the marker is set to `then`.

    The road must be open. None leaves no marker: the next to publish looks at the streams first.
    Raises Unavailable, also when somebody else refills already.
    """
    ours = REFILLING + owner
    try:
        await road.mark(ours, for_ms=LEASE_MS)
        yield
        if then is not None:
            await road.mark(then)
    except BaseException:
        with suppress(Unavailable):
            await road.clear(ours)
        raise
    if then is None:
        await road.clear(ours)


async def open_road(road: Road) -> str | None:
    """Open the road; returns the marker. Raises Unavailable while somebody refills the streams."""
    said = await road.look()
    if said is not None and said.startswith(REFILLING):
        await road.leave()
        raise Unavailable("the streams are being refilled from the store", code="streams_refilling")
    return said
