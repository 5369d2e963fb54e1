"""`gateway tail`: a stream's messages as they come."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from configuration import Configuration
from routing.envelope import Envelope, cloudevent, time_text
from routing.streams import Publisher
from workbench.showing import harmless

OpenPublisher = Callable[[Configuration], AbstractAsyncContextManager[Publisher]]


async def print_stream(
    configuration: Configuration,
    open_publisher: OpenPublisher,
    stream: str,
    *,
    start: str,
    follow: bool,
    as_json: bool,
) -> None:
    """Print messages until the end of the stream, or for ever with `follow`."""
    async with open_publisher(configuration) as publisher:
        async for entry_id, envelope in publisher.tail(stream, start=start, follow=follow):
            print(
                json.dumps(cloudevent(envelope)) if as_json else _line(entry_id, envelope),
                flush=True,
            )


def _line(entry_id: str, envelope: Envelope) -> str:
    parts = (entry_id, time_text(envelope.time), envelope.type, envelope.subject, envelope.data)
    return harmless("  ".join(parts))
