"""What an Adyen payload is: standard notifications, another webhook, a report."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from canonical.keys import Key
from connectors.adyen.report import is_settlement_report
from connectors.contract import Identity, Manifest
from connectors.raw import RawMessage

MANIFEST = Manifest.beside(__file__)

NOTIFICATION = "notification"
SETTLEMENT_DETAIL = "report/settlement_detail"

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,99}", re.ASCII)
_API_RESPONSES = (
    frozenset(("pspReference", "response")),
    frozenset(("pspReference", "resultCode")),
    frozenset(("errorCode", "errorType")),
)
_NAMING = ("merchantAccountCode", "pspReference", "eventCode", "success", "eventDate")
_CLEAN = re.compile(r"[!-~]{1,200}", re.ASCII)


def identify(raw: RawMessage) -> Identity | None:
    """The kind, and a delivery key made of what the items name. Raises Malformed for bad JSON."""
    start = _start(raw)
    if not start.startswith((b"{", b"[")):
        if is_settlement_report(raw):
            return Identity(kind=SETTLEMENT_DETAIL, delivery_key=raw.digest.hex())
        return None
    document = raw.json()
    if not isinstance(document, dict):
        return None
    if "notificationItems" in document:
        return Identity(kind=NOTIFICATION, delivery_key=_delivery_key(raw, document))
    kind = _other_kind(document)
    return Identity(kind=kind, delivery_key=_digest_key(raw)) if kind else None


def _start(raw: RawMessage) -> bytes:
    with raw.open() as stream:
        return stream.read(64).lstrip()


def _other_kind(document: Mapping[str, Any]) -> str | None:
    named = document.get("type")
    if isinstance(named, str) and isinstance(document.get("data"), dict):
        return f"platform/{named.lower()}" if _TYPE.fullmatch(named) else None
    if "SaleToPOIRequest" in document or "SaleToPOIResponse" in document:
        return "terminal/request"
    if any(shape <= document.keys() for shape in _API_RESPONSES):
        return "api/response"
    return None


def _delivery_key(raw: RawMessage, document: Mapping[str, Any]) -> str:
    """Account, reference, event, success and time of the item; of several, a digest of theirs.

    Without all of them two deliveries might share a key, and the second be taken for the first
    again; then the digest of the body stands for them.
    """
    named = list(_names(document["notificationItems"]))
    if not named or not all(named):
        return _digest_key(raw)
    if len(named) == 1:
        return named[0]
    together = "\n".join(named).encode()
    return f"items/{hashlib.sha256(together).hexdigest()}"


def _names(listed: Any) -> Iterator[str]:
    """The name of each item; empty for one that cannot be named."""
    for wrapper in listed if isinstance(listed, list) else ():
        item = wrapper.get("NotificationRequestItem") if isinstance(wrapper, dict) else None
        found = [item.get(field) for field in _NAMING] if isinstance(item, dict) else []
        parts = [part for part in found if isinstance(part, str) and _CLEAN.fullmatch(part)]
        yield Key.of(*parts).text if len(parts) == len(_NAMING) else ""


def _digest_key(raw: RawMessage) -> str:
    return f"body/{raw.digest.hex()}"
