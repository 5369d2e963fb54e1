"""Amazon's settlement report: lines, sums, and the forms of amounts and times."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.cash import PayoutLineReported, PayoutSettled
from canonical.errors import GatewayError, Malformed
from connectors.amazon import CONNECTOR
from connectors.amazon.settlement_row import amount_of, time_of
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
COLUMNS = (
    "settlement-id", "settlement-start-date", "settlement-end-date", "deposit-date",
    "total-amount", "currency", "transaction-type", "order-id", "merchant-order-id",
    "adjustment-id", "shipment-id", "marketplace-name", "amount-type", "amount-description",
    "amount", "fulfillment-id", "posted-date", "posted-date-time", "order-item-code", "sku",
    "quantity-purchased",
)  # fmt: skip
Row = dict[str, str]


def total(amount: str, **cells: str) -> Row:
    deposit = {"deposit-date": "2026-03-02 10:11:12 UTC", "currency": "EUR"}
    return {"settlement-id": "77001", "total-amount": amount, **deposit, **_named(cells)}


def line(amount: str, **cells: str) -> Row:
    return {
        "settlement-id": "77001",
        "transaction-type": "Order",
        "order-id": "305-1111111-2222222",
        "amount-type": "ItemPrice",
        "amount-description": "Principal",
        "amount": amount,
        "posted-date": "2026-02-20",
        "posted-date-time": "2026-02-20 14:23:05 UTC",
        "sku": "MUG-BLUE",
        **_named(cells),
    }


def _named(cells: Row) -> Row:
    return {name.replace("_", "-"): value for name, value in cells.items()}


def report(*rows: Row) -> bytes:
    lines = ["\t".join(COLUMNS), *("\t".join(row.get(one, "") for one in COLUMNS) for row in rows)]
    return ("\r\n".join(lines) + "\r\n").encode()


def outcome(body: bytes, **options: Any) -> Outcome:
    return dry_run(CONNECTOR, RawMessage(body, account="acme", received_at=NOW, options=options))


def payout(found: Outcome) -> PayoutSettled:
    (one,) = [message.data for message in found.messages if isinstance(message.data, PayoutSettled)]
    return one


def lines(found: Outcome) -> list[PayoutLineReported]:
    facts = [message.data for message in found.messages]
    return [fact for fact in facts if isinstance(fact, PayoutLineReported)]


def test_the_sums_of_a_payout_are_those_of_its_lines() -> None:
    found = outcome(
        report(
            total("72.00"),
            line("100.00"),
            line("-15.00", amount_type="ItemFees", amount_description="Commission"),
            line("-10.00", transaction_type="Refund"),
            line("-5.00", transaction_type="Chargeback Refund"),
            line("-1.00", transaction_type="ServiceFee", amount_type="Cost of Advertising"),
            line("3.00", transaction_type="other-transaction"),
        )
    )
    fact = payout(found)
    parts = (fact.gross, fact.fees, fact.refunds, fact.disputes, fact.other, fact.net)
    assert [part.amount for part in parts if part] == [100, 16, 10, -5, 3, 72]
    assert (found.problems, fact.line_count) == ((), 6)
    assert sum(one.net.amount for one in lines(found)) == fact.net.amount


def test_sums_that_do_not_meet_are_a_problem_and_the_payout_has_none() -> None:
    found = outcome(report(total("99.00"), line("100.00")))
    assert [problem.code for problem in found.problems] == ["payout_mismatch"]
    assert payout(found).net.amount == 99
    assert payout(found).gross is None


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (line("1.234"), "bad_amount"),
        (line("1", posted_date_time="02/03/2026 10:00:00 UTC"), "bad_time"),
        (line("1", posted_date_time="2026-02-20 14:23:05 PST"), "bad_time"),
        (line("1", posted_date_time="", posted_date=""), "missing_field"),
        (line("1", transaction_type=""), "missing_field"),
        (line("1", currency="USD"), "mixed_currencies"),
        (line("1", settlement_id="77002"), "no_total"),
        (line("1", settlement_id="7 7"), "bad_id"),
        (total("5.00"), "repeated_total"),
        (total("5.00", currency="XXY", settlement_id="77003"), "unknown_currency"),
    ],
)
def test_a_bad_row_is_a_problem_and_the_others_go_on(row: Row, code: str) -> None:
    found = outcome(report(total("100.00"), row, line("100.00")))
    assert [problem.code for problem in found.problems] == [code, "payout_unchecked"]
    assert found.problems[0].at == "row[3]"
    assert len(lines(found)) == 1
    assert payout(found).net.amount == 100


def test_identical_rows_are_different_movements() -> None:
    found = outcome(report(total("15.00"), line("5.00"), line("5.00"), line("5.00")))
    assert len({message.key for message in found.messages}) == 4


def test_the_order_of_rows_does_not_change_their_keys() -> None:
    rows = [line("5.00"), line("7.00"), line("5.00", sku="TEA-100")]
    found = [outcome(report(total("17.00"), *each)) for each in (rows, rows[::-1])]
    keys = [{message.key: message.data.content() for message in one.messages} for one in found]
    assert keys[0] == keys[1]


def test_one_report_in_two_spellings_tells_the_same_facts() -> None:
    german = line("1.234,50", posted_date_time="20.02.2026 14:23:05 UTC")
    plain = outcome(report(total("1234.50"), line("1234.50")))
    written = outcome(report(total("1234,50", deposit_date="02.03.2026 10:11:12 UTC"), german))
    assert [message.key for message in plain.messages] == [
        message.key for message in written.messages
    ]
    assert [message.data for message in plain.messages] == [
        message.data for message in written.messages
    ]


def test_a_packed_report_is_read() -> None:
    body = report(total("5.00"), line("5.00"))
    assert outcome(gzip.compress(body)).messages == outcome(body).messages


def test_another_encoding_is_an_option() -> None:
    body = report(total("5.00"), line("5.00", sku="TASSE-GRÜN")).decode().encode("cp1252")
    assert outcome(body).problems[0].code == "bad_encoding"
    found = outcome(body, report_encoding="cp1252")
    assert found.problems == ()
    assert "TASSE-GRÜN" in lines(found)[0].line_id


@pytest.mark.parametrize("encoding", ["no-such-encoding", 7])
def test_an_unknown_encoding_is_refused(encoding: Any) -> None:
    found = outcome(report(total("5.00"), line("5.00")), report_encoding=encoding)
    assert (found.outcome, found.problems[0].code) in {
        ("dead", "bad_form"),
        ("dead", "bad_option"),
    }


@pytest.mark.parametrize(
    ("shown", "amount"),
    [
        ("95.00", "95"), ("95,00", "95"), ("-95,5", "-95.5"), ("1234", "1234"), ("+0.01", "0.01"),
        ("1.234,56", "1234.56"), ("1,234.56", "1234.56"), ("-1.234.567,89", "-1234567.89"),
    ],
)  # fmt: skip
def test_amounts_with_one_meaning_are_read(shown: str, amount: str) -> None:
    assert amount_of(shown, "amount") == Decimal(amount)


@pytest.mark.parametrize(
    "shown",
    ["1.234", "1,234", "1.23,4,5", "1e3", "", "-", ".5", "5.", "12.34,56", "1.2.3", "NaN", "١٢",
     "1 234,00", "1,234,56", "9" * 13],
)  # fmt: skip
def test_other_amounts_are_refused(shown: str) -> None:
    with pytest.raises(Malformed):
        amount_of(shown, "amount")


@given(st.decimals(-(10**9), 10**9, places=2))
def test_every_amount_survives_both_spellings(amount: Decimal) -> None:
    shown = format(amount, "f")
    assert amount_of(shown, "amount") == amount_of(shown.replace(".", ","), "amount") == amount


@pytest.mark.parametrize(
    "shown",
    [
        "2026-03-02 10:11:12 UTC", "02.03.2026 10:11:12 UTC", "2026-03-02T10:11:12Z",
        "2026/03/02 10:11:12 UTC", "2026-03-02T11:11:12+01:00", "2026-03-02T10:11:12+0000",
    ],
)  # fmt: skip
def test_times_of_every_form_are_the_same_moment(shown: str) -> None:
    assert time_of(shown, "deposit-date") == datetime(2026, 3, 2, 10, 11, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "shown", ["2026-02-30", "2026-03-02 10:11:12", "03/02/2026", "2026-03-02 10:11:12 JST", "soon"]
)
def test_other_times_are_refused(shown: str) -> None:
    with pytest.raises(Malformed):
        time_of(shown, "deposit-date")


@given(body=st.binary(max_size=300), head=st.booleans())
def test_any_bytes(body: bytes, head: bool) -> None:
    raw = RawMessage(
        report(total("5.00")) + body if head else body, account="acme", received_at=NOW
    )
    try:
        identity = CONNECTOR.identify(raw)
        if identity is not None and identity.kind in CONNECTOR.manifest.kinds:
            list(CONNECTOR.translate(raw, identity))
    except GatewayError:
        pass


@given(st.lists(st.decimals(-(10**6), 10**6, places=2), min_size=1, max_size=20))
def test_amounts_are_conserved(amounts: list[Decimal]) -> None:
    rows = [line(format(amount, "f")) for amount in amounts]
    found = outcome(report(total(format(sum(amounts), "f")), *rows))
    assert found.problems == ()
    assert sum(one.net.amount for one in lines(found)) == sum(amounts) == payout(found).net.amount
