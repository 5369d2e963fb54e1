"""Tells what an EasyPost payload is: an event by its description, any other object by its name.

Source: EasyPost API reference; every object names its class in `object`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from connectors.contract import Identity
from connectors.kit.json_body import as_list, join, required_text, text
from connectors.raw import RawMessage

TRACKERS_FILE = "file/tracker"

_OBJECTS: Mapping[str, str] = MappingProxyType(
    {
        "Tracker": TRACKERS_FILE,
        "Batch": "file/batch",
        "Insurance": "file/insurance",
        "Order": "file/order",
        "Refund": "file/refund",
        "Shipment": "file/shipment",
        "Webhook": "file/webhook",
    }
)


def identify(raw: RawMessage) -> Identity | None:
    """An event by its own id, everything else by the digest of its bytes; None for neither.

    Raises Malformed for a body that is not JSON, and for an event without a description.
    """
    document = raw.json()
    if isinstance(document, dict) and document.get("object") == "Event":
        key = text(document, "id") or raw.digest.hex()
        return Identity(kind=required_text(document, "description"), delivery_key=key)
    kind = _kind_of_file(document)
    return None if kind is None else Identity(kind=kind, delivery_key=raw.digest.hex())


def trackers(document: Any) -> Iterator[tuple[str, Any]]:
    """The trackers of a file (one, a bare list, a page of the API) with where each stands."""
    if isinstance(document, dict) and "trackers" not in document:
        yield "", document
        return
    path = "trackers" if isinstance(document, dict) else ""
    listed = document["trackers"] if isinstance(document, dict) else document
    for index, tracker in enumerate(as_list(listed, path)):
        yield join(path, index), tracker


def _kind_of_file(document: Any) -> str | None:
    if isinstance(document, list):
        return TRACKERS_FILE if _are(document, "Tracker") else None
    if not isinstance(document, dict):
        return None
    if _are(document.get("trackers"), "Tracker"):
        return TRACKERS_FILE
    if _are(document.get("events"), "Event"):
        return "file/event_list"
    error = document.get("error")
    if isinstance(error, dict) and error.keys() >= {"code", "message", "errors"}:
        return "file/error"
    name = document.get("object")
    return _OBJECTS.get(name) if isinstance(name, str) else None


def _are(records: Any, name: str) -> bool:
    return (
        isinstance(records, list)
        and bool(records)
        and isinstance(records[0], dict)
        and records[0].get("object") == name
    )
