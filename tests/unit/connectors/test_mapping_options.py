"""Mapping: what `gateway check` says of options, and the examples of the documentation."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canonical.families import FACT_OF, FAMILY_OF
from connectors.goldens import specimen
from connectors.mapping import CONNECTOR
from connectors.mapping.plan import OPTIONS, check_options
from connectors.raw import RawMessage
from connectors.translation import dry_run

DOCUMENT = Path(__file__).parents[3] / "docs" / "mapping.md"
GOOD: dict[str, Any] = {
    "format": "json",
    "emits": "o2c.refund.issued",
    "currency": "=EUR",
    "key": ["id"],
    "fields": {
        "payment_id": "payment",
        "refund_id": "id",
        "amount": "amount",
        "occurred_at": "at",
    },
}
BANK: dict[str, Any] = {
    "format": "csv",
    "emits": "o2c.bank_entry.booked",
    "currency": "=EUR",
    "key": ["Date", "#"],
    "fields": {
        "bank_account": {"scheme": "=iban", "value": "=DE02120300000000202051"},
        "amount": {"money": "Amount", "sign": "direction"},
        "booking_date": "Date",
    },
}


def faults(base: dict[str, Any] = GOOD, /, **options: Any) -> list[str]:
    return list(check_options({**base, **options}))


def field_faults(base: dict[str, Any] = GOOD, /, **fields: Any) -> list[str]:
    named = {name.replace("__", "."): spec for name, spec in fields.items()}
    return faults(base, fields={**base["fields"], **named})


def test_a_mapping_without_faults() -> None:
    assert faults() == faults(BANK) == []


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"formt": "csv"}, "formt: is not known; did you mean 'format'?"),
        ({"format": "yaml"}, 'format: is "csv", "json" or "xml"'),
        ({"emits": "o2c.refund.isued"}, "did you mean 'o2c.refund.issued'?"),
        ({"emits": None}, "emits: must be a canonical message type"),
        ({"key": []}, "key: is missing: what names the fact?"),
        ({"key": ["=a", "$account"]}, "key: has no part that the sender says"),
        ({"key": ["id", "$position"]}, "key: a position in a list names nothing"),
        ({"key": [7]}, "key[0]: must be a source"),
        ({"key": ["../../id"]}, "goes up further than there is anything"),
        ({"entity": ["id"]}, "version: and entity are given together or not at all"),
        ({"version": "at"}, "version: and entity are given together or not at all"),
        ({"subject": ["id", "#"]}, "subject: must be a list of sources"),
        ({"date_format": "%d.%m."}, "date_format: does not tell day, month and year"),
        ({"time_format": "%d.%m.%Y %Z"}, "time_format: does not tell"),
        ({"timezone": "Berlin"}, "timezone: is no time zone"),
        ({"decimal": ";"}, 'decimal: is "." or ","'),
        ({"grouping": "."}, "grouping: is the decimal sign, too"),
        ({"grouping": "x"}, "grouping: is no sign"),
        ({"encoding": "utf-8"}, "encoding: is only for the format 'csv'"),
        ({"records": "a//b"}, "records: has an empty step"),
        ({"otherwise": "drop"}, 'otherwise: is "problem" or "ignore"'),
        ({"skip": {}}, "skip[0]: must be a table"),
        ({"skip": {"a": [1.5]}}, "skip[0].a: must be a text or a list of texts"),
        ({"codes": "x"}, "codes: must be a table of code tables"),
        ({"rules": []}, "rules: must be a list of rules"),
        ({"rules": [{"whn": {}}]}, "rules[0].whn: is not known; did you mean 'when'?"),
        ({"rules": [{"fields": {"oops": "a"}}]}, "rules[0].fields.oops: is not known"),
        ({"fields": "x"}, "fields: must be a table of fields"),
        ({"each": "=x"}, "each: must be a place in the record"),
        ({"delivery_key_header": 1}, "delivery_key_header: must be text"),
        ({"signature": "md5"}, "signature: is one of hmac-sha256-hex"),
        ({"signature": "token"}, "signature_header: is missing"),
        (
            {"signature": "token", "signature_header": "X-Token"},
            "signature_header: of a token is one of authorization",
        ),
        ({"signature_prefix": "v1="}, "signature_prefix: means nothing without"),
    ],
)
def test_faults_of_options(options: dict[str, Any], line: str) -> None:
    found = faults(**options)
    assert any(line in one for one in found), found


@pytest.mark.parametrize(
    ("field", "spec", "line"),
    [
        ("pament_id", "a", "fields.pament_id: is not known; did you mean 'payment_id'?"),
        ("payer__nam", "a", "fields.payer.nam: is not known; did you mean 'name'?"),
        ("payer", "a", "fields.payer: must be a table of fields"),
        ("payer__account__scheme", "=x", "fields.payer.account.value: is required by Identifier"),
        ("amount", {"money": "a", "curency": "b"}, "not known; did you mean 'currency'?"),
        ("amount", {"currency": "b"}, "fields.amount: needs one of: money"),
        ("amount", {"money": "a", "sign": "way"}, "fields.amount.sign: names no direction"),
        ("amount", {"money": "a", "minor": 1}, "fields.amount.minor: is true or false"),
        ("amount", {"credit": "a"}, "fields.amount.debit: is missing beside the other"),
        ("amount", {"money": "$now"}, "is neither $account nor $position"),
        ("occurred_at", {"time": "a", "format": "%H:%M"}, "fields.occurred_at.format: does not"),
        ("test", {"code": "a", "codes": {"x": "maybe"}}, "'maybe' is none of its words"),
        ("test", {"code": "a", "codes": "mode"}, "no code table 'mode'"),
        ("status", {"code": "a", "codes": {"x": 1}}, "fields.status.codes: must be a table"),
        ("reason", [], "fields.reason: names no source"),
        ("reason", {"join": ["a"], "with": 1}, "fields.reason.with: must be text"),
        ("references", {"each": "a"}, "fields.references.fields.scheme: is required by Identifier"),
        ("references", {"each": "a", "filds": {}}, "did you mean 'fields'?"),
    ],
)  # fmt: skip
def test_faults_of_fields(field: str, spec: Any, line: str) -> None:
    found = field_faults(**{field: spec})
    assert any(line in one for one in found), found


def test_required_fields_have_to_be_mapped() -> None:
    assert faults(fields={}) == [
        "fields.amount: is required by RefundIssued and not mapped",
        "fields.occurred_at: is required by RefundIssued and not mapped",
        "fields.payment_id: is required by RefundIssued and not mapped",
        "fields.refund_id: is required by RefundIssued and not mapped",
    ]


def test_faults_that_only_a_bank_entry_can_have() -> None:
    assert field_faults(BANK, direction="=CREDT") == [
        "fields.amount.sign: decides direction, which is mapped, too",
        "fields.direction: 'CREDT' is none of its words; did you mean 'CREDIT'?",
    ]
    assert faults(BANK, currency=None) == [
        "fields.amount.currency: is not said: give it here, or for all as the option currency"
    ]
    each = field_faults(BANK, remittance={"each": "rows"})
    assert each == ['fields.remittance.each: in a CSV file is only "rows", with the option group']
    assert faults(BANK, encoding="utf-9") == ["encoding: the encoding is not known"]
    assert faults(BANK, delimiter="||")[0].startswith("delimiter: ")
    assert faults(BANK, records="a") == ["records: is not for CSV files: every row is a record"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8)
    | st.sampled_from(["=x", "a/b", "../a", "$account", "csv", "#", "o2c.order.placed"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            [*OPTIONS, "when", "money", "credit", "debit", "sign", "code", "codes", "each", "join",
             "order_id", "lines", "buyer.name", "totals", "total", "a", "format", "time"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=25,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(OPTIONS), JSON, max_size=8))
def test_no_options_break_the_check(options: dict[str, Any]) -> None:
    found = list(check_options(options))
    assert all(": " in line for line in found)
    raw = RawMessage(
        b'{"a": 1}', account="acme", received_at=datetime(2026, 3, 4, tzinfo=UTC), options=options
    )
    codes = [problem.code for problem in dry_run(CONNECTOR, raw).problems]
    assert "connector_fault" not in codes
    assert ("bad_option" in codes) == bool(found)


def examples() -> list[dict[str, Any]]:
    """The accounts in the documentation."""
    blocks = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    return [tomllib.loads(block)["accounts"][0] for block in blocks]


def test_the_documented_examples_are_those_of_the_fixtures() -> None:
    documented = [account["options"] for account in examples()]
    fixtures = {one.path.name: one.meta.options for one in specimen("mapping").fixtures}
    assert documented == [fixtures["csv__house_bank.csv"], fixtures["json__portal_order.json"]]
    assert [list(check_options(options)) for options in fixtures.values()] == [[]] * len(fixtures)


def test_the_documented_payloads_are_those_of_the_fixtures() -> None:
    text = DOCUMENT.read_text("utf-8")
    payloads = {one.path.name: one.raw.body for one in specimen("mapping").fixtures}
    bank = payloads["csv__house_bank.csv"].decode("cp1252").replace("\r\n", "\n")
    assert bank in text
    assert payloads["json__portal_order.json"].decode() in text


def test_every_fact_can_be_emitted_and_every_option_is_declared() -> None:
    # What domains decide is announced by the connector `chain`.
    assert set(CONNECTOR.manifest.emits) == {one for one in FACT_OF if FAMILY_OF[one] != "chain"}
    assert set(CONNECTOR.manifest.options) == set(OPTIONS)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(specimen("mapping").fixtures), st.data())
def test_no_bytes_break_the_translation(fixture: Any, draw: Any) -> None:
    body = bytearray(fixture.raw.body)
    for _ in range(draw.draw(st.integers(1, 4))):
        place = draw.draw(st.integers(0, len(body) - 1))
        body[place] = draw.draw(st.integers(0, 255))
    outcome = dry_run(CONNECTOR, fixture.arriving(body=bytes(body)))
    assert "connector_fault" not in [problem.code for problem in outcome.problems]
    for message in outcome.messages:
        json.loads(message.data.json_data())
