"""Runs the HTTP application until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

import uvicorn

from canonical.errors import Unavailable
from transports.http_api import ASGI

DRAIN_S = 10


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
) -> None:
    """Serve until SIGTERM or SIGINT, or until one of the loops `beside` ends with an error.

    Calls `on_ready` with the address once the socket listens. Raises Unavailable when it cannot.
    """
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, lifespan="off", access_log=False,
        server_header=False, date_header=False, timeout_graceful_shutdown=DRAIN_S,
    )  # fmt: skip
    server = _Server(config, on_ready)
    _stop_on_signals(server)
    _spare_the_collector()
    serving = asyncio.create_task(_serve(server, host, port))
    others = [asyncio.create_task(work) for work in beside]
    try:
        done, _ = await asyncio.wait([serving, *others], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
        for task in done:
            task.result()
    finally:
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


async def _serve(server: uvicorn.Server, host: str, port: int) -> None:
    try:
        await server.serve()
    except SystemExit:
        raise Unavailable(f"cannot listen on {host}:{port}", code="cannot_listen") from None


def _stop_on_signals(server: uvicorn.Server) -> None:
    def stop() -> None:
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop)


def _spare_the_collector() -> None:
    # What is loaded now lives as long as the process: looking at it again only costs latency.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
