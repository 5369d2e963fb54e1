"""Keys: one fact, one text; versions: text that sorts as the versions do."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical import Key, Malformed, Version
from canonical.keys import message_id

PARTS = st.lists(st.text(st.characters(), max_size=12), min_size=1, max_size=5)
TRICKY = st.lists(st.text("/%2F05a\n\0", max_size=6), min_size=1, max_size=5)
MOMENTS = st.datetimes(
    min_value=datetime(2, 1, 2),  # noqa: DTZ001 - the zone is added by the strategy
    max_value=datetime(9998, 12, 30),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=13)), timezone(timedelta(hours=-7))]),
)


@given(PARTS | TRICKY, PARTS | TRICKY)
def test_different_parts_never_give_the_same_text(one: list[str], other: list[str]) -> None:
    assert (Key.of(*one).text == Key.of(*other).text) == (one == other)


@given(PARTS | TRICKY, PARTS | TRICKY)
def test_extending_a_key_is_the_same_as_building_it_at_once(
    one: list[str], other: list[str]
) -> None:
    assert Key.of(*one).extended(*other) == Key.of(*one, *other)


def test_boundaries_and_empty_parts_count() -> None:
    assert Key.of("ab", "c") != Key.of("a", "bc")
    assert Key.of("a", "", "b") != Key.of("a", "b")
    assert Key.of("a/b") != Key.of("a", "b")
    assert Key.of("order", 4507).text == "order/4507"
    with pytest.raises(ValueError, match="at least one"):
        Key.of()


@given(PARTS)
def test_a_key_is_one_line_without_nul(parts: list[str]) -> None:
    assert not re.search(r"[\n\r\0]", Key.of(*parts).text)


@given(PARTS | TRICKY, PARTS | TRICKY)
def test_ids_follow_the_key_and_are_valid_uuids(one: list[str], other: list[str]) -> None:
    first, second = Key.of(*one), Key.of(*other)
    assert len(first.digest) == 16
    assert (message_id(first.digest) == message_id(second.digest)) == (first == second)
    assert UUID(message_id(first.digest)).version == 8


def test_the_id_of_a_fact_never_changes() -> None:
    # Published messages carry it: another derivation would publish every fact a second time.
    key = Key.of("order", "shopify", "acme", "4507", "2026-03-02T10:00:00.000000Z")
    assert message_id(key.digest) == "17cb1161-3a81-85da-bbd4-507fddaff0f3"


@given(MOMENTS, MOMENTS)
def test_versions_by_time_sort_as_the_moments_do(one: datetime, other: datetime) -> None:
    first, second = Version.at(one), Version.at(other)
    assert (first < second) == (one < other)
    assert (first == second) == (one == other)


@given(st.integers(0, 10**20 - 1), st.integers(0, 10**20 - 1))
def test_counted_versions_sort_as_numbers(one: int, other: int) -> None:
    assert (Version.number(one) < Version.number(other)) == (one < other)


def test_a_version_is_written_in_one_way() -> None:
    moment = datetime(2026, 3, 2, 12, tzinfo=timezone(timedelta(hours=2)))
    assert str(Version.at(moment)) == "2026-03-02T10:00:00.000000Z"
    assert str(Version.at(datetime(999, 1, 2, tzinfo=UTC))) == "0999-01-02T00:00:00.000000Z"
    assert str(Version.number(7)) == "00000000000000000007"


def test_versions_out_of_range_are_refused() -> None:
    with pytest.raises(Malformed, match="zone"):
        Version.at(datetime(2026, 3, 2))  # noqa: DTZ001 - the fault
    for value in (-1, 10**20):
        with pytest.raises(Malformed, match="out of range"):
            Version.number(value)
