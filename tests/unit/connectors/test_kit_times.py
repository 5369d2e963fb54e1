"""Moments have a zone that somebody stated; days exist in the calendar."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical import Malformed
from connectors.kit.times import date_of, moment_of, moment_of_epoch, moment_of_epoch_ms

MOMENTS = st.datetimes(
    min_value=datetime(2, 1, 2),  # noqa: DTZ001 - the zone is added by the strategy
    max_value=datetime(9998, 12, 30),  # noqa: DTZ001
    timezones=st.sampled_from(
        [UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12, minutes=-30))]
    ),
)


@given(MOMENTS)
def test_iso_text_is_read_back(moment: datetime) -> None:
    assert moment_of(moment.isoformat()) == moment
    assert moment_of(f" {moment.isoformat()}\n") == moment


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-02T10:00:00Z", datetime(2026, 3, 2, 10, tzinfo=UTC)),
        ("2026-03-02t10:00:00z", datetime(2026, 3, 2, 10, tzinfo=UTC)),
        ("2026-03-02T10:00:00+01:00", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-02T10:00:00.123456789Z", datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC)),
        ("20260302T100000+0000", datetime(2026, 3, 2, 10, tzinfo=UTC)),
    ],
)
def test_moments(value: str, expected: datetime) -> None:
    assert moment_of(value) == expected


def test_a_zone_is_only_added_where_the_caller_knows_it() -> None:
    with pytest.raises(Malformed) as caught:
        moment_of("2026-03-02T10:00:00", "placed_at")
    assert (caught.value.code, caught.value.path) == ("time_without_zone", "placed_at")
    known = moment_of("2026-03-02T10:00:00", zone=ZoneInfo("Europe/Paris"))
    assert known == datetime(2026, 3, 2, 9, tzinfo=UTC)
    stated = moment_of("2026-03-02T10:00:00Z", zone=ZoneInfo("Europe/Paris"))
    assert stated == datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "now",
        "2026-03-02",
        "2026-02-30T10:00:00Z",
        "2026-03-02T25:00:00Z",
        "02/03/2026 10:00:00",
        "1772445600",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "2026-03-02T10:00:00+99:00",
        "２０２６-03-02T10:00:00Z",
        "x" * 5000,
        1772445600,
        None,
        True,
        [],
        datetime(2026, 3, 2, tzinfo=UTC),
    ],
)
def test_what_is_not_a_moment_is_refused(value: Any) -> None:
    with pytest.raises(Malformed) as caught:
        moment_of(value, "at")
    assert caught.value.code == "bad_time"
    assert len(str(caught.value)) < 120


@given(st.text(max_size=40))
def test_any_text_gives_a_moment_or_our_own_error(value: str) -> None:
    with contextlib.suppress(Malformed):
        assert moment_of(value, zone=UTC).tzinfo is not None


@given(st.integers(0, 253_370_764_799))
def test_epochs_are_seconds_in_utc(seconds: int) -> None:
    expected = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert moment_of_epoch(seconds) == expected
    assert moment_of_epoch_ms(seconds * 1000 + 7) == expected + timedelta(milliseconds=7)


@pytest.mark.parametrize("value", [-1, 10**15, 10**40, True, 1.5, "1772445600", None, [1]])
def test_what_is_no_epoch_is_refused(value: Any) -> None:
    for convert in (moment_of_epoch, moment_of_epoch_ms):
        with pytest.raises(Malformed) as caught:
            convert(value * 1000 if convert is moment_of_epoch_ms and value == 10**15 else value)
        assert caught.value.code == "bad_time"


@given(st.dates())
def test_dates_are_read_back(day: date) -> None:
    assert date_of(day.isoformat()) == day
    assert date_of(f"{day.isoformat()}+02:00") == day
    assert date_of(f" {day.isoformat()}Z ") == day


@pytest.mark.parametrize(
    "value",
    [
        "",
        "2026-02-30",
        "2026-13-01",
        "0000-01-01",
        "20260302",
        "2026-3-2",
        "02.03.2026",
        "2026-W10-1",
        "2026-03-02T10:00:00Z",
        "２０２６-03-02",
        20260302,
        None,
    ],
)
def test_what_is_not_a_date_is_refused(value: Any) -> None:
    with pytest.raises(Malformed) as caught:
        date_of(value, "due")
    assert (caught.value.code, caught.value.path) == ("bad_date", "due")
