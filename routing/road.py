"""The road: a connection that appends only while the stream server is known to have its data.

Beside the streams stands a marker. It goes when the server loses its data, whatever the reason,
and it says so while somebody refills the streams. The connection watches the marker (WATCH), so
that the server itself refuses what would be appended after the marker changed: nothing new can
stand before what is still to be put back, not even when FLUSHALL falls between two batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection

from canonical.errors import Unavailable
from routing.wire import Command, exchange, raise_first, reachable

MARKER: Final = "o2c.gateway:streams"
WHOLE: Final = "whole"
CHANGED: Final = "streams_changed"

# Only what is still ours: another process may have set it since.
_CLEAR: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class Road:
    """One watched connection. Not for several tasks at once."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._connection: AbstractConnection | None = None
        self._expected: bytes | None = None

    @property
    def is_open(self) -> bool:
        """Whether the marker is watched, and was as it was found when that was last heard."""
        return self._connection is not None

    async def look(self) -> str | None:
        """Open the road; returns what the marker says, None when there is no marker.

        Raises Unavailable.
        """
        await self.leave()
        with reachable():
            self._connection = await self._redis.connection_pool.get_connection()  # type: ignore[no-untyped-call]
        answers = await self._exchange(_watch())
        await self._refused(answers, _watch())
        self._expected = cast("bytes | None", answers[-1])
        return None if self._expected is None else self._expected.decode()

    async def still_stands(self) -> bool:
        """Whether the marker is what it was; otherwise the road is closed. Raises Unavailable."""
        answers = await self._exchange(_watch())
        await self._refused(answers, _watch())
        if answers[-1] != self._expected:
            await self.leave()
        return self.is_open

    async def append(self, commands: Sequence[Command]) -> list[object]:
        """Append in one transaction; returns the entry ids, nil where a stream was not there.

        Raises Unavailable when nothing was appended (`streams_changed`: the marker changed, and
        the road is closed until the next `look`), or when it cannot be known.
        """
        return await self._transaction(commands)

    async def mark(self, value: str, *, for_ms: int | None = None) -> None:
        """Set the marker, for so long if a time is given. Raises Unavailable as `append` does."""
        await self.append_marked([], value, for_ms=for_ms)

    async def append_marked(
        self, commands: Sequence[Command], value: str, *, for_ms: int | None = None
    ) -> None:
        """Append and set the marker in one transaction. Raises Unavailable as `append` does."""
        expiry = () if for_ms is None else ("PX", str(for_ms))
        marking = [*commands, ("SET", MARKER, value, *expiry)]
        self._expected = value.encode()
        await self._transaction(marking)

    async def clear(self, value: str) -> None:
        """Take the marker away if it has this value. Raises Unavailable."""
        await self.leave()
        with reachable():
            await self._redis.eval(_CLEAR, 1, MARKER, value)

    async def leave(self) -> None:
        """Close the road."""
        connection, self._connection = self._connection, None
        if connection is not None:
            # Closed, not handed back: somebody else's transaction must not find our WATCH on it.
            await connection.disconnect(nowait=True)
            await self._redis.connection_pool.release(connection)

    async def _transaction(self, commands: Sequence[Command]) -> list[object]:
        sent: list[Command] = [("MULTI",), *commands, ("EXEC",), *_watch()]
        begun, *queued, outcome, _, value = await self._exchange(sent)
        await self._refused([begun, *queued], sent[: len(queued) + 1])
        if outcome is None or value != self._expected:
            await self.leave()
        if outcome is None:
            raise Unavailable("the streams were emptied, or somebody refills them", code=CHANGED)
        answers = outcome if isinstance(outcome, list) else [outcome] * len(commands)
        await self._refused(answers, commands)
        return answers

    async def _refused(self, answers: Sequence[object], commands: Sequence[Command]) -> None:
        """Raise what the first refusal means; after a fail-over the server may be another."""
        try:
            raise_first(answers, commands)
        except Unavailable:
            await self.leave()
            raise

    async def _exchange(self, commands: Sequence[Command]) -> list[object]:
        if self._connection is None:
            raise Unavailable("the road is closed", code=CHANGED)
        try:
            with reachable():
                return await exchange(self._connection, commands)
        except BaseException:
            # Answers nobody read must not become somebody else's.
            await self.leave()
            raise


def _watch() -> list[Command]:
    return [("WATCH", MARKER), ("GET", MARKER)]
