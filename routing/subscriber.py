"""A subscriber of the canonical streams: handlers, and everything they should not care about.

    subscriber = Subscriber("crm-sync", redis_url=url, database=database, streams=["o2c.order"])

    @subscriber.on("o2c.order.placed", "o2c.order.changed")
    def remember(envelope: Envelope, connection: Connection) -> None: ...

    await subscriber.run()

What it promises is written in `docs/streams.md`.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self, TypeVar

import structlog

from canonical.errors import Unavailable, Unsupported
from routing.reclaim import Reclaimer
from routing.retry import RetryPolicy
from routing.spans import Spans
from routing.streams import client, reachable, stream_name
from routing.subscriber_handlers import Call, Effect, Handlers
from routing.subscriber_streams import GRACE_S, Entry, StreamReader
from routing.subscriber_work import Clock, Work, happens
from store.database import Database

START_BACKOFF_S = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)

log = structlog.get_logger(__name__)
H = TypeVar("H", bound=Effect | Call)


def utc_now() -> datetime:
    """The clock of a subscriber that is given no other."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberSettings:
    """Bounds and intervals of a subscriber."""

    batch_max: int = 100
    """Entries read, handled and acknowledged together."""
    poll_s: float = 1.0
    """How often due retries are looked for, and groups looked after."""
    reclaim_idle_s: float = 60.0
    """An entry nobody has worked on for so long is taken over from its consumer."""
    deliveries_max: int = 5
    """An entry delivered so often without an end is poisonous."""


