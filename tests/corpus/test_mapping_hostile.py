"""Hostile CSV files: each is treated as the expectations beside them say."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from canonical.cash import BankEntryBooked
from canonical.values import Direction
from connectors.mapping import CONNECTOR
from connectors.mapping.plan import check_options
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run

HOSTILE = Path(__file__).parents[3] / "shared" / "corpus" / "finance" / "hostile"
FOLDER = HOSTILE / "csv"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpus is not here"),
]

EXPECTED = (
    {
        name.removeprefix("csv/"): told["expect"]
        for name, told in json.loads((HOSTILE / "EXPECTED.shared.json").read_bytes()).items()
        if name.startswith("csv/")
    }
    if FOLDER.is_dir()
    else {}
)
ACCOUNT = {"scheme": "=iban", "value": "=DE02120300000000202051"}


def bank(amount: Any, day: str, text: str, **options: Any) -> dict[str, Any]:
    """The mapping of a bank's CSV file with these columns."""
    fields = {
        "bank_account": ACCOUNT,
        "amount": amount if isinstance(amount, dict) else {"money": amount, "sign": "direction"},
        "booking_date": day,
        **({"remittance": [text]} if text else {}),
    }
    return {
        "format": "csv",
        "emits": "o2c.bank_entry.booked",
        "currency": "=EUR",
        "key": [day, *([text] if text else []), "#"],
        "fields": fields,
        **options,
    }


PLAIN = bank("Amount", "Date", "Desc")
SPLIT = {"sign": "direction", "currency": "=INR"}
MAPPINGS: dict[str, dict[str, Any]] = {
    "cr_only.csv": PLAIN,
    "header_only.csv": PLAIN,
    "nul.csv": PLAIN,
    "unbalanced_quote.csv": PLAIN,
    "us_vs_eu_dates.csv": bank("Amount", "Date", ""),
    "eu_semicolon_cp1252.csv": bank(
        {"money": "Betrag", "currency": "Währung", "sign": "direction"},
        "Buchungstag",
        "Verwendungszweck",
        encoding="cp1252",
        delimiter=";",
        decimal=",",
        grouping=".",
        date_format="%d.%m.%Y",
    ),
    "indian_grouping.csv": bank(
        {**SPLIT, "credit": "Deposit Amt.", "debit": "Withdrawal Amt."},
        "Date",
        "Narration",
        grouping=",",
        date_format="%d/%m/%y",
    ),
    "preamble_and_totals.csv": bank(
        {**SPLIT, "credit": "Deposit", "debit": "Withdrawal"},
        "Date",
        "Narration",
        skip_until="Date",
        date_format="%d/%m/%y",
        skip={"Date": ["Total*", "***"]},
    ),
}
CASH = {
    "cr_only.csv": [("10.00", date(2026, 3, 2))],
    "eu_semicolon_cp1252.csv": [("1234.56", date(2026, 3, 2))],
    "indian_grouping.csv": [("125000.00", date(2026, 4, 5))],
    "preamble_and_totals.csv": [("10.00", date(2026, 3, 2))],
}
"""What each file credits, and when; the others credit nothing."""
FINDINGS = {
    "nul.csv": ["nul_character"],
    "unbalanced_quote.csv": ["bad_quoting"],
    "us_vs_eu_dates.csv": ["bad_date", "bad_date"],
}


def outcome(name: str, **options: Any) -> Outcome:
    raw = RawMessage(
        (FOLDER / name).read_bytes(),
        account="acme",
        received_at=datetime(2026, 3, 3, tzinfo=UTC),
        filename=name,
        options={**MAPPINGS[name], **options},
    )
    return dry_run(CONNECTOR, raw)


def cash(found: Outcome) -> list[tuple[str, date | None]]:
    booked = [one.data for one in found.messages if isinstance(one.data, BankEntryBooked)]
    assert all(one.direction is Direction.CREDIT for one in booked)
    return [(str(one.amount.amount), one.booking_date) for one in booked]


def test_every_file_has_a_mapping_without_faults() -> None:
    assert sorted(EXPECTED) == sorted(path.name for path in FOLDER.iterdir()) == sorted(MAPPINGS)
    assert len(EXPECTED) == 8
    assert [list(check_options(options)) for options in MAPPINGS.values()] == [[]] * 8


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_file_is_treated_as_expected(name: str) -> None:
    found = outcome(name)
    codes = [problem.code for problem in found.problems]
    assert codes == FINDINGS.get(name, [])
    assert cash(found) == CASH.get(name, [])
    match EXPECTED[name]:
        case "accept" | "accept-empty":
            assert found.outcome == "translated"
        case other:
            assert other in {"reject", "reject-ambiguous"}
            assert found.outcome == "dead"


@pytest.mark.parametrize(("written", "month"), [("%m/%d/%Y", (3, 4)), ("%d/%m/%Y", (2, 2))])
def test_ambiguous_dates_are_what_the_mapping_declares(
    written: str, month: tuple[int, int]
) -> None:
    found = outcome("us_vs_eu_dates.csv", date_format=written)
    assert [day.month for _, day in cash(found) if day] == list(month)


def test_rows_that_are_no_entries_are_told() -> None:
    ignored = outcome("preamble_and_totals.csv").ignored
    assert [one.at for one in ignored] == ["line[6]", "line[7]"]


def test_amount_grouped_by_other_signs_than_declared_is_refused() -> None:
    found = outcome("indian_grouping.csv", grouping=".", decimal=",")
    assert [problem.code for problem in found.problems] == ["bad_amount"]
