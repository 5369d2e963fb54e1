"""Processes that are measured: started, listened to, ended; nothing outlives the benchmark."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
READY_S = 90.0
END_S = 20.0


class Failed(Exception):
    """A part of the benchmark that did not work; the others go on."""


class Child:
    """A Python module running as a process of its own."""

    def __init__(self, process: subprocess.Popen[str], name: str, log: Path) -> None:
        self._process = process
        self._name = name
        self._log = log
        self._lines: Queue[str] = Queue()
        self.pid = process.pid
        threading.Thread(target=self._listen, daemon=True).start()

    def line(self, within_s: float = READY_S) -> str:
        """The next line it says. Raises Failed with the end of its log when none comes."""
        try:
            said = self._lines.get(timeout=within_s)
        except Empty:
            raise Failed(f"{self._name} says nothing for {within_s:.0f} s") from None
        if not said:
            raise Failed(f"{self._name} ended: {self._last_words()}")
        return said

    def answer(self, within_s: float) -> dict[str, Any]:
        """The JSON object on the next line."""
        found: dict[str, Any] = json.loads(self.line(within_s))
        return found

    def tell(self, text: str) -> None:
        """Write a line to its input."""
        assert self._process.stdin is not None  # noqa: S101 - it was started with a pipe
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """Ask it to end, and make it end."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it was started with a pipe
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1][:300] if lines else "without a word"


@contextmanager
def child(
    module: str, *arguments: str, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Child]:
    """Run `python -m module` in a folder; what it says on stderr goes to a file there."""
    log = folder / f"{module}.log"
    with log.open("a", encoding="utf-8") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-m", module, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    running = Child(process, module, log)
    try:
        yield running
    finally:
        running.end()
