"""AvaTax: what a transaction says, which state is the newest, and that no amount changes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.billing import TaxCalculated
from canonical.errors import Rejected
from canonical.message import Message
from connectors.avatax import CONNECTOR
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.translation import Outcome, dry_run

RECEIVED = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def transaction(**more: Any) -> dict[str, Any]:
    return {
        "id": 9007199254740993,
        "code": "INV-1",
        "companyId": 4711,
        "type": "SalesInvoice",
        "status": "Committed",
        "version": 1,
        "currencyCode": "USD",
        "totalAmount": 110,
        "totalTax": 8.8,
        "customerCode": "C-100",
        "modifiedDate": "2026-03-02T09:00:26.903",
        "taxDate": "2026-03-01T00:00:00",
        "lines": [],
        **more,
    }


def line(**more: Any) -> dict[str, Any]:
    detail = {
        "country": "US",
        "region": "PA",
        "jurisType": "STA",
        "jurisName": "PENNSYLVANIA",
        "taxType": "Sales",
        "rate": 0.06,
        "taxableAmount": 110.0,
        "tax": 6.6,
    }
    known = {"lineNumber": "1", "itemCode": "CHAIR", "tax": 6.6, "details": [detail]}
    return {**known, "taxableAmount": 110.0, **more}


def outcome(document: Any) -> Outcome:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    raw = RawMessage(body, account="acme", received_at=RECEIVED, filename="transaction.json")
    return dry_run(CONNECTOR, raw)


def only(document: Any) -> Message:
    found = outcome(document)
    assert not found.problems
    (message,) = found.messages
    return message


def fact(document: Any) -> TaxCalculated:
    data = only(document).data
    assert isinstance(data, TaxCalculated)
    return data


def test_nothing_is_accepted_as_a_webhook() -> None:
    raw = RawMessage(b"{}", account="acme", received_at=RECEIVED)
    with pytest.raises(Rejected):
        CONNECTOR.verify(raw, [Secret("current", b"key")])


def test_a_transaction_is_a_calculated_tax() -> None:
    data = fact(transaction(lines=[line()], referenceCode="ORD-7"))
    assert (data.engine, data.document_code, data.document_version) == ("avatax", "INV-1", 1)
    assert data.transaction_id == "9007199254740993"
    assert data.total_tax.amount == Decimal("8.8")
    assert data.total is not None
    assert data.total.amount == Decimal(110)
    assert data.tax_date == date(2026, 3, 1)
    assert data.calculated_at == datetime(2026, 3, 2, 9, 0, 26, tzinfo=UTC)
    ((detail,),) = [one.details for one in data.lines]
    assert (detail.category, detail.jurisdiction) == ("Sales", "US/PA/STA/PENNSYLVANIA")
    assert detail.rate == Decimal(6)
    assert "ORD-7" in {one.value for one in data.references}


def test_a_void_keeps_the_number_and_is_a_newer_state_of_the_same_document() -> None:
    committed = only(transaction())
    voided = only(transaction(status="Cancelled", modifiedDate="2026-03-02T11:00:00.5"))
    assert committed.key != voided.key
    assert committed.entity == voided.entity
    assert committed.version is not None
    assert voided.version is not None
    assert committed.version < voided.version


def test_what_an_adjustment_replaced_is_older_than_the_adjustment() -> None:
    replaced = only(transaction(status="Adjusted", modifiedDate="2026-03-02T12:00:01"))
    successor = only(transaction(version=2, modifiedDate="2026-03-02T12:00:00"))
    assert replaced.entity == successor.entity
    assert replaced.version is not None
    assert successor.version is not None
    assert replaced.version < successor.version


def test_a_commit_after_an_uncommit_is_not_the_first_commit_again() -> None:
    first = only(transaction())
    again = only(transaction(modifiedDate="2026-03-03T09:00:00"))
    assert first.key != again.key


@pytest.mark.parametrize("written", ["2026-03-02T09:00:26.9034567Z", "2026-03-02T10:00:26+01:00"])
def test_one_moment_written_otherwise_is_the_same_fact(written: str) -> None:
    one, other = only(transaction()), only(transaction(modifiedDate=written))
    assert one.key == other.key
    assert one.data.content() == other.data.content()


def test_a_refund_is_a_document_of_its_own_with_negative_amounts() -> None:
    refund = only(transaction(type="ReturnInvoice", totalTax=-0.8, totalAmount=-10))
    assert refund.entity != only(transaction()).entity
    assert isinstance(refund.data, TaxCalculated)
    assert refund.data.total_tax.amount == Decimal("-0.8")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "Temporary"),
        ("status", "Queued"),
        ("type", "SalesOrder"),
        ("type", "ReturnOrder"),
        ("type", "PurchaseInvoice"),
        ("type", "InventoryTransferInvoice"),
    ],
)
def test_what_is_not_recorded_or_no_sale_is_ignored(field: str, value: str) -> None:
    found = outcome(transaction(**{field: value}))
    assert found.outcome == "ignored"
    assert not found.problems


@pytest.mark.parametrize("field", ["status", "type"])
def test_an_undocumented_word_is_never_guessed(field: str) -> None:
    found = outcome(transaction(**{field: "Teleported"}))
    assert not found.messages
    assert [(one.code, one.path) for one in found.problems] == [("unmapped_code", field)]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("version", None, "missing_field"),
        ("version", -1, "bad_version"),
        ("modifiedDate", None, "missing_field"),
        ("modifiedDate", "yesterday", "bad_time"),
        ("totalTax", None, "bad_amount"),
        ("totalTax", "8,80", "bad_amount"),
        ("currencyCode", None, "missing_currency"),
        ("currencyCode", "ABC", "unknown_currency"),
        ("taxDate", "2026-02-30", "bad_date"),
        ("lines", [{"lineNumber": "1"}], "bad_amount"),
        ("lines", [line(details=[{"tax": 1}])], "missing_field"),
        ("lines", {}, "unexpected_type"),
        ("customerCode", "x" * 500, "invalid_value"),
    ],
)
def test_what_cannot_be_read_is_a_problem(field: str, value: Any, code: str) -> None:
    found = outcome(transaction(**{field: value}))
    assert not found.messages
    assert [one.code for one in found.problems] == [code]


def test_a_bad_transaction_of_a_page_leaves_the_others() -> None:
    bad = transaction(totalTax=None)
    found = outcome({"@recordsetCount": 4, "value": [transaction(), bad, "text", transaction()]})
    assert len(found.messages) == 2
    assert [one.at for one in found.problems] == ["value[1]", "value[2]"]


def test_a_bare_list_a_page_and_an_object_tell_the_same() -> None:
    one = transaction(lines=[line()])
    shapes = [only(document) for document in (one, [one], {"value": [one]})]
    assert len({message.key for message in shapes}) == 1
    assert len({message.data.content() for message in shapes}) == 1


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        ({"nonTaxableAmount": 10.0, "nonTaxableType": "NexusRule"}, "NexusRule"),
        ({"nonTaxableAmount": 10.0}, "not taxable"),
        ({"exemptAmount": 10.0, "exemptReasonId": 5}, "exempt, reason 5"),
        ({"exemptAmount": 0.0, "nonTaxableAmount": 0.0, "nonTaxableType": "RateRule"}, None),
    ],
)
def test_why_an_amount_is_not_taxed(detail: dict[str, Any], reason: str | None) -> None:
    known = line()["details"][0]
    data = fact(transaction(lines=[line(details=[{**known, **detail}])]))
    assert data.lines[0].details[0].exemption_reason == reason


@pytest.mark.parametrize("document", [[], {}, 3, "text", {"value": []}, [[]], {"error": "none"}])
def test_other_systems_files_are_not_claimed(document: Any) -> None:
    raw = RawMessage(json.dumps(document).encode(), account="acme", received_at=RECEIVED)
    assert CONNECTOR.identify(raw) is None


# Robustness

amounts = st.decimals(min_value=-(10**12), max_value=10**12, places=4).filter(
    lambda value: value.is_finite()
)


@given(tax=amounts, taxable=amounts, currency=st.sampled_from(["JPY", "USD", "KWD"]))
def test_amounts_keep_every_digit(tax: Decimal, taxable: Decimal, currency: str) -> None:
    template = transaction(totalTax="TAX", lines=[line(tax="TAX", taxableAmount="TAXABLE")])
    body = json.dumps({**template, "currencyCode": currency})
    body = body.replace('"TAX"', f"{tax:f}").replace('"TAXABLE"', f"{taxable:f}")
    data = fact(body.encode())
    assert format(data.total_tax.amount, "f") == f"{tax:f}"
    assert data.lines[0].tax.amount == tax
    assert data.lines[0].taxable is not None
    assert data.lines[0].taxable.amount == taxable


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


def faultless(found: Outcome) -> None:
    assert not any(one.code == "connector_fault" for one in found.problems)


@given(body=st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    faultless(outcome(body))


@given(data=st.data(), value=values, depth=st.sampled_from([0, 1, 2]))
def test_any_value_in_any_field(data: st.DataObject, value: Any, depth: int) -> None:
    document = transaction(lines=[line()])
    target = (document, document["lines"][0], document["lines"][0]["details"][0])[depth]
    target[data.draw(st.sampled_from(sorted(target)))] = value
    faultless(outcome(document))
    faultless(outcome([document]))
