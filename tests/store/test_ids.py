"""Ids and times: ordered, unique, and the same back from text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.errors import Malformed
from store.ids import IdSource, first_id_at, parse_id, show_id
from store.times import micros, moment

NUMBERS = st.integers(0, 2**63 - 1)
AWARE = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
    timezones=st.integers(-720, 720).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


def _source(times: list[int]) -> IdSource:
    ticks: Iterator[int] = iter(times)
    return IdSource(lambda: next(ticks), worker=3)


@given(st.lists(st.integers(0, 2**41), min_size=2, max_size=50))
def test_ids_rise_whatever_the_clock_does(times: list[int]) -> None:
    source = _source(times)
    made = [source.next() for _ in times]
    assert made == sorted(set(made))
    assert all(0 <= one < 2**63 for one in made)


def test_more_ids_than_fit_in_a_millisecond() -> None:
    source = IdSource(lambda: 1_750_000_000_000, worker=3)
    made = [source.next() for _ in range(10_000)]
    assert made == sorted(set(made))


def test_two_processes_share_a_millisecond() -> None:
    one, other = (IdSource(lambda: 1_750_000_000_000, worker=number) for number in (1, 2))
    assert not {one.next() for _ in range(5000)} & {other.next() for _ in range(5000)}


@given(st.integers(0, 10**13))
def test_ids_select_by_time(ms: int) -> None:
    when = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(milliseconds=min(ms, 2**40))
    made = IdSource(lambda: micros(when) // 1000).next()
    assert first_id_at(when) <= made < first_id_at(when + timedelta(milliseconds=1))


@given(NUMBERS)
def test_shown_ids_are_read_back(number: int) -> None:
    shown = show_id("rcp", number)
    assert parse_id("rcp", shown) == number
    assert parse_id("rcp", f" {shown.upper()} ") == number
    assert len(shown) == len("rcp_") + 13


@given(NUMBERS, NUMBERS)
def test_shown_ids_sort_as_the_numbers_do(one: int, other: int) -> None:
    assert (show_id("rcp", one) < show_id("rcp", other)) == (one < other)


def test_what_people_misread_is_read_as_it_was_meant() -> None:
    assert parse_id("dl", "dl_000000000O1IL") == parse_id("dl", "dl_0000000000111")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rcp_",
        "rcp_1",
        "msg_0000000000001",
        "rcp_000000000000u",
        "rcp_zzzzzzzzzzzzz",
        "rcp_" * 9,
    ],
)
def test_anything_else_is_no_id(text: str) -> None:
    with pytest.raises(Malformed) as raised:
        parse_id("rcp", text)
    assert raised.value.code == "bad_id"


@given(st.text())
def test_any_text_is_an_id_or_malformed(text: str) -> None:
    try:
        number = parse_id("rcp", text)
    except Malformed:
        return
    assert 0 <= number < 2**63


@given(AWARE)
def test_moments_come_back_exactly(when: datetime) -> None:
    assert moment(micros(when)) == when


def test_a_time_without_a_zone_is_not_stored() -> None:
    with pytest.raises(Malformed) as raised:
        micros(datetime(2026, 1, 1))  # noqa: DTZ001 - the point of it
    assert raised.value.code == "time_without_zone"
