"""`gateway republish`: what was published is appended to its streams once more, from the store."""

from __future__ import annotations

import getpass
import json
import os
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any, Final

from redis.asyncio import Redis

from canonical.errors import Malformed
from configuration import Configuration
from routing.republish import Gap, Progress, Refill, StreamsWatch, open_road, publishing_paused
from routing.road import WHOLE, Road
from routing.stream_states import MessageIds, held_message_ids
from routing.streams import stream_name
from routing.trimming import known_streams
from store.access import audit_log
from store.database import Database
from store.ids import MESSAGE, first_id_at, parse_id, show_id
from workbench.operating.tailing import OpenPublisher

OpenStore = Callable[[Configuration], AbstractAsyncContextManager[Database]]

TOLD_EVERY: Final = 10_000
"""Messages between two lines of progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be published again."""

    streams: tuple[str, ...] = ()
    """Empty: every stream."""
    since: str | None = None
    """A time, or the id of a message as `trace` shows it; None: as far back as a refill goes."""
    until: str | None = None
    """Before this; None: all."""
    missing_only: bool = False


async def republish(
    configuration: Configuration,
    open_store: OpenStore,
    open_publisher: OpenPublisher,
    wanted: Wanted,
    *,
    as_json: bool,
) -> None:
    """Append what was published once more, in the order of the log, and print what was done.

    Meanwhile no gateway publishes: what is new waits in the store, and comes behind it. Raises
    Malformed for an impossible stream, time or id, Unavailable when store or streams are away, or
    when somebody refills already (`streams_refilling`).
    """
    wanted = replace(wanted, streams=tuple(stream_name(name) for name in wanted.streams))
    row_id(wanted.since, 0)
    row_id(wanted.until, 0)
    async with open_store(configuration) as store, open_publisher(configuration) as publisher:
        streams = wanted.streams or known_streams(configuration.routes)
        run = _Run(store, publisher.redis, wanted, streams)
        progress = await run.run()
    document = _details(wanted) | _outcome(progress)
    print(json.dumps(document, indent=2) if as_json else _summary(progress))


def row_id(text: str | None, otherwise: int) -> int:
    """The row id a time or an id stands for: the first that can have been made then.

    A date alone is midnight UTC. Raises Malformed.
    """
    if text is None:
        return otherwise
    if text.startswith(f"{MESSAGE}_"):
        return parse_id(MESSAGE, text)
    try:
        if len(text) == len("2026-03-02"):
            return first_id_at(datetime.combine(date.fromisoformat(text), time(tzinfo=UTC)))
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed(
            f"{text[:40]!r} is neither a time (RFC 3339) nor an id (msg_…)", code="bad_time"
        ) from None
    return first_id_at(moment)


class _Run:
    """One run of the command."""

    def __init__(
        self, store: Database, redis: Redis, wanted: Wanted, streams: Sequence[str]
    ) -> None:
        self._store = store
        self._redis = redis
        self._wanted = wanted
        self._streams = streams
        self._actor = getpass.getuser()
        self._owner = f"{self._actor}@{socket.gethostname()}:{os.getpid()}"
        self._progress = Progress()
        self._told = 0

    async def run(self) -> Progress:
        watch = StreamsWatch(self._store, self._redis)
        begin = 0 if self._wanted.since else await watch.begin_of_window()
        behind = max(row_id(self._wanted.since, begin + 1) - 1, 0)
        gaps = [await self._gap(stream, behind) for stream in self._streams]
        road = Road(self._redis)
        await self._note("streams.republish", _details(self._wanted))
        try:
            await self._refill(road, gaps, behind)
        except BaseException:
            self._say_where_to_go_on()
            raise
        finally:
            await road.leave()
            await self._note("streams.republished", _outcome(self._progress))
        return self._progress

    async def _refill(self, road: Road, gaps: Sequence[Gap], behind: int) -> None:
        said = await open_road(road)
        # A loss that was there before is not hidden: the gateway looks for itself afterwards.
        then = WHOLE if said == WHOLE else None

        async def unknown(stream: str) -> Gap | None:
            return None if self._wanted.streams else await self._gap(stream, behind)

        refill = Refill(self._store, road, owner=self._owner, claimed_too=said is None)
        async with publishing_paused(road, self._owner, then=then):
            await refill.run(
                gaps,
                unknown,
                behind=behind,
                until=row_id(self._wanted.until, 0) or None,
                report=self._report,
            )

    async def _gap(self, stream: str, behind: int) -> Gap:
        if not self._wanted.missing_only:
            return Gap(stream, behind, MessageIds())
        return Gap(stream, behind, await held_message_ids(self._redis, stream))

    def _report(self, progress: Progress) -> None:
        self._progress = progress
        if progress.looked_at - self._told >= TOLD_EVERY:
            self._told = progress.looked_at
            print(_summary(progress), file=sys.stderr, flush=True)

    def _say_where_to_go_on(self) -> None:
        if self._progress.last_id:
            print(
                f"{_summary(self._progress)}\nnot finished; go on with --since"
                f" {show_id(MESSAGE, self._progress.last_id)}",
                file=sys.stderr,
                flush=True,
            )

    async def _note(self, action: str, details: dict[str, Any]) -> None:
        target = ", ".join(self._wanted.streams) or "all streams"
        now = datetime.now(UTC)
        await self._store.write(
            lambda connection: audit_log.append_audit(
                connection,
                at=now,
                actor=self._actor,
                action=action,
                target=target,
                details=details,
            )
        )


def _details(wanted: Wanted) -> dict[str, Any]:
    return {
        "streams": list(wanted.streams),
        "since": wanted.since,
        "until": wanted.until,
        "missing_only": wanted.missing_only,
    }


def _outcome(progress: Progress) -> dict[str, Any]:
    return {
        "looked_at": progress.looked_at,
        "appended": progress.appended,
        "without_data": progress.without_data,
        "last": show_id(MESSAGE, progress.last_id) if progress.last_id else None,
    }


def _summary(progress: Progress) -> str:
    last = f", up to {show_id(MESSAGE, progress.last_id)}" if progress.looked_at else ""
    gone = f"; {progress.without_data} no longer kept" if progress.without_data else ""
    return (
        f"{progress.looked_at} published messages looked at,"
        f" {progress.appended} entries appended{last}{gone}"
    )
