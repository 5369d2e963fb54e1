"""Adyen's published payloads: what each becomes, and the published signature vectors."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from canonical.errors import Rejected
from connectors.adyen import CONNECTOR
from connectors.adyen.signature import signed_text
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.translation import Outcome, dry_run

COMMERCE = Path(__file__).parents[3] / "shared" / "corpus" / "commerce"
FOLDER = COMMERCE / "adyen"
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpus is not here"),
]

TRANSLATED = {
    "authorisation-true": "PaymentAuthorised",
    "authorisation-true-additional-attribute": "PaymentAuthorised",
    "cancellation-true": "PaymentFailed",
    "capture-true": "PaymentCaptured",
    "chargeback": "DisputeOpened",
    "delivery.1.AUTHORISATION": "PaymentAuthorised",
    "offer-closed": "PaymentFailed",
    "openapi.post-AUTHORISATION-authorisation": "PaymentAuthorised",
    "openapi.post-CANCELLATION-cancellation": "PaymentFailed",
    "openapi.post-CANCEL_OR_REFUND-cancel_or_refund": "PaymentFailed",
    "openapi.post-CAPTURE-capture": "PaymentCaptured",
    "openapi.post-CHARGEBACK-chargeback": "DisputeOpened",
    "openapi.post-DISPUTE_DEFENSE_PERIOD_ENDED-dispute_defense_period_ended": "DisputeClosed",
    "openapi.post-ISSUER_RESPONSE_TIMEFRAME_EXPIRED-issuer_response_timeframe_expired": (
        "DisputeClosed"
    ),
    "openapi.post-PREARBITRATION_LOST-prearbitration_lost": "DisputeClosed",
    "openapi.post-PREARBITRATION_WON-prearbitration_won": "DisputeClosed",
    "openapi.post-REFUND_FAILED-refund_failed": "RefundIssued",
    "openapi.post-REFUND_WITH_DATA-refund_with_data": "RefundIssued",
    "openapi.post-TECHNICAL_CANCEL-technical_cancel": "PaymentFailed",
    "refund-true": "RefundIssued",
}
DEAD = {
    # Made by the test button of the Customer Area: modifications that name no payment.
    "delivery.1.CANCELLATION": ("missing_field", "originalReference"),
    "delivery.1.CANCEL_OR_REFUND": ("missing_field", "additionalData.modification.action"),
    "delivery.1.CAPTURE": ("missing_field", "originalReference"),
}

NAMES = sorted(path.stem for path in FOLDER.glob("*.json")) if FOLDER.is_dir() else []


def _document(name: str) -> Any:
    document = json.loads((FOLDER / f"{name}.json").read_bytes())
    return document["body"] if "headers" in document else document


def _raw(document: Any, **arrival: Any) -> RawMessage:
    body = json.dumps(document).encode()
    return RawMessage(body, account="acme", received_at=NOW, **arrival)


def _outcome(name: str) -> Outcome:
    return dry_run(CONNECTOR, _raw(_document(name)))


@pytest.mark.parametrize("name", NAMES)
def test_each_payload_becomes_what_is_known_of_it(name: str) -> None:
    outcome = _outcome(name)
    if name in TRANSLATED:
        told = [type(message.data).__name__ for message in outcome.messages]
        assert (told, outcome.problems) == ([TRANSLATED[name]], ())
    elif name in DEAD:
        assert [(one.code, one.path) for one in outcome.problems] == [DEAD[name]]
    else:
        assert outcome.outcome == "ignored"


@pytest.mark.parametrize("name", sorted(TRANSLATED))
def test_the_amount_is_the_published_one(name: str) -> None:
    (wrapper,) = _document(name)["notificationItems"]
    amount = wrapper["NotificationRequestItem"]["amount"]
    (message,) = _outcome(name).messages
    told = json.loads(message.data.json_data())["amount"]
    # Every published example is in a currency of two decimals.
    assert told["currency"] == amount["currency"]
    assert int(told["amount"].replace(".", "")) == amount["value"]


@pytest.fixture(scope="module")
def vectors() -> Any:
    return json.loads((COMMERCE / "signatures" / "adyen.json").read_bytes())


def test_published_item_signatures_verify(vectors: Any) -> None:
    for vector in vectors["item_vectors"]:
        item = {**vector["item"], "additionalData": {"hmacSignature": vector["signature"]}}
        secret = Secret("published", vector["hmac_key_hex"].encode())
        genuine = _raw({"notificationItems": [{"NotificationRequestItem": item}]})
        assert CONNECTOR.verify(genuine, [secret]) is secret
        item["amount"] = {**item["amount"], "value": item["amount"]["value"] + 1}
        with pytest.raises(Rejected):
            CONNECTOR.verify(
                _raw({"notificationItems": [{"NotificationRequestItem": item}]}), [secret]
            )


def test_published_body_signatures_verify(vectors: Any) -> None:
    for vector in vectors["raw_vectors"]:
        secret = Secret("published", vector["hmac_key_hex"].encode())
        headers = {"hmacsignature": vector["signature"]}
        body = vector["data"].encode()
        genuine = RawMessage(body, account="acme", received_at=NOW, headers=headers)
        assert CONNECTOR.verify(genuine, [secret]) is secret


def test_the_published_text_to_sign_of_an_item_without_an_amount(vectors: Any) -> None:
    item = {
        "pspReference": "test_REPORT_AVAILABLE",
        "merchantAccountCode": "Magento2Rik",
        "merchantReference": "testMerchantRef1",
        "eventCode": "REPORT_AVAILABLE",
        "success": "true",
    }
    assert signed_text(item) == vectors["data_to_sign_example"]["missing amount"]
