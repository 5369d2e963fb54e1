"""A small HTTP server that plays the other system, so that nothing of the way is pretended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Call:
    """A request as it arrived."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Any) -> Reply:
        return cls(body=json.dumps(document).encode())


class Vendor:
    """Orders by id, in pages of two; `failing` answers come first, one a call."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.calls: list[Call] = []
        self.failing: list[Reply] = []
        self.token = "token-1"
        self.url = ""
        self.held: asyncio.Event | None = None
        """Set: pages after the first wait for it."""
        self.waiting = asyncio.Event()

    def sell(self, *ids: str, version: int = 1) -> None:
        for one in ids:
            self.orders[one] = {"id": one, "version": version}

    def called(self, path: str) -> list[Call]:
        return [one for one in self.calls if one.path == path]

    async def answer(self, call: Call) -> Reply:
        self.calls.append(call)
        if self.failing:
            return self.failing.pop(0)
        if call.headers.get("authorization") != f"Bearer {self.token}":
            return Reply(401)
        if call.path == "/orders":
            return await self._page(call)
        order = self.orders.get(call.path.removeprefix("/orders/"))
        return Reply.of(order) if order else Reply(404)

    async def _page(self, call: Call) -> Reply:
        first = int(call.query.get("page", "0"))
        if first and self.held is not None:
            self.waiting.set()
            await self.held.wait()
        ids = sorted(self.orders)[first : first + 2]
        more = first + 2 < len(self.orders)
        return Reply.of(
            {
                "orders": [self.orders[one] for one in ids],
                "next": first + 2 if more else None,
                "cursor": None if more else max(self.orders, default=None),
            }
        )


@asynccontextmanager
async def listening(
    answer: Callable[[Call], Any], port: int = 0
) -> AsyncIterator[tuple[str, asyncio.Server]]:
    """Serve HTTP/1.1 on this machine, one request a connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            reply = await answer(await _call(reader))
            head = {"content-length": str(len(reply.body)), "connection": "close"}
            lines = [f"HTTP/1.1 {reply.status} -"]
            lines += [f"{name}: {value}" for name, value in {**head, **reply.headers}.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode() + reply.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    host, chosen = server.sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{chosen}", server
    finally:
        server.close()


async def _call(reader: asyncio.StreamReader) -> Call:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    target = urlsplit(head[0].split(" ")[1])
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    original = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in head[1:] if line}
    return Call(target.path, dict(parse_qsl(target.query)), {**headers, **original})
