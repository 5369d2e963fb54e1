"""Server-sent events: what goes over the line, and when a stream ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

from workbench.web.events import Event, event_stream
from workbench.web.site import Site


class Stop:
    """A process that can be told to stop."""

    def __init__(self) -> None:
        self.told = asyncio.Event()

    async def wait(self) -> None:
        await self.told.wait()


async def read(site: Site, source: AsyncGenerator[Event, None]) -> list[bytes]:
    """The frames of a stream, to its end."""
    body = event_stream(site, source).body_iterator
    return [bytes(frame) async for frame in body]  # type: ignore[arg-type]


def test_an_event_is_framed_line_by_line() -> None:
    assert Event("<p>a</p>\n<p>b</p>").encoded() == b"data: <p>a</p>\ndata: <p>b</p>\n\n"
    assert Event("", name="done", id="7").encoded() == b"event: done\nid: 7\ndata: \n\n"


async def test_a_stream_ends_with_its_source(site: Site) -> None:
    async def source() -> AsyncGenerator[Event, None]:
        yield Event("1")
        yield Event("2")

    assert await read(site, source()) == [b"data: 1\n\n", b"data: 2\n\n"]


async def test_a_stream_ends_with_the_process(site: Site) -> None:
    stop, closed = Stop(), asyncio.Event()

    async def source() -> AsyncGenerator[Event, None]:
        try:
            yield Event("1")
            stop.told.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    assert await read(replace(site, stop=stop), source()) == [b"data: 1\n\n"]
    assert closed.is_set()


async def test_who_leaves_closes_the_source(site: Site) -> None:
    closed = asyncio.Event()

    async def source() -> AsyncGenerator[Event, None]:
        try:
            while True:
                yield Event("again")
        finally:
            closed.set()

    body = event_stream(site, source()).body_iterator
    assert await anext(aiter(body)) == b"data: again\n\n"
    await body.aclose()  # type: ignore[attr-defined]
    assert closed.is_set()
