"""EasyPost: who signed it, what it is, and what its scans say."""

from __future__ import annotations

import hmac
import json
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.errors import Malformed, Rejected
from canonical.message import Message
from canonical.shipment import DeliveryProof, DeliveryStatus, DeliveryStatusChanged, ReasonClass
from connectors.easypost import CONNECTOR
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.translation import Outcome, dry_run

RECEIVED = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
SECRET = Secret("current", "sécret d'essai".encode())

FAILED = "failure/failure"
OUT = "out_for_delivery/out_for_delivery"
BACK = "return_to_sender/return"
DONE = "delivered/arrived_at_destination"


def scan(code: str, when: str, **more: Any) -> dict[str, Any]:
    status, _, detail = code.partition("/")
    return {
        "status": status,
        "status_detail": detail or None,
        "datetime": f"2026-03-{when}",
        "message": f"{status} told",
        "carrier_code": "XX",
        "tracking_location": {"city": "RENO", "state": "NV", "country": "US", "zip": "89502"},
        **more,
    }


def tracker(*scans: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "object": "Tracker",
        "id": "trk_1",
        "mode": "production",
        "tracking_code": "900000000001",
        "carrier": "FedEx",
        "status": scans[-1]["status"] if scans else "unknown",
        "updated_at": "2026-03-09T12:00:00Z",
        "tracking_details": list(scans),
        **more,
    }


def event(result: Any, **more: Any) -> dict[str, Any]:
    named = {"object": "Event", "id": "evt_1", "description": "tracker.updated"}
    return {**named, "previous_attributes": {}, "result": result, **more}


def arriving(document: Any, **more: Any) -> RawMessage:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return RawMessage(body, account="acme", received_at=RECEIVED, **more)


def signed(document: Any, secret: bytes) -> RawMessage:
    body = json.dumps(document).encode()
    signature = hmac.digest(secret, body, "sha256").hex()
    return arriving(body, headers={"x-hmac-signature": f"hmac-sha256-hex={signature}"})


def outcome(*scans: dict[str, Any], **more: Any) -> Outcome:
    return dry_run(CONNECTOR, arriving(event(tracker(*scans, **more))))


def told(message: Message) -> DeliveryStatusChanged:
    assert isinstance(message.data, DeliveryStatusChanged)
    return message.data


def states(*scans: dict[str, Any], **more: Any) -> list[DeliveryStatus]:
    return [told(message).status for message in outcome(*scans, **more).messages]


def contents(found: Outcome) -> dict[str, str]:
    return {message.key.text: message.data.content() for message in found.messages}


# Signature


def test_the_secret_is_used_in_form_nfkd_however_it_is_configured() -> None:
    composed = Secret("composed", unicodedata.normalize("NFC", SECRET.value.decode()).encode())
    decomposed = unicodedata.normalize("NFKD", SECRET.value.decode()).encode()
    assert composed.value != decomposed
    raw = signed(event(tracker()), decomposed)
    assert CONNECTOR.verify(raw, [Secret("old", b"other"), composed]) is composed
    assert CONNECTOR.verify(raw, [Secret("plain", decomposed)]).name == "plain"


def test_a_secret_that_is_no_text_is_used_as_it_is() -> None:
    secret = Secret("bytes", b"\xff\xfe\x00")
    assert CONNECTOR.verify(signed(event(tracker()), secret.value), [secret]) is secret


@pytest.mark.parametrize("prefix", ["", "hmac-sha512-hex=", "hmac-sha256-hex"])
def test_a_signature_of_another_scheme_is_refused(prefix: str) -> None:
    right = signed(event(tracker()), b"key")
    value = right.headers["x-hmac-signature"].removeprefix("hmac-sha256-hex=")
    raw = arriving(right.body, headers={"x-hmac-signature": prefix + value})
    with pytest.raises(Rejected):
        CONNECTOR.verify(raw, [Secret("current", b"key")])


# What it is


