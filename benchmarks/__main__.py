"""`make bench`: one table of bare parts, baseline and the gateway, all of the same run."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from benchmarks import files, growth, profiling, workbench
from benchmarks.processes import Failed
from benchmarks.report import document, table_of, write
from benchmarks.rounds import run_rounds, tasks
from benchmarks.servers import Postgresql, postgresql, slow_syncs

OUT = Path(__file__).with_name("out")
LONGEST_MIN = 60
WIDTH = 180
"""Of the table, also where the output goes to a file."""


def main() -> None:
    """Measure what the arguments ask for."""
    arguments = _arguments()
    if not Path("/proc/self/stat").exists():
        sys.exit("the benchmark reads /proc: it runs on Linux only")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    OUT.mkdir(exist_ok=True)
    console = Console(width=max(Console().width, WIDTH))
    if arguments.files:
        files.compare(console, OUT, arguments.entries, with_libraries=arguments.libraries)
        return
    with ExitStack() as stack:
        if arguments.sync_delay_ms:
            try:
                stack.enter_context(slow_syncs(arguments.sync_delay_ms))
            except Failed as error:
                console.print(f"skipped: {error}")
                return
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="o2c-bench-")))
        server = _postgresql(stack, arguments.stores, console)
        if arguments.growth:
            growth.compare(
                console,
                OUT,
                arguments.stores,
                arguments.sizes,
                server,
                rounds=arguments.rounds,
                seconds=arguments.seconds,
            )
            return
        if arguments.workbench:
            workbench.compare(console, OUT, arguments.stores, server, receipts=max(arguments.sizes))
            return
        if arguments.profile:
            profiling.profile(arguments, folder, server, OUT, console)
            return
        _compare(arguments, folder, server, console)


def _compare(
    arguments: argparse.Namespace, folder: Path, server: Postgresql | None, console: Console
) -> None:
    load_before = os.getloadavg()
    results = run_rounds(
        tasks(arguments.stores, arguments.processes, arguments.seconds),
        arguments.rounds,
        folder,
        server,
        say=lambda text: console.print(text, style="dim", markup=False),
        until=time.monotonic() + arguments.longest * 60,
    )
    told = document(results, vars(arguments), load_before)
    console.print(table_of(told))
    for line in told["notes"]:
        console.print(line, markup=False)
    name = "latest.json" if not arguments.sync_delay_ms else "latest-slow-sync.json"
    write(OUT / name, told)
    console.print(f"written to benchmarks/out/{name}", markup=False)


def _postgresql(stack: ExitStack, stores: list[str], console: Console) -> Postgresql | None:
    if "postgresql" not in stores:
        return None
    try:
        return stack.enter_context(postgresql())
    except Exception as error:  # noqa: BLE001 - the other store is measured all the same
        console.print(f"PostgreSQL cannot be started: {error}", markup=False)
        return None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="of full load a contender")
    parser.add_argument("--stores", type=_words, default=["sqlite", "postgresql"])
    parser.add_argument("--processes", type=_numbers, default=[1, 2])
    parser.add_argument("--sync-delay-ms", type=int, default=0, help="a slower disk")
    parser.add_argument("--longest", type=float, default=LONGEST_MIN, help="minutes for it all")
    parser.add_argument("--profile", action="store_true", help="where the CPU goes, by py-spy")
    parser.add_argument("--files", action="store_true", help="large files instead of webhooks")
    parser.add_argument("--growth", action="store_true", help="stores of several sizes")
    parser.add_argument("--workbench", action="store_true", help="the pages over a full store")
    parser.add_argument(
        "--sizes",
        type=_numbers,
        default=[10_000, 1_000_000],
        help="of --growth; of --workbench the largest",
    )
    parser.add_argument("--entries", type=int, default=100_000, help="of each file")
    parser.add_argument(
        "--libraries", action="store_true", help="with --files: install others to compare with"
    )
    return parser.parse_args()


def _words(text: str) -> list[str]:
    known = ("sqlite", "postgresql")
    words = text.split(",")
    if not set(words) <= set(known):
        raise argparse.ArgumentTypeError(f"stores are {', '.join(known)}")
    return words


def _numbers(text: str) -> list[int]:
    return [int(one) for one in text.split(",")]


if __name__ == "__main__":
    main()
