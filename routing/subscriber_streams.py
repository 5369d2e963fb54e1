"""One consumer of one group over several streams: FastStream reads, this keeps it reading.

FastStream 0.7 owns connection, subscription and life cycle. Beside it, because it does not do so:
groups are created at the beginning of a stream, entries stay raw until they are parsed one by one,
a refusing server is asked again after a pause, and a subscription whose group vanished is
started again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog
from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.message import FAKE_CONSUMER, RedisBatchStreamMessage
from redis.asyncio import Redis
from redis.asyncio.connection import (
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from canonical.errors import Unavailable
from routing.streams import ANSWER_S_MAX, CONNECT_S_MAX, reachable

BLOCK_MS = 1000
"""How long one read waits for news; shorter than the socket's patience."""
GRACE_S = 15.0
"""How long a stop waits for the batch in hand."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A stream entry as it was read."""

    stream: str
    entry_id: bytes
    fields: dict[bytes, bytes]


OnBatch = Callable[[Sequence[Entry]], Awaitable[None]]
"""Handles the entries of one read, all of one stream, and acknowledges them; does not raise."""


class StreamReader:
    """Reads batches of new entries and hands them over, one batch a stream at a time."""

    def __init__(
        self,
        url: str,
        redis: Redis,
        *,
        group: str,
        consumer: str,
        streams: Sequence[str],
        batch_max: int,
        on_batch: OnBatch,
    ) -> None:
        self._redis = redis
        self._group = group
        self._streams = tuple(streams)
        self._on_batch = on_batch
        self._broker = _broker(url)
        self._subscriptions = [
            self._subscribe(stream, consumer=consumer, batch_max=batch_max) for stream in streams
        ]

    async def start(self) -> None:
        """Create the groups and begin to read. Raises Unavailable; then it can be called again."""
        await self.ensure_groups()
        try:
            with reachable():
                await self._broker.start()
        except Unavailable:
            await self._broker.stop()
            raise

    async def stop(self) -> None:
        """Let the batch in hand end, then stop reading."""
        reads = [task for one in self._subscriptions for task in one.tasks]
        await self._broker.stop()
        # FastStream cancels its reads without waiting for them, and one that was just being sent
        # can miss that: it finds its connection closed and pauses as if the server were gone.
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)

    async def keep_reading(self) -> None:
        """What a watchdog does: create groups that vanished, start subscriptions that stopped.

        A deleted stream or FLUSHALL takes the group along; FastStream then stops the subscription
        for good while everything else looks healthy. Raises Unavailable.
        """
        await self.ensure_groups()
        for subscription in self._subscriptions:
            if not subscription.running:
                log.warning("subscription restarted", group=self._group)
                with reachable():
                    await subscription.start()

    async def ensure_groups(self) -> None:
        """Create the group at the beginning of every stream where it is missing.

        Raises Unavailable.
        """
        for stream in self._streams:
            with reachable():
                try:
                    await self._redis.xgroup_create(stream, self._group, id="0", mkstream=True)
                except ResponseError as error:
                    if not str(error).startswith("BUSYGROUP"):
                        raise
                else:
                    log.info("group created", group=self._group, stream=stream)

    def _subscribe(self, stream: str, *, consumer: str, batch_max: int) -> Any:
        # Not declared by FastStream: it would create a vanished group at the end of the stream.
        source = StreamSub(
            stream,
            group=self._group,
            consumer=consumer,
            batch=True,
            max_records=batch_max,
            polling_interval=BLOCK_MS,
            declare=False,
        )
        subscription = self._broker.subscriber(stream=source)

        @subscription
        async def hand_over(raw: dict[str, Any]) -> None:
            ids, bodies = raw["message_ids"], raw["data"]
            entries = [Entry(stream, *pair) for pair in zip(ids, bodies, strict=True)]
            await self._on_batch(entries)

        return subscription


class _PatientRead:
    """Says that a refusing server is not there.

    FastStream repeats a read at once after any error answer but NOGROUP, thousands of times a
    second while a server is a read-only replica; after a lost connection it pauses.
    """

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().read_response(*args, **kwargs)  # type: ignore[misc]
        except ResponseError as error:
            if str(error).startswith(("NOGROUP", "BUSYGROUP", "UNBLOCKED")):
                raise
            raise RedisConnectionError(f"refused: {error}") from error


class _PatientTcp(_PatientRead, Connection):
    pass


class _PatientTls(_PatientRead, SSLConnection):
    pass


class _PatientUnix(_PatientRead, UnixDomainSocketConnection):
    pass


# FastStream's annotation says TCP; it hands any connection class on to the client's pool.
_CONNECTIONS: dict[str, Any] = {
    "redis": _PatientTcp,
    "rediss": _PatientTls,
    "unix": _PatientUnix,
}


def _broker(url: str) -> RedisBroker:
    return RedisBroker(
        url,
        connection_class=_CONNECTIONS[urlsplit(url).scheme],
        socket_connect_timeout=CONNECT_S_MAX,
        socket_timeout=ANSWER_S_MAX,
        apply_types=False,
        parser=_as_read,
        decoder=_undecoded,
        ack_policy=AckPolicy.MANUAL,
        graceful_timeout=GRACE_S,
        logger=logging.getLogger(__name__),
        log_level=logging.DEBUG,
    )


async def _as_read(raw: Any) -> RedisBatchStreamMessage:
    return RedisBatchStreamMessage(raw_message=raw, body=b"", consumer=FAKE_CONSUMER, group=None)


async def _undecoded(message: RedisBatchStreamMessage) -> Any:
    return message.raw_message
