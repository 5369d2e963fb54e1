"""From a payload to messages."""

from __future__ import annotations

from collections.abc import Iterator

from canonical.errors import Malformed
from canonical.message import Item
from connectors.contract import Identity
from connectors.raw import RawMessage
from connectors.ubl.billing import billing_items
from connectors.ubl.formats import opened
from connectors.ubl.responses import response_items


def translate(raw: RawMessage, identity: Identity) -> Iterator[Item]:
    """What a document says.

    Nothing is taken from a document that is not well-formed to its end. Raises Malformed or
    Unsupported when it cannot be used as a whole; see `billing_items` and `response_items`.
    """
    del identity  # The document says itself what it is.
    document = opened(raw)
    if document is None:
        raise Malformed("this is no UBL document", code="unidentified")
    if document.kind in {"invoice", "credit_note"}:
        yield from billing_items(document, raw)
    else:
        yield from response_items(document, raw)
