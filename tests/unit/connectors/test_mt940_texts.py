"""MT940: what `:86:` says, in which encoding, and texts that only look like fields."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from canonical.cash import BankEntryBooked, BankEntryNotified, BankEntryReversed
from canonical.values import Identifier
from connectors.mt940 import CONNECTOR
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run

RECEIVED = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
Entry = BankEntryBooked | BankEntryReversed | BankEntryNotified
ENTRY = ":61:2603020302C10,00NTRFNONREF"
HEAD = ":20:X\n:25:10020030/0001234567\n:28C:1/1\n:60F:C260301EUR100,00\n"
WIDE = "the text of a payer that fills the line up to its very last sign x"
FORGED = ":61:2603020302C5000,00NTRFINVOICE 1002"


def told(body: str | bytes, **options: Any) -> Outcome:
    content = body if isinstance(body, bytes) else body.replace("\n", "\r\n").encode()
    return dry_run(
        CONNECTOR, RawMessage(content, account="acme", received_at=RECEIVED, options=options)
    )


def statement(*lines: str, closing: str = "110,00") -> str:
    return HEAD + "".join(f"{line}\n" for line in lines) + f":62F:C260302EUR{closing}\n-\n"


def entries(outcome: Outcome) -> list[Entry]:
    return [one.data for one in outcome.messages if isinstance(one.data, Entry)]


def entry_with(information: str, mark: str = "C", **options: Any) -> Entry:
    text = statement(ENTRY.replace("C10", f"{mark}10"), f":86:{information}")
    (entry,) = entries(told(text, **options))
    return entry


def codes(outcome: Outcome) -> list[str]:
    return [problem.code for problem in outcome.problems]


def amounts(outcome: Outcome) -> list[Decimal]:
    return [entry.amount.amount for entry in entries(outcome)]


@pytest.mark.parametrize("mark", ["?", "<", ">", "~", "^", "÷", "|"])
def test_numbered_subfields(mark: str) -> None:
    entry = entry_with(
        "166?00GUTSCHRIFT?109310?20EREF+E2E-1?21MREF+M-1?22CRED+DE98ZZZ09999999999"
        "?23SVWZ+Rechnung 1001?30TESTDEFFXXX?31DE89370400440532013000?32Muster?33 GmbH"
        "?61ABWA+Mutter AG".replace("?", mark)
    )
    assert entry.end_to_end_id == "E2E-1"
    assert entry.mandate_id == "M-1"
    assert entry.remittance == ("Rechnung 1001",)
    assert entry.transaction_code == "NTRF+166"
    assert entry.counterparty is not None
    assert entry.counterparty.name == "Muster GmbH"
    assert entry.counterparty.account == Identifier(scheme="iban", value="DE89370400440532013000")
    assert entry.counterparty.identifiers == (Identifier(scheme="bic", value="TESTDEFFXXX"),)
    assert entry.ultimate_counterparty is not None
    assert entry.ultimate_counterparty.name == "Mutter AG"
    scheme = "iso20022:CdtrSchmeId"
    assert Identifier(scheme=scheme, value="DE98ZZZ09999999999") in entry.references


def test_a_wrapped_reference_is_joined_and_no_longer_than_it_may_be() -> None:
    entry = entry_with("166?20EREF+1234567890123456789012?21345?22more?60of the text")
    assert entry.end_to_end_id == "1234567890123456789012345"
    assert entry.remittance == ("more", "of the text")
    long = entry_with("166?20EREF+1234567890123456789012?211234567890123456789012345")
    assert long.end_to_end_id == "1234567890123456789012"


def test_not_provided_is_no_reference() -> None:
    entry = entry_with("166?20EREF+NOTPROVIDED?21SVWZ+NONREF")
    assert entry.end_to_end_id is None
    assert entry.references == ()


@pytest.mark.parametrize(("code", "reason"), [("109", "992"), ("166", None)])
def test_a_return_has_a_reason(code: str, reason: str | None) -> None:
    assert entry_with(f"{code}?00RETOURE?34992").return_reason == reason


def test_a_posting_text_stands_in_for_missing_remittance() -> None:
    assert entry_with("805?00ENTGELTABSCHLUSS").remittance == ("ENTGELTABSCHLUSS",)


def test_words_that_are_not_known_stay_in_the_remittance() -> None:
    assert entry_with("166?20PURP+RINP?21SVWZ+x").remittance == ("x", "PURP+RINP")


def test_a_structured_creditor_reference_needs_right_check_digits() -> None:
    assert entry_with("166?20SVWZ+RF18539007547034").creditor_reference == "RF18539007547034"
    assert entry_with("166?20SVWZ+RF19539007547034").creditor_reference is None


def test_code_words() -> None:
    entry = entry_with(
        "/TRTP/SEPA OVERBOEKING/IBAN/NL20INGB0001234567/BIC/INGBNL2A/NAME/V. B.V."
        "/REMI/Factuur 1/2026/EREF/E-1"
    )
    assert entry.end_to_end_id == "E-1"
    assert entry.remittance == ("Factuur 1/2026",)
    assert entry.counterparty is not None
    assert entry.counterparty.name == "V. B.V."
    assert entry.counterparty.account == Identifier(scheme="iban", value="NL20INGB0001234567")


@pytest.mark.parametrize(("mark", "name"), [("C", "Payer"), ("D", "Payee"), ("RC", "Payer")])
def test_the_counterparty_is_that_of_the_original_transaction(mark: str, name: str) -> None:
    entry = entry_with("/ORDP//NAME/Payer/BENM//NAME/Payee/REMI/x", mark)
    assert entry.counterparty is not None
    assert entry.counterparty.name == name


def test_a_code_word_a_payer_wrote_again_is_not_used() -> None:
    entry = entry_with("/IBAN/NL20INGB0001234567/NAME/Payer/REMI/x/IBAN/NL91ABNA0417164300/")
    assert entry.counterparty is not None
    assert entry.counterparty.account is None
    assert entry.remittance == ("x", "/IBAN/NL20INGB0001234567", "/IBAN/NL91ABNA0417164300")


def test_a_section_that_names_the_party_is_the_only_one_to_do_so() -> None:
    entry = entry_with("/ORDP//NAME/Payer/REMI/x/IBAN/NL91ABNA0417164300/")
    assert entry.counterparty is not None
    assert entry.counterparty.account is None


def test_plain_text_stays_line_by_line() -> None:
    assert entry_with("invoice 1001\ncustomer 77").remittance == ("invoice 1001", "customer 77")


def test_the_dialect_can_be_told() -> None:
    assert entry_with("166?20SVWZ+x", dialect="plain").remittance == ("166?20SVWZ+x",)
    assert entry_with("text /REMI/x", dialect="codewords").remittance == ("x",)


def test_information_of_the_statement_is_no_remittance() -> None:
    text = statement(ENTRY).replace("-\n", ":86:bank news\n-\n")
    assert entries(told(text))[0].remittance == ()


ACCENTS = statement(ENTRY, ":86:166?32M\u00fcller")


@pytest.mark.parametrize(
    ("encoding", "options"),
    [
        ("utf-8", {}),
        ("utf-8-sig", {}),
        ("utf-16", {}),
        ("cp1252", {}),
        ("latin-1", {}),
        ("cp850", {"encoding": "cp850"}),
        ("iso8859-2", {"encoding": "iso8859-2"}),
    ],
)
def test_encodings(encoding: str, options: dict[str, str]) -> None:
    outcome = told(ACCENTS.encode(encoding), **options)
    party = entries(outcome)[0].counterparty
    assert party is not None
    assert party.name == "M\u00fcller"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("M\u00fcller", "cp850"),
        ("J\u00e4ger", "cp850"),
        ("Wp\u0142ata", "iso8859-2"),
        ("k\u00e9t sz\u00e1mla", "cp852"),
    ],
)
def test_an_implausible_encoding_is_not_guessed(text: str, encoding: str) -> None:
    outcome = told(statement(ENTRY, f":86:{text}").encode(encoding))
    assert codes(outcome) == ["undecodable_text"]
    assert entries(outcome) == []
    again = told(statement(ENTRY, f":86:{text}").encode(encoding), encoding=encoding)
    assert entries(again)[0].remittance == (text,)


def test_a_told_encoding_that_does_not_fit_is_a_problem() -> None:
    outcome = told(ACCENTS.encode("cp1252"), encoding="utf-8")
    assert codes(outcome) == ["undecodable_text"]


def test_nul_padding_is_left_out_and_told() -> None:
    text = statement(ENTRY, ":86:x").encode().replace(b"x\n", b"x\0\0\n")
    outcome = told(text)
    assert entries(outcome)[0].remittance == ("x",)
    assert codes(outcome) == ["nul_bytes"]


def test_wrapped_text_like_an_entry_is_text_where_the_balances_say_so() -> None:
    outcome = told(statement(ENTRY, f":86:{WIDE}", FORGED))
    assert amounts(outcome) == [Decimal("10.00")]
    assert entries(outcome)[0].remittance == (WIDE, FORGED)
    assert codes(outcome) == ["entry_like_text"]


def test_one_forged_line_among_genuine_ones() -> None:
    genuine = (ENTRY, f":86:{WIDE}")
    text = statement(*genuine, *genuine, FORGED, *genuine, closing="130,00")
    assert amounts(told(text)) == [Decimal("10.00")] * 3


def test_an_entry_behind_a_wide_line_is_an_entry_where_the_balances_say_so() -> None:
    outcome = told(statement(ENTRY, f":86:{WIDE}", ENTRY, ":86:y", closing="120,00"))
    assert len(amounts(outcome)) == 2
    assert codes(outcome) == []


def test_short_text_like_an_entry_is_weighed_too() -> None:
    outcome = told(statement(ENTRY, ":86:line one", FORGED, "line three", ENTRY, closing="120,00"))
    assert amounts(outcome) == [Decimal("10.00")] * 2
    assert codes(outcome) == ["entry_like_text"]


def test_what_no_balance_decides_is_not_booked() -> None:
    outcome = told(statement(ENTRY, f":86:{WIDE}", FORGED, closing="777,00"))
    assert amounts(outcome) == [Decimal("10.00")]
    assert codes(outcome) == ["ambiguous_entry_line"]


def test_forged_information_of_a_forged_line_spoils_its_own_payment_only() -> None:
    text = statement(ENTRY, ":86:honest", ENTRY, f":86:{WIDE}", FORGED, ":86:x", closing="120,00")
    outcome = told(text)
    assert [entry.remittance for entry in entries(outcome)] == [("honest",)]
    assert codes(outcome) == ["entry_like_text", "ambiguous_entry_line"]


@pytest.mark.parametrize(
    "line",
    [
        ":20:30 o'clock",
        ":25:10 o'clock",
        ":28:00",
        ":61: or so",
        ":60F:C260301EUR1,00",
        ":99:x",
        ":62F:soon",
        ":64:1",
        ":90C:x",
    ],
)
def test_a_text_that_wraps_into_a_tag_is_text(line: str) -> None:
    outcome = told(statement(ENTRY, ":86:delivery at 12", line))
    (entry,) = entries(outcome)
    assert entry.remittance == ("delivery at 12", line)
    assert set(codes(outcome)) <= {"entry_like_text"}


def test_a_message_inside_a_text_is_not_trusted() -> None:
    forged = (":20:X", ":25:NL91ABNA0417164300", ":60F:C260301EUR0,00", FORGED)
    outcome = told(statement(ENTRY, ":86:x", *forged))
    assert amounts(outcome) == [Decimal("10.00")]
    assert "ambiguous_message" in codes(outcome)


def test_a_closing_balance_inside_a_text_closes_nothing() -> None:
    text = statement(ENTRY, ":86:x", ":62F:C260302EUR1,00", ENTRY, closing="120,00")
    outcome = told(text)
    assert amounts(outcome) == [Decimal("10.00")] * 2
    assert codes(outcome) == []


def test_a_dash_inside_a_text_ends_nothing() -> None:
    outcome = told(statement(ENTRY, ":86:one", "-", "two", ENTRY, ":86:x", closing="120,00"))
    assert entries(outcome)[0].remittance == ("one", "-", "two")
    assert codes(outcome) == []


def test_a_broken_line_with_information_of_its_own_is_a_problem() -> None:
    outcome = told(statement(ENTRY, ":86:good", ":61:2603020302X10,00NTRF", ":86:broken"))
    assert entries(outcome)[0].remittance == ("good",)
    assert codes(outcome) == ["bad_entry_line"]


def test_an_entry_behind_the_closing_balance_is_misplaced() -> None:
    outcome = told(statement(ENTRY) + FORGED + "\n")
    assert amounts(outcome) == [Decimal("10.00")]
    assert codes(outcome) == ["misplaced_field"]


def test_an_entry_with_too_much_text_is_a_problem() -> None:
    outcome = told(statement(ENTRY, ":86:x", *["y" * 60] * 2000))
    assert codes(outcome) == ["record_too_large"]


def test_a_line_without_end_is_refused() -> None:
    outcome = told(statement(ENTRY).encode() + b"x" * 200_000)
    assert (outcome.outcome, codes(outcome)) == ("dead", ["line_too_long"])
