"""Signatures of webhooks, by the scheme the account's options name; without one, none passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from canonical.errors import Rejected
from connectors.kit.signatures import header, hmac_base64, hmac_hex, static_token
from connectors.mapping.faults import Faults
from connectors.raw import RawMessage
from connectors.secret import Secret

SCHEMES = ("hmac-sha256-hex", "hmac-sha256-base64", "token")
SIGNING_OPTIONS = ("signature", "signature_header", "signature_prefix")
TOKEN_HEADERS = ("authorization", "x-api-key", "x-callback-token")
"""Headers the gateway never stores: a token in any other would be kept with the delivery."""


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """The secret that matched, by the options `signature`, `signature_header`, `signature_prefix`.

    Raises Rejected, with code `no_scheme` when the options name no usable scheme.
    """
    scheme = raw.options.get("signature")
    name = raw.options.get("signature_header")
    prefix = raw.options.get("signature_prefix", "")
    if scheme not in SCHEMES or not isinstance(name, str) or not isinstance(prefix, str):
        raise Rejected("the account names no signature scheme", code="no_scheme")
    presented = header(raw.headers, name.lower())
    if not presented.startswith(prefix):
        raise Rejected("the signature does not begin as agreed", code="missing_signature")
    presented = presented[len(prefix) :]
    if scheme == "token":
        return static_token(presented, secrets)
    scheme_of = hmac_hex if scheme == "hmac-sha256-hex" else hmac_base64
    return scheme_of(raw.body, [presented], secrets)


def check_signing(options: Mapping[str, Any], faults: Faults) -> None:
    """Add what is wrong with the options of the signature."""
    scheme = options.get("signature")
    if scheme is None:
        for option in SIGNING_OPTIONS[1:]:
            if option in options:
                faults.add(option, "means nothing without the option signature")
        return
    if scheme not in SCHEMES:
        faults.add("signature", f"is one of {', '.join(SCHEMES)}")
    name = options.get("signature_header")
    if not isinstance(name, str) or not name.strip():
        faults.add("signature_header", "is missing: which header carries the signature?")
    elif scheme == "token" and name.lower() not in TOKEN_HEADERS:
        faults.add("signature_header", f"of a token is one of {', '.join(TOKEN_HEADERS)}")
    if not isinstance(options.get("signature_prefix", ""), str):
        faults.add("signature_prefix", "must be text")
