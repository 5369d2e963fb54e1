"""Marks: a set of numbers, in a few bytes each."""

from __future__ import annotations

import tracemalloc
from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.marks import Marks


@given(st.lists(st.integers(1, 2**64 - 1) | st.integers(1, 300)))
def test_a_mark_is_new_once(numbers: list[int]) -> None:
    marks, seen = Marks(), set[int]()
    for number in numbers:
        assert marks.add(number) == (number not in seen)
        seen.add(number)
    assert len(marks) == len(seen)


def test_marks_with_the_same_low_bits_are_told_apart() -> None:
    marks = Marks()
    numbers = [place << 32 | 7 for place in range(200)]
    assert [marks.add(number) for number in numbers * 2] == [True] * 200 + [False] * 200


def test_a_mark_takes_few_bytes() -> None:
    tracemalloc.start()
    try:
        marks = Marks()
        for number in range(20_000):
            marks.add(int.from_bytes(blake2b(b"%d" % number, digest_size=8).digest(), "big"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(marks) == 20_000
    assert peak < 20_000 * 40
