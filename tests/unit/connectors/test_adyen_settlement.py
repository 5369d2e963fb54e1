"""Adyen's settlement details report: lines, sums, and what may not be lost between the two."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.cash import PayoutLineReported, PayoutSettled
from canonical.errors import GatewayError
from connectors.adyen import CONNECTOR
from connectors.kit.repeats import Repeats
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
COLUMNS = [
    "Company Account",
    "Merchant Account",
    "Psp Reference",
    "Merchant Reference",
    "Payment Method",
    "Creation Date",
    "TimeZone",
    "Type",
    "Modification Reference",
    "Gross Currency",
    "Gross Debit (GC)",
    "Gross Credit (GC)",
    "Exchange Rate",
    "Net Currency",
    "Net Debit (NC)",
    "Net Credit (NC)",
    "Commission (NC)",
    "Markup (NC)",
    "Scheme Fees (NC)",
    "Interchange (NC)",
    "Batch Number",
]


def _row(kind: str, net: str, *, gross: str = "", fee: str = "", **other: str) -> dict[str, str]:
    row = dict.fromkeys(COLUMNS, "") | {
        "Company Account": "Acme",
        "Merchant Account": "AcmeWebEU",
        "Creation Date": "2026-03-01 11:20:45",
        "TimeZone": "CET",
        "Type": kind,
        "Net Currency": "EUR",
        "Commission (NC)": fee,
        "Batch Number": "42",
    }
    row["Net Debit (NC)" if net.startswith("-") else "Net Credit (NC)"] = net.lstrip("-")
    if gross:
        side = "Gross Debit (GC)" if gross.startswith("-") else "Gross Credit (GC)"
        row |= {"Gross Currency": "EUR", side: gross.lstrip("-")}
    return row | {name.replace("_", " "): value for name, value in other.items()}


def _settled(net: str = "49.10", number: str = "VK9XJ2WQ7RTB4N65", **other: str) -> dict[str, str]:
    return _row("Settled", net, **{"Psp_Reference": number, "Modification_Reference": "M", **other})


def _raw(*rows: dict[str, str], columns: list[str] = COLUMNS, **arrival: Any) -> RawMessage:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return RawMessage(
        out.getvalue().encode("utf-8-sig"), account="acme", received_at=NOW, **arrival
    )


def _outcome(*rows: dict[str, str], **arrival: Any) -> Outcome:
    return dry_run(CONNECTOR, _raw(*rows, **arrival))


def _lines(outcome: Outcome) -> list[PayoutLineReported]:
    return [one.data for one in outcome.messages if isinstance(one.data, PayoutLineReported)]


def _payout(outcome: Outcome) -> PayoutSettled:
    (found,) = (one.data for one in outcome.messages if isinstance(one.data, PayoutSettled))
    return found


def test_the_columns_tell_the_report_in_any_order() -> None:
    shuffled = ["A new column", *reversed(COLUMNS)]
    outcome = _outcome(_settled(), _row("MerchantPayout", "-49.10"), columns=shuffled)
    assert outcome.kind == "report/settlement_detail"
    assert (len(outcome.messages), outcome.problems) == (2, ())
    without = [name for name in COLUMNS if name != "Batch Number"]
    assert CONNECTOR.identify(_raw(_settled(), columns=without)) is None


def test_gross_less_fees_refunds_and_disputes_is_what_is_paid_out() -> None:
    outcome = _outcome(
        _settled("118.80", gross="120.00", fee="1.20"),
        _row("Refunded", "-15.10", gross="-15.00", fee="0.10"),
        _row("Chargeback", "-27.50", gross="-20.00", fee="7.50"),
        _row("Fee", "-1.32", Modification_Reference="Transaction Fees"),
        _row("DepositCorrection", "3.02"),
        _row("MerchantPayout", "-77.90", Modification_Reference="TX1 batch 42"),
    )
    assert outcome.problems == ()
    payout = _payout(outcome)
    parts = [payout.gross, payout.fees, payout.refunds, payout.disputes, payout.other, payout.net]
    assert [str(part.amount) for part in parts if part] == [
        "120.00", "10.12", "15.00", "-20.00", "3.02", "77.90",
    ]  # fmt: skip
    assert (payout.payout_id, payout.line_count, payout.bank_reference) == (
        "AcmeWebEU-42",
        5,
        "TX1 batch 42",
    )
    assert sum(line.net.amount for line in _lines(outcome)) == payout.net.amount


def test_a_payout_that_does_not_meet_its_lines_is_said_and_nothing_is_held_back() -> None:
    outcome = _outcome(_settled(), _row("MerchantPayout", "-49.11"))
    assert [one.code for one in outcome.problems] == ["payout_mismatch"]
    assert len(_lines(outcome)) == 1
    assert (_payout(outcome).net.amount, _payout(outcome).gross) == (Decimal("49.11"), None)


def test_a_batch_without_its_payout_row_is_missed() -> None:
    assert [one.code for one in _outcome(_settled()).problems] == ["payout_mismatch"]
    carried = _outcome(_settled(), _row("Balancetransfer", "-49.10"))
    assert (carried.problems, len(carried.ignored)) == ((), 1)


def test_a_row_that_cannot_be_read_leaves_the_sums_unchecked() -> None:
    outcome = _outcome(_settled(), _settled(Batch_Number=""), _row("MerchantPayout", "-49.10"))
    assert [(one.code, one.path) for one in outcome.problems] == [
        ("missing_field", "Batch Number"),
        ("payout_unchecked", "Net Credit (NC)"),
    ]
    assert _payout(outcome).gross is None


def test_a_line_whose_parts_do_not_meet_is_told_without_its_fee() -> None:
    outcome = _outcome(
        _settled("49.10", gross="49.95", fee="0.80"), _row("MerchantPayout", "-49.10")
    )
    assert [one.code for one in outcome.problems] == ["line_mismatch"]
    (line,) = _lines(outcome)
    assert (line.fee, line.net.amount) == (None, Decimal("49.10"))


def test_identical_rows_are_different_movements() -> None:
    rows = [_settled("9.90"), _settled("8.00"), _settled("9.90"), _settled("9.900")]
    outcome = _outcome(*rows, _row("MerchantPayout", "-37.70"))
    keys = [message.key.text for message in outcome.messages]
    assert len(set(keys)) == 5
    assert [key.rsplit("/", 2)[1:] for key in keys[:4]] == [
        ["9.9", "1"], ["8", "1"], ["9.9", "2"], ["9.9", "3"],
    ]  # fmt: skip


def test_keys_do_not_depend_on_how_the_report_was_made() -> None:
    first = _outcome(_settled("9.90"), _settled("8.00"), _row("MerchantPayout", "-17.90"))
    moved = {"TimeZone": "UTC", "Creation Date": "2026-03-01 10:20:45"}
    again = _outcome(
        _settled("5.00", Merchant_Account="Other", Net_Currency="GBP"),
        _settled("8.00") | moved,
        _settled("9.90") | moved,
        _row("MerchantPayout", "-17.90") | moved,
    )
    told = {message.key: message.data.content() for message in again.messages}
    assert {message.key: message.data.content() for message in first.messages}.items() <= (
        told.items()
    )


def test_batches_of_two_merchant_accounts_are_two_payouts() -> None:
    other = {"Merchant_Account": "AcmeShopUK", "Net_Currency": "GBP"}
    outcome = _outcome(
        _settled("5.00"),
        _settled("7.00", **other),
        _row("MerchantPayout", "-7.00", **other),
        _row("MerchantPayout", "-5.00"),
    )
    payouts = [one.data for one in outcome.messages if isinstance(one.data, PayoutSettled)]
    assert {(one.payout_id, str(one.net.amount), one.net.currency) for one in payouts} == {
        ("AcmeWebEU-42", "5.00", "EUR"),
        ("AcmeShopUK-42", "7.00", "GBP"),
    }
    assert outcome.problems == ()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Net Credit (NC)": ""}, "missing_field"),
        ({"Net Credit (NC)": "1,234.00"}, "bad_amount"),
        ({"Net Credit (NC)": "-1.00"}, "bad_amount"),
        ({"Net Credit (NC)": "1000000000000"}, "bad_amount"),
        ({"Net Credit (NC)": "0.0000001"}, "bad_amount"),
        ({"Net Debit (NC)": "1.00"}, "debit_and_credit"),
        ({"Net Currency": ""}, "missing_currency"),
        ({"Net Currency": "EURO"}, "unknown_currency"),
        ({"Type": ""}, "missing_field"),
        ({"Merchant Account": "a/b"}, "bad_id"),
        ({"Batch Number": "4-2"}, "bad_id"),
        ({"Psp Reference": "x" * 201}, "bad_id"),
        ({"TimeZone": "CST"}, "unknown_zone"),
        ({"Creation Date": "01/03/2026"}, "bad_time"),
    ],
)
def test_a_row_that_is_not_plain_is_a_problem(changed: dict[str, str], code: str) -> None:
    outcome = _outcome(_settled() | changed, _settled("1.00"))
    assert outcome.problems[0].code == code
    assert outcome.problems[0].at == "row[2]"
    assert len(_lines(outcome)) == 1


def test_a_zone_of_several_meanings_is_the_accounts_to_say() -> None:
    row = _settled(TimeZone="IST")
    (line,) = _lines(_outcome(row, options={"report_utc_offset": "+05:30"}))
    assert line.occurred_at == datetime(2026, 3, 1, 5, 50, 45, tzinfo=UTC)
    wrong = _outcome(row, options={"report_utc_offset": "India"})
    assert wrong.problems[0].code == "bad_option"


def test_a_broken_structure_is_found_before_anything_is_told() -> None:
    body = _raw(_settled(), _row("MerchantPayout", "-49.10")).body + b'Acme,"never closed\r\n'
    outcome = dry_run(CONNECTOR, RawMessage(body, account="acme", received_at=NOW))
    assert (outcome.outcome, outcome.problems[0].code) == ("dead", "bad_quoting")


def test_a_large_report_is_read_from_its_file(tmp_path: Path) -> None:
    count = 20_000
    rows = [_settled("0.01", f"P{number:08d}") for number in range(count)]
    path = tmp_path / "settlement_detail_report_batch_42.csv"
    path.write_bytes(_raw(*rows, _row("MerchantPayout", "-200.00")).body)
    raw = RawMessage(path, account="acme", received_at=NOW)
    identity = CONNECTOR.identify(raw)
    assert identity is not None
    keys = set()
    for item in CONNECTOR.translate(raw, identity):
        keys.add(getattr(item, "key", None))
    assert None not in keys
    assert len(keys) == count + 1


_AMOUNTS = st.decimals(min_value="0.01", max_value="99999.99", places=2)


@given(st.lists(st.tuples(st.sampled_from(["Settled", "Refunded", "Fee"]), _AMOUNTS), max_size=8))
def test_no_cent_is_lost_between_lines_and_payout(moved: list[tuple[str, Decimal]]) -> None:
    signed = [amount if kind == "Settled" else -amount for kind, amount in moved]
    rows = [_row(kind, str(net)) for (kind, _), net in zip(moved, signed, strict=True)]
    total = sum(signed, Decimal("0.00"))
    outcome = _outcome(*rows, _row("MerchantPayout", str(-total)))
    payout = _payout(outcome)
    assert outcome.problems == ()
    assert payout.net.amount == total == sum(line.net.amount for line in _lines(outcome))
    assert payout.gross and payout.fees and payout.refunds and payout.disputes and payout.other  # noqa: PT018
    assert total == (
        payout.gross.amount
        - payout.fees.amount
        - payout.refunds.amount
        + payout.disputes.amount
        + payout.other.amount
    )
    assert len({message.key for message in outcome.messages}) == len(moved) + 1


@given(st.data())
def test_any_damage_gives_problems_or_an_error_of_ours(data: st.DataObject) -> None:
    body = bytearray(_raw(_settled(), _row("MerchantPayout", "-49.10")).body)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    raw = RawMessage(bytes(body), account="acme", received_at=NOW)
    try:
        identity = CONNECTOR.identify(raw)
        items = list(CONNECTOR.translate(raw, identity)) if identity else []
    except GatewayError:
        return
    assert items is not None


@given(st.lists(st.sampled_from("abc"), max_size=12), st.sampled_from([0, 1, 10_000]))
def test_repeated_rows_are_counted_and_single_ones_are_not(rows: list[str], size: int) -> None:
    repeats = Repeats(((row,) for row in rows), size)
    assert [repeats.nth((row,)) for row in rows] == [
        rows[: place + 1].count(row) for place, row in enumerate(rows)
    ]
