"""The command line: rounds, a line each, a table at the end; exit 1 when a promise did not hold."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from chaos.clock import jumping_clock
from chaos.plan import kinds_of, make_plan
from chaos.report import line_of, summary_of
from chaos.round import Outcome, run_round
from chaos.servers import Postgresql, postgresql


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rounds; 0 when everything held, 1 otherwise."""
    chosen = _parse(arguments)
    # Whoever ends the harness must not leave its processes behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    base = Path(chosen.keep or tempfile.mkdtemp(prefix="o2c-chaos-rounds-"))
    base.mkdir(parents=True, exist_ok=True)
    clock = jumping_clock(base)
    if clock is None:
        print("skipped: clock jumps, which need Linux and a C compiler")
    with postgresql() if chosen.store == "postgresql" else nullcontext() as server:
        seeds = range(chosen.seed, chosen.seed + chosen.rounds)
        outcomes = [_round(seed, chosen, base, server, clock) for seed in seeds]
    for line in summary_of(outcomes):
        print(line)
    if not chosen.keep and all(one.held for one in outcomes):
        shutil.rmtree(base, ignore_errors=True)
    return 0 if all(one.held for one in outcomes) else 1


def _round(
    seed: int,
    chosen: argparse.Namespace,
    base: Path,
    server: Postgresql | None,
    clock: Path | None,
) -> Outcome:
    plan = make_plan(seed, chosen.store, chosen.gateways, chosen.only)
    folder = base / f"{chosen.store}-{seed}"
    outcome = run_round(plan, folder, server, clock)
    print(line_of(outcome), flush=True)
    if outcome.held:
        if not chosen.keep:
            shutil.rmtree(folder, ignore_errors=True)
        return outcome
    for line in (*plan.described(), *outcome.findings.violations[:40]):
        print(f"    {line}")
    print(f"    kept: {folder}")
    again = f"--store {chosen.store} --seed {seed} --rounds 1"
    again += f" --gateways {chosen.gateways}" if chosen.gateways else ""
    again += f" --only '{chosen.only}'" if chosen.only else ""
    print(f'    again: make chaos ARGS="{again}"', flush=True)
    return outcome


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1, help="of the first round; the next has +1")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--gateways", type=int, help="so many with all roles, on PostgreSQL")
    parser.add_argument("--only", help="let every harm be of this kind")
    parser.add_argument("--keep", help="a folder that does not exist: keep every round in it")
    chosen = parser.parse_args(arguments)
    if chosen.store == "sqlite" and chosen.gateways not in (None, 1):
        parser.error("SQLite serves one gateway")
    kinds = [kind for kind, _ in kinds_of(chosen.store)]
    if chosen.only not in (None, *kinds):
        parser.error(f"the harms are: {', '.join(kinds)}")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
