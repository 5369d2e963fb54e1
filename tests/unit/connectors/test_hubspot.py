"""HubSpot: who signed it, what it is, and which of many changes are facts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import connectors.hubspot
from canonical.errors import GatewayError, Rejected
from canonical.message import Message
from canonical.order import QuoteAccepted
from connectors.hubspot import CONNECTOR
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.translation import Outcome, dry_run

FIXTURES = Path(connectors.hubspot.__file__).parent / "fixtures"
RECEIVED = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
NOW_MS = int(RECEIVED.timestamp() * 1000)
SECRET = Secret("current", b"an-invented-secret")
URL = "https://hub.example.com/in/hubspot/acme"


def arriving(body: Any, **more: Any) -> RawMessage:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    more.setdefault("url", URL)
    return RawMessage(content, account="acme", received_at=RECEIVED, **more)


def outcome(body: Any, **options: Any) -> Outcome:
    return dry_run(CONNECTOR, arriving(body, options=options))


def event(**changes: Any) -> dict[str, Any]:
    """A deal that comes into the stage of HubSpot's own pipeline that means won."""
    return {
        "eventId": 1,
        "subscriptionId": 2,
        "portalId": 3,
        "occurredAt": NOW_MS,
        "subscriptionType": "deal.propertyChange",
        "attemptNumber": 0,
        "objectId": 4,
        "propertyName": "dealstage",
        "propertyValue": "closedwon",
        **changes,
    }


def deal(**properties: Any) -> dict[str, Any]:
    return {
        "id": "4",
        "updatedAt": "2026-03-02T10:00:01.000Z",
        "properties": {
            "dealstage": "closedwon",
            "closedate": "2026-03-02T09:00:00Z",
            "amount": "12.50",
            "deal_currency_code": "EUR",
            **properties,
        },
    }


def only(found: Outcome) -> Message:
    assert not found.problems
    (message,) = found.messages
    return message


def total(found: Outcome) -> Decimal:
    data = only(found).data
    assert isinstance(data, QuoteAccepted)
    assert data.totals.total is not None
    return data.totals.total.amount


def signed_v3(
    url: str, signed_url: str, stamp: str = str(NOW_MS), body: bytes = b"[]"
) -> RawMessage:
    text = b"POST" + signed_url.encode() + body + stamp.encode()
    signature = base64.b64encode(hmac.digest(SECRET.value, text, "sha256")).decode()
    headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": stamp}
    return arriving(body, url=url, headers=headers)


def signed_before(version: str, option: str, body: bytes = b"[]") -> RawMessage:
    text = SECRET.value + (b"POST" + URL.encode() if version == "v2" else b"") + body
    headers = {
        "x-hubspot-signature": hashlib.sha256(text).hexdigest(),
        "x-hubspot-signature-version": version,
    }
    return arriving(body, headers=headers, options={"signature_version": option})


