"""Payloads line by line: what is out, what is in, and never more than can be looked at."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from workbench.failures.line_differences import MOST_SHOWN, line_differences
from workbench.showing import harmless


def _told(old: bytes, new: bytes) -> list[tuple[str, str]]:
    return [
        (one.kind, one.text)
        for one in line_differences(old, new).lines
        if one.kind in ("removed", "added")
    ]


def test_json_on_one_line_is_compared_by_member() -> None:
    old = json.dumps({"id": 1, "currency": "EURO", "lines": [1, 2]}).encode()
    assert _told(old, old.replace(b"EURO", b"EUR")) == [
        ("removed", '"currency": "EURO",'),
        ("added", '"currency": "EUR",'),
    ]


def test_what_is_the_same_is_skipped_and_counted() -> None:
    old = "\n".join(f"line {number}" for number in range(100)).encode()
    found = line_differences(old, old.replace(b"line 50\n", b"other\n"))
    assert [(one.kind, one.number) for one in found.lines] == [
        ("skipped", 47), ("same", 48), ("same", 49), ("same", 50), ("removed", 51), ("added", 51),
        ("same", 52), ("same", 53), ("same", 54), ("skipped", 46),
    ]  # fmt: skip
    assert not found.more
    assert line_differences(old, old).lines == ()


def test_it_says_when_there_is_more() -> None:
    old = b"\n".join(b"%d" % number for number in range(5000))
    found = line_differences(old, old.replace(b"\n", b"x\n"))
    assert found.more
    assert len(found.lines) == MOST_SHOWN


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_bytes_can_be_compared(old: bytes, new: bytes) -> None:
    found = line_differences(old, new)
    assert all(harmless(one.text) == one.text for one in found.lines)
