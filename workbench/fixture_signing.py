"""Signing a fixture again: the usual ways are tried, and the connector's own `verify` decides."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from datetime import datetime

from canonical.errors import GatewayError
from connectors.goldens import Specimen
from connectors.raw import RawMessage
from connectors.translation import verify

_MARKS = ("hmac", "sign")


def signed_again(
    one: Specimen, body: bytes, headers: Mapping[str, str], received_at: datetime
) -> dict[str, str] | None:
    """The headers with a signature of this body by the fixtures' secret; None where none fits."""
    if one.connector.manifest.signature == "none":
        return dict(headers)
    names = [name for name in headers if any(mark in name for mark in _MARKS)]
    for secret in one.secrets[:1]:
        for changed in _tries(names, secret.value, body, headers, received_at):
            made = {**headers, **changed}
            raw = RawMessage(body, account="acme", received_at=received_at, headers=made)
            try:
                verify(one.connector, raw, one.secrets)
            except GatewayError:
                continue
            return made
    return None


def _tries(
    names: list[str],
    secret: bytes,
    body: bytes,
    headers: Mapping[str, str],
    received_at: datetime,
) -> Iterator[dict[str, str]]:
    moment = str(int(received_at.timestamp()))
    stamped = {name: moment for name in headers if name.endswith("timestamp")}
    first = next(iter(headers[name] for name in headers if name.endswith("-id")), "")
    texts = (
        body,
        f"{moment}.".encode() + body,
        f"{first}.{moment}.".encode() + body,
    )
    for key in _keys(secret):
        for text in texts:
            digest = hmac.digest(key, text, hashlib.sha256)
            plain, packed = digest.hex(), base64.b64encode(digest).decode()
            for value in (
                packed, plain, f"sha256={plain}", f"hmac-sha256-hex={plain}",
                f"t={moment},v1={plain}", f"v1,{packed}",
            ):  # fmt: skip
                yield from ({**stamped, name: value} for name in names)


def _keys(secret: bytes) -> Iterator[bytes]:
    yield secret
    _, _, behind = secret.partition(b"_")
    try:
        yield base64.b64decode(behind or secret, validate=True)
    except (binascii.Error, ValueError):
        return
