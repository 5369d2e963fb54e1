"""How a system is spared: a token bucket for its pace, a circuit breaker for its outages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from routing.retry import RetryLater

Clock = Callable[[], float]
"""Seconds that never go back, as `time.monotonic` gives them."""
Sleep = Callable[[float], Awaitable[None]]

OPENS_AFTER = 5
FIRST_WAIT_S = 30.0
LONGEST_WAIT_S = 300.0


class TokenBucket:
    """So many calls a second on average, with a second's worth at once after a rest."""

    def __init__(self, rate: float, *, clock: Clock, sleep: Sleep) -> None:
        """`rate` is in calls per second, above 0."""
        self._rate = rate
        self._room = max(1.0, rate)
        self._tokens = self._room
        self._clock = clock
        self._sleep = sleep
        self._at = clock()

    async def take(self) -> None:
        """Wait for one's turn; those who come first go first."""
        wait = self.reserve()
        if wait > 0:
            await self._sleep(wait)

    def reserve(self) -> float:
        """Take a token now or on credit; the seconds to wait until it is there."""
        now = self._clock()
        self._tokens = min(self._room, self._tokens + (now - self._at) * self._rate) - 1
        self._at = now
        return max(0.0, -self._tokens / self._rate)


class CircuitOpen(RetryLater):
    """Not called: the system has failed too often just now."""

    default_code = "circuit_open"


class CircuitBreaker:
    """Stops calling a system that keeps failing, and tries it with one call after a while.

    closed     calls go through; the fifth failure in a row opens it
    open       nothing goes through for 30 s, then twice as long each time, up to 5 min
    half-open  one call goes through: its success closes the breaker, its failure opens it again
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._wait_s = FIRST_WAIT_S
        self._until: float | None = None
        self._trial = False
        self._cause = ""

    @property
    def state(self) -> Literal["closed", "open", "half-open"]:
        """Where it stands now."""
        if self._until is None:
            return "closed"
        return "open" if self._clock() < self._until else "half-open"

    def enter(self) -> None:
        """Before each call, which must be followed by one of the three below.

        Raises CircuitOpen, which says when to come back.
        """
        if self._until is None:
            return
        left = self._until - self._clock()
        if left > 0 or self._trial:
            raise CircuitOpen(
                f"not called after {self._failures} failures in a row, the last {self._cause}",
                retry_after=f"{max(left, 1.0):.3f}",
            )
        self._trial = True

    def succeeded(self) -> None:
        """The system answered, if only to refuse."""
        self._failures, self._wait_s = 0, FIRST_WAIT_S
        self._until, self._trial = None, False

    def failed(self, cause: str) -> None:
        """The system did not answer, or said that it cannot; `cause` is an error's code."""
        self._failures += 1
        self._cause = cause
        if self._trial:
            self._wait_s = min(self._wait_s * 2, LONGEST_WAIT_S)
        elif self._failures < OPENS_AFTER or self._until is not None:
            # Calls that were under way when it opened change nothing.
            return
        self._trial = False
        self._until = self._clock() + self._wait_s

    def abandoned(self) -> None:
        """The call was given up before it could tell anything."""
        self._trial = False
