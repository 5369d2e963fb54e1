"""Hostile MT940 files: each is treated as the expectations beside them say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from canonical.cash import BankEntryBooked, BankEntryNotified, BankEntryReversed
from canonical.values import Direction
from connectors.mt940 import CONNECTOR
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run

HOSTILE = Path(__file__).parents[3] / "shared" / "corpus" / "finance" / "hostile"
FOLDER = HOSTILE / "mt940"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpus is not here"),
]

EXPECTED = (
    {
        name.removeprefix("mt940/"): told["expect"]
        for name, told in json.loads((HOSTILE / "EXPECTED.shared.json").read_bytes()).items()
        if name.startswith("mt940/")
    }
    if FOLDER.is_dir()
    else {}
)
FINDINGS = {
    "closing_mismatch.sta": ["balance_mismatch"],
    "cp850.sta": ["undecodable_text"],
    "decimal_point.sta": ["bad_amount"],
    "empty.sta": ["empty"],
    "feb30.sta": ["bad_date"],
    "nul_bytes.sta": ["nul_bytes"],
}
CASH = {
    "closing_mismatch.sta": ["10.00"],
    "decimal_point.sta": [],
    "ec_expected_credit.sta": [],
    "empty.sta": [],
    "feb30.sta": [],
    "cp850.sta": [],
    "identical_lines.sta": ["10.00", "10.00"],
    "intermediate_60M_62M.sta": ["10.00", "10.00"],
    "no_decimals.sta": ["10"],
    "rc_reversal_of_credit.sta": ["-10.00"],
    "rcr_funds_code.sta": ["-10.00"],
}
"""What moves by each file; of the others, a credit of 10.00."""
Cash = BankEntryBooked | BankEntryReversed


def outcome(name: str, **options: str) -> Outcome:
    raw = RawMessage(
        (FOLDER / name).read_bytes(),
        account="acme",
        received_at=datetime(2026, 3, 3, tzinfo=UTC),
        filename=name,
        options=options,
    )
    return dry_run(CONNECTOR, raw)


def cash(found: Outcome) -> list[Decimal]:
    booked = [one.data for one in found.messages if isinstance(one.data, Cash)]
    return [
        one.amount.amount if one.direction is Direction.CREDIT else -one.amount.amount
        for one in booked
    ]


def test_every_file_has_an_expectation() -> None:
    assert sorted(EXPECTED) == sorted(path.name for path in FOLDER.iterdir())
    assert len(EXPECTED) == 18


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_file_is_treated_as_expected(name: str) -> None:
    found = outcome(name)
    codes = [problem.code for problem in found.problems]
    assert codes == FINDINGS.get(name, [])
    assert cash(found) == [Decimal(text) for text in CASH.get(name, ["10.00"])]
    match EXPECTED[name]:
        case "accept":
            assert (found.outcome, codes) == ("translated", [])
        case "accept-no-cash":
            notices = [one for one in found.messages if isinstance(one.data, BankEntryNotified)]
            assert (len(notices), codes) == (1, [])
        case "accept-config":
            told = outcome(name, encoding="cp850")
            assert (len(cash(told)), told.problems) == (1, ())
        case "flag" | "park":
            assert codes
        case other:
            assert other == "reject-retryable"
            assert found.outcome == "dead"
