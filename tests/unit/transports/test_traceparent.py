"""A sender's trace is continued when it is one; nothing else of theirs gets onto the streams."""

from __future__ import annotations

import pytest

from transports.http_ingest import _traceparent

GOOD = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_trace_is_continued() -> None:
    assert _traceparent({"traceparent": GOOD}) == GOOD


@pytest.mark.parametrize(
    "given", ["", GOOD + "0", GOOD.upper(), "x" * 9000, f"{GOOD}\n", "00-1-2-3"]
)
def test_anything_else_is_left_out(given: str) -> None:
    assert _traceparent({"traceparent": given}) is None