def refused(raw: RawMessage, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        CONNECTOR.verify(raw, [SECRET])
    assert caught.value.code == code


class TestSignature:
    @pytest.mark.parametrize(
        ("called", "signed"),
        [
            ("", ""),
            ("?a=b%3Ac%2fd", "?a=b:c/d"),
            ("?a=%40%21%24%27%28%29%2A%2C%3B%3F", "?a=@!$'()*,;?"),
            ("?a=%20%C3%A9%25", "?a=%20%C3%A9%25"),
        ],
    )
    def test_some_characters_of_the_url_are_signed_decoded(self, called: str, signed: str) -> None:
        raw = signed_v3(URL + called, URL + signed)
        assert CONNECTOR.verify(raw, [Secret("old", b"another"), SECRET]) == SECRET

    def test_another_url_is_refused(self) -> None:
        refused(signed_v3(URL, URL + "/other"), "bad_signature")

    def test_without_the_url_nothing_is_accepted(self) -> None:
        refused(signed_v3("", URL), "missing_url")

    @pytest.mark.parametrize("minutes", [-6, 6])
    def test_an_old_or_early_request_is_stale(self, minutes: int) -> None:
        stamp = str(NOW_MS + int(timedelta(minutes=minutes).total_seconds() * 1000))
        refused(signed_v3(URL, URL, stamp), "stale_signature")

    @pytest.mark.parametrize("stamp", ["x", "1" * 400, "１６８０４４８４００８４１"])
    def test_an_unreadable_time_is_refused(self, stamp: str) -> None:
        refused(signed_v3(URL, URL, stamp), "missing_signature")

    @pytest.mark.parametrize("version", ["v1", "v2"])
    def test_an_older_version_only_where_the_account_says_so(self, version: str) -> None:
        assert CONNECTOR.verify(signed_before(version, version), [SECRET]) == SECRET
        refused(signed_before(version, "v3"), "missing_signature")
        refused(signed_before(version, "v4"), "bad_option")

    def test_versions_are_not_mixed(self) -> None:
        refused(signed_before("v1", "v2"), "wrong_version")

    def test_no_secret_is_no_acceptance(self) -> None:
        with pytest.raises(Rejected) as caught:
            CONNECTOR.verify(signed_before("v1", "v1"), [Secret("empty", b"")])
        assert caught.value.code == "no_secret"


class TestIdentity:
    def test_a_batch_that_is_sent_again_is_the_same_delivery(self) -> None:
        first = outcome([event(), event(eventId=2)])
        again = outcome([event(eventId=2, attemptNumber=1), event(attemptNumber=1)])
        assert first.delivery_key == again.delivery_key

    @pytest.mark.parametrize(
        "change", [{"eventId": 9}, {"objectId": 9}, {"occurredAt": 9}, {"subscriptionId": 9}]
    )
    def test_other_events_are_another_delivery(self, change: dict[str, Any]) -> None:
        assert outcome([event()]).delivery_key != outcome([event(**change)]).delivery_key

    @pytest.mark.parametrize(
        "body", [[], {}, [{"id": 1}], {"id": "1", "properties": {"x": "y"}}, 7, {"properties": {}}]
    )
    def test_other_documents_are_not_claimed(self, body: Any) -> None:
        assert outcome(body).problems[0].code == "unidentified"


class TestEvents:
    def test_a_won_deal_is_an_accepted_quote(self) -> None:
        message = only(outcome([event()]))
        assert isinstance(message.data, QuoteAccepted)
        assert message.data.quote_id == "4"
        assert message.data.accepted_at == RECEIVED

    def test_won_again_is_another_fact_and_a_newer_version(self) -> None:
        first, again = outcome([event(), event(occurredAt=NOW_MS + 1)]).messages
        assert first.key != again.key
        assert first.entity == again.entity
        assert first.version is not None
        assert again.version is not None
        assert first.version < again.version

    def test_told_in_another_batch_it_is_the_same_fact(self) -> None:
        first = only(outcome([event()]))
        other = only(
            outcome([event(attemptNumber=3, eventId=77), event(objectId=5, propertyName="x")])
        )
        assert first.key == other.key
        assert first.data == other.data

    def test_the_accounts_own_stages(self) -> None:
        found = outcome([event(), event(propertyValue="77")], won_stages=["77"])
        assert [one.at for one in found.messages] == ["[1]"]

    @pytest.mark.parametrize(
        "change",
        [
            {"subscriptionType": "deal.creation"},
            {"subscriptionType": "contact.privacyDeletion"},
            {"propertyName": "hs_is_closed_won", "propertyValue": "true"},
            {"propertyValue": "closedlost"},
            {"propertyValue": ""},
            {"subscriptionType": "object.propertyChange", "objectTypeId": "0-1"},
        ],
    )
    def test_other_changes_are_ignored(self, change: dict[str, Any]) -> None:
        assert outcome([event(**change)]).outcome == "ignored"

    @pytest.mark.parametrize(
        ("change", "code", "path"),
        [
            ({"subscriptionType": "deal.won"}, "unknown_kind", "subscriptionType"),
            ({"subscriptionType": None}, "missing_field", "subscriptionType"),
            ({"objectId": "a"}, "bad_id", "objectId"),
            ({"objectId": 4.5}, "unexpected_type", "objectId"),
            ({"occurredAt": "yesterday"}, "bad_time", "occurredAt"),
            ({"subscriptionType": "object.propertyChange"}, "missing_field", "objectTypeId"),
        ],
    )
    def test_a_bad_event_leaves_the_others(
        self, change: dict[str, Any], code: str, path: str
    ) -> None:
        found = outcome([event(**change), event()])
        assert [one.at for one in found.messages] == ["[1]"]
        assert [(one.code, one.path, one.at) for one in found.problems] == [(code, path, "[0]")]

    @pytest.mark.parametrize(
        ("signal", "value", "outcomes"),
        [
            ("hs_quote_status", "ACCEPTED", "translated"),
            ("hs_quote_status", "PUBLISHED", "ignored"),
            ("hs_quote_status", "ESIGN_COMPLETED", "dead"),
            ("hs_sign_status", "ESIGN_COMPLETED", "translated"),
            ("hs_sign_status", "MANUALLY_SIGNED", "translated"),
            ("hs_sign_status", "ESIGN_PENDING", "ignored"),
        ],
    )
    def test_quotes(self, signal: str, value: str, outcomes: str) -> None:
        change = event(
            subscriptionType="object.propertyChange",
            objectTypeId="0-14",
            propertyName=signal,
            propertyValue=value,
        )
        assert outcome([change], quote_signal=signal).outcome == outcomes

    def test_a_deal_and_a_quote_of_one_number_are_two(self) -> None:
        quote = event(
            subscriptionType="object.propertyChange",
            objectTypeId="0-14",
            propertyName="hs_quote_status",
            propertyValue="ACCEPTED",
        )
        one, other = outcome([event(), quote]).messages
        assert one.key != other.key
        assert one.correlation != other.correlation

    def test_other_portals_are_ignored(self) -> None:
        found = outcome([event(), event(portalId=5)], portal_id=3)
        assert [one.at for one in found.ignored] == ["[1]"]

    @pytest.mark.parametrize(
        "options",
        [
            {"won_stages": []},
            {"won_stages": "closedwon"},
            {"won_stages": [1]},
            {"quote_signal": "hs_status"},
            {"currency": "EURO"},
        ],
    )
    def test_an_option_that_is_not_understood(self, options: dict[str, Any]) -> None:
        assert outcome([event()], **options).problems[0].code == "bad_option"


class TestDocuments:
    def test_a_document_behind_the_event_is_a_newer_version_of_the_same_quote(self) -> None:
        told, document = only(outcome([event()])), only(outcome(deal()))
        assert told.entity == document.entity
        assert told.key != document.key
        assert told.version is not None
        assert document.version is not None
        assert told.version < document.version

    def test_a_document_exported_again_is_the_same_fact(self) -> None:
        first, again = only(outcome(deal())), only(outcome({"results": [deal()]}))
        assert first.key == again.key
        assert first.data == again.data

    def test_when_it_was_accepted(self) -> None:
        entered = {"hs_v2_date_entered_closedwon": str(NOW_MS)}
        assert only(outcome(deal(**entered))).occurred_at == RECEIVED
        assert only(outcome(deal())).occurred_at == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    @pytest.mark.parametrize(("stage", "flag"), [("77", "true"), ("closedwon", "false")])
    def test_stage_and_flag_must_agree(self, stage: str, flag: str) -> None:
        found = outcome(deal(dealstage=stage, hs_is_closed_won=flag))
        assert found.problems[0].code == "conflicting_stage"

    def test_several_companies_name_no_buyer(self) -> None:
        companies = {"results": [{"id": "61"}, {"id": "62"}]}
        data = only(outcome({**deal(), "associations": {"companies": companies}})).data
        assert isinstance(data, QuoteAccepted)
        assert data.buyer is None
        assert [one.value for one in data.references] == ["4", "61", "62"]

    def test_an_amount_needs_a_currency(self) -> None:
        nameless = deal(deal_currency_code=None)
        assert outcome(nameless).problems[0].code == "missing_currency"
        assert total(outcome(nameless, currency="EUR")) == Decimal("12.50")


class TestFloatNoise:
    @pytest.mark.parametrize(
        ("text", "exact"),
        [
            ("10000000.0000000005551", "10000000.00"),
            ("100000.30000000001", "100000.30"),
            ("10.000000000000000555", "10.00"),
            ("-0.30000000000000004", "-0.30"),
            ("199.99000000000000909494701772928237915", "199.99"),
            ("0.0000005", "0.0000005"),
            ("10.0000001", "10.0000001"),
            ("12.345", "12.345"),
            ("7", "7"),
        ],
    )
    def test_only_what_a_double_cannot_hold_is_rounded(self, text: str, exact: str) -> None:
        assert total(outcome(deal(amount=text))) == Decimal(exact)

    @pytest.mark.parametrize("text", ["10.0049999999999", "0.0000001000000001", "1.0E7", "1,5"])
    def test_what_is_neither_exact_nor_noise_is_refused(self, text: str) -> None:
        assert outcome(deal(amount=text)).problems[0].code == "bad_amount"

    def test_it_is_rounded_to_the_currencys_own_units(self) -> None:
        yen = deal(amount="1200.00000000000022", deal_currency_code="JPY")
        assert total(outcome(yen)) == Decimal(1200)

    @given(cents=st.integers(-(10**11), 10**11))
    def test_an_amount_that_went_through_a_double_comes_back(self, cents: int) -> None:
        exact = Decimal(cents).scaleb(-2)
        assert total(outcome(deal(amount=format(Decimal(float(exact)), "f")[:70]))) == exact

    @given(amount=st.decimals(-(10**9), 10**9, places=6))
    def test_six_decimals_are_never_touched(self, amount: Decimal) -> None:
        assert total(outcome(deal(amount=format(amount, "f")))) == amount


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.floats()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def endures(raw: RawMessage) -> None:
    try:
        identity = CONNECTOR.identify(raw)
        if identity is not None and identity.kind in CONNECTOR.manifest.kinds:
            list(CONNECTOR.translate(raw, identity))
    except (GatewayError, ValidationError):
        pass  # The second is what the pipeline maps to `invalid_value`.


@given(body=st.binary(max_size=200))
def test_any_bytes_give_our_own_errors(body: bytes) -> None:
    endures(arriving(body))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(field=st.sampled_from(sorted(event())), value=values)
def test_any_value_in_an_event_gives_our_own_errors(field: str, value: Any) -> None:
    endures(arriving([event(**{field: value}), event()]))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(["file.deal__won", "file.quote__accepted", "workflow.deal__won"]),
    data=st.data(),
    value=values,
)
def test_any_value_in_a_document_gives_our_own_errors(
    name: str, data: st.DataObject, value: Any
) -> None:
    document = json.loads((FIXTURES / f"{name}.json").read_bytes())
    inner = document["properties"] if data.draw(st.booleans()) else document
    inner[data.draw(st.sampled_from(sorted(inner)))] = value
    endures(arriving(document))
