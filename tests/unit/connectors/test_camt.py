"""camt: what is booked, what is only told, and whether figures agree."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.cash import (
    BankBalanceReported,
    BankEntryBooked,
    BankEntryNotified,
    BankEntryReversed,
)
from canonical.values import Direction, Identifier, Money
from tests.unit.connectors.test_camt_files import (
    ACCOUNT,
    IBAN,
    balance,
    codes,
    document,
    entries,
    entry,
    facts,
    keys,
    only,
    report,
    run,
    transaction,
)


def test_a_booked_entry_of_a_statement_is_cash() -> None:
    message = only(document(report(entry())))
    assert isinstance(message.data, BankEntryBooked)
    assert message.data.amount == Money(amount=Decimal("10.00"), currency="EUR")
    assert message.data.direction is Direction.CREDIT
    assert message.data.bank_account == Identifier(scheme="iban", value=IBAN)
    assert message.data.booking_date == date(2026, 3, 3)
    assert message.occurred_at == datetime(2026, 3, 3, tzinfo=UTC)
    assert message.data.position.statement_id == "S1"
    assert message.data.position.message == "M1"


@pytest.mark.parametrize("status", ["PDNG", "INFO", "FUTR"])
@pytest.mark.parametrize("form", ["{}", "<Cd>{}</Cd>"])
def test_no_other_status_is_cash(status: str, form: str) -> None:
    message = only(document(report(entry(status=form.format(status)))))
    assert isinstance(message.data, BankEntryNotified)
    assert message.data.status == status


@pytest.mark.parametrize("kind", ["052", "054"])
def test_reports_and_notifications_are_notices(kind: str) -> None:
    assert isinstance(only(document(report(entry(), kind=kind), kind=kind)).data, BankEntryNotified)


@pytest.mark.parametrize("chosen", ["052", "053", "054"])
@pytest.mark.parametrize("kind", ["052", "053", "054"])
def test_exactly_the_chosen_report_books_cash(kind: str, chosen: str) -> None:
    message = only(document(report(entry(), kind=kind), kind=kind), cash_from=chosen)
    assert isinstance(message.data, BankEntryBooked) == (kind == chosen)


def test_a_reversal_keeps_its_own_direction_and_the_original_parties() -> None:
    parties = "<RltdPties><Dbtr><Nm>Payer</Nm></Dbtr><Cdtr><Nm>We</Nm></Cdtr></RltdPties>"
    reversal = entry(
        way="DBIT",
        reversal="<RvslInd>true</RvslInd>",
        details=transaction(None, rest=parties),
    )
    message = only(document(report(reversal)))
    assert isinstance(message.data, BankEntryReversed)
    assert message.data.direction is Direction.DEBIT
    assert message.data.counterparty is not None
    assert message.data.counterparty.name == "Payer"
    assert message.key.text.startswith("bank-entry/")


def test_an_entry_and_its_reversal_under_one_reference_are_two_facts() -> None:
    both = document(report(entry(), entry(way="DBIT", reversal="<RvslInd>1</RvslInd>")))
    assert len(set(keys(both))) == 2


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (entry("1,00"), "bad_amount"),
        (entry("NaN"), "bad_amount"),
        (entry("-1.00"), "bad_amount"),
        (entry("9" * 40), "bad_amount"),
        (entry("1<b/>0"), "bad_amount"),
        (entry(currency=""), "missing_currency"),
        (entry(currency="XXQ"), "unknown_currency"),
        (entry(way="CREDIT"), "unknown_direction"),
        (entry(way=""), "missing_direction"),
        (entry(status=""), "missing_status"),
        (entry(status="BOOKED"), "unknown_status"),
        (entry(status="<Prtry>BOOK1</Prtry>"), "unknown_status"),
        (entry(reversal="<RvslInd>yes</RvslInd>"), "bad_indicator"),
        (entry(booked="<BookgDt><Dt>2026-02-30</Dt></BookgDt>"), "bad_date"),
        (entry(booked="<BookgDt/>"), "missing_field"),
        (entry(booked="<BookgDt><DtTm>2026-03-03T99:00:00Z</DtTm></BookgDt>"), "bad_time"),
        (entry(value="<ValDt><Dt>9999-12-31</Dt></ValDt>"), "implausible_date"),
        (entry(ref=f"<AcctSvcrRef>{'R' * 401}</AcctSvcrRef>"), "invalid_value"),
    ],
)
def test_a_bad_entry_is_a_problem_and_the_others_go_on(bad: str, code: str) -> None:
    around = [entry(ref=f"<AcctSvcrRef>{name}</AcctSvcrRef>") for name in ("A", "B")]
    outcome = run(document(report(around[0], bad, around[1])))
    assert codes(outcome) == [code]
    assert outcome.problems[0].at == "Stmt[1]/Ntry[2]"
    assert [message.at for message in entries(outcome)] == ["Stmt[1]/Ntry[1]", "Stmt[1]/Ntry[3]"]


def test_a_missing_status_is_filled_only_by_the_option() -> None:
    bare = document(report(entry(status="")))
    assert codes(run(bare)) == ["missing_status"]
    assert isinstance(only(bare, status_when_absent="BOOK").data, BankEntryBooked)


@pytest.mark.parametrize("option", [{"cash_from": "055"}, {"timezone": "Mars/Olympus"}])
def test_an_option_that_is_not_understood_stops_everything(option: dict[str, str]) -> None:
    outcome = run(document(report(entry())), **option)
    assert (outcome.outcome, codes(outcome)) == ("dead", ["bad_option"])


# Batches --------------------------------------------------------------------------------------


def batch(*amounts: str | None, total: str = "60.00", **parts: str) -> bytes:
    listed = (
        transaction(amount, refs=f"<EndToEndId>E{number}</EndToEndId>")
        for number, amount in enumerate(amounts)
    )
    return document(report(entry(total, details="".join(listed), **parts)))


def test_a_batch_becomes_one_message_a_transaction() -> None:
    outcome = run(batch("10.00", "20.00", "30.00"))
    assert not outcome.problems
    told = entries(outcome)
    assert [fact.amount.amount for fact in facts(outcome)] == [10, 20, 30]
    assert [fact.batch.index for fact in facts(outcome) if fact.batch] == [1, 2, 3]
    assert {fact.batch.entry_amount.amount for fact in facts(outcome) if fact.batch} == {60}
    assert len({message.key.text for message in told}) == 3
    assert len({message.correlation for message in told}) == 1


def test_a_batch_that_does_not_add_up_books_nothing_of_it() -> None:
    outcome = run(batch("10.00", "20.00", "31.00"))
    assert codes(outcome) == ["batch_sum_mismatch"]
    assert not outcome.messages


@pytest.mark.parametrize("amounts", [("10.00", None), (None, None)])
def test_without_all_amounts_the_entry_is_told_as_a_whole(amounts: tuple[str | None, ...]) -> None:
    message = only(batch(*amounts))
    assert isinstance(message.data, BankEntryBooked)
    assert message.data.amount.amount == 60
    assert message.data.batch is None
    assert message.data.end_to_end_id is None
    assert Identifier(scheme="iso20022:EndToEndId", value="E1") in message.data.references


def test_amounts_in_another_currency_do_not_split_an_entry() -> None:
    foreign = '<TxDtls><Amt Ccy="CHF">30.00</Amt></TxDtls>' * 2
    message = only(document(report(entry("60.00", details=foreign))))
    assert isinstance(message.data, BankEntryBooked)
    assert message.data.amount == Money(amount=Decimal("60.00"), currency="EUR")


def test_older_versions_keep_the_amount_in_the_amount_details() -> None:
    inside = "<TxDtls><AmtDtls><TxAmt><Amt Ccy='EUR'>5.00</Amt></TxAmt></AmtDtls></TxDtls>"
    outcome = run(document(report(entry("10.00", details=inside * 2)), version="02"))
    assert [fact.amount.amount for fact in facts(outcome)] == [5, 5]
    assert len(set(keys(document(report(entry("10.00", details=inside * 2)))))) == 2


def test_a_transaction_against_the_entry_counts_with_its_sign() -> None:
    back = transaction("5.00", rest="<CdtDbtInd>DBIT</CdtDbtInd>")
    outcome = run(document(report(entry("15.00", details=transaction("20.00") + back))))
    assert not outcome.problems
    assert [fact.direction for fact in facts(outcome)] == [
        Direction.CREDIT,
        Direction.DEBIT,
    ]


def test_transactions_are_named_by_what_they_alone_have() -> None:
    shared = "<AcctSvcrRef>LOT</AcctSvcrRef>"
    first = transaction("10.00", refs=f"{shared}<TxId>T1</TxId>")
    second = transaction("10.00", refs=f"{shared}<TxId>T2</TxId>")
    forth = keys(document(report(entry("20.00", details=first + second))))
    back = keys(document(report(entry("20.00", details=second + first))))
    assert forth == back[::-1]
    assert len(set(forth)) == 2


amounts = st.lists(
    st.decimals(min_value=0, max_value=10**6, places=2, allow_nan=False), min_size=2, max_size=6
)


@given(amounts)
def test_splitting_conserves_the_amount(parts: list[Decimal]) -> None:
    total = sum(parts, Decimal(0))
    outcome = run(batch(*(f"{part:f}" for part in parts), total=f"{total:f}"))
    assert not outcome.problems
    told = entries(outcome)
    assert len({message.key.text for message in told}) == len(parts)
    assert sum(fact.amount.amount for fact in facts(outcome)) == total


# Statements -----------------------------------------------------------------------------------


def statement(closing: str, *inner: str, name: str = "S1", number: int = 1) -> str:
    balances = balance("OPBD", "100.00"), balance("CLBD", closing)
    head = f"<ElctrncSeqNb>{number}</ElctrncSeqNb>"
    return report(*balances, *inner, name=name, head=head)


def test_balances_are_told_with_their_statement() -> None:
    (first, _) = run(document(statement("100.00"))).messages
    assert isinstance(first.data, BankBalanceReported)
    assert (first.data.balance_type, first.data.sequence) == ("OPBD", "1")
    assert first.data.amount.amount == 100


def test_a_resend_with_another_message_id_is_the_same() -> None:
    first = run(document(statement("110.00", entry()), message="M1"))
    again = run(document(statement("110.00", entry()), message="M2"))
    assert [(m.key, m.data.content()) for m in first.messages] == [
        (m.key, m.data.content()) for m in again.messages
    ]


def test_a_balance_without_a_sign_is_not_taken_for_credit() -> None:
    assert codes(run(document(report(balance("OPBD", "1.00", way=""))))) == ["missing_direction"]


def test_figures_that_disagree_are_found_and_the_entries_stand() -> None:
    outcome = run(document(statement("999.99", entry())))
    assert codes(outcome) == ["balance_mismatch"]
    assert len(entries(outcome)) == 1


@pytest.mark.parametrize("status", ["PDNG", "INFO"])
def test_only_booked_entries_move_the_balance(status: str) -> None:
    assert not run(document(statement("100.00", entry(status=status)))).problems


def test_sums_over_an_unreadable_amount_prove_nothing() -> None:
    assert codes(run(document(statement("110.00", entry("x"))))) == ["bad_amount"]


def test_a_page_alone_is_not_summed() -> None:
    page = "<StmtPgntn><PgNb>2</PgNb><LastPgInd>true</LastPgInd></StmtPgntn>"
    alone = report(balance("OPBD", "100.00"), entry(), balance("CLBD", "120.00"), head=page)
    outcome = run(document(alone))
    assert not outcome.problems
    assert facts(outcome)[0].position.page == "2"


def test_control_totals_are_compared() -> None:
    totals = (
        "<TxsSummry><TtlNtries><NbOfNtries>2</NbOfNtries><Sum>11.00</Sum></TtlNtries>"
        "<TtlDbtNtries><NbOfNtries>0</NbOfNtries></TtlDbtNtries></TxsSummry>"
    )
    outcome = run(document(report(totals, entry())))
    assert codes(outcome) == ["control_total_mismatch"] * 2


def test_statements_of_a_file_follow_one_another() -> None:
    def chain(second: str) -> list[str]:
        return codes(run(document(statement("100.00"), second)))

    assert chain(statement("100.00", name="S2", number=2)) == []
    assert chain(statement("100.00", name="S2", number=4)) == ["statement_gap"]
    other = report(balance("OPBD", "99.00"), balance("CLBD", "99.00"), name="S2")
    assert chain(other) == ["balance_chain_broken"]


def test_a_statement_without_an_account_books_nothing() -> None:
    body = document(report(entry())).replace(ACCOUNT.encode(), b"")
    outcome = run(body)
    assert (codes(outcome), outcome.messages) == (["missing_field"], ())
