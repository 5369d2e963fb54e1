"""When a failed message is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.errors import Malformed, Unavailable, Unsupported
from routing.retry import GiveUp, RetryAt, RetryLater, RetryPolicy, decide, retry_after_s

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
POLICY = RetryPolicy(attempts_max=8, first_s=1, wait_s_max=60, retry_after_s_max=3600)


def wait(error: Exception, attempt: int, randomness: float = 1.0) -> float:
    decision = decide(error, attempt, NOW, POLICY, lambda: randomness)
    assert isinstance(decision, RetryAt)
    return (decision.moment - NOW).total_seconds()


def test_waits_double_up_to_the_limit() -> None:
    waits = [wait(Unavailable("down"), attempt) for attempt in range(1, 8)]
    assert waits == [1, 2, 4, 8, 16, 32, 60]


@given(st.integers(1, 7), st.floats(0, 1))
def test_jitter_stays_between_half_and_the_whole(attempt: int, randomness: float) -> None:
    full = wait(OSError(), attempt)
    # A moment has whole microseconds.
    assert full / 2 - 1e-6 <= wait(OSError(), attempt, randomness) <= full


def test_waits_never_shrink_without_jitter() -> None:
    waits = [wait(KeyError(), attempt) for attempt in range(1, 8)]
    assert all(earlier <= later for earlier, later in pairwise(waits))


def test_the_last_try_is_the_last() -> None:
    assert decide(OSError(), 8, NOW, POLICY) == GiveUp("attempts_exhausted")
    assert isinstance(decide(OSError(), 7, NOW, POLICY), RetryAt)


@pytest.mark.parametrize("error", [Malformed("bad"), Unsupported("new")])
def test_what_cannot_get_better_is_given_up_at_once(error: Exception) -> None:
    assert decide(error, 1, NOW, POLICY) == GiveUp("not_retryable")


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("120", 120),
        (7.5, 7.5),
        ("Mon, 02 Mar 2026 10:02:00 GMT", 120),
        ("Monday, 02-Mar-26 10:02:00 GMT", 120),
        ("Mon Mar  2 10:02:00 2026", 120),
        ("Mon, 02 Mar 2026 09:00:00 GMT", 0),
        ("999999", 3600),
        ("soon", 1),
        ("-5", 1),
        ("", 1),
    ],
)
def test_retry_after_is_honoured_within_reason(asked: str | float, seconds: float) -> None:
    assert wait(RetryLater(retry_after=asked), 1) == seconds


def test_retry_after_does_not_buy_more_tries() -> None:
    assert decide(RetryLater(retry_after=1), 8, NOW, POLICY) == GiveUp("attempts_exhausted")


@given(st.text(max_size=40))
def test_any_header_is_read_or_left(text: str) -> None:
    seconds = retry_after_s(text, NOW)
    assert seconds is None or seconds >= 0


def test_the_decision_is_the_same_for_the_same_input() -> None:
    first = decide(OSError(), 3, NOW, POLICY, lambda: 0.25)
    assert first == decide(OSError(), 3, NOW, POLICY, lambda: 0.25)
    assert first == RetryAt(NOW + timedelta(seconds=2.5))


@pytest.mark.parametrize(
    "absurd",
    [
        "Mon, 02 Mar 99999 10:00:00 GMT",
        f"Mon, 02 Mar {'9' * 30} 10:00:00 GMT",
        "Mon, 02 Mar 2026 10:00:00 +99999999999",
        f"Mon, 02 Mar 2026 {'9' * 30}:00:00 GMT",
    ],
)
def test_a_moment_no_calendar_has_says_nothing(absurd: str) -> None:
    assert retry_after_s(absurd, NOW) is None
    assert wait(RetryLater(retry_after=absurd), 1) == 1


@pytest.mark.parametrize("far", ["9" * 5000, "Fri, 31 Dec 9999 23:59:59 -2359"])
def test_a_moment_too_far_away_is_cut_to_the_limit(far: str) -> None:
    assert wait(RetryLater(retry_after=far), 1) == 3600
