"""What the domains announce: their states and decisions, each as a revision.

The gateway's own domains hand these in beside the doors; a domain that a company runs itself
posts them here, signed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from canonical.chain import FACTS
from canonical.errors import Malformed
from canonical.keys import Key, Version
from canonical.message import Message
from canonical.payload import TYPE_PREFIX, Payload
from connectors.contract import Connector, Identity, Manifest
from connectors.kit.json_body import as_object, required_text, text
from connectors.kit.signatures import header, hmac_hex
from connectors.kit.times import moment_of
from connectors.raw import RawMessage
from connectors.secret import Secret

_FACTS: dict[str, type[Payload]] = {fact.TYPE: fact for fact in FACTS}


def verify(raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """Hexadecimal HMAC-SHA256 of the raw body. Raises Rejected."""
    return hmac_hex(raw.body, [header(raw.headers, "x-chain-signature")], secrets)


def identify(raw: RawMessage) -> Identity | None:
    """The announced type; one delivery is one revision of one thing. None for any other JSON.

    Raises Malformed.
    """
    document = as_object(raw.json())
    kind = text(document, "type")
    if not kind or not kind.startswith(TYPE_PREFIX):
        return None
    return Identity(kind=kind.removeprefix(TYPE_PREFIX), delivery_key=_key(raw, document).text)


def translate(raw: RawMessage, identity: Identity) -> Iterator[Message]:
    """The announcement as its canonical type.

    Raises Malformed.
    """
    document = as_object(raw.json())
    data = _FACTS[TYPE_PREFIX + identity.kind].model_validate(
        {**as_object(document.get("data"), "data"), "revision": _revision(document)}
    )
    subject = required_text(document, "subject")
    correlation = text(document, "correlation") or subject
    yield Message(
        key=_key(raw, document),
        data=data,
        occurred_at=moment_of(required_text(document, "occurred_at"), "occurred_at"),
        subject=f"{identity.kind.partition('.')[0].replace('_', '-')}/{subject}"[:1000],
        correlation=correlation,
        partition=correlation,
        entity=Key.of("chain", raw.account, identity.kind, subject),
        version=Version.number(_revision(document)),
    )


def _key(raw: RawMessage, document: dict[str, object]) -> Key:
    parts = (required_text(document, "type"), required_text(document, "subject"))
    return Key.of("chain", raw.account, *parts, _revision(document))


def _revision(document: dict[str, object]) -> int:
    revision = document.get("revision")
    if not isinstance(revision, int) or isinstance(revision, bool) or revision < 1:
        raise Malformed("a revision counts from 1", code="bad_revision", path="revision")
    return revision


CONNECTOR = Connector(
    manifest=Manifest.beside(__file__), verify=verify, identify=identify, translate=translate
)
