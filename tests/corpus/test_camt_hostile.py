"""Hostile files: refused, parked or accepted as the collection expects of each."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from canonical.cash import BankEntryBooked, BankEntryReversed
from canonical.message import Message
from canonical.values import Direction
from connectors.camt import CONNECTOR
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run

FOLDER = Path(__file__).parents[3] / "shared" / "corpus" / "finance" / "hostile"
EXPECTED: dict[str, dict[str, str]] = (
    json.loads((FOLDER / "EXPECTED.shared.json").read_text("utf-8")) if FOLDER.is_dir() else {}
)
XML = sorted(name for name in EXPECTED if name.startswith("xml/"))

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpus is not here"),
]

UNBALANCED = {"xml/amt_zero.xml", "xml/amt_5dec.xml"}
"""Accepted for their amounts; made from the good file by changing the amount alone, so that its
balances no longer hold, which is told as well."""


def run(name: str) -> Outcome:
    received = datetime(2026, 3, 4, tzinfo=UTC)
    return dry_run(CONNECTOR, RawMessage(FOLDER / name, account="acme", received_at=received))


def cash(outcome: Outcome) -> list[BankEntryBooked | BankEntryReversed]:
    kinds = BankEntryBooked | BankEntryReversed
    return [message.data for message in outcome.messages if isinstance(message.data, kinds)]


def codes(outcome: Outcome) -> set[str]:
    return {problem.code for problem in outcome.problems}


def facts(outcome: Outcome) -> dict[str, str]:
    return {message.key.text: message.data.content() for message in outcome.messages}


@pytest.mark.parametrize("name", XML)
def test_each_file_is_met_as_expected(name: str) -> None:
    outcome = run(name)
    expected = EXPECTED[name]["expect"]
    if expected.startswith(("reject", "flag")):
        assert outcome.problems
        assert not cash(outcome)
    elif expected == "park":
        assert outcome.problems
    elif expected == "accept-no-cash":
        assert outcome.messages
        assert not outcome.problems
        assert not cash(outcome)
    else:
        assert expected in {"accept", "accept-as-decimal", "accept-or-reject-cleanly"}
        assert cash(outcome)
        assert codes(outcome) == ({"balance_mismatch"} if name in UNBALANCED else set())


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("xml/xxe_file.xml", "doctype"),
        ("xml/xxe_http.xml", "doctype"),
        ("xml/quadratic_blowup.xml", "doctype"),
        ("xml/dtd_internal_harmless.xml", "doctype"),
        ("xml/many_attributes.xml", "too_many_attributes"),
        ("xml/truncated_tag.xml", "truncated"),
        ("xml/truncated_prolog.xml", "truncated"),
        ("xml/empty.xml", "empty"),
        ("xml/html_error_page.xml", "html_page"),
        ("xml/two_documents.xml", "bad_xml"),
        ("xml/trailing_garbage.xml", "bad_xml"),
        ("xml/ns_mixed.xml", "foreign_namespace"),
        ("xml/ns_future_version.xml", "unknown_version"),
        ("zip/zip_slip.zip", "unsafe_name"),
        ("zip/bomb_100MB.zip", "zip_bomb"),
        ("zip/truncated.xml.gz", "truncated"),
    ],
)
def test_what_is_refused_as_a_whole_says_why(name: str, code: str) -> None:
    outcome = run(name)
    assert (outcome.outcome, codes(outcome)) == ("dead", {code})


def test_amounts_come_out_exactly() -> None:
    for name, amount in {
        "xml/pi_inside_amount.xml": "10.00",
        "xml/amt_ws.xml": "10.00",
        "xml/amt_5dec.xml": "10.00001",
        "xml/amt_bhd_3dec.xml": "10.125",
        "xml/amt_zero.xml": "0.00",
    }.items():
        (entry,) = cash(run(name))
        assert str(entry.amount.amount) == amount


def test_a_batch_is_three_receipts_and_not_three_times_the_entry() -> None:
    assert [entry.amount.amount for entry in cash(run("xml/batch_3tx.xml"))] == [10, 20, 30]
    mismatch = run("xml/batch_sum_mismatch.xml")
    assert (codes(mismatch), cash(mismatch)) == ({"batch_sum_mismatch"}, [])


def test_a_reversal_is_classified_and_its_direction_is_its_own() -> None:
    first, reversal = cash(run("xml/reversal.xml"))
    assert isinstance(reversal, BankEntryReversed)
    assert (first.direction, reversal.direction) == (Direction.CREDIT, Direction.DEBIT)


def test_the_encoding_is_the_declared_one() -> None:
    (entry,) = cash(run("xml/enc_declared_cp1252_euro.xml"))
    assert any("€" in line for line in (*entry.remittance, entry.entry_reference or ""))


def test_the_same_statement_with_other_content_is_a_conflict() -> None:
    copy = facts(run("dup/e_copy_dupl.xml"))
    changed = facts(run("dup/d_same_id_changed_content.xml"))
    assert copy.keys() == changed.keys()
    differing = {key.split("/")[0] for key in copy if copy[key] != changed[key]}
    assert differing == {"bank-entry", "bank-balance"}


def test_a_copy_of_a_statement_is_a_duplicate() -> None:
    copy = run("dup/e_copy_dupl.xml")
    assert not copy.problems
    good, told = facts(run("xml/00_good_baseline.xml")), facts(copy)
    balances = {key: content for key, content in good.items() if key.startswith("bank-balance")}
    assert balances.items() <= told.items()


def test_identical_lines_are_both_booked() -> None:
    outcome = run("dup/f_two_identical_lines.xml")
    assert not outcome.problems
    assert len(cash(outcome)) == 2
    assert len(facts(outcome)) == 4


def test_a_page_that_comes_first_says_which_page_it_is() -> None:
    outcome = run("dup/g_page2_before_page1_2.xml")
    (entry,) = cash(outcome)
    assert entry.position.page == "2"
    assert not outcome.problems


def test_an_advice_is_never_a_second_booking() -> None:
    advice, statement = run("dup/i_camt054_same_entry.xml"), run("dup/e_copy_dupl.xml")
    assert advice.messages
    assert not cash(advice)
    assert not facts(advice).keys() & facts(statement).keys()
    assert _entry(advice).correlation == _entry(statement).correlation


def test_each_member_of_an_archive_has_its_own_outcome() -> None:
    outcome = run("zip/mixed_good_broken.zip")
    assert len(cash(outcome)) == 1
    assert {(problem.at, problem.code) for problem in outcome.problems} == {
        ("readme.txt", "foreign_member"),
        ("broken.xml", "truncated"),
    }


def test_a_hundred_thousand_entries_stream_and_balance() -> None:
    path = FOLDER / "huge" / "camt053_100k_entries.xml.gz"
    raw = RawMessage(path, account="acme", received_at=datetime(2026, 3, 4, tzinfo=UTC))
    identity = CONNECTOR.identify(raw)
    assert identity is not None
    keys, total = set(), Decimal(0)
    for item in CONNECTOR.translate(raw, identity):
        assert isinstance(item, Message)
        if isinstance(item.data, BankEntryBooked):
            keys.add(item.key.digest)
            total += item.data.amount.amount
    assert len(keys) == total == 100_000


def _entry(outcome: Outcome) -> Message:
    (entry,) = (m for m in outcome.messages if not m.key.text.startswith("bank-balance"))
    return entry
