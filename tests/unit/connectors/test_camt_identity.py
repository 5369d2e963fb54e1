"""camt: which fact an entry is, wherever and however often it is reported."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

from canonical.cash import BankEntryBooked
from tests.unit.connectors.test_camt_files import (
    balance,
    document,
    entries,
    entry,
    keys,
    only,
    report,
    run,
    transaction,
)


def bare(amount: str = "4.50", note: str = "", head: str = "<NtryRef>1</NtryRef>") -> str:
    details = f"<TxDtls><RmtInf><Ustrd>Coffee{note}</Ustrd></RmtInf></TxDtls>"
    return entry(amount, ref="", head=head, details=details)


def test_the_banks_reference_names_an_entry_wherever_it_is_told() -> None:
    before = document(report(entry(), name="S1"))
    later = document(report(entry(ref="<AcctSvcrRef>R0</AcctSvcrRef>"), entry(), name="S2"))
    assert keys(before)[0] == keys(later)[1]
    assert entries(run(before))[0].data.content() == entries(run(later))[1].data.content()


def test_a_line_in_two_overlapping_statements_is_one_fact() -> None:
    before = document(report(bare(note=" 1"), bare(note=" 2"), name="S1"))
    later = document(
        report(bare(note=" 2", head="<NtryRef>1</NtryRef>"), bare(note=" 3"), name="S2"),
        message="M2",
    )
    assert keys(before)[1] == keys(later)[0]
    assert len(set(keys(before) + keys(later))) == 3
    assert entries(run(before))[1].data.content() == entries(run(later))[0].data.content()


def test_identical_lines_of_a_statement_are_all_booked() -> None:
    twice = keys(document(report(bare(), bare(head="<NtryRef>2</NtryRef>"))))
    assert len(set(twice)) == 2
    assert keys(document(report(bare(note=" other"), bare(), bare(), name="S2")))[1:] == twice


def test_identical_lines_are_counted_on_across_the_pages_of_a_file() -> None:
    pages = [
        report(bare(), head=f"<StmtPgntn><PgNb>{n}</PgNb><LastPgInd>{last}</LastPgInd></StmtPgntn>")
        for n, last in ((1, "false"), (2, "true"))
    ]
    assert len(set(keys(document(*pages)))) == 2


def test_a_statement_that_stands_twice_in_a_file_is_a_copy() -> None:
    full = report(balance("OPBD", "0.00"), bare(), entry(), balance("CLBD", "14.50"))
    outcome = run(document(full, full))
    assert not outcome.problems
    assert set(Counter(message.key.text for message in outcome.messages).values()) == {2}


def test_one_reference_on_several_entries_still_tells_them_apart() -> None:
    body = document(report(entry("10.00"), entry("2.00"), entry("2.00")))
    assert len(set(keys(body))) == 3
    assert keys(body)[0] == keys(document(report(entry("10.00"))))[0]


def test_changed_content_under_one_reference_is_a_conflict() -> None:
    first, second = document(report(entry("10.00"))), document(report(entry("11.00")))
    assert keys(first) == keys(second)
    assert entries(run(first))[0].data.content() != entries(run(second))[0].data.content()


def test_a_reference_of_the_line_counts_by_day_and_a_line_number_not_at_all() -> None:
    named = "<NtryRef>2026-0303-0017</NtryRef>"
    first = keys(document(report(bare("4.50", head=named), name="S1")))
    again = keys(document(report(bare("5.00", head=named), name="S2")))
    assert first == again
    assert "NtryRef/2026-03-03/2026-0303-0017" in first[0]
    assert keys(document(report(bare("4.50"), name="S1"))) != keys(
        document(report(bare("5.00"), name="S1"))
    )


def test_lines_without_any_date_are_told_apart_by_their_statement() -> None:
    undated = entry(ref="", booked="", value="")
    assert keys(document(report(undated, name="S1"))) != keys(document(report(undated, name="S2")))
    assert only(document(report(undated))).occurred_at == datetime(2026, 3, 3, 18, tzinfo=UTC)


def test_an_advice_a_pending_and_a_booked_entry_are_three_facts() -> None:
    facts = [
        only(document(report(entry(), kind="054"), kind="054")),
        only(document(report(entry(status="PDNG")))),
        only(document(report(entry()))),
    ]
    assert len({message.key.text for message in facts}) == 3
    assert len({message.correlation for message in facts}) == 1


def test_words_for_no_reference_are_none() -> None:
    refs = "<EndToEndId>NOTPROVIDED</EndToEndId>"
    message = only(
        document(
            report(
                entry(ref="<AcctSvcrRef>NONREF</AcctSvcrRef>", details=transaction(None, refs=refs))
            )
        )
    )
    assert isinstance(message.data, BankEntryBooked)
    assert message.data.end_to_end_id is None
    assert message.data.references == ()
    assert "/line/" in message.key.text


def test_times_without_a_zone_are_never_guessed() -> None:
    local = document(report(entry(booked="<BookgDt><DtTm>2026-03-03T00:20:00</DtTm></BookgDt>")))
    assert only(local).occurred_at == datetime(2026, 3, 3, tzinfo=UTC)
    known = only(local, timezone="Europe/Berlin")
    assert known.occurred_at == datetime(2026, 3, 2, 23, 20, tzinfo=UTC)
    assert isinstance(known.data, BankEntryBooked)
    assert known.data.booking_date == date(2026, 3, 3)
