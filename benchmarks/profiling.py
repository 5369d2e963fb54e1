"""Where the gateway's CPU time goes: a stopwatch around its stages, and py-spy if there is one."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from benchmarks.contenders import ours, place
from benchmarks.processes import Failed
from benchmarks.scenario import full_load
from benchmarks.servers import Postgresql

SAMPLES_A_SECOND = 150
FUNCTIONS_SHOWN = 30


def profile(
    arguments: argparse.Namespace,
    folder: Path,
    server: Postgresql | None,
    out: Path,
    console: Console,
) -> None:
    """Profile one gateway process on each store."""
    for store in arguments.stores:
        try:
            console.print(f"\n{store}: CPU µs a message", markup=False)
            for line in _stages(store, folder / f"stages-{store}", server, arguments.seconds):
                console.print(line, markup=False, highlight=False)
            stacks = _stacks(store, folder / f"stacks-{store}", server, arguments.seconds)
        except Failed as error:
            console.print(f"{store}: {error}", markup=False)
            continue
        (out / f"profile-{store}.txt").write_text("\n".join(stacks), encoding="utf-8")
        console.print(f"\n{store}: stacks in benchmarks/out/profile-{store}.txt", markup=False)
        for line in summary(stacks):
            console.print(line, markup=False, highlight=False)


def summary(stacks: Iterable[str]) -> Iterator[str]:
    """The functions with most time of their own, and in all; waiting for a disk counts."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for stack in stacks:
        frames_text, _, count_text = stack.rpartition(" ")
        frames = [_without_line(frame) for frame in frames_text.split(";")]
        own[frames[-1]] += int(count_text)
        whole.update(dict.fromkeys(frames, int(count_text)))
    total = sum(own.values())
    for title, counter, most in (
        ("itself", own, FUNCTIONS_SHOWN),
        ("with all it calls", whole, 2 * FUNCTIONS_SHOWN),
    ):
        yield f"  ── {title}"
        for name, count in counter.most_common(most):
            yield f"  {count / total:6.1%}  {name}"


def _stages(store: str, folder: Path, server: Postgresql | None, seconds: float) -> Iterator[str]:
    with place(store, folder, server) as where:
        with ours(where, 1, module="benchmarks.stages") as contender:
            full_load(contender, 1.0)
            figures = full_load(contender, seconds)
        told = json.loads((folder / "gateway-0" / "stages.json").read_text(encoding="utf-8"))
    messages = told["calls"]["translate"]
    spent = {name: total / messages * 1e6 for name, total in told["spent_s"].items()}
    for name, each in sorted(spent.items(), key=lambda one: -one[1]):
        yield f"  {each:6.1f}  {name}"
    rest = figures["service_cpu_us"] - sum(spent.values())
    yield f"  {rest:6.1f}  the rest: event loop, requests, futures, threads, clients"
    yield f"  {figures['service_cpu_us']:6.1f}  in all"


def _stacks(store: str, folder: Path, server: Postgresql | None, seconds: float) -> list[str]:
    spy = shutil.which("py-spy")
    if spy is None:
        raise Failed("py-spy is not on the PATH, so functions are not shown")
    with place(store, folder, server) as where, ours(where, 1) as contender:
        full_load(contender, 1.0)
        with _watched(spy, contender.services[0], folder / "stacks"):
            full_load(contender, seconds)
        return (folder / "stacks").read_text(encoding="utf-8").splitlines()


@contextmanager
def _watched(spy: str, pid: int, stacks: Path) -> Iterator[None]:
    # SIGINT ends the recording, and writes it.
    command = [spy, "record", "--pid", str(pid), "--rate", str(SAMPLES_A_SECOND)]
    with subprocess.Popen(  # noqa: S603 - the profiler found on the PATH
        [*command, "--format", "raw", "--output", str(stacks)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        try:
            yield
        finally:
            running.send_signal(2)
            running.wait(30)
    if not stacks.exists():
        raise Failed("py-spy wrote nothing: it needs to be allowed to look at processes (ptrace)")


def _without_line(frame: str) -> str:
    name, _, line = frame.rpartition(":")
    return f"{name})" if line.rstrip(")").isdigit() else frame
