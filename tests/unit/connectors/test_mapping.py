"""Mapping: sources, converters, rules and keys."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.translation import Outcome
from tests.unit.connectors.mapping_outcomes import data, only, problem, told

INVOICE: dict[str, Any] = {
    "format": "json",
    "emits": "o2c.invoice.issued",
    "key": ["no"],
    "fields": {
        "invoice_number": "no",
        "document_type": "=380",
        "issue_date": "date",
        "currency": "=EUR",
        "seller.name": "=Example GmbH",
        "totals.payable": {"money": "total", "currency": "=EUR"},
    },
}
BOOKED: dict[str, Any] = {
    "format": "csv",
    "emits": "o2c.bank_entry.booked",
    "currency": "=EUR",
    "key": ["Date", "Text", "Amount", "#"],
    "fields": {
        "bank_account": {"scheme": "=iban", "value": "=DE02120300000000202051"},
        "amount": {"money": "Amount", "sign": "direction"},
        "booking_date": "Date",
        "remittance": ["Text"],
    },
}
ORDERS: dict[str, Any] = {
    "format": "csv",
    "group": "Order",
    "emits": "o2c.order.placed",
    "key": ["Order"],
    "fields": {
        "order_id": "Order",
        "placed_at": "Placed",
        "lines": {"each": "rows", "fields": {"line_id": "Line", "quantity": "Qty"}},
    },
}


def invoice(fields: dict[str, Any], record: dict[str, Any], **more: Any) -> Outcome:
    options = {**INVOICE, "fields": {**INVOICE["fields"], **fields}}
    return told({"no": "RE-1", "date": "2026-03-04", "total": "10.00", **record}, options, **more)


@pytest.mark.parametrize(
    ("written", "signs", "exact"),
    [
        ("1,25,000.00", {"grouping": ","}, "125000.00"),
        ("1,234,567.8", {"grouping": ","}, "1234567.8"),
        ("1.234,56", {"decimal": ",", "grouping": "."}, "1234.56"),
        ("1 234,56", {"decimal": ",", "grouping": " "}, "1234.56"),
        ("1\u202f234,56", {"decimal": ",", "grouping": " "}, "1234.56"),
        ("12'345.60", {"grouping": "'"}, "12345.60"),
        ("1234.56", {"grouping": ","}, "1234.56"),
        ("12.50-", {}, "-12.50"),
        ("\u221212.50", {}, "-12.50"),
        ("-0.00", {}, "0.00"),
    ],
)
def test_numbers_by_declared_signs(written: str, signs: dict[str, str], exact: str) -> None:
    found = data(invoice({}, {"total": written}, **signs))
    assert found["totals"]["payable"] == {"amount": exact, "currency": "EUR"}


@pytest.mark.parametrize(
    ("written", "signs"),
    [
        ("12,34", {"grouping": ","}),
        ("1,2345", {"grouping": ","}),
        ("1,234,56.00", {"grouping": ","}),
        ("1,234", {}),
        ("1.234,56", {}),
        ("12..34", {}),
        ("1e3", {}),
        ("٣", {}),
        ("-5-", {}),
        ("5.", {}),
        ("€ 5.00", {}),
        ("NaN", {}),
        ("1" * 19, {}),
    ],
)
def test_numbers_written_otherwise_are_refused(written: str, signs: dict[str, str]) -> None:
    assert problem(invoice({}, {"total": written}, **signs)) == ("bad_amount", "total")


def test_json_numbers_stay_exact() -> None:
    body = b'{"no": "RE-1", "date": "2026-03-04", "total": 1234567890123456.10}'
    assert data(told(body, INVOICE))["totals"]["payable"]["amount"] == "1234567890123456.10"


def test_minor_units_and_negation() -> None:
    money = {"money": "cents", "currency": "=JPY", "minor": True, "negate": True}
    found = data(invoice({"totals.payable": money}, {"cents": -1500}))
    assert found["totals"]["payable"] == {"amount": "1500", "currency": "JPY"}
    assert problem(invoice({"totals.payable": money}, {"cents": 1.5})) == ("bad_amount", "cents")


@pytest.mark.parametrize(
    ("date_format", "written", "day"),
    [
        (None, "2026-03-04", "2026-03-04"),
        ("%d.%m.%Y", "04.03.2026", "2026-03-04"),
        ("%m/%d/%y", "03/04/26", "2026-03-04"),
        ("%Y%m%d", 20260304, "2026-03-04"),
    ],
)
def test_dates_by_declared_format(date_format: str | None, written: Any, day: str) -> None:
    options = {"date_format": date_format} if date_format else {}
    assert data(invoice({}, {"date": written}, **options))["issue_date"] == day


@pytest.mark.parametrize("written", ["03/04/2026", "2026-02-30", "4 March 2026", "", "٢٠٢٦-03-04"])
def test_other_dates_are_refused(written: str) -> None:
    code, path = problem(invoice({}, {"date": written}))
    assert (code, path) == ("bad_date" if written else "missing_field", "date")


@pytest.mark.parametrize(
    ("spec", "written", "moment"),
    [
        ("at", "2026-03-04T10:00:00+05:30", "2026-03-04T04:30:00Z"),
        ({"time": "at", "timezone": "Europe/Berlin"}, "2026-07-04T10:00:00", "2026-07-04T08Z"),
        (
            {"time": "at", "format": "%d.%m.%Y %H:%M", "timezone": "Asia/Kolkata"},
            "04.03.2026 05:30",
            "2026-03-04T00:00:00Z",
        ),
        ({"time": "at", "format": "%Y-%m-%d %H:%M %z"}, "2026-03-04 10:00 +0200", "2026-03-04T08Z"),
        ({"epoch": "at"}, 1772596800, "2026-03-04T04:00:00Z"),
        ({"epoch_ms": "at"}, "1772596800000", "2026-03-04T04:00:00Z"),
    ],
)  # fmt: skip
def test_times(spec: Any, written: Any, moment: str) -> None:
    message = only(invoice({}, {"at": written}, occurred_at=spec))
    assert message.occurred_at == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    ("spec", "written", "code"),
    [
        ("at", "2026-03-04T10:00:00", "time_without_zone"),
        ({"time": "at", "format": "%d.%m.%Y"}, "04.03.2026", "time_without_zone"),
        ({"time": "at", "timezone": "Europe/Berlin"}, "2026-03-29T02:30:00", "ambiguous_time"),
        ({"time": "at", "timezone": "Europe/Berlin"}, "2026-10-25T02:30:00", "ambiguous_time"),
        ({"epoch": "at"}, "-1", "bad_time"),
        ({"epoch": "at"}, True, "bad_time"),
        ("at", "yesterday", "bad_time"),
        ("at", None, "missing_field"),
    ],
)
def test_times_that_are_no_moment(spec: Any, written: Any, code: str) -> None:
    assert problem(invoice({}, {"at": written}, occurred_at=spec)) == (code, "at")


def test_facts_without_a_time_begin_with_their_day() -> None:
    assert only(invoice({}, {})).occurred_at == datetime(2026, 3, 4, tzinfo=UTC)
    there = only(invoice({}, {}, timezone="Europe/Berlin")).occurred_at
    assert there == datetime(2026, 3, 3, 23, tzinfo=UTC)


def test_codes_never_pass_unmapped() -> None:
    spec = {"document_type": {"code": "kind", "codes": {"RE": "380", "7": "384"}}}
    assert data(invoice(spec, {"kind": "RE"}))["document_type"] == "380"
    assert data(invoice(spec, {"kind": 7}))["document_type"] == "384"
    assert problem(invoice(spec, {"kind": "GS"})) == ("unmapped_code", "kind")
    assert problem(invoice(spec, {"kind": ""})) == ("missing_field", "kind")


@pytest.mark.parametrize("told_id", [17.0, True, ["x"], {"a": 1}])
def test_what_is_no_text_is_no_identifier(told_id: Any) -> None:
    assert problem(invoice({}, {"no": told_id})) == ("unexpected_type", "no")


def test_first_and_joined_and_constant_sources() -> None:
    fields = {
        "buyer_reference": ["a", "b", "=none"],
        "payment_terms": {"join": ["c", "missing", "d"], "with": ", "},
        "notes": ["a", "b", "c"],
        "order_id": "a~1b/0/id",
    }
    record = {"a": " ", "b": "B", "c": "C", "d": "D", "a/b": [{"id": 5}]}
    found = data(invoice(fields, record))
    assert found["buyer_reference"] == "B"
    assert found["payment_terms"] == "C, D"
    assert found["notes"] == ["B", "C"]
    assert found["order_id"] == "5"


def test_a_group_of_which_nothing_is_said_is_absent() -> None:
    fields = {
        "buyer": {"name": "who", "identifiers": [{"scheme": "=gln", "value": "gln"}]},
        "payee.account": {"scheme": "=iban", "value": "iban"},
    }
    assert "buyer" not in data(invoice(fields, {}))
    assert "payee" not in data(invoice(fields, {"iban": " "}))
    found = data(invoice(fields, {"gln": "4012345000009"}))
    assert found["buyer"]["identifiers"] == [{"scheme": "gln", "value": "4012345000009"}]


def test_a_group_of_which_something_required_is_not_said() -> None:
    lines = {"each": "lines", "fields": {"line_id": "no", "description": "text"}}
    outcome = invoice({"lines": lines}, {"lines": [{"no": 1}, {"text": "x"}]})
    assert problem(outcome) == ("missing_field", "lines[2]/no")
    assert problem(invoice({"lines": lines}, {})) == ("missing_field", "lines")
    assert problem(invoice({"lines": lines}, {"lines": "x"})) == ("unexpected_type", "lines")
    assert data(invoice({"lines": {**lines, "optional": True}}, {}))["lines"] == []


def test_items_see_the_record_and_the_document() -> None:
    options = {
        **INVOICE,
        "records": "list",
        "currency": "cur",
        "fields": {
            **INVOICE["fields"],
            "order_id": "../order",
            "lines": {
                "each": "lines",
                "fields": {"line_id": "$position", "net": "net", "sku": "../../order"},
            },
        },
    }
    record = {"no": "1", "date": "2026-03-04", "total": 1, "cur": "CHF", "lines": [{"net": "5"}]}
    found = data(told({"order": "O-1", "list": [record]}, options))
    assert found["order_id"] == "O-1"
    assert found["lines"][0]["net"] == {"amount": "5", "currency": "CHF"}
    assert (found["lines"][0]["line_id"], found["lines"][0]["sku"]) == ("1", "O-1")


def test_values_outside_the_model_are_a_problem_without_the_value() -> None:
    outcome = invoice({"buyer.address.country": "country"}, {"country": "Wonderland"})
    assert problem(outcome) == ("invalid_value", "buyer.address.country")
    assert "Wonderland" not in outcome.problems[0].message


def test_first_rule_counts_and_inherits() -> None:
    rules = [
        {"when": {"kind": ["CR*", "GS"]}, "emits": "o2c.credit_note.issued",
         "fields": {"document_type": "=381"}},
        {"when": {"kind": "", "final": True}},
        {"when": {"kind": "*"}, "key": ["=other", "no"]},
    ]  # fmt: skip
    types = [
        (only(invoice({}, record, rules=rules)).data.TYPE, key)
        for record, key in (({"kind": "CRX"}, ""), ({"final": True}, ""), ({"kind": "RE"}, ""))
    ]
    assert [type_ for type_, _ in types] == [
        "o2c.credit_note.issued", "o2c.invoice.issued", "o2c.invoice.issued",
    ]  # fmt: skip
    assert only(invoice({}, {"kind": "X"}, rules=rules)).key.text.endswith("/other/RE-1")
    assert problem(invoice({}, {}, rules=rules))[0] == "no_rule"
    assert invoice({}, {}, rules=rules, otherwise="ignore").outcome == "ignored"


def test_a_negative_amount_that_no_sign_decides_is_refused() -> None:
    fields = {**BOOKED["fields"], "amount": "Amount", "direction": "=CREDIT"}
    outcome = told("Date,Text,Amount\n2026-03-02,a,-1.00\n", {**BOOKED, "fields": fields})
    assert problem(outcome) == ("negative_amount", "Amount")


def test_equal_lines_are_two_facts_and_a_resend_is_none() -> None:
    line = "2026-03-02,a,10.00\n"
    first = told(f"Date,Text,Amount\n{line}{line}", BOOKED)
    again = told(f"Date,Text,Amount\n2026-03-01,b,1.00\n{line}{line}", BOOKED)
    keys = [one.key.text for one in first.messages]
    assert len(set(keys)) == 2
    assert [one.key.text for one in again.messages][1:] == keys


def test_keys_hold_no_text_of_the_payer() -> None:
    message = only(told("Date,Text,Amount\n2026-03-02,Jane Doe,10.00\n", BOOKED))
    assert "Jane" not in message.key.text + message.subject + message.correlation


def test_a_key_of_which_a_part_is_missing_is_a_problem() -> None:
    options = {**INVOICE, "key": ["no", "year"]}
    record = {"no": "RE-1", "date": "2026-03-04", "total": 1}
    assert problem(told(record, options)) == ("missing_field", "year")
    blank = told("Date,Text,Amount\n,,5.00\n", {**BOOKED, "key": ["Text", "#"]})
    assert problem(blank) == ("missing_field", "key")


def test_chain_names_can_be_another_system_s() -> None:
    message = only(invoice({}, {}, correlation=["=shopify", "=acme", "=order", "no"]))
    assert (message.correlation, message.partition) == ("shopify/acme/order/RE-1",) * 2


def test_versions_by_count_and_by_time() -> None:
    options = {"entity": ["no"], "version": {"number": "rev"}}
    message = only(invoice({}, {"rev": "7"}, **options))
    assert (str(message.entity), str(message.version)[-3:]) == (
        "invoice.issued/mapping/acme/RE-1",
        "007",
    )
    at = only(invoice({}, {"rev": "2026-03-04T10:00:00Z"}, entity=["no"], version="rev"))
    assert str(at.version) == "2026-03-04T10:00:00.000000Z"
    assert problem(invoice({}, {}, **options)) == ("missing_field", "rev")
    assert problem(invoice({}, {"rev": -1}, **options))[0] == "bad_version"


def test_rows_of_a_group_are_one_record() -> None:
    rows = "Order,Placed,Line,Qty\nA,2026-03-02T10:00:00Z,1,2\nA,2026-03-02T10:00:00Z,2,3\n"
    found = told(rows + "B,2026-03-02T11:00:00Z,1,1\n", ORDERS)
    shown = [json.loads(one.data.json_data()) for one in found.messages]
    assert [(one["order_id"], len(one["lines"])) for one in shown] == [("A", 2), ("B", 1)]


def test_a_group_beside_a_broken_row_is_not_taken_for_whole() -> None:
    rows = (
        "Order,Placed,Line,Qty\nA,2026-03-02T10:00:00Z,1,2\nA,2026\nA,2026-03-02T10:00:00Z,3,3\n"
        "B,2026-03-02T11:00:00Z,1,1\n"
    )
    found = told(rows, ORDERS)
    codes = [one.code for one in found.problems]
    assert codes == ["incomplete_group", "wrong_cell_count", "incomplete_group"]
    assert [one.subject for one in found.messages] == ["order/B"]
