"""Runs the HTTP application until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import socket
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

import orjson
import uvicorn

from canonical.errors import Unavailable
from transports.http_api import ASGI
from transports.http_ingest import RETRY_AFTER_S, Receive, Scope, Send
from transports.stopping import Stop

DRAIN_S = 10
CANCEL_S = 5.0
"""How long a loop that is cancelled may take to let go of what it holds."""


class _Server(uvicorn.Server):
    """uvicorn without its signal handling: the gateway drains and then exits by itself."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._on_ready(f"http://{f'[{host}]' if ':' in host else host}:{port}")

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    app: ASGI,
    *,
    host: str,
    port: int,
    beside: Sequence[Coroutine[Any, Any, None]] = (),
    on_ready: Callable[[str], None] = lambda _address: None,
    stop: Stop | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, or until one of the loops `beside` ends with an error.

    Calls `on_ready` with the address once the socket listens. Once told to stop it takes nothing
    more, and lets requests that are being answered end within the time `stop` gives. Raises
    Unavailable when it cannot listen.
    """
    stop = stop or Stop(DRAIN_S)
    config = uvicorn.Config(
        until_told(app, stop), host=host, port=port, log_config=None, lifespan="off",
        access_log=False, server_header=False, date_header=False,
        timeout_graceful_shutdown=math.ceil(stop.drain_s),
    )  # fmt: skip
    server = _Server(config, on_ready)

    async def serving() -> None:
        try:
            await server.serve()
        except SystemExit:
            raise Unavailable(f"cannot listen on {host}:{port}", code="cannot_listen") from None

    def end() -> None:
        server.should_exit = True

    await _run(serving(), end, beside, stop)


async def stay(beside: Sequence[Coroutine[Any, Any, None]], stop: Stop) -> None:
    """The same without a door: run the loops until SIGTERM or SIGINT, or until one of them ends."""
    await _run(stop.wait(), stop.tell, beside, stop)


async def _run(
    main: Coroutine[Any, Any, None],
    end: Callable[[], None],
    beside: Sequence[Coroutine[Any, Any, None]],
    stop: Stop,
) -> None:
    stop.listen()
    _spare_the_collector()
    serving = asyncio.create_task(main)
    told = asyncio.create_task(stop.wait())
    others = [asyncio.create_task(work) for work in beside]
    try:
        done, _ = await asyncio.wait([serving, told, *others], return_when=asyncio.FIRST_COMPLETED)
        stop.tell()
        end()
        # Files and polls are no longer taken either, while the last requests are answered.
        await _cancel(others)
        await serving
        for task in done:
            task.result()
    finally:
        await _cancel([serving, told, *others])


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    running = [task for task in tasks if not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running, timeout=CANCEL_S)


def until_told(app: ASGI, stop: Stop) -> ASGI:
    """What comes over a connection that is still open is sent elsewhere, or to the next process."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if stop.told and scope["type"] == "http":
            await _leaving(send)
        else:
            await app(scope, receive, send)

    return guarded


async def _leaving(send: Send) -> None:
    body = orjson.dumps({"status": 503, "code": "stopping", "detail": "try again"})
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", RETRY_AFTER_S),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _spare_the_collector() -> None:
    # What is loaded now lives as long as the process: looking at it again only costs latency.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
