"""Webhook events: one body, many thin changes.

Source: HubSpot developer documentation, "Webhooks API" (subscription types, payloads).
"""

from __future__ import annotations

from canonical.errors import Malformed, Unsupported
from canonical.message import Ignored, Item
from connectors.hubspot.acceptance import Accepted, message
from connectors.hubspot.reading import first_time, required_id
from connectors.hubspot.settings import QUOTE_SIGNALS, Settings
from connectors.kit.json_body import required_text, text
from connectors.kit.records import Record
from connectors.raw import RawMessage

_RESOURCES = ("contact", "company", "deal", "ticket", "product", "line_item", "quote", "object")
_VERBS = ("creation", "deletion", "merge", "restore", "propertyChange", "associationChange")
KNOWN = frozenset(f"{resource}.{verb}" for resource in _RESOURCES for verb in _VERBS) | {
    "contact.privacyDeletion",
    "conversation.creation",
    "conversation.deletion",
    "conversation.newMessage",
    "conversation.privacyDeletion",
    "conversation.propertyChange",
}
"""Subscription types HubSpot documents."""

_OBJECT_TYPES = {"0-3": "deal", "0-14": "quote"}


def event(raw: RawMessage, settings: Settings, record: Record, at: str) -> Item:
    """What one event of a batch says.

    Raises Unsupported (`unknown_kind`) for a subscription type that is not documented, Malformed
    (`unmapped_code`) for a quote's status that is not.
    """
    kind = required_text(record, "subscriptionType")
    if kind not in KNOWN:
        raise Unsupported(
            f"subscription type {kind[:40]!r} is not known",
            code="unknown_kind",
            path="subscriptionType",
        )
    if settings.portal_id and text(record, "portalId") != settings.portal_id:
        return Ignored(reason="an event of another portal", at=at)
    resource, _, verb = kind.partition(".")
    if resource == "object":
        resource = _OBJECT_TYPES.get(required_text(record, "objectTypeId"), "other")
    if verb != "propertyChange" or resource not in ("deal", "quote"):
        return Ignored(reason=f"{kind} tells no order-to-cash fact", at=at)
    return _change(raw, settings, record, resource, at)


def _change(raw: RawMessage, settings: Settings, record: Record, resource: str, at: str) -> Item:
    told_by = "dealstage" if resource == "deal" else settings.quote_signal
    if required_text(record, "propertyName") != told_by:
        return Ignored(reason=f"{told_by} tells the acceptance, not this property", at=at)
    value = text(record, "propertyValue")
    if value is None or not means_accepted(resource, value, settings, "propertyValue"):
        return Ignored(reason=f"the {resource} is not accepted by this change", at=at)
    occurred_at = first_time(record, ["occurredAt"])
    object_id = required_id(record, "objectId")
    return message(raw, Accepted(resource, object_id, occurred_at, occurred_at, "event"), at)


def means_accepted(resource: str, value: str, settings: Settings, path: str) -> bool:
    """Whether a deal's stage or a quote's status means that the customer accepted.

    Raises Malformed (`unmapped_code`) for a quote's status that is not known. The stages of deals
    are the account's own, so any other stage is one that is not won.
    """
    if resource == "deal":
        return value in settings.won_stages
    accepted, others = QUOTE_SIGNALS[settings.quote_signal]
    if value not in accepted | others:
        raise Malformed(f"{value[:40]!r} is not a known status", code="unmapped_code", path=path)
    return value in accepted
