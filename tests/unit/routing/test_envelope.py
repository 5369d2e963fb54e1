"""The stream entry: what is written is what is read, by our own reader and by anybody's."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.cash import PayoutSettled
from canonical.errors import GatewayError, Malformed, Unsupported
from canonical.payload import schema_uri
from canonical.values import Money
from routing.envelope import (
    Envelope,
    cloudevent,
    entry_fields,
    envelope_of_text,
    envelope_text,
    parse_entry,
)

PAYOUT = PayoutSettled(
    gateway="examplepay",
    account="acme",
    payout_id="po_1",
    net=Money.from_minor(12050, "EUR"),
    status="paid",
    settled_at=datetime(2026, 3, 2, 10, tzinfo=UTC),
)


@dataclass(frozen=True)
class Row:
    receipt_id: int = 4711
    message_id: str = "0a1b2c3d-0000-8000-8000-000000000001"
    key: str = "payout/examplepay/acme/po_1"
    type: str = PayoutSettled.TYPE
    source: str = "urn:o2c:examplepay:acme"
    subject: str = "payout/po_1"
    occurred_at: datetime = datetime(2026, 3, 2, 10, tzinfo=UTC)
    version: str | None = None
    correlation: str = "examplepay/acme/payout/po_1"
    partition_key: str = "examplepay/acme/payout/po_1"
    traceparent: str | None = None
    schema_uri: str = schema_uri(PayoutSettled)
    data: str = PAYOUT.json_data()
    destinations: tuple[str, ...] = ("o2c.cash",)


def on_the_wire(row: Row) -> dict[bytes, bytes]:
    return {name.encode(): value.encode() for name, value in entry_fields(row).items()}


texts = st.text(st.characters(codec="utf-8"), max_size=60)
filled = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)
rows = st.builds(
    Row,
    receipt_id=st.integers(min_value=0, max_value=2**63 - 1),
    message_id=filled,
    key=texts,
    type=filled,
    source=filled,
    subject=texts,
    occurred_at=st.datetimes(
        min_value=datetime(1900, 1, 1),  # noqa: DTZ001 - the zone is drawn apart
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
    ),
    version=st.none() | filled,
    correlation=texts,
    partition_key=texts,
    traceparent=st.none() | filled,
    data=texts,
)


@given(rows)
def test_what_is_written_is_what_is_read(row: Row) -> None:
    envelope = parse_entry(on_the_wire(row))

    assert (envelope.id, envelope.type, envelope.source) == (row.message_id, row.type, row.source)
    assert envelope.time == row.occurred_at
    assert envelope.idempotencykey == row.key
    assert envelope.entityversion == row.version
    assert envelope.correlationid == row.correlation
    assert envelope.partitionkey == row.partition_key
    assert envelope.traceparent == row.traceparent
    assert envelope.data == row.data


@given(rows)
def test_a_message_waiting_for_its_retry_comes_back_the_same(row: Row) -> None:
    envelope = parse_entry(on_the_wire(row))

    assert envelope_of_text(envelope_text(envelope)) == envelope
    assert envelope_of_text(json.dumps(entry_fields(row))) == envelope


@given(st.dictionaries(st.sampled_from(sorted(on_the_wire(Row()))), st.binary(max_size=20)))
def test_no_entry_raises_anything_but_our_errors(damage: dict[bytes, bytes]) -> None:
    try:
        envelope = parse_entry({**on_the_wire(Row()), **damage})
        envelope.payload()
    except GatewayError as error:
        assert error.code  # noqa: PT017 - either outcome is right, another exception is not


def test_the_fields_are_cloudevents_attributes() -> None:
    fields = entry_fields(replace(Row(), version="7", traceparent="00-ab-cd-01"))

    assert set(fields) == {
        "specversion", "id", "source", "type", "subject", "time", "datacontenttype",
        "dataschema", "idempotencykey", "entityversion", "correlationid", "causationid",
        "partitionkey", "traceparent", "data",
    }  # fmt: skip
    assert fields["specversion"] == "1.0"
    assert fields["time"] == "2026-03-02T10:00:00Z"
    assert fields["datacontenttype"] == "application/json"


def test_the_receipt_is_named_as_people_see_it() -> None:
    assert entry_fields(Row())["causationid"].startswith("rcp_")


def test_attributes_without_a_value_are_left_out() -> None:
    assert {"entityversion", "traceparent"}.isdisjoint(entry_fields(Row()))


def test_the_payload_is_typed() -> None:
    assert parse_entry(on_the_wire(Row())).payload() == PAYOUT


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (replace(Row(), type="o2c.unheard.of"), "unknown_type"),
        (
            replace(Row(), schema_uri="urn:o2c:schema:o2c.payout.settled:v99"),
            "unknown_schema_version",
        ),
    ],
)
def test_an_unknown_type_or_version_is_not_guessed(row: Row, code: str) -> None:
    with pytest.raises(Unsupported) as raised:
        parse_entry(on_the_wire(row)).payload()
    assert raised.value.code == code


def test_data_that_does_not_fit_names_the_field_and_not_the_value() -> None:
    data = PAYOUT.json_data().replace('"120.50"', '"much"')
    with pytest.raises(Malformed) as raised:
        parse_entry(on_the_wire(replace(Row(), data=data))).payload()
    assert raised.value.path == "data.net.amount"
    assert "much" not in str(raised.value)


@pytest.mark.parametrize("missing", ["id", "type", "time", "data", "specversion", "causationid"])
def test_a_missing_field_is_named(missing: str) -> None:
    fields = on_the_wire(Row())
    del fields[missing.encode()]
    with pytest.raises(Malformed) as raised:
        parse_entry(fields)
    assert (raised.value.code, raised.value.path) == ("malformed_envelope", missing)


@pytest.mark.parametrize("time", ["yesterday", "2026-03-02T10:00:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_must_be_a_moment(time: str) -> None:
    with pytest.raises(Malformed):
        parse_entry({**on_the_wire(Row()), b"time": time.encode()})


def test_fields_of_others_are_left_aside() -> None:
    plain = parse_entry(on_the_wire(Row()))
    assert parse_entry({**on_the_wire(Row()), b"vendorfield": b"\xff"}) == plain


def test_the_structured_form_carries_the_data_as_json() -> None:
    event = cloudevent(parse_entry(on_the_wire(Row())))
    assert event["specversion"] == "1.0"
    assert event["time"] == "2026-03-02T10:00:00Z"
    assert event["data"]["net"] == {"amount": "120.50", "currency": "EUR"}
    assert "entityversion" not in event


def test_an_envelope_can_be_made_by_hand() -> None:
    known = parse_entry(on_the_wire(Row()))
    assert Envelope(
        id=known.id, source=known.source, type=known.type, subject=known.subject, time=known.time,
        dataschema=known.dataschema, idempotencykey=known.idempotencykey,
        correlationid=known.correlationid, causationid=known.causationid,
        partitionkey=known.partitionkey, data=known.data,
    ) == known  # fmt: skip
