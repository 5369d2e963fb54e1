"""The token bucket and the circuit breaker, by the clock."""

from __future__ import annotations

import pytest

from tests.polling.staging import Clock
from transports.limits import CircuitBreaker, CircuitOpen, TokenBucket


def bucket(rate: float, clock: Clock) -> TokenBucket:
    return TokenBucket(rate, clock=clock.seconds, sleep=clock.sleep)


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        breaker.enter()
        breaker.failed("server_error")


async def test_after_the_first_the_pace_is_kept(clock: Clock) -> None:
    paced = bucket(2, clock)
    for _ in range(6):
        await paced.take()
    assert clock.passed == pytest.approx(2.0)


async def test_a_rest_gives_no_more_than_a_second_of_calls(clock: Clock) -> None:
    paced = bucket(5, clock)
    clock.passed = 1000
    for _ in range(5):
        await paced.take()
    assert clock.slept == []
    await paced.take()
    assert clock.slept == [pytest.approx(0.2)]


def test_those_who_come_together_wait_in_turn(clock: Clock) -> None:
    paced = bucket(0.5, clock)
    assert [paced.reserve() for _ in range(3)] == [0.0, 2.0, 4.0]


def test_five_failures_in_a_row_open_it(clock: Clock) -> None:
    breaker = CircuitBreaker(clock=clock.seconds)
    fail(breaker, 4)
    breaker.enter()
    breaker.succeeded()
    fail(breaker, 5)
    assert breaker.state == "open"
    with pytest.raises(CircuitOpen, match="server_error") as failure:
        breaker.enter()
    assert float(failure.value.retry_after) == 30


def test_one_call_tries_it_out(clock: Clock) -> None:
    breaker = CircuitBreaker(clock=clock.seconds)
    fail(breaker, 5)
    clock.passed += 30
    breaker.enter()
    with pytest.raises(CircuitOpen):
        breaker.enter()
    breaker.succeeded()
    breaker.enter()
    assert breaker.state == "closed"


def test_an_abandoned_trial_leaves_room_for_the_next(clock: Clock) -> None:
    breaker = CircuitBreaker(clock=clock.seconds)
    fail(breaker, 5)
    clock.passed += 30
    breaker.enter()
    breaker.abandoned()
    breaker.enter()


def test_the_waits_grow_to_five_minutes_and_start_over(clock: Clock) -> None:
    breaker = CircuitBreaker(clock=clock.seconds)
    fail(breaker, 5)
    waits = []
    for _ in range(6):
        with pytest.raises(CircuitOpen) as failure:
            breaker.enter()
        waits.append(float(failure.value.retry_after))
        clock.passed += waits[-1]
        fail(breaker, 1)
    assert waits == [30, 60, 120, 240, 300, 300]
    clock.passed += 300
    breaker.enter()
    breaker.succeeded()
    fail(breaker, 5)
    with pytest.raises(CircuitOpen) as failure:
        breaker.enter()
    assert float(failure.value.retry_after) == 30


def test_calls_under_way_when_it_opens_change_nothing(clock: Clock) -> None:
    breaker = CircuitBreaker(clock=clock.seconds)
    for _ in range(8):
        breaker.enter()
    for _ in range(8):
        breaker.failed("no_connection")
    with pytest.raises(CircuitOpen) as failure:
        breaker.enter()
    assert float(failure.value.retry_after) == 30
