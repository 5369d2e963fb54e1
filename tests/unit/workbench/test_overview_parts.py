"""The overview's pure parts: silence, the picture, rates and what needs a person."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from store.finding.traffic import AccountHours, Slot, Tally
from workbench.flow.attention import short
from workbench.flow.flow_picture import NARROW, WIDE, Flow, Station, draw
from workbench.flow.overview import plot_series
from workbench.flow.silence import ENOUGH, longest_usual, silent_accounts, usual_gap

NOW = datetime(2026, 3, 16, 10, 30, tzinfo=UTC)
HOUR = int(NOW.timestamp()) // 3600
GAPS = st.lists(st.integers(1, 100), min_size=ENOUGH, max_size=200)


def hours_of(gaps: list[int]) -> list[int]:
    """Hours that have these gaps between them."""
    hours = [0]
    for gap in gaps:
        hours.append(hours[-1] + gap)
    return hours


def heard(hours: list[int], last_at: datetime) -> AccountHours:
    return AccountHours(connector="shop", account="acme", hours=hours, last_at=last_at)


@given(GAPS)
def test_the_usual_gap_is_one_there_was(gaps: list[int]) -> None:
    usual = usual_gap(hours_of(gaps))
    assert usual is not None
    assert usual in {timedelta(hours=gap) for gap in gaps}
    assert timedelta(hours=1) <= longest_usual(usual)


@given(GAPS, st.randoms())
def test_the_order_of_gaps_does_not_matter(gaps: list[int], chance: st.DataObject) -> None:
    mixed = list(gaps)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert usual_gap(hours_of(gaps)) == usual_gap(hours_of(mixed))


@given(GAPS, st.integers(2, 5))
def test_slower_accounts_may_be_silent_longer(gaps: list[int], times: int) -> None:
    usual, slower = usual_gap(hours_of(gaps)), usual_gap(hours_of([gap * times for gap in gaps]))
    assert usual is not None
    assert slower == usual * times


@given(st.integers(1, 3), st.integers(30, 300))
def test_one_outage_does_not_become_usual(gap: int, number: int) -> None:
    outage = 10
    assume(outage < gap * number * 0.05)
    assert usual_gap(hours_of([gap] * number + [outage])) == timedelta(hours=gap)


def test_nights_and_weekends_are_usual_where_they_are() -> None:
    monday = HOUR // 24 // 7 * 7 * 24
    working = [
        monday + 24 * day + hour for day in range(14) if day % 7 < 5 for hour in range(8, 18)
    ]
    usual = usual_gap(working)
    assert usual is not None
    assert usual >= timedelta(hours=15)


def test_too_little_is_known() -> None:
    assert usual_gap(list(range(ENOUGH - 1))) is None


@pytest.mark.parametrize(("minutes", "silent"), [(20, False), (89, False), (91, True)])
def test_who_is_heard_every_hour_is_missed_after_ninety_minutes(minutes: int, silent: bool) -> None:
    one = heard(list(range(HOUR - 48, HOUR)), NOW - timedelta(minutes=minutes))
    assert bool(silent_accounts([one], NOW)) == silent


def test_the_longest_silent_by_habit_comes_first() -> None:
    daily = heard([HOUR - 24 * day for day in range(14, 0, -1)], NOW - timedelta(hours=50))
    hourly = heard(list(range(HOUR - 48, HOUR - 10)), NOW - timedelta(hours=10))
    found = silent_accounts([daily, hourly], NOW)
    assert [one.last_at for one in found] == [hourly.last_at, daily.last_at]


def flow(links: dict[tuple[str, str], int]) -> Flow:
    def station(key: str) -> Station:
        return Station(
            key=key, title=key * 20, notes=("many words and more of them", "few"), kind="x"
        )

    return Flow(
        columns=([station("a"), station("b")], [station("new"), station("stale")], [station("d")]),
        links=links,
    )


COUNTS = st.integers(0, 10**9)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_everything_is_within_the_picture(one: int, two: int, three: int, four: int) -> None:
    links = {("a", "new"): one, ("b", "stale"): two, ("b", "new"): three, ("new", "d"): four}
    for shape in (WIDE, NARROW):
        shown = draw(flow(links), shape)
        assert len(shown.ribbons) == sum(number > 0 for number in links.values())
        for box in shown.boxes:
            assert 0 <= box.x <= box.x + box.width <= shown.width
            assert 0 <= box.y <= box.y + box.height <= shown.height + 1
            assert len(box.title) <= shape.letters
        for ribbon in shown.ribbons:
            numbers = [float(found) for found in re.findall(r"-?[\d.]+", ribbon.path)]
            assert all(-1 <= y <= shown.height + 1 for y in numbers[1::2])


def test_boxes_of_a_column_do_not_overlap() -> None:
    shown = draw(flow({("a", "new"): 10_000, ("b", "new"): 1}))
    for x in {box.x for box in shown.boxes}:
        column = sorted((box for box in shown.boxes if box.x == x), key=lambda box: box.y)
        for above, below in pairwise(column):
            assert above.y + above.height <= below.y


def test_a_picture_of_nothing() -> None:
    assert draw(flow({})).ribbons == []


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1234, "1.2k"), (56_789, "57k"), (4_000_000, "4.0M"), (10**10, "10G")],
)
def test_counts_in_few_letters(number: int, text: str) -> None:
    assert short(number) == text


def test_the_minute_that_is_passing_is_not_plotted() -> None:
    minute = int(NOW.timestamp()) // 60
    tallies = {
        Slot(minute, "shop", "acme", "received"): Tally(5, 0),
        Slot(minute - 1, "shop", "acme", "received"): Tally(3, 0),
        Slot(minute - 1, "shop", "acme", "new:order"): Tally(2, 0),
        Slot(minute - 1, "shop", "acme", "duplicate:order"): Tally(1, 0),
        Slot(minute - 61, "shop", "acme", "failed"): Tally(9, 0),
    }
    times, received, failed, new = plot_series(tallies, NOW, 1)
    assert (times[-1], len(times)) == ((minute - 1) * 60, 60)
    assert (received[-1], new[-1], sum(failed)) == (3, 2, 0)
