"""Clocks that jump: a library preloaded into a gateway moves its wall clock while it runs."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("jumping_clock.c")
COMPILERS = ("cc", "gcc", "clang")


def jumping_clock(folder: Path) -> Path | None:
    """The library, compiled into this folder; None without a C compiler, or without Linux."""
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None or sys.platform != "linux":
        return None
    library = folder / "jumping_clock.so"
    try:
        subprocess.run(  # noqa: S603 - the compiler found above
            [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE)],
            check=True, capture_output=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return None
    return library


class Clock:
    """The wall clock of the processes that are started with its environment."""

    def __init__(self, library: Path, file: Path) -> None:
        self._library = library
        self._file = file
        self.put(0)

    @property
    def environment(self) -> dict[str, str]:
        """What a process has to be started with."""
        return {"LD_PRELOAD": str(self._library), "CHAOS_CLOCK": str(self._file)}

    def put(self, seconds_off: float) -> None:
        """Let it be so many seconds ahead of the true time; behind it, when negative."""
        content = struct.pack("=q", int(seconds_off * 1e9))
        # In place and in one write: the processes have the file mapped.
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(descriptor, content, 0)
        finally:
            os.close(descriptor)
