"""Signatures: the right secret passes, everything else is refused by the right name."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical import Rejected
from connectors.kit.signatures import (
    header,
    hmac_base64,
    hmac_hex,
    refuse_stale,
    sha256_hex,
    standard_webhook,
    static_token,
    timestamped_hmac,
)
from connectors.secret import Secret

VECTORS = Path(__file__).resolve().parents[3].parent / "shared/corpus/commerce/signatures"
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
OLD, NEW = Secret("old", b"old-secret"), Secret("new", b"new-secret")
BODY = b'{"id":1}'


def _hex(secret: Secret, signed: bytes = BODY) -> str:
    return hmac.new(secret.value, signed, hashlib.sha256).hexdigest()


def _base64(secret: Secret, signed: bytes = BODY) -> str:
    return base64.b64encode(hmac.new(secret.value, signed, hashlib.sha256).digest()).decode()


def _code(call: Callable[..., Any], *arguments: Any, **named: Any) -> str:
    with pytest.raises(Rejected) as caught:
        call(*arguments, **named)
    return caught.value.code


@given(st.binary(max_size=100), st.binary(min_size=1, max_size=40))
def test_the_matching_secret_is_returned(body: bytes, value: bytes) -> None:
    right = Secret("right", value)
    secrets = [Secret("wrong", value + b"x"), right]
    assert hmac_hex(body, [_hex(right, body)], secrets) is right
    assert hmac_base64(body, ["junk", _base64(right, body)], secrets) is right
    assert static_token(value.decode("latin-1"), [Secret("t", value.decode("latin-1").encode())])


@given(st.text(max_size=80), st.binary(max_size=50))
def test_no_other_text_passes(candidate: str, body: bytes) -> None:
    for check in (hmac_hex, hmac_base64):
        assert _code(check, body, [candidate], [OLD, NEW]) == "bad_signature"


@given(st.integers(0, len(BODY) * 8 - 1))
def test_one_bit_makes_another_body(bit: int) -> None:
    tampered = bytearray(BODY)
    tampered[bit // 8] ^= 1 << (bit % 8)
    assert _code(hmac_hex, bytes(tampered), [_hex(NEW)], [NEW]) == "bad_signature"


def test_both_secrets_pass_during_a_rotation() -> None:
    for secret in (OLD, NEW):
        assert hmac_hex(BODY, [_hex(secret)], [NEW, OLD]) is secret


@pytest.mark.parametrize("secrets", [[], [Secret("empty", b"")]])
def test_without_a_secret_everything_is_refused(secrets: list[Secret]) -> None:
    empty = hmac.new(b"", BODY, hashlib.sha256).hexdigest()
    assert _code(hmac_hex, BODY, [empty], secrets) == "no_secret"
    assert _code(static_token, "", secrets) == "no_secret"


def test_no_candidate_is_a_bad_signature() -> None:
    assert _code(hmac_hex, BODY, [], [NEW]) == "bad_signature"
    assert _code(hmac_hex, BODY, [""], [NEW]) == "bad_signature"


def test_only_so_many_candidates_are_tried() -> None:
    padding = ["x"] * 16
    assert _code(hmac_hex, BODY, [*padding, _hex(NEW)], [NEW]) == "bad_signature"


def test_other_hashes_can_be_named() -> None:
    signature = hmac.new(NEW.value, BODY, hashlib.sha512).hexdigest()
    assert hmac_hex(BODY, [signature], [NEW], hash_name="sha512") is NEW


def test_a_missing_header_is_named_and_its_value_never_shown() -> None:
    assert header({"x-signature": "abc"}, "x-signature") == "abc"
    for headers in ({}, {"x-signature": ""}):
        assert _code(header, headers, "x-signature") == "missing_signature"
    with pytest.raises(Rejected) as caught:
        hmac_hex(BODY, ["secret-looking"], [NEW])
    assert "secret-looking" not in str(caught.value)
    assert "new-secret" not in repr(NEW)


def test_a_static_token_is_compared_whole() -> None:
    assert static_token("new-secret", [OLD, NEW]) is NEW
    for token in ("", "new-secre", "new-secret ", "ü", "\ud800"):
        assert _code(static_token, token, [OLD, NEW]) == "bad_signature"


# t=…,v1=…


def _timestamped(value: str, at: datetime = NOW, **more: Any) -> Secret:
    return timestamped_hmac(value, BODY, [OLD, NEW], received_at=at, **more)


def _signed(stamp: str = STAMP, secret: Secret = NEW) -> str:
    return f"t={stamp},v1={_hex(secret, stamp.encode() + b'.' + BODY)}"


def test_a_timestamped_signature_passes_within_the_tolerance() -> None:
    for seconds in (-300, 0, 300):
        assert _timestamped(_signed(), NOW + timedelta(seconds=seconds)) is NEW
    assert _timestamped(f"v0=zz, {_signed()} ,v1=other") is NEW


def test_a_genuine_old_delivery_is_stale_and_a_forged_one_is_bad() -> None:
    late = NOW + timedelta(seconds=301)
    assert _code(_timestamped, _signed(), late) == "stale_signature"
    forged = _signed(secret=Secret("x", b"x"))
    assert _code(_timestamped, forged, late) == "bad_signature"
    assert _code(_timestamped, _signed(), NOW - timedelta(seconds=301)) == "stale_signature"


def test_the_signed_time_is_part_of_what_is_signed() -> None:
    moved = _signed().replace(f"t={STAMP}", f"t={int(STAMP) + 60}")
    assert _code(_timestamped, moved) == "bad_signature"


@pytest.mark.parametrize(
    "value",
    ["", "v1=abc", f"t={STAMP}", f"t={STAMP},v0=abc", f"t={STAMP},t={STAMP},v1=abc", ",,=,"],
)
def test_an_unreadable_header_is_a_missing_signature(value: str) -> None:
    assert _code(_timestamped, value) == "missing_signature"


@pytest.mark.parametrize("stamp", ["", "soon", "-5", "1e9", "١٢٣", "9" * 13, "1.5", "\ud800"])
def test_a_signed_time_that_is_none_is_refused(stamp: str) -> None:
    signed = stamp.encode("utf-8", "replace") + b"." + BODY
    value = f"t={stamp},v1={_hex(NEW, signed)}"
    assert _code(_timestamped, value) == "missing_signature"
    assert _code(refuse_stale, stamp, NOW, 300) == "missing_signature"


@given(st.text(max_size=200))
def test_any_header_text_is_refused_by_name(value: str) -> None:
    assert _code(_timestamped, value) in {"missing_signature", "bad_signature"}


# Standard Webhooks

KEY = b"0123456789abcdef01234567"
STANDARD = Secret("standard", b"whsec_" + base64.b64encode(KEY))


def _standard(headers: dict[str, str], secrets: list[Secret] | None = None) -> Secret:
    return standard_webhook(headers, BODY, secrets or [STANDARD], received_at=NOW)


def _standard_headers(key: bytes = KEY, stamp: str = STAMP) -> dict[str, str]:
    signature = _base64(Secret("", key), f"msg_1.{stamp}.".encode() + BODY)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1a,junk v1,{signature}",
    }


def test_a_standard_webhook_returns_the_configured_secret() -> None:
    bare = Secret("bare", base64.b64encode(KEY))
    assert _standard(_standard_headers()) is STANDARD
    assert _standard(_standard_headers(), [OLD_STANDARD, bare]) is bare


OLD_STANDARD = Secret("old", b"whsec_" + base64.b64encode(b"another key of its own"))


def test_a_standard_webhook_needs_every_header() -> None:
    for name in _standard_headers():
        headers = _standard_headers()
        del headers[name]
        assert _code(_standard, headers) == "missing_signature"


def test_a_standard_webhook_signs_its_id_and_time() -> None:
    for name, value in (("webhook-id", "msg_2"), ("webhook-timestamp", str(int(STAMP) + 1))):
        headers = {**_standard_headers(), name: value}
        assert _code(_standard, headers) == "bad_signature"
    stale = _standard_headers(stamp=str(int(STAMP) - 301))
    assert _code(_standard, stale) == "stale_signature"


def test_a_secret_that_is_not_base64_refuses() -> None:
    broken = Secret("broken", b"whsec_not base64!")
    assert _code(_standard, _standard_headers(), [broken]) == "no_secret"


def test_a_digest_names_a_body() -> None:
    assert sha256_hex(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


# The vendors' own vectors


def _vector(name: str) -> Any:
    path = VECTORS / name
    if not path.exists():
        pytest.skip("the corpus is not here")
    return json.loads(path.read_bytes())


@pytest.mark.corpus
def test_vector_of_the_timestamped_scheme() -> None:
    vector = _vector("stripe.json")
    secrets = [Secret("s", vector["secret"].encode())]
    at = datetime.fromtimestamp(vector["timestamp"], UTC)
    value, body = vector["header"]["Stripe-Signature"], vector["body"].encode()
    assert timestamped_hmac(value, body, secrets, received_at=at) is secrets[0]
    trimmed = body.rstrip()
    refused = _code(timestamped_hmac, value, trimmed, secrets, received_at=at)
    assert refused == "bad_signature"


@pytest.mark.corpus
def test_vectors_of_standard_webhooks() -> None:
    for vector in _vector("standard_webhooks.json")["vectors"]:
        at = datetime.fromtimestamp(int(vector["webhook-timestamp"]), UTC)
        secrets = [Secret("s", vector["secret"].encode())]
        assert standard_webhook(vector, vector["body"].encode(), secrets, received_at=at)


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["gocardless.json", "mollie.json"])
def test_vectors_of_hex_signatures(name: str) -> None:
    vector = _vector(name)
    secrets = [Secret("s", vector["secret"].encode())]
    candidate = vector["signature"].removeprefix("sha256=")
    assert hmac_hex(vector["body"].encode(), [candidate], secrets) is secrets[0]


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["shopify_DERIVED.json", "woocommerce_DERIVED.json"])
def test_vectors_of_base64_signatures(name: str) -> None:
    vector = _vector(name)
    secrets = [Secret("s", vector["secret"].encode())]
    assert hmac_base64(vector["body"].encode(), [vector["signature"]], secrets) is secrets[0]


@pytest.mark.corpus
def test_vectors_of_signatures_over_the_address() -> None:
    for vector in _vector("square.json")["vectors"]:
        secrets = [Secret("s", vector["key"].encode())]
        signed = (vector["notification_url"] + vector["body"]).encode()
        candidates = [vector["signature"]]
        if vector["valid"]:
            assert hmac_base64(signed, candidates, secrets) is secrets[0]
        else:
            refused = _code(hmac_base64, signed, candidates, secrets)
            assert refused == "bad_signature"


@pytest.mark.corpus
def test_vectors_of_razorpay_webhooks() -> None:
    hooks = [one for one in _vector("razorpay.json")["vectors"] if one["kind"] == "webhook"]
    assert hooks
    for vector in hooks:
        secrets = [Secret("s", vector["secret"].encode())]
        assert hmac_hex(vector["body"].encode(), [vector["signature"]], secrets) is secrets[0]
