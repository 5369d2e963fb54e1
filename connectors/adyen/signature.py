"""Who sent it: the HMAC in each notification item, or over the body of the other webhooks.

Source: Adyen documentation, "Verify HMAC signatures". Keys are hexadecimal text. Of a standard
notification only eight fields of each item are signed; see the README for what follows from that.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from canonical.errors import Malformed, Rejected
from connectors.kit.json_body import as_object, join, required_text
from connectors.kit.signatures import header, hmac_base64
from connectors.raw import RawMessage
from connectors.secret import Secret

MAX_ITEMS = 1000
_SIGNED = (
    "pspReference",
    "originalReference",
    "merchantAccountCode",
    "merchantReference",
    "amount.value",
    "amount.currency",
    "eventCode",
    "success",
)


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """The secret that signed the first item; every item must be signed by one of them.

    Raises Rejected: also for a body without items, and for one with an unsigned item among signed
    ones.
    """
    keys = [Secret(secret.name, _key(secret.value)) for secret in secrets]
    items = _items(raw)
    if items is None:
        signature = header(raw.headers, "hmacsignature")
        return secrets[keys.index(hmac_base64(raw.body, [signature], keys))]
    if not 0 < len(items) <= MAX_ITEMS:
        raise Rejected("no item is signed, or too many are there", code="missing_signature")
    signers = [
        _item_signer(wrapper, join("notificationItems", index), keys)
        for index, wrapper in enumerate(items)
    ]
    return secrets[keys.index(signers[0])]


def signed_text(item: Mapping[str, Any]) -> str:
    """What is signed of an item: eight fields joined by colons, without escaping.

    Absent fields are empty. Raises Malformed for a field that is neither text nor a whole number.
    """
    return ":".join(_field(item, name) for name in _SIGNED)


def _items(raw: RawMessage) -> list[Any] | None:
    """The items of a standard notification; None for any other body, readable or not."""
    try:
        document = raw.json()
    except Malformed:
        return None
    if not isinstance(document, dict) or "notificationItems" not in document:
        return None
    listed = document["notificationItems"]
    return listed if isinstance(listed, list) else []


def _item_signer(wrapper: Any, path: str, keys: Sequence[Secret]) -> Secret:
    try:
        item = as_object(as_object(wrapper).get("NotificationRequestItem"))
        signature = required_text(as_object(item.get("additionalData")), "hmacSignature")
        signed = signed_text(item)
    except Malformed:
        raise Rejected("an item is not signed", code="missing_signature", path=path) from None
    return hmac_base64(signed.encode("utf-8", "replace"), [signature], keys)


def _field(item: Mapping[str, Any], name: str) -> str:
    outer, _, inner = name.partition(".")
    value = item.get(outer)
    if inner:
        value = value.get(inner) if isinstance(value, dict) else None
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise Malformed(f"{name} cannot have been signed", code="unexpected_type", path=name)


def _key(value: bytes) -> bytes:
    # What is not hexadecimal cannot be a key; empty, it never matches.
    try:
        return binascii.unhexlify(value.strip())
    except ValueError:
        return b""
