"""The bare HTTP part: reads a webhook, answers as much as the gateway does, does nothing else."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

Event = MutableMapping[str, Any]

ANSWER = b'{"receipt":"rcp_0000000000000","received_at":"2026-03-02T10:00:00.000000Z"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]


async def app(
    scope: Event, receive: Callable[[], Awaitable[Event]], send: Callable[[Event], Awaitable[None]]
) -> None:
    """A raw ASGI application."""
    del scope
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})


def serve(application: Any) -> None:
    """Serve on a free port, which is said on stdout."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(1024)
    config = uvicorn.Config(
        application, loop="uvloop", http="httptools", log_config=None, lifespan="auto",
        access_log=False, server_header=False, date_header=False,
    )  # fmt: skip
    print(listening.getsockname()[1], flush=True)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    serve(app)
