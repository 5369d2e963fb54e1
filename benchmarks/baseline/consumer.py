"""The baseline's consumer: one handler call and one XACK a message."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import redis

from benchmarks.baseline.models import Order
from benchmarks.consume import BLOCK_MS, end_quietly, note

BATCH = 10


def consume(url: str, stream: str, record: Path) -> None:
    """Read and handle until the process is told to end."""
    client = redis.Redis.from_url(url)
    client.xgroup_create(stream, "bench", id="0", mkstream=True)
    print("ready", flush=True)
    with record.open("ab", buffering=0) as file:
        while True:
            answer: Any = client.xreadgroup(
                "bench", "one", {stream: ">"}, count=BATCH, block=BLOCK_MS
            )
            for _, entries in answer or ():
                for entry_id, fields in entries:
                    Order.model_validate_json(fields[b"data"])
                    note(file, [fields[b"subject"]])
                    client.xack(stream, "bench", entry_id)


if __name__ == "__main__":
    end_quietly()
    consume(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
