"""The command `gateway` in processes of its own, which need not load its code again each time.

Each is a fork of one that has imported it and done nothing else; it has a folder, an environment,
arguments and signals like any other. `python -m gateway` itself is run by the chaos rounds.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

import gateway

PRELOADED = "tests.acceptance.loaded"


class Command:
    """A run of `gateway` with these arguments; its output is added to the two files."""

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        environment: Mapping[str, str],
        stdout: Path,
        stderr: Path,
    ) -> None:
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload([PRELOADED])
        given = (arguments, folder, dict(environment), stdout, stderr)
        self._process: BaseProcess = forks.Process(target=_run, args=given)
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.exitcode is None

    def wait(self, timeout: float) -> int:
        """The exit code, negative after a signal. Raises TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("gateway", timeout)
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)


def _run(
    arguments: tuple[str, ...],
    folder: Path,
    environment: dict[str, str],
    stdout: Path,
    stderr: Path,
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = environment.get("PYTHONPATH", "").split(os.pathsep)
    os.chdir(folder)
    for number, path in ((1, stdout), (2, stderr)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = ["gateway", *arguments]
    gateway.main()