def test_a_repeated_event_is_the_same_delivery() -> None:
    first = CONNECTOR.identify(arriving(event(tracker(), status="pending")))
    again = CONNECTOR.identify(arriving(event(tracker(), status="completed")))
    assert first is not None
    assert first == again
    assert (first.kind, first.delivery_key) == ("tracker.updated", "evt_1")


@pytest.mark.parametrize("document", [[], {}, "text", 7, None, [{}], {"object": 3}, {"error": "x"}])
def test_other_systems_payloads_are_not_claimed(document: Any) -> None:
    assert CONNECTOR.identify(arriving(document)) is None


def test_an_event_without_description_is_malformed() -> None:
    with pytest.raises(Malformed):
        CONNECTOR.identify(arriving({"object": "Event", "id": "evt_1"}))


@pytest.mark.parametrize(
    "kind",
    [
        "batch.created",
        "scan_form.updated",
        "shipment.invoice.created",
        "refund.successful",
        "payment.failed",
        "insurance.purchased",
        "claims.approved",
        "report.available",
    ],
)
def test_events_of_other_objects_are_ignored(kind: str) -> None:
    raw = arriving(event({"object": "Other"}, description=kind))
    assert dry_run(CONNECTOR, raw).outcome == "ignored"


# What it says


def test_a_scan_becomes_a_delivery_status() -> None:
    found = outcome(
        scan(DONE, "03T10:00:00-08:00"),
        signed_by="A. SAMPLE",
        shipment_id="shp_1",
        est_delivery_date="2026-03-04T00:00:00Z",
    )
    (message,) = found.messages
    data = told(message)
    assert data.status is DeliveryStatus.DELIVERED
    assert data.terminal
    assert (data.carrier, data.tracking_number) == ("FedEx", "900000000001")
    assert data.carrier_code == "delivered/arrived_at_destination/XX"
    assert data.occurred_at == datetime(2026, 3, 3, 18, 0, tzinfo=UTC)
    assert data.proof == DeliveryProof(signed_by="A. SAMPLE")
    assert data.location is not None
    assert (data.location.city, data.location.country) == ("RENO", "US")
    assert {one.value for one in data.references} == {"900000000001", "trk_1", "shp_1"}
    assert message.entity is None


@pytest.mark.parametrize(
    ("code", "state", "reason", "terminal"),
    [
        ("pre_transit/label_created", "CREATED", None, False),
        ("in_transit/delayed", "IN_TRANSIT", None, False),
        ("out_for_delivery/out_for_delivery", "IN_TRANSIT", None, False),
        ("available_for_pickup/arrived_at_pickup_location", "IN_TRANSIT", None, False),
        ("delivered/arrived_at_destination", "DELIVERED", None, True),
        ("return_to_sender/refused", "RETURNED", ReasonClass.CUSTOMER_ISSUE, False),
        ("return_to_sender/return", "RETURNED", None, False),
        ("failure/address_correction", "FAILED", ReasonClass.CUSTOMER_ISSUE, False),
        ("failure/refused", "FAILED", ReasonClass.CUSTOMER_ISSUE, False),
        ("failure/damaged", "FAILED", ReasonClass.LOGISTICS_ISSUE, False),
        ("failure/weather_delay", "FAILED", ReasonClass.LOGISTICS_ISSUE, False),
        ("failure/delivery_exception", "FAILED", None, False),
        ("failure/a_new_detail", "FAILED", None, False),
        ("failure", "FAILED", None, False),
        ("error/failure", "FAILED", ReasonClass.LOGISTICS_ISSUE, False),
        ("cancelled/cancelled", "FAILED", ReasonClass.COMPANY_ISSUE, True),
    ],
)
def test_states_and_reasons(
    code: str, state: str, reason: ReasonClass | None, terminal: bool
) -> None:
    (message,) = outcome(scan(code, "03T10:00:00Z")).messages
    data = told(message)
    assert (data.status, data.reason_class, data.terminal) == (state, reason, terminal)


