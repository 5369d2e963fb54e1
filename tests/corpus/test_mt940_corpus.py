"""Published MT940 files: what each becomes, compared with the results their publishers give."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canonical.cash import (
    BankBalanceReported,
    BankEntryBooked,
    BankEntryNotified,
    BankEntryReversed,
)
from canonical.values import Direction
from connectors.mt940 import CONNECTOR
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run

FOLDER = Path(__file__).parents[3] / "shared" / "corpus" / "finance" / "mt940"
ORACLES = FOLDER / "_oracle_json"
ORIGINALS = FOLDER / "wolph__mt940"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpus is not here"),
]

SUFFIXES = {".sta", ".mta", ".txt", ".mt940"}
NAMES = sorted(
    str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.suffix in SUFFIXES
)
OPTIONS = {
    "wolph__mt940/self-provided/raiffeisen-cmi.sta": {"encoding": "cp852"},
    "fruitl00p__php-mt940/Rabo_sample.sta": {"decimal_separator": "."},
    "fruitl00p__php-mt940/Rabo_sample2.sta": {"decimal_separator": "."},
}
"""What an account with such a bank has to say."""
DEAD = {"wolph__mt940/self-provided/raphaelm.sta": {"unknown_currency", "bad_balance"}}
"""In DEM, and with closing balances that have no currency."""
WITHHELD = {
    "fruitl00p__php-mt940/Rabo_sample.sta": "ambiguous_entry_line",
    "wolph__mt940/self-provided/february_30.sta": "bad_date",
    "wolph__mt940/self-provided/wrapped_timestamp.sta": "bad_date",
    "wolph__mt940/self-provided/multiline.sta": "misplaced_field",
}
"""Statements with one line that is not told, and why."""
WITHOUT_A_HEAD = 14
"""Single fields cut out of a message: nothing recognises them as a statement."""
Entry = BankEntryBooked | BankEntryReversed | BankEntryNotified


def outcome(name: str) -> Outcome:
    raw = RawMessage(
        (FOLDER / name).read_bytes(),
        account="acme",
        received_at=datetime(2026, 3, 3, tzinfo=UTC),
        filename=name,
        options=OPTIONS.get(name, {}),
    )
    return dry_run(CONNECTOR, raw)


def entries(found: Outcome) -> list[Entry]:
    return [one.data for one in found.messages if isinstance(one.data, Entry)]


def signed(entry: Entry) -> Decimal:
    amount = entry.amount.amount
    return amount if entry.direction is Direction.CREDIT else -amount


def lines_in(name: str) -> int:
    text = (FOLDER / name).read_bytes().replace(b"\r", b"\n")
    return sum(line.startswith(b":61:") for line in text.split(b"\n"))


def test_outcomes_by_number() -> None:
    assert len(NAMES) == 58
    found = [outcome(name) for name in NAMES]
    assert Counter(one.outcome for one in found) == {"translated": 43, "dead": 15}
    codes = Counter(code for one in found for code in {problem.code for problem in one.problems})
    assert codes["unidentified"] == WITHOUT_A_HEAD
    assert codes["connector_fault"] == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_line_is_an_entry_or_a_problem(name: str) -> None:
    found = outcome(name)
    codes = {problem.code for problem in found.problems}
    if "unidentified" in codes:
        assert not found.messages
    elif name in DEAD:
        assert not found.messages
        assert codes >= DEAD[name]
    else:
        withheld = 1 if name in WITHHELD else 0
        assert WITHHELD.get(name) in {None, *codes}
        assert len(entries(found)) == lines_in(name) - withheld


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_unique_within_a_file(name: str) -> None:
    keys = [one.key.text for one in outcome(name).messages if isinstance(one.data, Entry)]
    repeated = [key for key, number in Counter(keys).items() if number > 1]
    assert repeated == []


def oracles() -> list[str]:
    paths = sorted(ORACLES.rglob("*.json")) if ORACLES.is_dir() else []
    return [str(path.relative_to(ORACLES).with_suffix(".sta")) for path in paths]


def told_by_publisher(name: str) -> list[dict[str, Any]]:
    document = json.loads((ORACLES / name).with_suffix(".json").read_bytes())
    found: list[dict[str, Any]] = document["transactions"]
    return found


@pytest.mark.parametrize("name", oracles())
def test_entries_are_those_the_publisher_reads(name: str) -> None:
    full_name = f"wolph__mt940/{name}"
    found = entries(outcome(full_name))
    told = told_by_publisher(name)
    if not found:
        return  # Withheld as a whole: `test_every_line_is_an_entry_or_a_problem` says why.
    if full_name in WITHHELD:
        told = told[: len(found)]
    assert [(signed(one), one.amount.currency) for one in found] == [
        (Decimal(one["amount"]["amount"]), one["amount"]["currency"]) for one in told
    ]
    assert [str(one.value_date) for one in found] == [one["date"] for one in told]
    assert [str(one.booking_date) for one in found] == [str(one.get("entry_date")) for one in told]
    assert [one.entry_reference for one in found] == [
        None if one.get("bank_reference") == "NONREF" else one.get("bank_reference") for one in told
    ]


def test_the_other_party_is_the_one_the_publisher_reads() -> None:
    name = "betterplace/sepa_snippet.sta"
    found = entries(outcome(f"wolph__mt940/{name}"))
    parties = [one.counterparty for one in found]
    accounts = [party.account.value if party and party.account else None for party in parties]
    told = told_by_publisher(name)
    assert accounts == [one.get("applicant_iban") for one in told]
    assert [party.name if party else None for party in parties] == [
        one.get("applicant_name") for one in told
    ]
    without_a_message = [one for one in told if "MTLG:" not in str(one)]
    ours = {one.end_to_end_id for one in found}
    assert {one.get("end_to_end_reference") for one in without_a_message} <= ours


def test_closing_balances_are_those_the_publisher_reads() -> None:
    compared = 0
    for name in oracles():
        document = json.loads((ORACLES / name).with_suffix(".json").read_bytes())
        told = document.get("header", {}).get("final_closing_balance")
        found = [
            one.data
            for one in outcome(f"wolph__mt940/{name}").messages
            if isinstance(one.data, BankBalanceReported) and one.data.balance_type == "CLBD"
        ]
        if told and found:
            last = found[-1]
            amount = Decimal(told["amount"]["amount"])
            assert last.amount.amount == abs(amount)
            assert str(last.balance_date) == told["date"]
            compared += 1
    assert compared == 21