class Subscriber:
    """One named subscriber: a consumer group on its streams and an inbox in its store.

    Any number of processes may run the same subscriber; each message is handled by one of them.
    """

    def __init__(
        self,
        name: str,
        *,
        redis_url: str,
        database: Database,
        streams: Sequence[str],
        retry: RetryPolicy | None = None,
        settings: SubscriberSettings | None = None,
        clock: Clock = utc_now,
        spans: Spans | None = None,
    ) -> None:
        """Traces as the environment says, unless `spans` are given.

        Raises Malformed for an impossible name or stream, or a URL that cannot be read.
        """
        self._name = stream_name(name)
        self._streams = tuple(dict.fromkeys(stream_name(stream) for stream in streams))
        self._settings = settings or SubscriberSettings()
        self._stopping = asyncio.Event()
        self._handlers = Handlers()
        self._work = Work(
            name,
            database,
            self._handlers,
            retry or RetryPolicy(),
            stopping=self._stopping,
            clock=clock,
            spans=spans,
        )
        self._redis = client(redis_url)
        consumer = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._reader = StreamReader(
            redis_url,
            self._redis,
            group=name,
            consumer=consumer,
            streams=self._streams,
            batch_max=self._settings.batch_max,
            on_batch=self._on_batch,
        )
        self._reclaimer = Reclaimer(
            self._redis,
            group=name,
            consumer=consumer,
            idle_ms=int(self._settings.reclaim_idle_s * 1000),
            deliveries_max=self._settings.deliveries_max,
        )
        self._in_hand: dict[str, set[bytes]] = {stream: set() for stream in self._streams}
        self._loops: list[asyncio.Task[None]] = []

    def on(self, *types: str) -> Callable[[H], H]:
        """Handle messages of these types with the decorated function; without types, all others.

        `def handle(envelope, connection)` writes through `connection`, in the same transaction as
        the mark that the message was handled: **exactly one effect a message**, however often it
        is delivered. It must not commit. Let it be short: with SQLite it runs in the thread all
        writes share.

        `async def handle(envelope)` is for effects elsewhere, such as an HTTP call. The mark is
        written after it returned, so a crash between the two repeats the effect: **at least
        once**. Send `envelope.id` along as the idempotency key.

        What a handler raises is retried by the policy; `RetryLater` names the time, Malformed and
        Unsupported give up at once. After the last try the message waits on the workbench.
        """

        def register(function: H) -> H:
            self._handlers.add(types, function)
            return function

        return register

    async def run(self) -> None:
        """Start, and return after `stop`, SIGINT or SIGTERM, when the batch in hand has ended."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError, RuntimeError, ValueError):
                # Not possible off the main thread; then `stop` is the only way to end.
                loop.add_signal_handler(number, self._stopping.set)
        try:
            await self.start()
            await self._stopping.wait()
        finally:
            await self.stop()

    async def start(self) -> None:
        """Begin to read; waits, for ever if need be, for a stream server that is not there."""
        attempt = 0
        while not self._stopping.is_set():
            try:
                await self._reader.start()
                break
            except Unavailable as error:
                delay_s = START_BACKOFF_S[min(attempt, len(START_BACKOFF_S) - 1)]
                attempt += 1
                log.warning("waiting for the stream server", subscriber=self._name, code=error.code)
                await happens(self._stopping, delay_s)
        poll_s, idle_s = self._settings.poll_s, self._settings.reclaim_idle_s
        self._loops = [
            self._every(poll_s, self._reader.keep_reading, "watchdog"),
            self._every(poll_s, self.retry_due, "retries"),
            self._every(idle_s / 4, self._refresh_in_hand, "refresh"),
            self._every(idle_s / 2, self.reclaim, "reclaim"),
        ]

    async def stop(self) -> None:
        """Let the batch in hand end, then stop. What is not acknowledged is reclaimed later."""
        self._stopping.set()
        # The loops first: a watchdog would start again what is being stopped.
        await self._end_loops()
        await self._reader.stop()
        with suppress(Unavailable):
            for stream in self._streams:
                await self._reclaimer.leave(stream)
        await self._redis.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def retry_due(self) -> int:
        """Try again what is due now; returns how many messages that were. Done by itself too."""
        count = due = await self._work.handle_due()
        while due and not self._stopping.is_set():
            due = await self._work.handle_due()
            count += due
        return count

    async def reclaim(self) -> int:
        """Take over what dead consumers left; returns how many entries. Done by itself too."""
        return sum(
            [
                await self._reclaimer.sweep(stream, again=self._again, poisonous=self._poisonous)
                for stream in self._streams
            ]
        )

    # ── entries ──────────────────────────────────────────────────────────────────────────────────

    async def _on_batch(self, entries: Sequence[Entry]) -> None:
        in_hand = self._in_hand[entries[0].stream]
        ids = [entry.entry_id for entry in entries]
        in_hand.update(ids)
        try:
            await self._work.handle_entries(entries)
            await self._acknowledge(entries[0].stream, ids)
        except Unavailable as error:
            log.warning("left pending", subscriber=self._name, count=len(ids), code=error.code)
        finally:
            in_hand.difference_update(ids)

    async def _again(self, entry: Entry) -> None:
        await self._on_batch([entry])

    async def _poisonous(self, entry: Entry) -> None:
        error = Unsupported(
            "whoever handles this entry does not survive it: it was delivered"
            f" {self._settings.deliveries_max} times and never acknowledged",
            code="poisonous",
        )
        await self._work.bury(entry, error)
        await self._acknowledge(entry.stream, [entry.entry_id])

    async def _acknowledge(self, stream: str, ids: Sequence[bytes]) -> None:
        with reachable():
            await self._redis.xack(stream, self._name, *ids)

    async def _refresh_in_hand(self) -> None:
        for stream, ids in self._in_hand.items():
            if ids:
                await self._reclaimer.refresh(stream, tuple(ids))

    async def _end_loops(self) -> None:
        loops, self._loops = self._loops, []
        if loops:
            _, late = await asyncio.wait(loops, timeout=GRACE_S)
            for loop in late:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)

    # ── loops ────────────────────────────────────────────────────────────────────────────────────

    def _every(
        self, seconds: float, step: Callable[[], Awaitable[object]], name: str
    ) -> asyncio.Task[None]:
        async def repeat() -> None:
            while not await happens(self._stopping, seconds):
                try:
                    await step()
                except Unavailable as error:
                    log.warning("paused", subscriber=self._name, loop=name, code=error.code)
                except Exception:
                    # A loop that ended silently would be a promise that ended silently.
                    log.exception("failed", subscriber=self._name, loop=name)

        return asyncio.create_task(repeat(), name=f"{self._name} {name}")
