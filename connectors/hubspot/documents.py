"""Whole deals and quotes: objects of the CRM API in files, and deals sent by workflows.

Source: HubSpot developer documentation, "CRM objects: deals, quotes", "Use workflow webhooks".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from canonical.errors import Malformed
from canonical.message import Ignored, Item
from canonical.order import OrderTotals
from canonical.values import Party
from connectors.hubspot.acceptance import Accepted, message
from connectors.hubspot.events import means_accepted
from connectors.hubspot.reading import first_time, identifiers, money, required_id, time
from connectors.hubspot.settings import Settings
from connectors.kit.json_body import as_list, as_object, join, required_text, text
from connectors.kit.records import Record
from connectors.raw import RawMessage

_ASSOCIATED = {"companies": "company", "deals": "deal", "quotes": "quote"}


class _Document(NamedTuple):
    object_id: str
    properties: Mapping[str, Any]
    changed_at: datetime
    stage_since: datetime | None = None
    associations: tuple[tuple[str, str], ...] = ()


def filed_deal(raw: RawMessage, settings: Settings, record: Record, at: str) -> Item:
    """A deal of the CRM API: accepted when it is in a stage that means won."""
    if record.get("archived") is True:
        return Ignored(reason="the deal is archived", at=at)
    return _deal(raw, settings, _filed(record), at)


def filed_quote(raw: RawMessage, settings: Settings, record: Record, at: str) -> Item:
    """A quote of the CRM API: accepted by the property that tells it."""
    if record.get("archived") is True:
        return Ignored(reason="the quote is archived", at=at)
    found = _filed(record)
    status = required_text(found.properties, settings.quote_signal, "properties")
    if not means_accepted("quote", status, settings, join("properties", settings.quote_signal)):
        return Ignored(reason="the quote is not accepted", at=at)
    accepted_at = first_time(found.properties, ["hs_accepted_date", "hs_esign_date"], "properties")
    details = {
        "quote_number": text(found.properties, "hs_quote_number", "properties"),
        **_figures(found, settings, "hs_quote_amount", "hs_currency"),
    }
    accepted = Accepted("quote", found.object_id, accepted_at, found.changed_at, "document")
    return message(raw, accepted, at, details=details, references=_references(found))


def sent_deal(raw: RawMessage, settings: Settings, record: Record, at: str) -> Item:
    """A deal as a workflow sends it: every property with the time it was set."""
    if record.get("isDeleted") is True:
        return Ignored(reason="the deal is deleted", at=at)
    if settings.portal_id and text(record, "portalId") != settings.portal_id:
        return Ignored(reason="a deal of another portal", at=at)
    return _deal(raw, settings, _sent(record), at)


def _deal(raw: RawMessage, settings: Settings, found: _Document, at: str) -> Item:
    stage = required_text(found.properties, "dealstage", "properties")
    if not _is_won(found, stage, settings):
        return Ignored(reason="the deal is not won", at=at)
    entered = (f"hs_v2_date_entered_{stage}", f"hs_date_entered_{stage}")
    accepted_at = found.stage_since or first_time(
        found.properties, [*entered, "closedate"], "properties"
    )
    accepted = Accepted("deal", found.object_id, accepted_at, found.changed_at, "document")
    details = _figures(found, settings, "amount", "deal_currency_code")
    return message(raw, accepted, at, details=details, references=_references(found))


def _is_won(found: _Document, stage: str, settings: Settings) -> bool:
    won = means_accepted("deal", stage, settings, "properties.dealstage")
    told = text(found.properties, "hs_is_closed_won", "properties")
    if told is not None and told.lower() != str(won).lower():
        # Either the account's stages are not configured, or the deal changes right now.
        raise Malformed(
            "dealstage and hs_is_closed_won differ: are the won_stages configured?",
            code="conflicting_stage",
            path="properties.dealstage",
        )
    return won


def _figures(
    found: _Document, settings: Settings, field: str, currency_field: str
) -> dict[str, Any]:
    currency = text(found.properties, currency_field, "properties") or settings.currency
    total = money(found.properties, field, currency, "properties")
    companies = [one for one in found.associations if one[0] == "company"]
    buyer = Party(identifiers=identifiers(companies)) if len(companies) == 1 else None
    return {
        "currency": total.currency if total else None,
        "totals": OrderTotals(total=total),
        "buyer": buyer,
    }


def _references(found: _Document) -> tuple[tuple[str, str | None], ...]:
    number = text(found.properties, "hs_quote_number", "properties")
    return (("quote_number", number), *found.associations)


def _filed(record: Record) -> _Document:
    properties = as_object(record.get("properties"), "properties")
    changed_at = time(record, "updatedAt") or first_time(
        properties, ["hs_lastmodifieddate"], "properties"
    )
    associations = tuple(dict.fromkeys(_associations(record)))
    return _Document(required_id(record, "id"), properties, changed_at, None, associations)


def _associations(record: Record) -> Iterator[tuple[str, str]]:
    found = record.get("associations")
    listed = {} if found is None else as_object(found, "associations")
    for field, name in _ASSOCIATED.items():
        where = join("associations", field)
        results = as_object(listed.get(field) or {}, where).get("results")
        for index, one in enumerate(as_list(results, join(where, "results"))):
            place = join(join(where, "results"), index)
            yield name, required_id(as_object(one, place), "id", place)


def _sent(record: Record) -> _Document:
    named = as_object(record.get("properties"), "properties")
    versioned = {name: as_object(value, join("properties", name)) for name, value in named.items()}
    properties = {name: value.get("value") for name, value in versioned.items()}
    stage = versioned.get("dealstage", {})
    where = join("properties", "dealstage")
    return _Document(
        required_id(record, "objectId" if "objectId" in record else "dealId"),
        properties,
        first_time(properties, ["hs_lastmodifieddate"], "properties"),
        time(stage, "timestamp", where),
    )
