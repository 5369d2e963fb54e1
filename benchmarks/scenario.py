"""What every contender goes through: full load, half load, eight connections, a lone request."""

from __future__ import annotations

import json
import math
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contenders import Contender
from benchmarks.load import STUCK_S, Plan
from benchmarks.processes import Child, Failed, child

FULL_CONNECTIONS = 64
FEW_CONNECTIONS = 8
HALF_CONNECTIONS = 128
LONE_RATE = 40.0
WARM_UP_S = 1.0
MOST_A_SECOND = 15_000
"""Requests built for each second of a closed loop."""
DRAIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Sent:
    """What a load generator saw."""

    accepted: int
    refused: int
    cpu_s: float
    start: float
    asked: dict[int, float]
    """Index → when it should have been sent."""
    answered: dict[int, float]

    def acknowledgements_ms(self) -> list[float]:
        """Sorted, in milliseconds."""
        return sorted((at - self.asked[index]) * 1000 for index, at in self.answered.items())


def measure(contender: Contender, seconds: float) -> dict[str, Any]:
    """Everything about one contender, once."""
    _drained(contender, *_phase(contender, WARM_UP_S, FULL_CONNECTIONS))
    figures = full_load(contender, seconds)
    rate = figures["messages_per_s"] / 2
    half, half_seen = _seen_phase(contender, seconds, HALF_CONNECTIONS, rate)
    few, few_seen = _seen_phase(contender, seconds * 0.6, FEW_CONNECTIONS, None)
    lone, _ = _seen_phase(contender, max(1.0, seconds * 0.4), 1, min(LONE_RATE, rate))
    return {
        **figures,
        "half_load_rate": rate,
        **_percentiles("ack", half.acknowledgements_ms()),
        **_percentiles("e2e", _end_to_end_ms(half, half_seen)),
        **_percentiles("ack_8", few.acknowledgements_ms()),
        **_percentiles("e2e_8", _end_to_end_ms(few, few_seen)),
        "lone_ack_ms": _percentile(lone.acknowledgements_ms(), 50),
        "refused": figures["refused"] + half.refused + few.refused + lone.refused,
    }


def full_load(contender: Contender, seconds: float) -> dict[str, Any]:
    """As much as goes in, until all of it has been consumed."""
    before = contender.cpu()
    first, sent = _phase(contender, seconds, FULL_CONNECTIONS)
    seen = _drained(contender, first, sent)
    after = contender.cpu()
    count = max(len(seen), 1)
    each = {name: (after[name] - before[name]) / count * 1e6 for name in after}
    elapsed = max(max(seen.values()) - sent.start, 1e-9)
    return {
        "messages": len(seen),
        "refused": sent.refused,
        "cpu_us_per_message": each["service"] + each["consumer"],
        "service_cpu_us": each["service"],
        "consumer_cpu_us": each["consumer"],
        "valkey_cpu_us": each["valkey"],
        "postgresql_cpu_us": each["postgresql"],
        "generator_cpu_us": sent.cpu_s / max(sent.accepted, 1) * 1e6,
        "accepted_per_s": sent.accepted / (max(sent.answered.values()) - sent.start),
        "messages_per_s": len(seen) / elapsed,
    }


def acknowledgements(contender: Contender, seconds: float) -> dict[str, Any]:
    """As much as can be acknowledged when nothing else is done."""
    _phase(contender, WARM_UP_S, FULL_CONNECTIONS)
    before = contender.cpu()
    _, sent = _phase(contender, seconds, FULL_CONNECTIONS)
    after = contender.cpu()
    return {
        "accepted": sent.accepted,
        "refused": sent.refused,
        "cpu_us_per_message": (after["service"] - before["service"]) / sent.accepted * 1e6,
        "accepted_per_s": sent.accepted / (max(sent.answered.values()) - sent.start),
        **_percentiles("ack", sent.acknowledgements_ms()),
    }


@contextmanager
def load(plan: Plan, folder: Path) -> Iterator[Child]:
    """A load generator that has built its requests and waits for the word."""
    with child("benchmarks.load", folder=folder) as generator:
        generator.tell(json.dumps({name: getattr(plan, name) for name in plan.__slots__}))
        generator.line()
        yield generator


def send(plan: Plan, folder: Path) -> Sent:
    """Run a plan to its end."""
    with load(plan, folder) as generator:
        generator.tell("go")
        said = generator.answer(plan.seconds + STUCK_S + 10)
    records = _doubles(Path(plan.record), 0)
    indexes = [int(one) for one in records[::3]]
    if not indexes:
        raise Failed(f"nothing was accepted, {said['refused']} refused")
    return Sent(
        accepted=said["accepted"],
        refused=said["refused"],
        cpu_s=said["cpu_s"],
        start=said["start"],
        asked=dict(zip(indexes, records[1::3], strict=True)),
        answered=dict(zip(indexes, records[2::3], strict=True)),
    )


def _phase(
    contender: Contender, seconds: float, connections: int, rate: float | None = None
) -> tuple[int, Sent]:
    """One load; also where the consumer's file ended before."""
    seen_before = contender.seen.stat().st_size if contender.consumer else 0
    plan = Plan(
        ports=contender.ports,
        connections=connections,
        seconds=seconds,
        first=contender.sent,
        most=math.ceil(seconds * (rate or MOST_A_SECOND)) + 1,
        rate=rate,
        record=str(contender.folder / "answered"),
    )
    contender.sent += plan.most
    return seen_before, send(plan, contender.folder)


def _seen_phase(
    contender: Contender, seconds: float, connections: int, rate: float | None
) -> tuple[Sent, dict[int, float]]:
    offset, sent = _phase(contender, seconds, connections, rate)
    return sent, _drained(contender, offset, sent)


def _drained(contender: Contender, offset: int, sent: Sent) -> dict[int, float]:
    """Index → when the consumer first had it; waits until it had all that was accepted."""
    deadline = time.monotonic() + DRAIN_S
    while True:
        if contender.seen.stat().st_size - offset >= sent.accepted * 16:
            records = _doubles(contender.seen, offset)
            seen: dict[int, float] = {}
            for index, at in zip(records[::2], records[1::2], strict=True):
                seen.setdefault(int(index), at)
            if seen.keys() >= sent.answered.keys():
                return seen
        if time.monotonic() > deadline:
            raise Failed(f"not all of {sent.accepted} messages came through in {DRAIN_S:.0f} s")
        time.sleep(0.02)


def _doubles(file: Path, offset: int) -> array[float]:
    with file.open("rb") as handle:
        handle.seek(offset)
        content = handle.read()
    found = array("d")
    found.frombytes(content[: len(content) // 16 * 16] if offset else content)
    return found


def _end_to_end_ms(sent: Sent, seen: dict[int, float]) -> list[float]:
    return sorted((seen[index] - at) * 1000 for index, at in sent.asked.items())


def _percentiles(name: str, ordered: Sequence[float]) -> dict[str, float]:
    return {f"{name}_p{rank}_ms": _percentile(ordered, rank) for rank in (50, 99)}


def _percentile(ordered: Sequence[float], rank: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * rank // 100)]
