"""Signature schemes. All compare in constant time, try every active secret, and fail closed.

Each function returns the secret that matched, so that rotation can be watched, and raises
Rejected with one of the codes `no_secret`, `missing_signature`, `stale_signature`,
`bad_signature`; the message never contains the signature or the secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from canonical.errors import Rejected
from connectors.secret import Secret

Encode = Callable[[bytes], bytes]


def _hex(digest: bytes) -> bytes:
    return digest.hex().encode()


def header(headers: Mapping[str, str], name: str) -> str:
    """The value of a header (name in lower case). Raises Rejected when it is missing."""
    value = headers.get(name)
    if not value:
        raise Rejected(f"header {name} is missing", code="missing_signature")
    return value


def hmac_hex(
    signed: bytes,
    candidates: Iterable[str],
    secrets: Sequence[Secret],
    *,
    hash_name: str = "sha256",
) -> Secret:
    """HMAC, hexadecimal; any candidate may match any secret."""
    return _match(signed, candidates, secrets, _hex, hash_name)


def hmac_base64(
    signed: bytes,
    candidates: Iterable[str],
    secrets: Sequence[Secret],
    *,
    hash_name: str = "sha256",
) -> Secret:
    """HMAC, base64; any candidate may match any secret."""
    return _match(signed, candidates, secrets, base64.b64encode, hash_name)


def static_token(presented: str, secrets: Sequence[Secret]) -> Secret:
    """A shared token sent as it is: weaker than a signature, but what some systems offer."""
    found = None
    for secret in _some(secrets):
        if hmac.compare_digest(_bytes(presented), secret.value):
            found = secret
    return found or _refuse()


def timestamped_hmac(
    header_value: str,
    body: bytes,
    secrets: Sequence[Secret],
    *,
    received_at: datetime,
    tolerance_s: int = 300,
    versions: tuple[str, ...] = ("v1",),
) -> Secret:
    """The `t=…,v1=…` scheme (Stripe and others): hex HMAC-SHA256 over `t.body`.

    Other versions in the header are not looked at. The signature is checked before the time, so
    that `stale_signature` always means a genuine but old delivery.
    """
    fields = [part.strip().partition("=") for part in header_value.split(",")]
    times = [value for name, _, value in fields if name == "t"]
    candidates = [value for name, _, value in fields if name in versions]
    if len(times) != 1 or not candidates:
        raise Rejected("the signature header is not readable", code="missing_signature")
    matched = hmac_hex(_bytes(times[0]) + b"." + body, candidates, secrets)
    refuse_stale(times[0], received_at, tolerance_s)
    return matched


def standard_webhook(
    headers: Mapping[str, str],
    body: bytes,
    secrets: Sequence[Secret],
    *,
    received_at: datetime,
    tolerance_s: int = 300,
) -> Secret:
    """Standard Webhooks: base64 HMAC-SHA256 over `id.timestamp.body`, `v1,` candidates.

    Secrets may carry the `whsec_` prefix; what follows is base64. Source: standardwebhooks.com.
    """
    stamp = header(headers, "webhook-timestamp")
    signed = _bytes(f"{header(headers, 'webhook-id')}.{stamp}.") + body
    listed = header(headers, "webhook-signature").split()
    candidates = [part[3:] for part in listed if part.startswith("v1,")]
    decoded = [Secret(secret.name, _standard_key(secret.value)) for secret in secrets]
    matched = hmac_base64(signed, candidates, decoded)
    refuse_stale(stamp, received_at, tolerance_s)
    return secrets[decoded.index(matched)]


def refuse_stale(stamp: str, received_at: datetime, tolerance_s: int) -> None:
    """Raise Rejected when a signed time (epoch seconds) is too far from the time of receipt."""
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise Rejected("the signed time is not readable", code="missing_signature")
    if abs(received_at.timestamp() - int(stamp)) > tolerance_s:
        raise Rejected("the signed time is outside the tolerance", code="stale_signature")


def _standard_key(value: bytes) -> bytes:
    try:
        return base64.b64decode(value.removeprefix(b"whsec_"), validate=True)
    except ValueError:
        raise Rejected("a configured secret is not base64", code="no_secret") from None


def _match(
    signed: bytes,
    candidates: Iterable[str],
    secrets: Sequence[Secret],
    encode: Encode,
    hash_name: str,
) -> Secret:
    offered = [_bytes(candidate.strip()) for candidate in candidates]
    found: Secret | None = None
    for secret in _some(secrets):
        expected = encode(hmac.digest(secret.value, signed, hash_name))
        for candidate in offered[:16]:
            if hmac.compare_digest(expected, candidate):
                found = secret
    return found or _refuse()


def _bytes(text: str) -> bytes:
    # What cannot be encoded cannot have been signed either: it must be refused, not fail.
    return text.encode("utf-8", "replace")


def _some(secrets: Sequence[Secret]) -> Sequence[Secret]:
    usable = [secret for secret in secrets if secret.value]
    if not usable:
        raise Rejected("no secret is configured for this account", code="no_secret")
    return usable


def _refuse() -> Secret:
    raise Rejected("the signature does not match", code="bad_signature")


def sha256_hex(body: bytes) -> str:
    """SHA-256 of a body in hexadecimal: a delivery key for senders that name none."""
    return hashlib.sha256(body).hexdigest()
