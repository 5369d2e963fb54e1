"""The one fact HubSpot tells: a customer accepted a quote, or a deal was won."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from canonical.keys import Key, Version
from canonical.message import Message
from canonical.order import QuoteAccepted
from connectors.hubspot.reading import identifiers
from connectors.raw import RawMessage


class Accepted(NamedTuple):
    """Which object is accepted, since when, and as of which change that is known."""

    object_type: str
    """`deal` or `quote`."""
    object_id: str
    accepted_at: datetime
    changed_at: datetime
    source: str
    """`event` or `document`."""


def message(
    raw: RawMessage,
    found: Accepted,
    at: str,
    *,
    details: dict[str, Any] | None = None,
    references: tuple[tuple[str, str | None], ...] = (),
) -> Message:
    """A state of the accepted quote: an event tells that it is, a document also of what.

    A deal can be won, reopened and won again, and documents tell it again with every change; so
    this is a state with versions, by the time of the change. Event and document are kept apart by
    the key, because one has the figures and the other has not.
    """
    type_, object_id = found.object_type, found.object_id
    entity = Key.of("quote", "hubspot", raw.account, type_, object_id)
    version = Version.at(found.changed_at)
    chain = f"hubspot/{raw.account}/{type_}/{object_id}"
    return Message(
        key=entity.extended("accepted", found.source, version.text),
        data=QuoteAccepted(
            quote_id=object_id,
            channel="hubspot",
            account=raw.account,
            accepted_at=found.accepted_at,
            references=identifiers([(type_, object_id), *references]),
            **(details or {}),
        ),
        occurred_at=found.accepted_at,
        subject=f"{type_}/{object_id}",
        correlation=chain,
        partition=chain,
        entity=entity,
        version=version,
        at=at,
    )
