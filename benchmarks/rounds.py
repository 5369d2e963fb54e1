"""Rounds: every part of a run, one after the other, again and again; then the medians."""

from __future__ import annotations

import statistics
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.contenders import (
    Contender,
    Place,
    acknowledging,
    baseline,
    ours,
    place,
)
from benchmarks.load import Plan
from benchmarks.machine import cpu_seconds
from benchmarks.processes import Failed, child
from benchmarks.scenario import (
    FULL_CONNECTIONS,
    LONE_RATE,
    MOST_A_SECOND,
    acknowledgements,
    measure,
    send,
)
from benchmarks.servers import Postgresql

Figures = dict[str, Any]
PARTS_OF_SUM = (
    "http",
    "signature",
    "insert_raw",
    "translate",
    "insert_message",
    "append",
    "consume",
)
PART_SHARE = 0.15
"""Each bare part runs for this share of a contender's full load."""


@dataclass(slots=True)
class Results:
    """What has been measured, by contender and store."""

    measured: dict[tuple[str, str], list[Figures]] = field(
        default_factory=lambda: defaultdict(list)
    )
    failed: dict[tuple[str, str], str] = field(default_factory=dict)

    def medians(self) -> dict[tuple[str, str], Figures]:
        """The median of every figure over the rounds."""
        return {key: _median(rounds) for key, rounds in self.measured.items() if rounds}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing that is measured in every round."""

    name: str
    store: str
    run: Callable[[Place], Figures]


def tasks(stores: Sequence[str], processes: Sequence[int], seconds: float) -> list[Task]:
    """What a round consists of, in its order."""
    found = []
    for store in stores:
        found.append(Task(name="bare", store=store, run=lambda where: bare(where, seconds)))
        found.append(Task(name="baseline", store=store, run=_measured(baseline, seconds)))
        found.append(Task(name="acknowledging", store=store, run=_acknowledging(seconds)))
        for number in processes:
            run = _measured(_gateways(number), seconds)
            found.append(Task(name=f"ours_{number}", store=store, run=run))
    return found


def run_rounds(
    todo: Sequence[Task],
    rounds: int,
    folder: Path,
    server: Postgresql | None,
    *,
    say: Callable[[str], None],
    until: float,
) -> Results:
    """Alternating rounds. A part that fails is left out from then on; the others go on."""
    results = Results()
    for number in range(rounds):
        for task in todo:
            key = (task.name, task.store)
            if key in results.failed:
                continue
            if time.monotonic() > until:
                results.failed[key] = "the time was up"
                continue
            say(f"round {number + 1}: {task.name} on {task.store}")
            try:
                with place(task.store, folder / f"{number}-{task.name}-{task.store}", server) as at:
                    results.measured[key].append(task.run(at))
            except Failed as error:
                results.failed[key] = str(error)
            except Exception as error:  # noqa: BLE001 - one part's failure is not the others'
                say(traceback.format_exc())
                results.failed[key] = f"{type(error).__name__}: {error}"[:300]
    return results


def bare(where: Place, seconds: float) -> Figures:
    """The bare parts, once."""
    part_s = max(0.3, seconds * PART_SHARE)
    with child(
        "benchmarks.bare", where.store_url, where.streams.url, str(part_s), folder=where.folder
    ) as running:
        parts = running.answer(60 + part_s * 20)
    http, round_trip_ms = _http(where.folder, max(1.0, seconds * 0.3))
    parts = {"http": http, **parts}
    lone_commit_ms = parts.pop("lone_commit_ms")
    figures: Figures = {name: one["cpu_us"] for name, one in parts.items()}
    figures |= {f"{name}_per_s": one["per_s"] for name, one in parts.items()}
    return figures | {
        "sum": sum(parts[name]["cpu_us"] for name in PARTS_OF_SUM),
        "lone_commit_ms": lone_commit_ms,
        "round_trip_ms": round_trip_ms,
    }


def _http(folder: Path, seconds: float) -> tuple[dict[str, float], float]:
    """The bare HTTP part under full load, and its round trip alone, in milliseconds."""
    record = str(folder / "echoed")
    with child("benchmarks.echo", folder=folder) as echo:
        port = int(echo.line())

        def plan(connections: int, rate: float | None, most: int) -> Plan:
            return Plan(
                ports=[port], connections=connections, seconds=seconds, first=0, most=most,
                rate=rate, record=record,
            )  # fmt: skip

        send(plan(FULL_CONNECTIONS, None, 1000), folder)
        before = cpu_seconds([echo.pid])
        sent = send(plan(FULL_CONNECTIONS, None, int(2 * MOST_A_SECOND * seconds)), folder)
        cpu_us = (cpu_seconds([echo.pid]) - before) / sent.accepted * 1e6
        wall = max(sent.answered.values()) - sent.start
        alone = send(plan(1, LONE_RATE, 1000), folder).acknowledgements_ms()
    return {"cpu_us": cpu_us, "per_s": sent.accepted / wall}, statistics.median(alone)


def _measured(start: Callable[[Place], Any], seconds: float) -> Callable[[Place], Figures]:
    def run(where: Place) -> Figures:
        with start(where) as contender:
            return measure(contender, seconds)

    return run


def _acknowledging(seconds: float) -> Callable[[Place], Figures]:
    def run(where: Place) -> Figures:
        with acknowledging(where) as contender:
            return acknowledgements(contender, seconds)

    return run


def _gateways(processes: int) -> Callable[[Place], Any]:
    @contextmanager
    def start(where: Place) -> Iterator[Contender]:
        with ours(where, processes) as contender:
            yield contender

    return start


def _median(rounds: Sequence[Mapping[str, float]]) -> Figures:
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
