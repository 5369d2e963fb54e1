"""AvaTax's recorded answers: what each becomes, and that every total is the sum of its lines."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canonical.billing import TaxCalculated
from connectors.avatax import CONNECTOR
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run

FOLDER = Path(__file__).parents[3] / "shared" / "corpus" / "commerce" / "avalara"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpus is not here"),
]

NAMES = sorted(path.stem for path in FOLDER.glob("*.json")) if FOLDER.is_dir() else []


def read(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_bytes(), parse_float=Decimal)


def outcome(name: str) -> Outcome:
    body = (FOLDER / f"{name}.json").read_bytes()
    received_at = datetime(2026, 1, 1, tzinfo=UTC)
    raw = RawMessage(body, account="acme", received_at=received_at, filename=f"{name}.json")
    return dry_run(CONNECTOR, raw)


def recorded(name: str) -> bool:
    return read(name).get("status") in ("Saved", "Committed", "Cancelled")


RECORDED = [name for name in NAMES if recorded(name)]


def fact(name: str) -> TaxCalculated:
    (message,) = outcome(name).messages
    assert isinstance(message.data, TaxCalculated)
    return message.data


def test_outcomes_by_number() -> None:
    counted = Counter((outcome(name).outcome, outcome(name).kind) for name in NAMES)
    assert counted == {
        ("translated", "transaction"): 13,
        ("ignored", "transaction"): 5,
        ("ignored", "transaction_request"): 7,
        ("ignored", "error"): 4,
        ("ignored", "address"): 2,
    }


@pytest.mark.parametrize("name", NAMES)
def test_exactly_what_is_recorded_is_told(name: str) -> None:
    found = outcome(name)
    assert not found.problems
    assert len(found.messages) == (name in RECORDED)


@pytest.mark.parametrize("name", RECORDED)
def test_every_amount_and_rate_is_kept(name: str) -> None:
    document, data = read(name), fact(name)
    assert data.total_tax.amount == document["totalTax"]
    assert data.total is not None
    assert data.total.amount == document["totalAmount"]
    assert [one.tax.amount for one in data.lines] == [one["tax"] for one in document["lines"]]
    told = [(one.rate, one.tax.amount) for line in data.lines for one in line.details]
    assert told == [
        (one["rate"] * 100, one["tax"]) for line in document["lines"] for one in line["details"]
    ]


@pytest.mark.parametrize("name", RECORDED)
def test_the_total_is_the_sum_of_lines_and_of_jurisdictions(name: str) -> None:
    data = fact(name)
    assert sum(line.tax.amount for line in data.lines) == data.total_tax.amount
    for line in data.lines:
        assert sum(one.tax.amount for one in line.details) == line.tax.amount


@pytest.mark.parametrize(
    "name", ["spree.transactions.void.success", "spree.transactions.adjust.invoice_order_success"]
)
def test_the_second_answer_of_a_recording_is_a_newer_state(name: str) -> None:
    (first,), (second,) = (outcome(f"{name}.{index}.response").messages for index in (0, 1))
    assert first.entity == second.entity
    assert first.key != second.key
    assert first.version is not None
    assert second.version is not None
    assert first.version < second.version
