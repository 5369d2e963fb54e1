"""Processes a round starts, and what can be done to them."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from chaos.clock import Clock

START_S = 60.0
STOP_S = 30.0


class NeverCameTrue(Exception):
    """Something awaited did not happen before its deadline."""


def until(condition: Callable[[], Any], what: str, *, within_s: float = START_S) -> Any:
    """Wait for a condition; its value. Raises NeverCameTrue."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise NeverCameTrue(what)


class Misbehaved(Exception):
    """A process did not do what it was asked to."""


class Process:
    """A process that should be running whenever nobody hurts it."""

    def __init__(self, name: str, arguments: Sequence[str], folder: Path, log: Path) -> None:
        self.name = name
        self.environment: dict[str, str] = dict(os.environ)
        self.wanted = False
        self.unasked_ends: list[str] = []
        self._arguments = [sys.executable, "-m", *arguments]
        self._folder = folder
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.RLock()
        """Whoever hurts it, or starts it again, does so alone."""

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start it, unless it runs."""
        with self._lock:
            self.wanted = True
            if self.running():
                return
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603 - our own command
                    self._arguments, cwd=self._folder, env=self.environment,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                )  # fmt: skip

    def start_with(self, *arguments: str) -> None:
        """Start it with these arguments behind its own, now and whenever it is started again."""
        self._arguments += arguments
        self.start()

    def running(self) -> bool:
        """Whether it has not ended; a frozen process runs."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        with self._lock:
            self.wanted = False
            if self._process:
                self._process.kill()
                self._process.wait(timeout=STOP_S)

    def freeze(self, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Stop it in its tracks for so long, as a paused virtual machine is."""
        with self._lock:
            if not self.running():
                return
            os.kill(self.pid, signal.SIGSTOP)
            try:
                meanwhile()
                time.sleep(seconds)
            finally:
                os.kill(self.pid, signal.SIGCONT)

    def limit_file_size(self, size: int, seconds: float) -> None:
        """No file of it may grow past this size for so long: its disk is full."""
        with self._lock:
            if not self.running():
                return
            before = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size, before[1]))
            time.sleep(seconds)
            if self.running():
                resource.prlimit(self.pid, resource.RLIMIT_FSIZE, before)

    def stop(self) -> int:
        """Ask it to end; its exit code, -9 if it had to be killed."""
        with self._lock:
            self.wanted = False
            if self._process is None or not self.running():
                return 0
            self._process.terminate()
            try:
                return self._process.wait(timeout=STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
                return -9

    def look_after(self) -> None:
        """What a service manager does: start it again when it ended unasked, and note that."""
        if not self._lock.acquire(blocking=False):
            return  # it is being hurt, or started
        try:
            if self.wanted and self._process is not None and not self.running():
                if not self.may_end_at_start():
                    self.unasked_ends.append(self._ending())
                self.start()
        finally:
            self._lock.release()

    def may_end_at_start(self) -> bool:
        """Whether it ended for a reason foreseen before it was up."""
        return False

    def log_text(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def _ending(self) -> str:
        code = self._process.returncode if self._process else None
        last = (self.log_text().strip().splitlines() or [""])[-1]
        return f"{self.name} ended by itself with {code}: {last[:200]}"


class Gateway(Process):
    """A gateway in a folder of its own, with these roles (none: all) and a clock of its own."""

    def __init__(
        self, number: int, folder: Path, roles: Sequence[str] = (), clock: Clock | None = None
    ) -> None:
        chosen = [part for role in roles for part in ("--role", role)]
        super().__init__(
            f"gateway {number}",
            ["gateway", "run", "--port", "0", *chosen],
            folder,
            folder / "log.jsonl",
        )
        self.number = number
        self.folder = folder
        self.has_door = not roles or "ingest" in roles
        self._clock = clock
        self.environment |= clock.environment if clock else {}
        self._address = ""
        self._seen = 0
        """How much of the log is of processes before this one."""

    @property
    def data(self) -> Path:
        return self.folder / "var" / "gateway"

    def address(self) -> str:
        """Where it listens; empty while it is not up."""
        if not self._address and self.running():
            self._address = self._announced()
        return self._address

    def start(self) -> None:
        with self._lock:
            if not self.running():
                self._address = ""
                self._seen = len(self.log_text())
            super().start()

    def kill(self) -> None:
        # First of all: nobody may call what somebody else may soon listen on.
        self._address = ""
        super().kill()

    def restart(self) -> None:
        """Ask it to end, and start it again. Raises Misbehaved when it does not end with 0."""
        with self._lock:
            was_up = self.running() and bool(self.address())
            # Nobody may call what somebody else may soon listen on; who is connected is answered.
            self._address = ""
            code = self.stop()
            self.start()
        if code and was_up:
            raise Misbehaved(f"{self.name} was asked to stop and ended with {code}")

    def jump(
        self, seconds_off: float, seconds: float, then: Callable[[], None] = lambda: None
    ) -> None:
        """Put its wall clock so far off for so long, where clocks can be moved."""
        if self._clock:
            self._clock.put(seconds_off)
        try:
            time.sleep(seconds)
            then()
        finally:
            if self._clock:
                self._clock.put(0)

    def may_end_at_start(self) -> bool:
        # It says so, and leaves it to the service manager to try again.
        return self._ending().endswith("[store_unavailable]") and not self._announced()

    def command(self, *arguments: str) -> tuple[int, str]:
        """Run the command line on its store: exit code and output."""
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "gateway", *arguments],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stdout or done.stderr

    def _announced(self) -> str:
        lines = self.log_text()[self._seen :].splitlines()
        found = [line for line in lines if '"gateway ready"' in line]
        return str(json.loads(found[-1])["address"]) if found else ""
