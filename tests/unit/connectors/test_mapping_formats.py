"""Mapping: formats, packed files, deliveries and signatures."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import io
import zipfile
from base64 import b64encode
from datetime import date
from typing import Any

import pytest

from canonical.errors import Rejected
from connectors.mapping import CONNECTOR
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.translation import verify
from tests.unit.connectors.mapping_outcomes import RECEIVED, data, only, problem, told

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


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty"),
        (b"Date,Text\n", "missing_column"),
        (b"Date,Text,Amount,Text\n", "duplicate_column"),
        (b"Date,Text,Amount\n2026-03-02,a,1.00\n2026-03-02,\"b,1.00\n", "bad_quoting"),
        (b"Date,Text,Amount\n2026-03-02,a,1.00\n2026-03-02,b\0,1.00\n", "nul_character"),
        (b"Date,Text,Amount\n2026-03-02,a,1.00\n2026-03-02,\xff,1.00\n", "bad_encoding"),
    ],
)  # fmt: skip
def test_files_that_are_refused_whole(body: bytes, code: str) -> None:
    assert problem(told(body, BOOKED))[0] == code


XML: dict[str, Any] = {**INVOICE, "format": "xml", "records": "Batch/Invoice", "key": ["@no"]}
XML["fields"] = {
    **INVOICE["fields"], "invoice_number": "@no", "issue_date": "Head/Date",
    "totals.payable": {"money": "Total", "currency": "Total/@cur"},
    "notes": {"each": "Note", "optional": True},
}  # fmt: skip


def invoices(inner: str) -> str:
    return f'<Doc xmlns="urn:example"><Batch>{inner}</Batch><Other><Invoice/></Other></Doc>'


def test_xml_records_at_their_path_only() -> None:
    body = invoices(
        '<Invoice no="1"><Head><Date>2026-03-04</Date></Head><Total cur="BHD">1.005</Total>'
        "<Note>a</Note><Note>b</Note></Invoice>"
    )
    found = data(told(body, XML))
    assert found["totals"]["payable"] == {"amount": "1.005", "currency": "BHD"}
    assert found["notes"] == ["a", "b"]


def test_xml_that_repeats_a_single_value_is_refused() -> None:
    body = invoices('<Invoice no="1"><Head/><Total cur="EUR">1</Total><Total>2</Total></Invoice>')
    assert problem(told(body, XML)) == ("several_values", "Total")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("<Doc><Batch>", "truncated"),
        ("<!DOCTYPE a><Doc/>", "doctype"),
        ("<Doc><Elsewhere/></Doc>", "no_records"),
    ],
)
def test_xml_that_is_refused_whole(body: str, code: str) -> None:
    assert problem(told(body, XML))[0] == code


def test_an_xml_document_may_be_the_record() -> None:
    body = (
        '<Invoice no="1"><Head><Date>2026-03-04</Date></Head><Total cur="EUR">1</Total></Invoice>'
    )
    assert only(told(body, XML, records="$")).subject == "invoice/1"


@pytest.mark.parametrize(
    ("body", "count"), [("[]", 0), ('{"list": []}', 0), ('[{"no": "1"}]', None)]
)
def test_json_lists(body: str, count: int | None) -> None:
    records = {"records": "list"} if "list" in body else {}
    outcome = told(body, {**INVOICE, **records})
    assert len(outcome.messages) == (count or 0)
    assert bool(outcome.problems) is (count is None)


def test_json_without_the_records_is_refused() -> None:
    assert problem(told("{}", {**INVOICE, "records": "a/b"})) == ("no_records", "a/b")
    assert problem(told("nonsense", INVOICE))[0] == "bad_json"


def test_packed_files() -> None:
    body = b"Date,Text,Amount\n2026-03-02,a,10.00\n"
    assert only(told(gzip.compress(body), BOOKED)).at == "line[2]"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("good.csv", body)
        archive.writestr("bad.csv", body + b'"')
    outcome = told(packed.getvalue(), BOOKED)
    assert [one.at for one in outcome.messages] == ["good.csv!line[2]"]
    assert [(one.code, one.at) for one in outcome.problems] == [("bad_quoting", "bad.csv")]


def test_delivery_keys() -> None:
    body = b'{"event": {"id": 77}}'
    digest = hashlib.sha256(body).hexdigest()
    for options, headers, key in (
        ({}, {"x-id": "9"}, digest),
        ({"delivery_key_header": "X-Id"}, {"x-id": "9"}, "9"),
        ({"delivery_key_header": "X-Id"}, {}, digest),
        ({"delivery_key_field": "event/id"}, {}, "77"),
        ({"delivery_key_field": "event/none"}, {}, digest),
    ):
        raw = RawMessage(
            body,
            account="acme",
            received_at=RECEIVED,
            headers=headers,
            options={**INVOICE, **options},
        )
        identity = CONNECTOR.identify(raw)
        assert identity is not None
        assert (identity.kind, identity.delivery_key) == ("json", key)


def signed(header: str, **options: str) -> RawMessage:
    return RawMessage(
        b"{}", account="acme", received_at=RECEIVED, headers={"x-api-key": header}, options=options
    )


def test_signature_schemes() -> None:
    secret = Secret("one", b"key")
    digest = hmac.digest(b"key", b"{}", "sha256")
    named = {"signature_header": "X-Api-Key"}
    for scheme, value, prefix in (
        ("hmac-sha256-hex", "v1=" + digest.hex(), "v1="),
        ("hmac-sha256-base64", b64encode(digest).decode(), ""),
        ("token", "Bearer key", "Bearer "),
    ):
        raw = signed(value, signature=scheme, signature_prefix=prefix, **named)
        assert verify(CONNECTOR, raw, [secret]) is secret
        for wrong in ("", prefix, prefix + "0", value.removeprefix(prefix) if prefix else "x"):
            forged = signed(wrong, signature=scheme, signature_prefix=prefix, **named)
            with pytest.raises(Rejected):
                verify(CONNECTOR, forged, [secret])


@pytest.mark.parametrize("options", [{}, {"signature": "none"}, {"signature": "token"}])
def test_no_scheme_refuses(options: dict[str, str]) -> None:
    with pytest.raises(Rejected) as refused:
        verify(CONNECTOR, signed("key", **options), [Secret("one", b"key")])
    assert refused.value.code == "no_scheme"


def test_unusable_options_translate_nothing() -> None:
    assert problem(told("{}", {**INVOICE, "emits": "o2c.nothing"})) == (
        "bad_option",
        "options.emits",
    )
    assert problem(told("{}", {**INVOICE, "date_format": date(2026, 1, 1)}))[0] == "bad_option"