def test_unknown_says_nothing() -> None:
    found = outcome(scan("unknown/unknown", "03T10:00:00Z"))
    assert found.outcome == "ignored"
    assert not found.problems


def test_a_status_that_is_not_documented_is_a_problem_and_the_rest_goes_on() -> None:
    found = outcome(scan("teleported", "03T09:00:00Z"), scan(DONE, "03T10:00:00Z"))
    assert [told(message).status for message in found.messages] == ["DELIVERED"]
    ((code, at),) = [(one.code, one.at) for one in found.problems]
    assert (code, at) == ("unmapped_code", "result.tracking_details[0]")


@pytest.mark.parametrize("field", ["status", "datetime"])
def test_a_scan_without_status_or_time_borrows_neither(field: str) -> None:
    found = outcome(scan(OUT, "03T09:00:00Z", **{field: None}), status="out_for_delivery")
    assert not found.messages
    assert [one.code for one in found.problems] == ["missing_field"]


def test_out_for_delivery_behind_a_failure_is_a_new_attempt() -> None:
    scans = [scan(OUT, "03T08:00:00Z"), scan(FAILED, "03T17:00:00Z"), scan(OUT, "04T08:00:00Z")]
    assert states(*scans) == ["IN_TRANSIT", "FAILED", "REATTEMPT"]
    assert sorted(states(*reversed(scans))) == ["FAILED", "IN_TRANSIT", "REATTEMPT"]


def test_a_failure_told_late_adds_a_fact_and_contradicts_none() -> None:
    label, out = scan("pre_transit", "02T08:00:00Z"), scan(OUT, "04T08:00:00Z")
    before = contents(outcome(label, out))
    after = contents(outcome(label, out, scan(FAILED, "03T17:00:00Z")))
    assert all(before[key] == after[key] for key in before.keys() & after.keys())
    assert [key for key in after if key.endswith("/REATTEMPT")]


def test_delivered_behind_the_turn_back_is_not_a_delivery_to_the_customer() -> None:
    found = outcome(scan(BACK, "03T08:00:00Z"), scan(DONE, "05T08:00:00Z"), signed_by="A. SAMPLE")
    back, arrived = (told(message) for message in found.messages)
    assert (back.status, back.terminal) == (DeliveryStatus.RETURNED, False)
    assert (arrived.status, arrived.terminal) == (DeliveryStatus.RETURNED, True)
    assert arrived.proof is None
    assert states(scan(DONE, "05T08:00:00Z"), is_return=True) == ["RETURNED"]


def test_cumulative_pushes_repeat_the_same_facts() -> None:
    first = scan("in_transit/unknown", "03T08:00:00Z")
    second = scan(DONE, "04T08:00:00Z")
    early = contents(outcome(first, est_delivery_date="2026-03-04T00:00:00Z"))
    late = outcome(first, second, signed_by="A. SAMPLE", est_delivery_date="2026-03-05T00:00:00Z")
    assert early.items() <= contents(late).items()
    assert len(late.messages) == 2


def test_scans_of_one_moment_are_told_apart_by_place_code_or_text() -> None:
    same = scan("in_transit/unknown", "03T08:00:00Z")
    others = [
        {**same, "tracking_location": {"city": "BOISE"}},
        {**same, "carrier_code": "YY"},
        {**same, "carrier_code": None, "message": "Departed"},
        {**same, "carrier_code": None, "message": "Arrived"},
    ]
    assert len(contents(outcome(same, *others))) == 5


def test_keys_do_not_show_what_a_carrier_writes() -> None:
    one = scan(DONE, "03T08:00:00Z", carrier_code="", message="Left with A. SAMPLE")
    assert "SAMPLE" not in next(iter(contents(outcome(one))))


