"""When a failed message is tried again, and when it is given up: one pure decision."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState, wait_exponential
from tenacity.wait import wait_base

from canonical.errors import Malformed, Unavailable, Unsupported


class RetryLater(Unavailable):
    """Raised by a handler whose counterpart said when to come back.

    `retry_after` is the value of an HTTP Retry-After header as it came: seconds or an HTTP date
    (RFC 9110, section 10.2.3); a number of seconds will do as well.
    """

    default_code = "retry_later"

    def __init__(
        self,
        message: str = "the receiving system asked to come back later",
        *,
        retry_after: str | float,
        code: str | None = None,
        path: str = "",
    ) -> None:
        super().__init__(message, code=code, path=path)
        self.retry_after = str(retry_after)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how far apart."""

    attempts_max: int = 8
    """Tries in all, the first one included."""
    first_s: float = 1.0
    """The first wait; each next one is twice as long."""
    wait_s_max: float = 900.0
    retry_after_s_max: float = 86_400.0
    """A longer Retry-After is cut to this."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try again then."""

    moment: datetime


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not try again."""

    reason: str
    """`not_retryable` or `attempts_exhausted`."""


Randomness = Callable[[], float]
"""Numbers from 0 to 1, as `random.random` gives them."""


def decide(
    error: BaseException,
    attempt: int,
    now: datetime,
    policy: RetryPolicy,
    randomness: Randomness = random.random,
) -> RetryAt | GiveUp:
    """What to do after try number `attempt` (from 1) ended with this error.

    A message that cannot be read, or is of a kind not known, will not become so by waiting.
    """
    if isinstance(error, Malformed | Unsupported):
        return GiveUp("not_retryable")
    if attempt >= policy.attempts_max:
        return GiveUp("attempts_exhausted")
    backoff = WaitJittered(
        wait_exponential(multiplier=policy.first_s, max=policy.wait_s_max), randomness
    )
    wait = WaitRetryAfter(backoff, now, policy.retry_after_s_max)
    return RetryAt(now + timedelta(seconds=wait(_state(error, attempt))))


class WaitJittered(wait_base):
    """Between half of another strategy's wait and all of it: failures that met part again."""

    def __init__(self, full: wait_base, randomness: Randomness) -> None:
        self._full = full
        self._randomness = randomness

    def __call__(self, retry_state: RetryCallState) -> float:
        return self._full(retry_state) * (0.5 + self._randomness() / 2)


class WaitRetryAfter(wait_base):
    """What the counterpart asked for, up to a limit; where it did not, another strategy's wait."""

    def __init__(self, otherwise: wait_base, now: datetime, seconds_max: float) -> None:
        self._otherwise = otherwise
        self._now = now
        self._seconds_max = seconds_max

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        if isinstance(error, RetryLater):
            asked = retry_after_s(error.retry_after, self._now)
            if asked is not None:
                return min(asked, self._seconds_max)
        return self._otherwise(retry_state)


def retry_after_s(value: str, now: datetime) -> float | None:
    """The seconds a Retry-After header asks for, never negative; None when it cannot be read."""
    text = value.strip()
    if text.replace(".", "", 1).isdecimal() and text.isascii():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            # The obsolete forms of an HTTP date name no zone; RFC 9110 says they are in UTC.
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - now).total_seconds())
    except (ValueError, OverflowError):
        # A year or a zone no calendar has: it says nothing.
        return None


def _state(error: BaseException, attempt: int) -> RetryCallState:
    # Strategies of tenacity read the attempt and its outcome; nothing is called through it.
    state = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]
    state.attempt_number = attempt
    state.set_exception((type(error), error, error.__traceback__))
    return state
