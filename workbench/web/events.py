"""Server-sent events, for pages that move by themselves: `hx-sse:connect` in a template."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from fastapi.responses import StreamingResponse

from workbench.web.site import Site

HEARTBEAT_S = 15.0
LIFE_S = 600.0
"""A stream ends then and the browser asks for another: whoever lost a role is asked again."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. Without a name htmx swaps `data` in; with one it triggers an event instead."""

    data: str
    name: str = ""
    id: str = ""

    def encoded(self) -> bytes:
        """The event as it goes over the line."""
        lines = [f"event: {self.name}"] if self.name else []
        lines += [f"id: {self.id}"] if self.id else []
        lines += [f"data: {line}" for line in self.data.splitlines() or [""]]
        return ("\n".join(lines) + "\n\n").encode()


def event_stream(site: Site, source: AsyncGenerator[Event, None]) -> StreamingResponse:
    """An answer that goes on; it ends with the source, with the process, and after ten minutes."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_frames(site, source), media_type="text/event-stream", headers=headers)


async def _frames(site: Site, source: AsyncGenerator[Event, None]) -> AsyncIterator[bytes]:
    stopping = asyncio.ensure_future(site.stop.wait() if site.stop else _never())
    coming = asyncio.ensure_future(anext(source))
    loop = asyncio.get_running_loop()
    until = loop.time() + LIFE_S
    try:
        while loop.time() < until:
            await asyncio.wait(
                {coming, stopping}, timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED
            )
            if stopping.done():
                return
            if not coming.done():
                yield b": still here\n\n"
                continue
            try:
                event = coming.result()
            except StopAsyncIteration:
                return
            coming = asyncio.ensure_future(anext(source))
            yield event.encoded()
    finally:
        stopping.cancel()
        coming.cancel()
        await asyncio.gather(stopping, coming, return_exceptions=True)
        await source.aclose()


async def _never() -> None:
    await asyncio.Event().wait()
