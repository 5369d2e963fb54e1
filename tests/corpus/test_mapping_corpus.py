"""Published bank CSV files and one JSON form of statements, each by a mapping of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canonical.cash import BankEntryBooked
from canonical.values import Direction
from connectors.kit.json_body import read_json
from connectors.mapping import CONNECTOR
from connectors.mapping.plan import check_options
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run

FOLDER = Path(__file__).parents[3] / "shared" / "corpus" / "finance" / "bank_csv"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpus is not here"),
]

BANK: dict[str, Any] = {"emits": "o2c.bank_entry.booked"}
CSV = {**BANK, "format": "csv"}
SIGNED = {"sign": "direction"}
EUROPEAN = {**CSV, "delimiter": ";", "decimal": ",", "grouping": "."}
UNNAMED = {"scheme": "=account", "value": "=0001"}
MAPPINGS: dict[str, dict[str, Any]] = {
    "sample_statement.csv": {
        **CSV,
        "key": ["Account", "Reference"],
        "fields": {
            "bank_account": {"scheme": "=account", "value": "Account"},
            "amount": {"money": "Amount", "currency": "Currency", **SIGNED},
            "booking_date": "Date",
            "remittance": ["Description"],
            "entry_reference": "Reference",
        },
    },
    "sample_split_amounts.csv": {
        **EUROPEAN,
        "key": ["IBAN", "Ref"],
        "fields": {
            "bank_account": {"scheme": "=iban", "value": "IBAN"},
            "amount": {"credit": "Credit", "debit": "Debit", "currency": "CCY", **SIGNED},
            "booking_date": "Booking Date",
            "remittance": ["Details"],
        },
    },
    "csv_european_decimals.csv": {
        **EUROPEAN,
        "key": ["IBAN", "Ref"],
        "fields": {
            "bank_account": {"scheme": "=iban", "value": "IBAN"},
            "amount": {"money": "Betrag", "currency": "CCY", **SIGNED},
            "booking_date": "Buchungstag",
            "remittance": ["Verwendungszweck"],
        },
    },
    "csv_french_headers.csv": {
        **EUROPEAN,
        "key": ["Référence"],
        "fields": {
            "bank_account": UNNAMED,
            "amount": {"credit": "Crédit", "debit": "Débit", "currency": "Devise", **SIGNED},
            "booking_date": "Date opération",
            "remittance": ["Libellé"],
        },
    },
    "csv_garbled_amount.csv": {
        **CSV,
        "key": ["Date", "Description", "Amount", "#"],
        "fields": {
            "bank_account": UNNAMED,
            "amount": {"money": "Amount", "currency": "Currency", **SIGNED},
            "booking_date": "Date",
        },
    },
}
STATEMENTS = {
    **BANK,
    "format": "json",
    "records": "expected/transactions",
    "key": ["../expected/account_id", "booking_date", "amount", "description", "#"],
    "fields": {
        "bank_account": {"scheme": "=account", "value": "../expected/account_id"},
        "amount": {"money": "amount", "currency": "../expected/currency", **SIGNED},
        "booking_date": "booking_date",
        "remittance": ["description"],
    },
}
MOVED = {
    "sample_statement.csv": ["2500.00", "-1200.00"],
    "sample_split_amounts.csv": ["1250.50", "-200.25"],
    "csv_european_decimals.csv": ["-1234.56", "3500.00", "-4.50"],
    "csv_french_headers.csv": ["-1234.56", "3500.00", "-4.50"],
    "csv_garbled_amount.csv": ["100.00"],
}
"""What each file moves, as one reads in it."""


def files(suffix: str) -> list[Path]:
    return sorted(FOLDER.rglob(f"*{suffix}"))


def outcome(path: Path) -> Outcome:
    raw = RawMessage(
        path,
        account="acme",
        received_at=datetime(2026, 6, 1, tzinfo=UTC),
        filename=path.name,
        options=MAPPINGS.get(path.name, STATEMENTS),
    )
    return dry_run(CONNECTOR, raw)


def moved(found: Outcome) -> list[Decimal]:
    booked = [one.data for one in found.messages if isinstance(one.data, BankEntryBooked)]
    return [
        one.amount.amount if one.direction is Direction.CREDIT else -one.amount.amount
        for one in booked
    ]


def test_every_csv_file_has_a_mapping_without_faults() -> None:
    assert sorted(path.name for path in files(".csv")) == sorted(MAPPINGS) == sorted(MOVED)
    for options in (*MAPPINGS.values(), STATEMENTS):
        assert list(check_options(options)) == []


@pytest.mark.parametrize("path", files(".csv"), ids=lambda path: path.name)
def test_each_csv_file_moves_what_it_says(path: Path) -> None:
    found = outcome(path)
    assert moved(found) == [Decimal(text) for text in MOVED[path.name]]
    garbled = ["bad_amount"] if path.name == "csv_garbled_amount.csv" else []
    assert [problem.code for problem in found.problems] == garbled


def test_running_balances_agree_with_the_amounts() -> None:
    opening, closing = Decimal("2500.00"), Decimal("3800.00")
    path = next(path for path in files(".csv") if path.name == "sample_statement.csv")
    assert opening + sum(moved(outcome(path))) == closing


@pytest.mark.parametrize("path", files(".json"), ids=lambda path: path.name)
def test_each_statement_closes_on_its_balance(path: Path) -> None:
    told = read_json(path.read_bytes())["expected"]
    found = outcome(path)
    assert len(found.messages) == len(told["transactions"])
    assert len({one.key for one in found.messages}) == len(found.messages)
    opening, closing = Decimal(told["opening_balance"]), Decimal(told["closing_balance"])
    assert opening + sum(moved(found)) == closing
