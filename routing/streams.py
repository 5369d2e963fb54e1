"""Streams: appending to them in pipelines, reading along, and asking how far groups are."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from canonical.errors import Malformed
from routing.envelope import Envelope, OutboxRow, entry_fields, parse_entry
from routing.wire import Command, exchange, raise_first, reachable

__all__ = [
    "STREAM_NAME",
    "GroupLag",
    "Publisher",
    "append",
    "appends",
    "client",
    "flat_fields",
    "reachable",
    "stream_name",
]

STREAM_NAME: Final = re.compile(r"[a-z0-9_.:-]{1,100}")
CONNECT_S_MAX: Final = 3.0
ANSWER_S_MAX: Final = 10.0
TAIL_BATCH: Final = 100
TAIL_BLOCK_MS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLag:
    """How far one consumer group of a stream is."""

    group: str
    consumers: int
    pending: int
    """Read and not acknowledged yet."""
    behind: int | None
    """Not read yet; None where the server cannot tell (after entries were deleted)."""


def client(url: str) -> Redis:
    """A client for `redis://`, `rediss://` or `unix://`, with bounded waits and no hidden retries.

    It answers bytes. Raises Malformed for a URL it cannot read (not quoted: it may hold a
    password).
    """
    try:
        made: Redis = Redis.from_url(
            url,
            socket_connect_timeout=CONNECT_S_MAX,
            socket_timeout=ANSWER_S_MAX,
            health_check_interval=30,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError:
        raise Malformed(
            "the stream server's URL cannot be read", code="bad_streams_url", path="streams.url"
        ) from None
    return made


def stream_name(name: str) -> str:
    """This name, if it may be a stream's. Raises Malformed."""
    if not STREAM_NAME.fullmatch(name):
        raise Malformed(
            "a stream's name has 1 to 100 characters of a-z 0-9 _ . : -", code="bad_stream_name"
        )
    return name


class Publisher:
    """Appends message rows to their streams, and looks at streams."""

    def __init__(self, redis: Redis, *, url: str = "") -> None:
        self._redis = redis
        self.url = url
        """Where the server is, for whoever needs a connection of its own."""

    @property
    def redis(self) -> Redis:
        """The client it talks through."""
        return self._redis

    async def ping(self) -> None:
        """Raises Unavailable when the server does not answer."""
        with reachable():
            await self._redis.ping()

    async def publish(self, rows: Sequence[OutboxRow]) -> int:
        """Append every row to each of its destinations, in order; returns the number of entries.

        All or an error: when anything could not be appended, Unavailable is raised and all rows
        are to be published again; what was appended twice has the same id twice. Raises Malformed
        for a destination that cannot be a stream's name, before anything is appended.
        """
        commands = [command for row in rows for command in appends(row)]
        if not commands:
            return 0
        with reachable():
            answers = await self._pipelined(commands)
        raise_first(answers, commands)
        return len(commands)

    async def _pipelined(self, commands: Sequence[Command]) -> list[object]:
        pool = self._redis.connection_pool
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            return await exchange(connection, commands)
        except BaseException:
            # Answers nobody read must not become somebody else's.
            await connection.disconnect(nowait=True)
            raise
        finally:
            await pool.release(connection)

    async def lengths(self, streams: Iterable[str]) -> dict[str, int]:
        """How many entries each stream holds; 0 for one that does not exist.

        Raises Unavailable.
        """
        names = [stream_name(name) for name in streams]
        with reachable():
            async with self._redis.pipeline(transaction=False) as pipeline:
                for name in names:
                    pipeline.xlen(name)
                return dict(zip(names, await pipeline.execute(), strict=True))

    async def lag(self, stream: str) -> list[GroupLag]:
        """How far each consumer group of the stream is. Raises Unavailable."""
        with reachable():
            try:
                groups = await self._redis.xinfo_groups(stream_name(stream))
            except ResponseError as error:
                if "no such key" in str(error):
                    return []
                raise
        return [
            GroupLag(
                group=group["name"].decode(),
                consumers=group["consumers"],
                pending=group["pending"],
                behind=group.get("lag"),
            )
            for group in groups
        ]

    async def tail(
        self, stream: str, *, start: str = "$", follow: bool = True
    ) -> AsyncIterator[tuple[str, Envelope]]:
        """The stream's entries as (entry id, message): new ones (`$`), all (`0`), or behind an id.

        Without `follow` it ends where the stream ends now. Raises Unavailable, or Malformed at an
        entry that is not a message.
        """
        position = start if start != "$" else await self._last_id(stream_name(stream))
        while True:
            entries = await self._read_behind(stream_name(stream), position, wait=follow)
            if not entries and not follow:
                return
            for entry_id, fields in entries:
                position = entry_id.decode()
                yield position, parse_entry(fields)

    async def _read_behind(
        self, stream: str, position: str, *, wait: bool
    ) -> list[tuple[bytes, dict[bytes, bytes]]]:
        with reachable():
            answer = await self._redis.xread(
                {stream: position}, count=TAIL_BATCH, block=TAIL_BLOCK_MS if wait else None
            )
        streams = cast("list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]", answer or [])
        return [entry for _, entries in streams for entry in entries]

    async def _last_id(self, stream: str) -> str:
        # A fixed position instead of `$`, which would skip what comes between two reads.
        with reachable():
            newest = cast(
                "list[tuple[bytes, dict[bytes, bytes]]]",
                await self._redis.xrevrange(stream, count=1),
            )
        return newest[0][0].decode() if newest else "0"


def appends(row: OutboxRow) -> Iterator[tuple[str, ...]]:
    """The commands that append a row to each of its destinations.

    Raises Malformed for a destination that cannot be a stream's name.
    """
    fields = flat_fields(row)
    for destination in row.destinations:
        yield append(destination, fields)


def flat_fields(row: OutboxRow) -> list[str]:
    """The fields of a row's entry, each name before its value."""
    return [part for pair in entry_fields(row).items() for part in pair]


def append(stream: str, fields: Sequence[str], *, create: bool = True) -> tuple[str, ...]:
    """The command that appends an entry; without `create` only to a stream that is there.

    Raises Malformed for an impossible stream.
    """
    options = () if create else ("NOMKSTREAM",)
    return ("XADD", stream_name(stream), *options, "*", *fields)
