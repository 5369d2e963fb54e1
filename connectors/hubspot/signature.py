"""HubSpot's three signatures, of which an account accepts one.

Source: HubSpot developer documentation, "Validating requests".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

from canonical.errors import Rejected
from connectors.kit.signatures import header, hmac_base64
from connectors.raw import RawMessage
from connectors.secret import Secret

TOLERANCE_MS = 300_000
_STAMP = re.compile(r"[0-9]{12,14}", re.ASCII)
_DECODED = re.compile("%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.ASCII | re.IGNORECASE)
"""The characters HubSpot signs decoded; all others stay as they were called."""


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """The app's secret that signed the request, by the version of the account's option.

    Raises Rejected; with code `missing_url` when the called address is not known, `bad_option`
    for a version that does not exist.
    """
    match raw.options.get("signature_version", "v3"):
        case "v3":
            return _hmac_of_the_request(raw, secrets)
        case "v2":
            return _hash_behind_the_secret(raw, b"POST" + _bytes(_url(raw)) + raw.body, secrets)
        case "v1":
            return _hash_behind_the_secret(raw, raw.body, secrets)
        case _:
            raise Rejected("option signature_version must be v1, v2 or v3", code="bad_option")


def _hmac_of_the_request(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    signature = header(raw.headers, "x-hubspot-signature-v3")
    stamp = header(raw.headers, "x-hubspot-request-timestamp")
    if not _STAMP.fullmatch(stamp):
        raise Rejected("the signed time is not readable", code="missing_signature")
    called = _DECODED.sub(lambda found: chr(int(found[1], 16)), _url(raw))
    signed = b"POST" + _bytes(called) + raw.body + stamp.encode()
    matched = hmac_base64(signed, [signature], secrets)
    # Behind the signature, so that `stale_signature` always means a genuine but old request.
    if abs(raw.received_at.timestamp() * 1000 - int(stamp)) > TOLERANCE_MS:
        raise Rejected("the signed time is outside the tolerance", code="stale_signature")
    return matched


def _hash_behind_the_secret(raw: RawMessage, signed: bytes, secrets: Sequence[Secret]) -> Secret:
    """v1 and v2: hexadecimal SHA-256 of the secret with the text behind it, and no time."""
    version = header(raw.headers, "x-hubspot-signature-version")
    if version != raw.options.get("signature_version"):
        raise Rejected("the request has another version of the signature", code="wrong_version")
    offered = _bytes(header(raw.headers, "x-hubspot-signature"))
    usable = [secret for secret in secrets if secret.value]
    if not usable:
        raise Rejected("no secret is configured for this account", code="no_secret")
    found = None
    for secret in usable:
        expected = hashlib.sha256(secret.value + signed).hexdigest().encode()
        if hmac.compare_digest(expected, offered):
            found = secret
    if found is None:
        raise Rejected("the signature does not match", code="bad_signature")
    return found


def _url(raw: RawMessage) -> str:
    if not raw.url:
        raise Rejected("the called address is not known", code="missing_url")
    return raw.url


def _bytes(text: str) -> bytes:
    # What cannot be encoded cannot have been signed either: it must be refused, not fail.
    return text.encode("utf-8", "replace")
