"""A batch consumer, a process of its own: reads, parses the envelope, acknowledges, notes the time.

For every message it appends (index, seen) to a file, as doubles of the system's monotonic clock,
before it acknowledges: who waits for messages looks at the file.
"""

from __future__ import annotations

import signal
import sys
import time
from array import array
from pathlib import Path
from typing import Any, BinaryIO

import redis

from benchmarks.payloads import index_of
from routing.envelope import parse_entry

BATCH = 200
BLOCK_MS = 200


def consume(url: str, stream: str, record: Path) -> None:
    """Read the stream in batches until the process is told to end."""
    client = redis.Redis.from_url(url)
    client.xgroup_create(stream, "bench", id="0", mkstream=True)
    print("ready", flush=True)
    with record.open("ab", buffering=0) as file:
        while True:
            answer: Any = client.xreadgroup(
                "bench", "one", {stream: ">"}, count=BATCH, block=BLOCK_MS
            )
            for _, entries in answer or ():
                for _, fields in entries:
                    parse_entry(fields)
                note(file, [fields[b"subject"] for _, fields in entries])
                client.xack(stream, "bench", *[entry_id for entry_id, _ in entries])


def note(file: BinaryIO, subjects: list[bytes]) -> None:
    """These messages have been seen now."""
    now = time.monotonic()
    records = array("d")
    for subject in subjects:
        records.extend((index_of(subject), now))
    file.write(records.tobytes())


def end_quietly() -> None:
    """SIGTERM ends the process without a word."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


if __name__ == "__main__":
    end_quietly()
    consume(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
