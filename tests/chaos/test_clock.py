"""Clocks that jump, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chaos.clock import Clock, jumping_clock

ASK = """
import sys, time
from datetime import datetime, UTC
for _ in sys.stdin:
    print(time.time(), datetime.now(UTC).timestamp(), time.monotonic(), flush=True)
"""
YEAR_S = 365 * 86400


def test_a_running_process_sees_its_wall_clock_jump_and_no_other(tmp_path: Path) -> None:
    library = jumping_clock(tmp_path)
    if library is None:
        pytest.skip("needs Linux and a C compiler")
    clock = Clock(library, tmp_path / "clock")
    with subprocess.Popen(
        [sys.executable, "-c", ASK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, **clock.environment},
    ) as asked:  # fmt: skip

        def look() -> tuple[float, float, float]:
            assert asked.stdin
            assert asked.stdout
            asked.stdin.write("\n")
            asked.stdin.flush()
            wall, day, steady = map(float, asked.stdout.readline().split())
            return wall - time.time(), day - time.time(), steady - time.monotonic()

        assert all(abs(off) < YEAR_S / 2 for off in look())
        for jump in (YEAR_S, -YEAR_S):
            clock.put(jump)
            wall, day, steady = look()
            assert abs(wall - jump) < YEAR_S / 2
            assert abs(day - jump) < YEAR_S / 2
            assert abs(steady) < YEAR_S / 2
        clock.put(0)
        assert all(abs(off) < YEAR_S / 2 for off in look())
