"""`gateway` with a stopwatch around its stages: `python -m benchmarks.stages run …`.

CPU time by thread, each stage without the stages inside it; written to `stages.json` at the end.
Only what runs without waiting can be timed so: on PostgreSQL that leaves the store's queries out.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import gateway
from benchmarks.contenders import STORE_IS_TIMED

FILE = "stages.json"


class Stopwatch:
    """Adds up CPU time by stage, in every thread."""

    def __init__(self) -> None:
        self._local = threading.local()
        self.spent: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)

    def around(self, holder: Any, name: str, stage: str) -> None:
        """Time every call of `holder.name` as this stage."""
        function: Callable[..., Any] = getattr(holder, name)

        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            inside = self._inside()
            inside.append(0.0)
            before = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                whole = time.thread_time() - before
                self.spent[stage] += whole - inside.pop()
                self.calls[stage] += 1
                if inside:
                    inside[-1] += whole

        setattr(holder, name, timed)

    def _inside(self) -> list[float]:
        """Time of inner stages, one entry for each stage this thread is in."""
        if not hasattr(self._local, "inside"):
            self._local.inside = []
        found: list[float] = self._local.inside
        return found


def watch(stopwatch: Stopwatch, *, store: bool) -> None:
    """Put the stopwatch around the pipeline's stages."""
    from uvicorn.protocols.http import httptools_impl  # noqa: PLC0415

    from connectors import registry, translation  # noqa: PLC0415 - after the start was measured
    from routing import normalise, receive, streams, wire, worker  # noqa: PLC0415
    from store.engines import sqlite  # noqa: PLC0415
    from store.intake import inbox  # noqa: PLC0415
    from store.log import normalised, outbox  # noqa: PLC0415
    from transports import http_ingest  # noqa: PLC0415

    registry.load("shopify")
    around = stopwatch.around
    around(httptools_impl.HttpToolsProtocol, "data_received", "HTTP: parse the request")
    around(http_ingest, "_headers", "ingest: headers")
    around(http_ingest, "acknowledgement", "ingest: acknowledgement")
    around(translation, "verify", "verify")
    around(translation, "identify", "identify (with the body's digest)")
    around(receive, "_storable", "ingest: headers")
    around(receive.Receiver, "_count", "metrics")
    around(worker.Worker, "_count", "metrics")
    around(normalise.Reading, "take", "translate")
    around(normalise.Normaliser, "next_chunk", "message to JSON, digest, route")
    around(wire, "_packed", "publish: pack")
    around(streams, "flat_fields", "publish: pack")
    around(outbox, "rows_of", "outbox rows")
    if store:
        around(inbox, "accept", "store: accept")
        around(normalised, "record", "store: record")
        around(outbox, "mark_published", "store: mark published")
        around(sqlite.SqliteDatabase, "_commit_together", "store: begin, savepoints, commit")


def main() -> None:
    """Run the gateway's command line under the stopwatch."""
    stopwatch = Stopwatch()
    watch(stopwatch, store=os.environ.get(STORE_IS_TIMED) == "1")
    try:
        gateway.main()
    finally:
        told = {"spent_s": stopwatch.spent, "calls": stopwatch.calls}
        Path(FILE).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()