def test_an_offset_does_not_make_another_fact() -> None:
    local, utc = scan(DONE, "03T10:00:00-08:00"), scan(DONE, "03T18:00:00Z")
    assert contents(outcome(local)) == contents(outcome(utc))


def test_an_unreadable_estimate_does_not_hide_the_delivery() -> None:
    found = outcome(scan(DONE, "03T10:00:00Z"), est_delivery_date="soon")
    assert [told(message).status for message in found.messages] == ["DELIVERED"]
    assert [one.path for one in found.problems] == ["result.est_delivery_date"]


# The tracker's own state


def own(status: str, before: dict[str, Any]) -> Outcome:
    result = tracker(scan("pre_transit", "02T08:00:00Z"), status=status)
    return dry_run(CONNECTOR, arriving(event(result, previous_attributes=before)))


@pytest.mark.parametrize("status", ["cancelled", "error", "delivered"])
def test_an_end_that_no_scan_tells_is_told_once(status: str) -> None:
    changed = own(status, {"status": "pre_transit"})
    assert len(changed.messages) == 2
    assert told(changed.messages[1]).occurred_at == datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
    assert len(own(status, {"status": status}).messages) == 1


@pytest.mark.parametrize("status", ["in_transit", "failure", "unknown", None])
def test_no_other_state_is_told_without_a_scan(status: str) -> None:
    assert len(own(status, {}).messages) == 1


def test_an_undocumented_own_state_is_a_problem() -> None:
    assert [one.code for one in own("teleported", {}).problems] == ["unmapped_code"]


# Files and options


def test_a_bad_tracker_of_a_file_leaves_the_others() -> None:
    good = tracker(scan(DONE, "03T10:00:00Z"))
    page = {"trackers": [good, {**good, "tracking_code": None}, "text", good]}
    found = dry_run(CONNECTOR, arriving(page, filename="trackers.json"))
    assert len(found.messages) == 2


def test_a_file_and_an_event_tell_the_same_facts() -> None:
    one = tracker(scan(DONE, "03T10:00:00Z"))
    filed = [dry_run(CONNECTOR, arriving(document)) for document in (one, [one])]
    pushed = dry_run(CONNECTOR, arriving(event(one)))
    assert contents(filed[0]) == contents(filed[1]) == contents(pushed)


def test_the_other_mode_is_ignored_when_one_is_asked_for() -> None:
    document = event(tracker(scan(DONE, "03T10:00:00Z"), mode="test"))
    wanted = dry_run(CONNECTOR, arriving(document, options={"mode": "production"}))
    assert wanted.outcome == "ignored"
    assert dry_run(CONNECTOR, arriving(document)).outcome == "translated"


# Robustness

values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


def faultless(raw: RawMessage) -> None:
    assert not any(one.code == "connector_fault" for one in dry_run(CONNECTOR, raw).problems)


@given(body=st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    faultless(arriving(body))


@given(
    data=st.data(),
    value=values,
    in_scan=st.booleans(),
)
def test_any_value_in_any_field(data: st.DataObject, value: Any, in_scan: bool) -> None:
    one = scan(OUT, "03T10:00:00Z")
    result = tracker(one, scan(FAILED, "02T10:00:00Z"), est_delivery_date=None, signed_by=None)
    target = one if in_scan else result
    target[data.draw(st.sampled_from(sorted(target)))] = value
    faultless(arriving(event(result)))
    faultless(arriving([result]))


@given(order=st.permutations(range(5)))
def test_the_place_in_the_list_changes_nothing(order: list[int]) -> None:
    scans = [
        scan("pre_transit", "01T08:00:00Z"),
        scan(OUT, "02T08:00:00Z"),
        scan(FAILED, "02T17:00:00Z"),
        scan(OUT, "03T08:00:00Z"),
        scan(DONE, "03T12:00:00Z"),
    ]
    status = {"status": "delivered"}
    shuffled = outcome(*(scans[index] for index in order), **status)
    assert contents(shuffled) == contents(outcome(*scans, **status))
