"""EasyPost: tracker events of its webhooks, and trackers dropped as files.

Source: EasyPost webhooks guide (HMAC validation), Event and Tracker reference.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from connectors.contract import Connector, Manifest
from connectors.easypost.recognise import identify
from connectors.easypost.translate import translate
from connectors.kit.signatures import header, hmac_hex
from connectors.raw import RawMessage
from connectors.secret import Secret

_SCHEME = "hmac-sha256-hex="


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """Hexadecimal HMAC-SHA256 of the raw body under the webhook's secret in Unicode form NFKD.

    Raises Rejected, also for a signature that does not name the scheme `hmac-sha256-hex`.
    """
    signature = header(raw.headers, "x-hmac-signature")
    candidates = [signature.removeprefix(_SCHEME)] if signature.startswith(_SCHEME) else []
    normalised = [Secret(secret.name, _nfkd(secret.value)) for secret in secrets]
    matched = hmac_hex(raw.body, candidates, normalised)
    return next(secret for secret, form in zip(secrets, normalised, strict=True) if form is matched)


def _nfkd(secret: bytes) -> bytes:
    try:
        return unicodedata.normalize("NFKD", secret.decode()).encode()
    except UnicodeDecodeError:
        return secret


CONNECTOR = Connector(
    manifest=Manifest.beside(__file__), verify=verify, identify=identify, translate=translate
)
