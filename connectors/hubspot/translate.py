"""What a HubSpot payload says, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from canonical.errors import Unsupported
from canonical.message import Item
from connectors.contract import Identity
from connectors.hubspot import documents, events
from connectors.hubspot.recognise import records
from connectors.hubspot.settings import Settings
from connectors.kit.json_body import as_object
from connectors.kit.records import Record, one
from connectors.raw import RawMessage

Reader = Callable[[RawMessage, Settings, Record, str], Item]

_READERS: dict[str, Reader] = {
    "events": events.event,
    "file/deal": documents.filed_deal,
    "file/quote": documents.filed_quote,
}


def translate(raw: RawMessage, identity: Identity) -> Iterator[Item]:
    """The facts of a batch, of a file, or of one deal.

    An event or object that cannot be read becomes a Problem, and the others go on. Raises
    Unsupported (`bad_option`) for an account's option that is not understood, and what is wrong
    with the one deal of a workflow.
    """
    settings = Settings.of(raw.options)
    if identity.kind == "workflow/deal":
        yield documents.sent_deal(raw, settings, as_object(raw.json()), "")
    elif identity.kind in _READERS:
        read = _READERS[identity.kind]
        for at, record in records(raw.json()):
            yield _one(read, raw, settings, record, at)
    else:
        raise Unsupported(f"kind {identity.kind[:60]!r} is not known", code="unknown_kind")


def _one(read: Reader, raw: RawMessage, settings: Settings, record: Any, at: str) -> Item:
    return one(at, lambda: read(raw, settings, as_object(record), at))
