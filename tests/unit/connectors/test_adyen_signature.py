"""Who signed an Adyen delivery, and what a delivery is called."""

from __future__ import annotations

import base64
import hmac
from typing import Any

import pytest

from canonical.errors import Rejected
from connectors.adyen import CONNECTOR
from connectors.adyen.signature import signed_text
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.translation import dry_run
from tests.unit.connectors.adyen_items import CHANGE, KEY, NOW, PAYMENT, SECRET
from tests.unit.connectors.adyen_items import change as _change
from tests.unit.connectors.adyen_items import item as _item
from tests.unit.connectors.adyen_items import raw as _raw
from tests.unit.connectors.adyen_items import signed as _signed


def _refusal(raw: RawMessage, *secrets: Secret) -> str:
    with pytest.raises(Rejected) as caught:
        CONNECTOR.verify(raw, secrets or [SECRET])
    return caught.value.code


def test_eight_fields_are_signed_and_absent_ones_are_empty() -> None:
    item = _item(merchantReference="order:1001")
    assert signed_text(item) == (f"{PAYMENT}::AcmeWebEU:order:1001:4995:EUR:AUTHORISATION:true")
    del item["amount"]
    assert signed_text(item) == f"{PAYMENT}::AcmeWebEU:order:1001:::AUTHORISATION:true"


def test_every_item_must_be_signed_and_any_current_key_may_have_done_it() -> None:
    older = Secret("older", b"00" * 32)
    raw = _raw(_signed(_item()), _signed(_change("CAPTURE"), "00" * 32))
    assert CONNECTOR.verify(raw, [older, SECRET]) is SECRET
    assert _refusal(raw) == "bad_signature"


@pytest.mark.parametrize(
    "second",
    [_change("REFUND"), {}, None, "text", {**_change("REFUND"), "additionalData": None}],
)
def test_one_unsigned_item_refuses_the_body(second: Any) -> None:
    assert _refusal(_raw(_signed(_item()), second)) == "missing_signature"


@pytest.mark.parametrize(
    "changed",
    [
        {"pspReference": CHANGE},
        {"originalReference": CHANGE},
        {"merchantAccountCode": "Other"},
        {"merchantReference": "1002"},
        {"amount": {"currency": "EUR", "value": 4996}},
        {"amount": {"currency": "USD", "value": 4995}},
        {"eventCode": "CAPTURE"},
        {"success": "false"},
        {"amount": {"currency": "EUR", "value": [4995]}},
    ],
)
def test_a_changed_field_breaks_the_signature(changed: dict[str, Any]) -> None:
    assert _refusal(_raw({**_signed(_item()), **changed})) in (
        "bad_signature",
        "missing_signature",
    )


@pytest.mark.parametrize("secret", [b"", b"not hexadecimal", b"abc", b"\xff\xfe"])
def test_a_secret_that_is_no_key_never_matches(secret: bytes) -> None:
    assert _refusal(_raw(_signed(_item())), Secret("odd", secret)) == "no_secret"


def test_a_body_without_items_is_refused() -> None:
    assert _refusal(_raw()) == "missing_signature"


def test_other_webhooks_are_signed_as_a_whole_in_a_header() -> None:
    for body in (b'{"type":"balancePlatform.transfer.updated","data":{}}', b"not even JSON"):
        mac = base64.b64encode(hmac.digest(bytes.fromhex(KEY), body, "sha256")).decode()
        headers = {"hmacsignature": mac}
        raw = RawMessage(body, account="acme", received_at=NOW, headers=headers)
        assert CONNECTOR.verify(raw, [SECRET]) is SECRET
        changed = RawMessage(body + b" ", account="acme", received_at=NOW, headers=headers)
        assert _refusal(changed) == "bad_signature"
        assert _refusal(RawMessage(body, account="acme", received_at=NOW)) == "missing_signature"


def test_the_header_does_not_stand_in_for_the_items() -> None:
    unsigned = _raw(_item())
    mac = base64.b64encode(hmac.digest(bytes.fromhex(KEY), unsigned.body, "sha256")).decode()
    assert _refusal(_raw(_item(), headers={"hmacsignature": mac})) == "missing_signature"


def test_fields_cannot_be_moved_across_the_colons_that_join_them() -> None:
    genuine = _signed(_item(merchantReference="a:b"))
    moved = {**genuine, "merchantAccountCode": "AcmeWebEU:a", "merchantReference": "b"}
    outcome = dry_run(CONNECTOR, _raw(moved), [SECRET])
    assert outcome.messages == ()
    assert [(one.code, one.path) for one in outcome.problems] == [("bad_id", "merchantAccountCode")]


def test_adyen_is_answered_accepted() -> None:
    answer = CONNECTOR.manifest.answer
    assert (answer.status, answer.body) == (200, "[accepted]")


def _delivery_key(*items: Any) -> str:
    identity = CONNECTOR.identify(_raw(*items))
    assert identity is not None
    return identity.delivery_key


def test_the_delivery_key_is_the_items_own_whatever_else_changes() -> None:
    again = _item(paymentMethod="mc", additionalData={"more": "1"})
    assert _delivery_key(_item()) == _delivery_key(again)
    several = _delivery_key(_item(), _change("CAPTURE"))
    assert several == _delivery_key(again, _change("CAPTURE"))
    others = {
        _delivery_key(_item(success="false")),
        _delivery_key(_change("CAPTURE")),
        _delivery_key(_item(eventDate="2026-03-03T09:58:12+01:00")),
        _delivery_key(_change("CAPTURE"), _item()),
    }
    assert len(others | {several, _delivery_key(_item())}) == 6


def test_items_that_name_nothing_do_not_share_a_delivery_key() -> None:
    bodies = [(_item(number=""),), (_item(number="", reason="x"),), (), (None,), ({},)]
    assert len({_delivery_key(*items) for items in bodies}) == len(bodies)
