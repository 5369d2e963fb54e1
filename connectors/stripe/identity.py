"""What a Stripe payload is: an event, an API object or a list of them, a payout with its lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from canonical.errors import Malformed
from connectors.contract import Identity, Manifest
from connectors.raw import RawMessage

MANIFEST = Manifest.beside(__file__)

PAYOUT_WITH_TRANSACTIONS = "file/payout_with_transactions"
BALANCE_TRANSACTIONS = "file/balance_transactions"


def identify(raw: RawMessage) -> Identity | None:
    """The event's type and id; of a file its object's name and the digest of the bytes.

    Raises Malformed for what is not JSON and for an event without an id.
    """
    document = raw.json()
    if not isinstance(document, dict):
        return None
    if document.get("object") in ("event", "v2.core.event"):
        return _event(document)
    kind = _file_kind(document)
    return Identity(kind=kind, delivery_key=raw.digest.hex()) if kind else None


def is_known(kind: str) -> bool:
    """Whether the manifest names this kind."""
    return kind in MANIFEST.kinds or MANIFEST.ignores(kind)


def _event(event: Mapping[str, Any]) -> Identity | None:
    kind, number = event.get("type"), event.get("id")
    if not isinstance(kind, str) or not kind:
        return None
    if not isinstance(number, str) or not number:
        raise Malformed("the event has no id", code="missing_field", path="id")
    # Thin events name objects of another API generation; none of their types is translated.
    thin = event["object"] != "event" and not kind.startswith(("v1.", "v2."))
    return Identity(kind=f"v2.{kind}" if thin else kind, delivery_key=number)


def _file_kind(document: Mapping[str, Any]) -> str | None:
    payout, listed = document.get("payout"), document.get("balance_transactions")
    if isinstance(payout, dict) and isinstance(listed, dict) and payout.get("object") == "payout":
        return PAYOUT_WITH_TRANSACTIONS
    name = document.get("object")
    if name == "list":
        return _list_kind(document)
    if not isinstance(name, str) or not isinstance(document.get("id"), str):
        return None
    return BALANCE_TRANSACTIONS if name == "balance_transaction" else _named(name)


def _list_kind(document: Mapping[str, Any]) -> str | None:
    data = document.get("data")
    if not isinstance(data, list):
        return None
    if not data:
        return "file/list"
    name = data[0].get("object") if isinstance(data[0], dict) else None
    if name == "balance_transaction":
        return BALANCE_TRANSACTIONS
    return _named(name) if isinstance(name, str) else None


def _named(name: str) -> str | None:
    kind = f"file/{name}"
    return kind if is_known(kind) else None
