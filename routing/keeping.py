"""Keeping the streams: what publishes to them, refills them and trims them, for one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Literal

from redis.asyncio import Redis

from configuration import RouteSettings
from routing.refilling import RefillingPublisher
from routing.stream_metrics import StreamMetrics
from routing.trimming import MAX_ENTRIES, Trimmer, known_streams
from store.database import Database


@asynccontextmanager
async def kept_streams(
    database: Database,
    redis: Redis,
    routes: Iterable[RouteSettings],
    *,
    owner: str,
    metrics: StreamMetrics,
    refill: Literal["auto", "manual"] = "auto",
    max_entries: int = MAX_ENTRIES,
    publishes: bool = True,
) -> AsyncIterator[RefillingPublisher]:
    """What the relay publishes through; the streams are looked after until this is left.

    `owner` is the name under which this process claims messages. A process that publishes nothing
    (`publishes=False`) leaves the streams to those that do.
    """
    publisher = RefillingPublisher(database, redis, owner=owner, refill=refill, metrics=metrics)
    trimmer = Trimmer(redis, known_streams(routes), max_entries=max_entries, metrics=metrics)
    loops = [
        asyncio.create_task(run(), name=name)
        for run, name in ((publisher.run, "streams watch"), (trimmer.run, "trimmer"))
        if publishes
    ]
    try:
        yield publisher
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        await publisher.close()
