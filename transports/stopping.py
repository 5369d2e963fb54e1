"""How a process is told to stop: once it finishes what it has begun, twice it ends at once."""

from __future__ import annotations

import asyncio
import contextlib
import signal

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """Whether the process was told to stop, and how long it may still take."""

    def __init__(self, drain_s: float) -> None:
        self.drain_s = drain_s
        self._told = asyncio.Event()
        self._until = 0.0

    @property
    def told(self) -> bool:
        """Whether it was."""
        return self._told.is_set()

    @property
    def left_s(self) -> float:
        """Seconds left to finish in, never negative; all of them before it was told."""
        if not self.told:
            return self.drain_s
        return max(0.0, self._until - asyncio.get_running_loop().time())

    async def wait(self) -> None:
        """Return when the process is told to stop."""
        await self._told.wait()

    def tell(self) -> None:
        """Stop; the time to finish in begins now."""
        if not self.told:
            self._until = asyncio.get_running_loop().time() + self.drain_s
            self._told.set()

    def listen(self) -> None:
        """Hear the first SIGTERM or SIGINT; the next one ends the process as if nobody listened."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, self._heard)

    def _heard(self) -> None:
        self.tell()
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            # The kernel's own answer: it needs no turn of a loop that may hang.
            signal.signal(number, signal.SIG_DFL)
