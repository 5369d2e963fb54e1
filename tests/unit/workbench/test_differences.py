"""Differences between messages: every field that is not the same, once, by its path."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.failures.differences import differences, message_differences

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": "1"}, [("a", "changed", 1, "1")]),
        ({"a": 1}, {"a": True}, [("a", "changed", 1, True)]),
        ({"a": 1}, {"b": 2}, [("a", "removed", 1, None), ("b", "added", None, 2)]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3, 4]}},
         [("a.b[1]", "changed", 2, 3), ("a.b[2]", "added", None, 4)]),
        ({"lines": [{"line_id": "1", "n": 1}, {"line_id": "2", "n": 2}]},
         {"lines": [{"line_id": "2", "n": 3}, {"line_id": "1", "n": 1}]},
         [("lines[line_id=2].n", "changed", 2, 3)]),
        ({"r": [{"scheme": "a", "value": "1"}]},
         {"r": [{"scheme": "a", "value": "1"}, {"scheme": "b", "value": "2"}]},
         [("r[scheme=b,value=2]", "added", None, {"scheme": "b", "value": "2"})]),
        ({"a": []}, {"a": {}}, [("a", "changed", [], {})]),
        (None, {"a": 1}, [("", "changed", None, {"a": 1})]),
    ],
)  # fmt: skip
def test_what_differs_is_told(old: Any, new: Any, told: list[tuple[Any, ...]]) -> None:
    found = [(one.path, one.kind, one.old, one.new) for one in differences(old, new)]
    assert found == told


def test_the_context_of_a_report_is_told_apart() -> None:
    old = json.dumps({"event_id": "A", "amount": {"amount": "1.00"}})
    new = json.dumps({"event_id": "B", "amount": {"amount": "2.00"}})
    told = {one.path: one.context for one in message_differences("o2c.payment.failed", old, new)}
    assert told == {"event_id": True, "amount.amount": False}
    (gone,) = message_differences("o2c.unknown", '{"a": 1}', None)
    assert (gone.kind, gone.context) == ("removed", False)


def test_there_is_an_end_to_them() -> None:
    assert len(differences({}, {str(n): n for n in range(1000)}, most=10)) == 10


@given(_JSON, _JSON)
def test_there_are_none_exactly_between_equals(old: Any, new: Any) -> None:
    same = json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)
    found = differences(old, new)
    assert differences(old, old) == []
    if same:
        assert found == []
    elif not found:
        # Only the order of items that have names of their own may differ.
        assert sorted(json.dumps(old)) == sorted(json.dumps(new))
