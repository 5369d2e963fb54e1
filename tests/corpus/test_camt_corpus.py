"""Published camt files: what each becomes, against the figures another parser found in them."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, date, datetime
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
from canonical.currencies import minor_units
from canonical.values import Direction
from connectors.camt import CONNECTOR
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run

FOLDER = Path(__file__).parents[3] / "shared" / "corpus" / "finance" / "camt"
FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.xml"))
ORACLES = sorted(FOLDER.glob("genkgo__camt/*.json"))
Fact = BankEntryBooked | BankEntryReversed | BankEntryNotified

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpus is not here"),
]

OTHER_DOCUMENTS = {
    "moov-io__iso20022/gistfile1.xml",
    "moov-io__iso20022/valid_camt_v09.xml",
    "sebastienrousseau__bankstatementparser/invalid.xml",
    "sebastienrousseau__bankstatementparser/pain.001.001.03.xml",
}
WITHOUT_STATEMENT = "genkgo__camt/camt053.v2.wrong.xml"
MISMATCHED = {"genkgo__camt/camt053.v2.all-balance-types.xml"}
SEVERAL_STATEMENTS = {"camt053.v2.multi.statement"}
WITHOUT_STATUS = "Subite-eu__camt-to-coda/LT625883379695428516/"
"""A central bank's statements, published without `Sts` and without the sign of balances."""


def run(name: str, **options: str) -> Outcome:
    raw = RawMessage(
        FOLDER / name,
        account="acme",
        received_at=datetime(2026, 3, 4, tzinfo=UTC),
        options=options,
    )
    return dry_run(CONNECTOR, raw)


def codes(outcome: Outcome) -> set[str]:
    return {problem.code for problem in outcome.problems}


@pytest.mark.parametrize("name", FILES)
def test_every_file_has_the_outcome_it_should(name: str) -> None:
    outcome = run(name)
    if name in OTHER_DOCUMENTS:
        assert codes(outcome) == {"unidentified"}
    elif name == WITHOUT_STATEMENT:
        assert codes(outcome) == {"no_statement"}
    elif name.startswith(WITHOUT_STATUS):
        assert codes(outcome) == {"missing_status", "missing_direction"}
        assert not outcome.messages
    else:
        assert outcome.messages
        assert codes(outcome) == ({"balance_mismatch"} if name in MISMATCHED else set())


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(WITHOUT_STATUS)])
def test_entries_without_status_are_booked_when_the_account_says_so(name: str) -> None:
    outcome = run(name, status_when_absent="BOOK")
    assert codes(outcome) == {"missing_direction"}
    assert {problem.path for problem in outcome.problems} == {"CdtDbtInd"}
    assert all(isinstance(message.data, BankEntryBooked) for message in outcome.messages)


def test_the_corpus_as_a_whole() -> None:
    outcomes = [run(name, status_when_absent="BOOK") for name in FILES]
    told = [message.data for outcome in outcomes for message in outcome.messages]
    assert len(FILES) == 45
    assert sum(isinstance(data, BankEntryBooked) for data in told) == 71
    assert sum(isinstance(data, BankEntryNotified) for data in told) == 176
    assert not any(
        problem.code == "connector_fault" for one in outcomes for problem in one.problems
    )


def test_a_file_that_comes_again_gives_the_same_facts_each_once() -> None:
    for name in FILES:
        first, again = run(name), run(name)
        assert [(m.key, m.data) for m in first.messages] == [
            (m.key, m.data) for m in again.messages
        ]
        assert len({message.key for message in first.messages}) == len(first.messages)


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda path: path.stem)
def test_amounts_dates_and_references_agree_with_another_parser(oracle: Path) -> None:
    expected = json.loads(oracle.read_text("utf-8"))
    outcome = run(f"genkgo__camt/{oracle.stem}.xml")
    entries: dict[str, list[Fact]] = defaultdict(list)
    for message in outcome.messages:
        if isinstance(message.data, Fact):
            entries["/".join(message.at.split("/")[:2])].append(message.data)
    # The other parser's list keeps the last where two statements number their entries alike.
    hidden = 1 if oracle.stem in SEVERAL_STATEMENTS else 0
    for found, entry in zip(list(entries.values())[hidden:], expected["getEntries"], strict=True):
        _compare(found, entry)


def _compare(found: list[Fact], entry: dict[str, Any]) -> None:
    assert sum(_signed(fact) for fact in found) == _money(entry["getAmount"])
    for fact in found:
        assert fact.amount.currency == entry["getAmount"]["getCurrency"]["getCode"]
        assert fact.entry_reference == entry["getAccountServicerReference"]
        assert _day(fact.booking_date) == _oracle_day(entry["getBookingDate"])
        assert _day(fact.value_date) == _oracle_day(entry["getValueDate"])
        status = fact.status if isinstance(fact, BankEntryNotified) else "BOOK"
        assert status == entry["getStatus"]
    detail = entry["getTransactionDetail"]
    if len(entry["getTransactionDetails"]) == 1 and detail["getReference"]:
        assert found[0].end_to_end_id == _reference(detail["getReference"]["getEndToEndId"])
        assert found[0].mandate_id == detail["getReference"]["getMandateId"]


def _reference(oracle: str | None) -> str | None:
    return None if oracle == "NOTPROVIDED" else oracle


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda path: path.stem)
def test_balances_agree_with_another_parser(oracle: Path) -> None:
    records = _records(json.loads(oracle.read_text("utf-8")))
    wanted = [balance for record in records for balance in record.get("getBalances", [])]
    outcome = run(f"genkgo__camt/{oracle.stem}.xml")
    told = [m.data for m in outcome.messages if isinstance(m.data, BankBalanceReported)]
    if len(wanted) != len(told):
        pytest.skip("the oracle leaves out statements it has shown elsewhere")
    for data, balance in zip(told, wanted, strict=True):
        assert _signed(data) == _money(balance["getAmount"])
        assert _day(data.balance_date) == _oracle_day(balance["getDate"])


def _records(document: dict[str, Any]) -> list[dict[str, Any]]:
    listed = document["getRecords"] if isinstance(document["getRecords"], list) else []
    listed += [entry["getRecord"] for entry in document["getEntries"]]
    return [record for record in listed if isinstance(record, dict)]


def _signed(data: Fact | BankBalanceReported) -> Decimal:
    amount = data.amount.amount
    return amount if data.direction is Direction.CREDIT else -amount


def _money(oracle: dict[str, Any]) -> Decimal:
    return Decimal(oracle["getAmount"]).scaleb(-minor_units(oracle["getCurrency"]["getCode"]))


def _day(found: date | None) -> str | None:
    return found.isoformat() if found else None


def _oracle_day(oracle: dict[str, str] | None) -> str | None:
    return oracle["0"][:10] if oracle else None
