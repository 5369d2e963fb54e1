"""Looking at a stream: how long it is, how far its groups are, which messages it holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from routing.wire import reachable

EntryId = tuple[int, int]
"""Milliseconds since 1970 by the stream server's clock, and a counter."""

IDS_AT_ONCE: Final = 1000

# Only the ids leave the server: the entries may be a thousand times as large.
_MESSAGE_IDS: Final = """
local last, ids = '', {}
for _, entry in ipairs(redis.call(ARGV[1], KEYS[1], ARGV[2], ARGV[3], 'COUNT', ARGV[4])) do
  last = entry[1]
  local fields = entry[2]
  for i = 1, #fields, 2 do
    if fields[i] == 'id' then ids[#ids + 1] = fields[i + 1]; break end
  end
end
return {last, ids}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupState:
    """How far one consumer group is."""

    name: str
    consumers: int
    pending: int
    """Read and not acknowledged."""
    unread: int | None
    """Not read yet; None where the server cannot tell (after entries were deleted)."""
    floor: EntryId
    """It has acknowledged everything before this entry."""

    @property
    def waiting(self) -> int | None:
        """What it has not acknowledged."""
        return None if self.unread is None else self.unread + self.pending


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState:
    """A stream as it stands."""

    name: str
    length: int
    last_id: EntryId
    """Of the last entry there ever was; (0, 0) where there never was one."""
    first: EntryId | None
    """The first entry that is there."""
    bytes: int
    """Memory it takes, by the server's estimate."""
    groups: tuple[GroupState, ...]

    @property
    def acknowledged(self) -> EntryId | None:
        """Every group has acknowledged everything before this entry; None without groups."""
        return min((group.floor for group in self.groups), default=None)

    @property
    def waiting(self) -> int:
        """Entries that some group has not acknowledged; without groups all of them."""
        counts = [self.length if one.waiting is None else one.waiting for one in self.groups]
        return min(max(counts, default=self.length), self.length)


def entry_id(raw: bytes) -> EntryId:
    """An entry id as the server writes it, as numbers that can be compared."""
    ms, _, counter = raw.decode().partition("-")
    return int(ms), int(counter or 0)


async def look_at(redis: Redis, stream: str) -> StreamState | None:
    """The stream's state; None where there is no such stream. Raises Unavailable."""
    with reachable():
        try:
            found: dict[str, Any] = await redis.xinfo_stream(stream)
        except ResponseError as error:
            if "no such key" in str(error):
                return None
            raise
        groups = await redis.xinfo_groups(stream)
        size = await redis.memory_usage(stream)
    first = found["first-entry"]
    return StreamState(
        name=stream,
        length=found["length"],
        last_id=entry_id(found["last-generated-id"]),
        first=entry_id(first[0]) if first else None,
        bytes=size or 0,
        groups=tuple([await _group(redis, stream, group) for group in groups]),
    )


async def entries_added(redis: Redis, stream: str) -> int:
    """How many entries the stream ever had; 0 where there is none, or the server does not count.

    Raises Unavailable.
    """
    with reachable():
        try:
            found: dict[str, Any] = await redis.xinfo_stream(stream)
        except ResponseError as error:
            if "no such key" in str(error):
                return 0
            raise
    return int(found.get("entries-added", 0))


async def newest_message_ids(redis: Redis, stream: str, count: int) -> list[str]:
    """The message ids of the last entries, newest first. Raises Unavailable."""
    _, ids = await _message_ids(redis, stream, ("XREVRANGE", "+", "-"), count)
    return ids


async def message_ids(redis: Redis, stream: str) -> AsyncIterator[list[str]]:
    """The message ids of all entries in their order, some at a time. Raises Unavailable."""
    begin = "-"
    while True:
        last, ids = await _message_ids(redis, stream, ("XRANGE", begin, "+"), IDS_AT_ONCE)
        if not last:
            return
        yield ids
        begin = f"({last}"


class MessageIds:
    """A set of message ids that takes some 20 bytes for each."""

    def __init__(self) -> None:
        self._buckets: defaultdict[bytes, bytearray] = defaultdict(bytearray)

    def add(self, message_id: str) -> None:
        """What is not an id of ours is left aside: it is never asked for."""
        try:
            raw = UUID(message_id).bytes
        except ValueError:
            return
        if not _holds(bucket := self._buckets[raw[:2]], raw):
            bucket += raw

    def __contains__(self, message_id: str) -> bool:
        raw = UUID(message_id).bytes
        return raw[:2] in self._buckets and _holds(self._buckets[raw[:2]], raw)

    def __len__(self) -> int:
        return sum(len(bucket) for bucket in self._buckets.values()) // 16


async def held_message_ids(redis: Redis, stream: str) -> MessageIds:
    """The ids of all messages on the stream. Raises Unavailable."""
    held = MessageIds()
    async for ids in message_ids(redis, stream):
        for one in ids:
            held.add(one)
    return held


def _holds(bucket: bytearray, raw: bytes) -> bool:
    place = bucket.find(raw)
    while place % 16 and place != -1:
        place = bucket.find(raw, place + 1)
    return place != -1


async def _group(redis: Redis, stream: str, group: dict[str, Any]) -> GroupState:
    floor = entry_id(group["last-delivered-id"])
    if group["pending"]:
        with reachable():
            summary = await redis.xpending(stream, group["name"])
        if summary["pending"]:
            floor = min(floor, entry_id(summary["min"]))
    return GroupState(
        name=group["name"].decode("utf-8", "replace"),
        consumers=group["consumers"],
        pending=group["pending"],
        unread=group.get("lag"),
        floor=floor,
    )


async def _message_ids(
    redis: Redis, stream: str, reading: tuple[str, str, str], count: int
) -> tuple[str, list[str]]:
    with reachable():
        answer = await redis.eval(_MESSAGE_IDS, 1, stream, *reading, str(count))
    last, ids = cast("tuple[bytes, list[bytes]]", answer)
    return last.decode(), [one.decode("utf-8", "replace") for one in ids]
