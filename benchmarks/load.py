"""The load generator, a process of its own: `python -m benchmarks.load` with a plan on stdin.

It builds and signs every request first, says `ready`, waits for a line, sends, and says what it
saw as one JSON object. Raw keep-alive sockets and httptools: it must cost little.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import time
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httptools
import uvloop

from benchmarks.payloads import requests

TICK_S = 0.001
STUCK_S = 30.0
"""A request that is not answered for this long ends the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be sent."""

    ports: list[int]
    connections: int
    seconds: float
    first: int
    """Index of the first webhook."""
    most: int
    """How many are built; a closed loop ends when they are used up."""
    rate: float | None
    """Requests a second at an even pace; without it every connection sends as it can."""
    record: str
    """Where (index, sent, answered) go, as doubles of the system's monotonic clock."""


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request on its way."""

    def __init__(self, answered: Callable[[Connection, int], None]) -> None:
        self._answered = answered
        self._parser: Any = None
        self._transport: Any = None
        self.index = 0
        self.asked_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._answered(self, self._parser.get_status_code())

    def ask(self, index: int, asked_at: float, parts: tuple[bytes, bytes]) -> None:
        """Send one request; `asked_at` is when it should have been sent."""
        self.index, self.asked_at = index, asked_at
        self._parser = httptools.HttpResponseParser(self)
        self._transport.writelines(parts)

    def close(self) -> None:
        if self._transport:
            self._transport.abort()


class Run:
    """One run of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._requests = list(requests(plan.first, plan.most))
        self._next = 0
        self._free: deque[Connection] = deque()
        self._due: deque[float] = deque()
        self._open = 0
        self._refused = 0
        self._records = array("d")
        self._until = 0.0
        self._done = asyncio.Event()

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        for number in range(self._plan.connections):
            port = self._plan.ports[number % len(self._plan.ports)]
            _, connection = await loop.create_connection(
                lambda: Connection(self._answered), "127.0.0.1", port
            )
            self._free.append(connection)

    async def go(self) -> dict[str, Any]:
        """Send until the time or the requests are used up and all are answered."""
        before = resource.getrusage(resource.RUSAGE_SELF)
        start = time.monotonic()
        self._until = start + self._plan.seconds
        if self._plan.rate is None:
            while self._free:
                self._send(self._free.popleft(), time.monotonic())
        else:
            await self._pace(start, self._plan.rate)
        await asyncio.wait_for(self._done.wait(), self._plan.seconds + STUCK_S)
        after = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "start": start,
            "asked": self._next,
            "accepted": len(self._records) // 3,
            "refused": self._refused,
            "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        }

    def record(self) -> None:
        """Write what was sent and answered."""
        Path(self._plan.record).write_bytes(self._records.tobytes())

    async def _pace(self, start: float, rate: float) -> None:
        """Even arrivals, on a clock of a millisecond, whether or not answers come."""
        wanted = 0
        while (now := time.monotonic()) < self._until:
            wanted_now = min(int((now - start) * rate) + 1, self._plan.most)
            self._due.extend([now] * (wanted_now - wanted))
            wanted = wanted_now
            while self._due and self._free:
                self._send(self._free.popleft(), self._due.popleft())
            await asyncio.sleep(TICK_S)
        self._end_if_idle()

    def _send(self, connection: Connection, asked_at: float) -> None:
        index = self._next
        self._next += 1
        self._open += 1
        connection.ask(self._plan.first + index, asked_at, self._requests[index])

    def _answered(self, connection: Connection, status: int) -> None:
        now = time.monotonic()
        self._open -= 1
        if status < 300:
            self._records.extend((connection.index, connection.asked_at, now))
        else:
            self._refused += 1
        if self._due:
            self._send(connection, self._due.popleft())
        elif self._plan.rate is None and now < self._until and self._next < self._plan.most:
            self._send(connection, now)
        else:
            self._free.append(connection)
            self._end_if_idle()

    def _end_if_idle(self) -> None:
        over = time.monotonic() >= self._until or self._next >= self._plan.most
        if over and not self._open and not self._due:
            self._done.set()


async def _main() -> None:
    run = Run(Plan(**json.loads(sys.stdin.readline())))
    await run.connect()
    gc.collect()
    gc.freeze()
    gc.disable()
    print("ready", flush=True)
    sys.stdin.readline()
    said = await run.go()
    run.record()
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    uvloop.run(_main())
