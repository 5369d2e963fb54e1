"""Fingerprints: failures of one cause meet, others stay apart."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.fingerprints import GROUPINGS, Fault, fingerprints, plain_path, plain_text

FAULT = Fault(
    connector="shopify",
    account="acme",
    kind="orders/create",
    stage="translate",
    error_code="bad_amount",
    field_path="lines[3].price",
    message="'12,x' is not an amount in line 4",
)


def _groups(fault: Fault) -> dict[str, int]:
    return {name: one.group_id for name, one in fingerprints(fault).items()}


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("lines[3].price", "lines[].price"),
        ("[5].lines[0].tax", "[].lines[].tax"),
        ("BIG[1]/BIG07", "BIG[]/BIG07"),
        ("/lines/3/price", "/lines/[]/price"),
        ("lines.12", "lines.[]"),
        ("batch[AcmeWeb/42/EUR]", "batch[]"),
        (":61:", ":61:"),
        ("address2.line1", "address2.line1"),
        ("", ""),
    ],
)
def test_places_in_lists_do_not_count(path: str, plain: str) -> None:
    assert plain_path(path) == plain


def test_messages_meet_without_what_they_quote() -> None:
    one = plain_text("order 1001: 'ABC' is not a date (2026-03-02)")
    other = plain_text("order 7: 'x'  is not a date (1999-01-01)")
    assert one == other == "order #: '…' is not a date (#)"


@pytest.mark.parametrize(
    ("changes", "apart"),
    [
        ({"field_path": "lines[9].price"}, set()),
        ({"account": "eu"}, {"account"}),
        ({"kind": "orders/paid"}, {"kind"}),
        ({"field_path": "total"}, {"field", "account"}),
        ({"message": "there is none"}, {"text"}),
        ({"connector": "stripe"}, {"field", "account", "kind", "text"}),
        ({"stage": "subscribe billing"}, {"field", "account", "text"}),
        ({"error_code": "bad_date"}, {"field", "account", "code", "kind"}),
    ],
)
def test_each_grouping_looks_at_its_own(changes: dict[str, str], apart: set[str]) -> None:
    before, after = _groups(FAULT), _groups(replace(FAULT, **changes))
    assert {name for name in GROUPINGS if before[name] != after[name]} == apart


def test_groups_of_different_groupings_are_different() -> None:
    assert len(set(_groups(FAULT).values())) == len(GROUPINGS)


@given(st.text(), st.text())
def test_any_text_has_a_group(path: str, message: str) -> None:
    for group_id in _groups(replace(FAULT, field_path=path, message=message)).values():
        assert 0 <= group_id < 2**63
