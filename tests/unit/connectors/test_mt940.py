"""MT940 and MT942: marks, dates, accounts, balances, and what each message becomes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from canonical.cash import (
    BankBalanceReported,
    BankEntryBooked,
    BankEntryNotified,
    BankEntryReversed,
)
from canonical.values import Direction, Identifier
from connectors.mt940 import CONNECTOR
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run

RECEIVED = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
Entry = BankEntryBooked | BankEntryReversed | BankEntryNotified


def told(content: str | bytes, **options: Any) -> Outcome:
    body = content if isinstance(content, bytes) else content.replace("\n", "\r\n").encode()
    raw = RawMessage(body, account="acme", received_at=RECEIVED, options=options)
    return dry_run(CONNECTOR, raw)


def statement(
    *lines: str,
    opening: str = "C260301EUR100,00",
    closing: str = "C260302EUR100,00",
    account: str = "10020030/0001234567",
    number: str = "1/1",
) -> str:
    body = "".join(f"{line}\n" for line in lines)
    head = f":20:X\n:25:{account}\n:28C:{number}\n:60F:{opening}\n"
    return f"{head}{body}:62F:{closing}\n-\n"


def entries(outcome: Outcome) -> list[Entry]:
    return [one.data for one in outcome.messages if isinstance(one.data, Entry)]


def balances(outcome: Outcome) -> list[BankBalanceReported]:
    return [one.data for one in outcome.messages if isinstance(one.data, BankBalanceReported)]


def codes(outcome: Outcome) -> list[str]:
    return [problem.code for problem in outcome.problems]


def keys(outcome: Outcome) -> list[str]:
    return [one.key.text for one in outcome.messages if isinstance(one.data, Entry)]


@pytest.mark.parametrize(
    ("mark", "kind", "direction", "closing"),
    [
        ("C", BankEntryBooked, Direction.CREDIT, "C260302EUR110,00"),
        ("D", BankEntryBooked, Direction.DEBIT, "C260302EUR90,00"),
        ("CR", BankEntryBooked, Direction.CREDIT, "C260302EUR110,00"),
        ("DR", BankEntryBooked, Direction.DEBIT, "C260302EUR90,00"),
        ("CD", BankEntryBooked, Direction.CREDIT, "C260302EUR110,00"),
        ("RC", BankEntryReversed, Direction.DEBIT, "C260302EUR90,00"),
        ("RD", BankEntryReversed, Direction.CREDIT, "C260302EUR110,00"),
        ("RCR", BankEntryReversed, Direction.DEBIT, "C260302EUR90,00"),
        ("RDR", BankEntryReversed, Direction.CREDIT, "C260302EUR110,00"),
        ("EC", BankEntryNotified, Direction.CREDIT, "C260302EUR100,00"),
        ("ED", BankEntryNotified, Direction.DEBIT, "C260302EUR100,00"),
    ],
)
def test_a_mark_says_what_moved(
    mark: str, kind: type[Entry], direction: Direction, closing: str
) -> None:
    outcome = told(statement(f":61:2603020302{mark}10,00NTRFNONREF", closing=closing))
    (entry,) = entries(outcome)
    assert type(entry) is kind
    assert entry.direction is direction
    assert entry.amount.amount == Decimal("10.00")
    assert codes(outcome) == []


@pytest.mark.parametrize(
    ("written", "amount"),
    [("10,", "10"), ("0,5", "0.5"), ("000000000012,34", "12.34"), ("1,234", "1.234"), ("7", "7")],
)
def test_amounts_are_exact(written: str, amount: str) -> None:
    outcome = told(statement(f":61:260302C{written}NTRFNONREF"))
    assert entries(outcome)[0].amount.amount == Decimal(amount)


@pytest.mark.parametrize("written", ["10.00", "1.234,56", "1,2,3", "1.2.3"])
def test_an_amount_with_another_decimal_sign_is_a_problem(written: str) -> None:
    outcome = told(statement(f":61:260302C{written}NTRFNONREF"))
    assert codes(outcome) == ["bad_amount"]
    assert entries(outcome) == []


def test_the_account_may_say_that_its_bank_writes_a_point() -> None:
    text = statement(
        ":61:260302C10.00NTRFNONREF", opening="C260301EUR1.00", closing="C260302EUR11.00"
    )
    outcome = told(text, decimal_separator=".")
    assert codes(outcome) == []
    assert entries(outcome)[0].amount.amount == Decimal("10.00")


@pytest.mark.parametrize(
    ("opening", "dates", "booked", "value"),
    [
        ("C260301EUR0,00", "2603020302", date(2026, 3, 2), date(2026, 3, 2)),
        ("C251230EUR0,00", "2512310102", date(2026, 1, 2), date(2025, 12, 31)),
        ("C251230EUR0,00", "2601021231", date(2025, 12, 31), date(2026, 1, 2)),
        ("C260301EUR0,00", "2506150302", date(2026, 3, 2), date(2025, 6, 15)),
        ("C240228EUR0,00", "2402290229", date(2024, 2, 29), date(2024, 2, 29)),
        ("C991230EUR0,00", "9912310103", date(2000, 1, 3), date(1999, 12, 31)),
        ("C260301EUR0,00", "260302", None, date(2026, 3, 2)),
    ],
)
def test_the_entry_date_gets_its_year(
    opening: str, dates: str, booked: date | None, value: date
) -> None:
    outcome = told(statement(f":61:{dates}C1,00NTRFNONREF", opening=opening))
    (entry,) = entries(outcome)
    assert (entry.booking_date, entry.value_date) == (booked, value)


@pytest.mark.parametrize("dates", ["2602300302", "2602280230", "2613010302", "260302" + "0229"])
def test_a_day_that_does_not_exist_is_a_problem(dates: str) -> None:
    outcome = told(
        statement(
            f":61:{dates}C1,00NTRFNONREF",
            ":61:2603020302C2,00NTRFNONREF",
            closing="C260302EUR103,00",
        )
    )
    assert codes(outcome) == ["bad_date"]
    assert [entry.amount.amount for entry in entries(outcome)] == [Decimal("2.00")]


@pytest.mark.parametrize(
    ("written", "scheme", "value", "servicer"),
    [
        ("NL91ABNA0417164300", "iban", "NL91ABNA0417164300", None),
        ("NL91ABNA0417164300EUR", "iban", "NL91ABNA0417164300", None),
        ("NL91ABNA0417164300 EUR", "iban", "NL91ABNA0417164300", None),
        ("/PL61109010140000071219812874", "iban", "PL61109010140000071219812874", None),
        ("10020030/0001234567", "account", "10020030/0001234567", ("clearing", "10020030")),
        ("10020030/0001234567EUR", "account", "10020030/0001234567", ("clearing", "10020030")),
        ("TESTHUHB/1234567/HUF", "account", "1234567", ("bic", "TESTHUHB")),
        ("1000.00.001EUR", "account", "1000.00.001", None),
    ],
)
def test_an_account_has_one_name(
    written: str, scheme: str, value: str, servicer: tuple[str, str] | None
) -> None:
    outcome = told(statement(":61:260302C1,00NTRFNONREF", account=written))
    (entry,) = entries(outcome)
    assert entry.bank_account == Identifier(scheme=scheme, value=value)
    expected = Identifier(scheme=servicer[0], value=servicer[1]) if servicer else None
    assert entry.servicer == expected


def test_references_of_an_entry() -> None:
    text = statement(":61:260302C1,00NTRFORDER 4507//BANK1", "supplementary")
    (entry,) = entries(told(text))
    assert entry.entry_reference == "BANK1"
    assert [(one.scheme, one.value) for one in entry.references] == [
        ("iso20022:AcctSvcrRef", "BANK1"),
        ("mt940:owner_reference", "ORDER 4507"),
    ]
    assert entry.remittance == ("supplementary",)
    assert entry.transaction_code == "NTRF"


def test_original_amount_and_charges() -> None:
    text = statement(":61:260302C9,50NTRFNONREF//B1", "/OCMT/USD11,//CHGS/EUR0,50/")
    (entry,) = entries(told(text))
    assert entry.instructed is not None
    assert (entry.instructed.amount, entry.instructed.currency) == (Decimal(11), "USD")
    assert entry.charges is not None
    assert entry.charges.amount == Decimal("0.50")


def test_balances() -> None:
    text = statement(closing="D260302EUR100,00\n:64:C260302EUR5,00\n:65:C260304EUR6,00")
    outcome = told(text)
    assert [(one.balance_type, one.amount.amount, one.direction) for one in balances(outcome)] == [
        ("OPBD", Decimal("100.00"), Direction.CREDIT),
        ("CLBD", Decimal("100.00"), Direction.DEBIT),
        ("CLAV", Decimal("5.00"), Direction.CREDIT),
        ("FWAV", Decimal("6.00"), Direction.CREDIT),
    ]
    assert codes(outcome) == ["balance_mismatch"]


def test_statements_follow_one_another() -> None:
    first = statement(number="7", closing="C260302EUR100,00")
    second = statement(number="8", opening="C260302EUR100,00", closing="C260303EUR100,00")
    broken = statement(number="8", opening="C260302EUR99,00", closing="C260303EUR99,00")
    fourth = statement(number="10", opening="C260305EUR1,00", closing="C260305EUR1,00")
    assert codes(told(first + second)) == []
    assert codes(told(first + broken)) == ["balance_chain_broken"]
    assert codes(told(first + second + fourth)) == ["statement_gap"]
    assert codes(told(first + first)) == []


def test_pages_of_a_statement() -> None:
    first = statement(":61:260302C1,00NTRFNONREF", number="7/1", closing="C260302EUR101,00")
    last = statement(
        ":61:260302C1,00NTRFNONREF",
        number="7/2",
        opening="C260302EUR101,00",
        closing="C260302EUR102,00",
    )
    text = first.replace(":62F:", ":62M:") + last.replace(":60F:", ":60M:")
    outcome = told(text)
    assert codes(outcome) == []
    assert len(set(keys(outcome))) == 2
    assert [one.balance_type for one in balances(outcome)] == ["OPBD", "ITBD", "CLBD"]
    third = text.replace(":28C:7/2", ":28C:7/3")
    assert codes(told(third)) == ["statement_gap"]


INTERIM = (
    ":20:I\n:25:10020030/0001234567\n:28C:1/1\n:34F:EURD0,\n:13D:2603021200+0100\n"
    ":61:2603020302C10,00NTRFNONREF//B1\n:86:x\n:90C:1EUR10,00\n-\n"
)


def test_an_interim_report_gives_notices() -> None:
    outcome = told(INTERIM)
    (entry,) = entries(outcome)
    assert outcome.kind == "mt942"
    assert isinstance(entry, BankEntryNotified)
    assert entry.status == "BOOK"
    assert codes(outcome) == []


def test_only_one_report_books_cash() -> None:
    booked = statement(":61:2603020302C10,00NTRFNONREF//B1", ":86:x", closing="C260302EUR110,00")
    assert [type(one) for one in entries(told(booked))] == [BankEntryBooked]
    assert [type(one) for one in entries(told(booked, cash_from="942"))] == [BankEntryNotified]
    assert [type(one) for one in entries(told(INTERIM, cash_from="942"))] == [BankEntryBooked]
    # What names the line is the same in both reports.
    line = [key.split("/line/")[1] for key in (*keys(told(booked)), *keys(told(INTERIM)))]
    assert line[0] == line[1]


def test_sums_of_an_interim_report_are_checked() -> None:
    assert codes(told(INTERIM.replace("1EUR10", "2EUR10"))) == ["control_total_mismatch"]


def test_one_fact_in_two_statements_has_one_key() -> None:
    line = (":61:2603020302C10,00NTRFNONREF//B1", ":86:x")
    early = statement(*line, number="1", closing="C260302EUR110,00")
    again = statement(*line, number="2", opening="C260228EUR100,00", closing="C260302EUR110,00")
    assert keys(told(early)) == keys(told(again))
    assert len(set(keys(told(early + again)))) == 1


def test_identical_lines_are_counted_on_into_the_next_statement() -> None:
    line = (":61:2603020302C10,00NTRFNONREF", ":86:parking")
    first = statement(*line, *line, number="1", closing="C260302EUR120,00")
    second = statement(*line, number="2", opening="C260302EUR120,00", closing="C260302EUR130,00")
    found = keys(told(first + second))
    assert [key.rsplit("/", 1)[1] for key in found] == ["1", "2", "3"]


def test_wrapping_and_encoding_do_not_change_a_key() -> None:
    text = statement(":61:2603020302C10,00NTRFNONREF", ":86:166?20Gr\u00fc\u00dfe an M\u00fcller")
    wrapped = text.replace("an M", "an\nM")
    found = {*keys(told(text.encode("cp1252"))), *keys(told(text)), *keys(told(wrapped))}
    found |= set(keys(told(text.encode("cp850"), encoding="cp850")))
    found |= set(keys(told(text.encode("utf-16"))))
    assert len(found) == 1


def test_a_file_that_breaks_off() -> None:
    text = statement(
        ":61:260302C1,00NTRFNONREF", ":86:one", ":61:260302C2,00NTRFNONREF", ":86:two and more"
    )
    outcome = told(text[: text.index(" and more")])
    assert [entry.amount.amount for entry in entries(outcome)] == [Decimal("1.00")]
    assert codes(outcome) == ["truncated", "truncated"]


def test_a_closing_balance_that_breaks_off() -> None:
    text = statement(":61:260302C1,00NTRFNONREF", closing="C260302EUR101,00")
    outcome = told(text[: text.index("01,00\n-") + 3].encode())
    assert "truncated" in codes(outcome)
    assert [one.balance_type for one in balances(outcome)] == ["OPBD"]
    whole = told(text[: text.index("\n-")].encode())
    assert codes(whole) == []


def test_without_an_account_nothing_is_told() -> None:
    outcome = told(statement(":61:260302C1,00NTRFNONREF").replace(":25:", ":21:"))
    assert outcome.messages == ()
    assert codes(outcome)[0] == "missing_field"


def test_an_unknown_currency_is_a_problem() -> None:
    outcome = told(statement(":61:260302C1,00NTRFNONREF", opening="C260301DEM1,00"))
    assert "unknown_currency" in codes(outcome)
    assert entries(outcome) == []


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_any_line_end(end: str) -> None:
    text = statement(":61:260302C1,00NTRFNONREF", ":86:x", closing="C260302EUR101,00")
    outcome = told(text.replace("\n", end).encode())
    assert codes(outcome) == []
    assert len(entries(outcome)) == 1


def test_several_messages_in_envelopes() -> None:
    text = statement(":61:260302C1,00NTRFNONREF", closing="C260302EUR101,00").removesuffix("-\n")
    block = "{1:F01TESTDEFFAXXX0000000000}{2:I940TESTDEFFXXXXN}{4:\n" + text + "-}{5:{CHK:0}}"
    outcome = told(block + block.replace("260302", "260303"))
    assert len(entries(outcome)) == 2
    assert outcome.kind == "mt940"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<Document/>", None),
        (b"date;amount\n", None),
        (b"<Document>" + b"x" * 200_000, None),
        (b":20:X\r\n:23B:CRED\r\n:32A:260302EUR1,00\r\n:50K:A\r\n", None),
        (
            b"{1:F01TESTDEFFAXXX0000000000}{2:I950TESTDEFFXXXXN}{4:\r\n:20:X\r\n:25:1\r\n:28C:1\r\n",
            "mt950",
        ),
    ],
)
def test_other_files_are_not_taken(content: bytes, kind: str | None) -> None:
    raw = RawMessage(content, account="acme", received_at=RECEIVED)
    identity = CONNECTOR.identify(raw)
    assert (identity.kind if identity else None) == kind


@pytest.mark.parametrize("content", [b"", b"\r\n", b"\0\0\0"])
def test_an_empty_file_is_refused(content: bytes) -> None:
    outcome = told(content)
    assert (outcome.outcome, codes(outcome)) == ("dead", ["empty"])


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("cash_from", "053"),
        ("encoding", "cp500"),
        ("encoding", "utf-16"),
        ("encoding", "no such"),
        ("encoding", "rot13"),
        ("dialect", "german"),
        ("decimal_separator", ";"),
    ],
)
def test_an_option_that_is_not_understood(option: str, value: str) -> None:
    outcome = told(statement(), **{option: value})
    assert (outcome.outcome, codes(outcome)) == ("dead", ["bad_option"])
