"""Who is measured: the gateway as its users run it, and the baseline, each on a fresh store."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.machine import cpu_seconds, family_cpu_seconds
from benchmarks.payloads import ACCOUNT, SECRET
from benchmarks.processes import READY_S, Child, Failed, child
from benchmarks.servers import Postgresql, Streams, streams
from routing.router import FAMILY_STREAM

STORE_IS_TIMED = "BENCH_TIME_STORE"
"""Heard by `benchmarks.stages` only."""
IMPOSSIBLE = "not possible: a SQLite store is served by one process"
CONFIGURATION = f"""
[store]
url = "{{store}}"

[streams]
url = "{{streams}}"

[[accounts]]
connector = "shopify"
account = "{ACCOUNT}"
secrets = ["env:BENCH_SECRET"]
"""


@dataclass(slots=True, kw_only=True)
class Contender:
    """A running contender: where it listens, what it consists of, what has been seen of it."""

    name: str
    store: str
    folder: Path
    ports: list[int]
    services: list[int]
    """Process ids of the gateway or application."""
    consumer: int | None
    streams: Streams
    postgresql: Postgresql | None
    seen: Path
    """The consumer's file."""
    sent: int = field(default=0)
    """Index of the next webhook."""

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far, by what they were spent in."""
        return {
            "service": cpu_seconds(self.services),
            "consumer": cpu_seconds([self.consumer] if self.consumer else []),
            "valkey": cpu_seconds([self.streams.pid]),
            "postgresql": family_cpu_seconds(self.postgresql.pid) if self.postgresql else 0.0,
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contender runs: a folder, a fresh store, a stream server."""

    store: str
    folder: Path
    store_url: str
    streams: Streams
    postgresql: Postgresql | None


@contextmanager
def place(store: str, folder: Path, server: Postgresql | None) -> Iterator[Place]:
    """A fresh store of this kind and a stream server of its own."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        road = stack.enter_context(streams(folder / "valkey"))
        if store == "sqlite":
            url = f"sqlite:///{folder / 'store.db'}"
            yield Place(store, folder, url, road, None)
        elif server is None:
            raise Failed("there is no PostgreSQL")
        else:
            url = stack.enter_context(server.database())
            yield Place(store, folder, url, road, server)


@contextmanager
def ours(where: Place, processes: int, *, module: str = "gateway") -> Iterator[Contender]:
    """`gateway run`, so many times, and a batch consumer."""
    if where.store == "sqlite" and processes > 1:
        raise Failed(IMPOSSIBLE)
    with ExitStack() as stack:
        gateways = [
            stack.enter_context(_gateway(where, where.folder / f"gateway-{number}", module))
            for number in range(processes)
        ]
        stream = FAMILY_STREAM["order"]
        consumer, seen = stack.enter_context(_consumer("benchmarks.consume", where, stream))
        yield Contender(
            name=f"ours, {processes} process{'es' * (processes > 1)}",
            store=where.store,
            folder=where.folder,
            ports=[port for _, port in gateways],
            services=[running.pid for running, _ in gateways],
            consumer=consumer.pid,
            streams=where.streams,
            postgresql=where.postgresql,
            seen=seen,
        )


@contextmanager
def acknowledging(where: Place) -> Iterator[Contender]:
    """One gateway that only takes in: what it accepts waits in the store."""
    folder = where.folder / "gateway-0"
    with _gateway(where, folder, "benchmarks.taking_in", "--role", "ingest") as (running, port):
        yield Contender(
            name="ours, acknowledging alone",
            store=where.store,
            folder=where.folder,
            ports=[port],
            services=[running.pid],
            consumer=None,
            streams=where.streams,
            postgresql=where.postgresql,
            seen=where.folder / "nothing is seen",
        )


@contextmanager
def baseline(where: Place) -> Iterator[Contender]:
    """The plain design, and its consumer."""
    from benchmarks.baseline.app import STREAM  # noqa: PLC0415 - loads a framework

    with ExitStack() as stack:
        arguments = (where.store_url, where.streams.url)
        app = stack.enter_context(child("benchmarks.baseline.app", *arguments, folder=where.folder))
        port = int(app.line())
        consumer, seen = stack.enter_context(
            _consumer("benchmarks.baseline.consumer", where, STREAM)
        )
        yield Contender(
            name="baseline",
            store=where.store,
            folder=where.folder,
            ports=[port],
            services=[app.pid],
            consumer=consumer.pid,
            streams=where.streams,
            postgresql=where.postgresql,
            seen=seen,
        )


@contextmanager
def _gateway(where: Place, folder: Path, module: str, *options: str) -> Iterator[tuple[Child, int]]:
    folder.mkdir()
    configuration = CONFIGURATION.format(store=where.store_url, streams=where.streams.url)
    (folder / "gateway.toml").write_text(configuration, encoding="utf-8")
    environment = {
        "BENCH_SECRET": SECRET.decode(),
        STORE_IS_TIMED: "1" if where.store == "sqlite" else "0",
    }
    arguments = ("run", "--port", "0", *options)
    with child(module, *arguments, folder=folder, environment=environment) as running:
        yield running, _port_in_log(folder / f"{module}.log")


def _port_in_log(log: Path) -> int:
    """The port the gateway says it listens on."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines:
            if '"gateway ready"' in line:
                return int(json.loads(line)["address"].rpartition(":")[2])
        if any(line.startswith("gateway: ") for line in lines):
            raise Failed(lines[-1][:300])
        time.sleep(0.05)
    raise Failed("the gateway did not become ready")


@contextmanager
def _consumer(module: str, where: Place, stream: str) -> Iterator[tuple[Child, Path]]:
    seen = where.folder / "seen"
    seen.touch()
    arguments = (where.streams.url, stream, str(seen))
    with child(module, *arguments, folder=where.folder) as running:
        running.line()
        yield running, seen
