"""Tells what a payload is, by its shape: HubSpot's headers name no kind.

Source: HubSpot developer documentation, "Webhooks API" (payloads), "Use workflow webhooks",
"CRM objects".
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from connectors.contract import Identity
from connectors.raw import RawMessage

_TYPE = re.compile(r"[A-Za-z_]{1,40}", re.ASCII)
_MARKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("file/deal", ("dealstage", "dealname")),
    (
        "file/quote",
        ("hs_quote_status", "hs_sign_status", "hs_quote_number", "hs_quote_amount", "hs_title"),
    ),
    ("file/line_item", ("hs_line_item_currency_code", "quantity", "hs_product_id")),
    ("file/contact", ("email", "firstname", "lastname")),
    ("file/company", ("domain",)),
)
"""Properties that only objects of one type have."""


def identify(raw: RawMessage) -> Identity | None:
    """A batch of events, an object sent by a workflow, or one or several as a file.

    None for anything else. Raises Malformed for what is not JSON.
    """
    document = raw.json()
    if isinstance(document, list) and any(map(_is_event, document)):
        return Identity(kind="events", delivery_key=_batch_key(document))
    kind = _workflow_kind(document) or _file_kind(document)
    return None if kind is None else Identity(kind=kind, delivery_key=raw.digest.hex())


def records(document: Any) -> list[tuple[str, Any]]:
    """The objects of a file with where each stands, e.g. `results[2]`."""
    if isinstance(document, list):
        return [(f"[{index}]", record) for index, record in enumerate(document)]
    if isinstance(document, dict) and isinstance(document.get("results"), list):
        return [(f"results[{index}]", one) for index, one in enumerate(document["results"])]
    return [("", document)]


def _is_event(value: Any) -> bool:
    return isinstance(value, dict) and "subscriptionType" in value


def _batch_key(batch: list[Any]) -> str:
    # The number of the try is left out: a batch that is sent again is the same delivery.
    fields = ("eventId", "subscriptionId", "objectId", "occurredAt", "propertyName")
    events = [record if isinstance(record, dict) else {} for record in batch]
    named = sorted(repr([str(event.get(field)) for field in fields]) for event in events)
    return hashlib.sha256("\n".join(named).encode("utf-8", "surrogatepass")).hexdigest()


def _workflow_kind(document: Any) -> str | None:
    if not isinstance(document, dict) or not isinstance(document.get("properties"), dict):
        return None
    if "vid" in document:
        return "workflow/contact"
    if "dealId" in document:
        return "workflow/deal"
    type_ = document.get("objectType")
    if "portalId" not in document or not isinstance(type_, str) or not _TYPE.fullmatch(type_):
        return None
    return f"workflow/{type_.lower()}"


def _file_kind(document: Any) -> str | None:
    found = records(document)
    record = found[0][1] if found else None
    if not isinstance(record, dict) or "id" not in record:
        return None
    properties = record.get("properties")
    if not isinstance(properties, dict):
        return None
    return next((kind for kind, marks in _MARKS if any(map(properties.__contains__, marks))), None)
