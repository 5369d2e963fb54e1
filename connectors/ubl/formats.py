"""Which document a payload is, by its root alone, in or out of a business envelope (SBD)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from canonical.errors import Malformed
from connectors.contract import Identity
from connectors.kit.xml import Element, child, child_text, local, namespace, read_xml, root_of
from connectors.raw import RawMessage
from connectors.ubl.tree import UBL, only_value

_ENVELOPE: Final = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"
_ROOT: Final = re.compile(re.escape(f"{{{UBL}") + r"([A-Za-z]{1,60})-2\}([A-Za-z]{1,60})")
_RESPONSES: Final = (
    (re.compile(r"urn:fdc:peppol\.eu:poacc:trns:invoice_response:3(\..*)?"), "invoice_response"),
    (re.compile(r"urn:fdc:peppol\.eu:poacc:trns:mlr:3(\..*)?"), "message_level_response"),
    (re.compile(r"urn:peppol:edec:mls:1(\..*)?"), "message_level_response"),
)
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00<", b"<\x00")


@dataclass(frozen=True, slots=True)
class Document:
    """A UBL document, taken out of its envelope."""

    kind: str
    root: Element
    instance: str | None
    """The id the network knows this sending by (SBDH `InstanceIdentifier`); None without one."""

    @property
    def customization(self) -> str:
        """The specification the document says it follows (BT-24)."""
        return only_value(self.root, "cbc:CustomizationID") or ""

    @property
    def is_zatca(self) -> bool:
        """Whether it follows the Saudi profile, which differs from EN 16931 in a few rules."""
        return (only_value(self.root, "cbc:ProfileID") or "").startswith("reporting:")


def identify(raw: RawMessage) -> Identity | None:
    """The kind by the root element; of an ApplicationResponse by its `CustomizationID`.

    Any other UBL document is named after its root (`despatch_advice`), which no kind is declared
    for. The delivery key is the digest: a document has no id of its own that a resend keeps.
    Raises Malformed for what cannot be read that far.
    """
    if not _is_markup(raw):
        return None
    root = root_of(raw.open)
    kind = _kind_of_root(root)
    if kind == "application_response" or root == f"{{{_ENVELOPE}}}StandardBusinessDocument":
        document = opened(raw)
        kind = document.kind if document else None
    return Identity(kind=kind, delivery_key=raw.digest.hex()) if kind else None


def opened(raw: RawMessage) -> Document | None:
    """The document of a payload; None when it is not UBL.

    Raises Malformed, `ambiguous_envelope` for one around several documents; TooLarge over 32 MiB.
    """
    root, instance = read_xml(raw.body), None
    if root.tag == f"{{{_ENVELOPE}}}StandardBusinessDocument":
        root, instance = _unwrapped(root)
    kind = _kind_of_root(str(root.tag))
    if kind is None:
        return None
    document = Document(kind, root, instance)
    if kind != "application_response":
        return document
    return Document(_kind_of_response(document.customization), root, instance)


def _kind_of_root(root: str) -> str | None:
    match = _ROOT.fullmatch(root)
    # The namespace and the element name the same document, or it is none.
    if not match or match[1] != match[2]:
        return None
    return re.sub(r"(?<!^)(?=[A-Z])", "_", match[1]).lower()


def _kind_of_response(customization: str) -> str:
    for pattern, kind in _RESPONSES:
        if pattern.fullmatch(customization):
            return kind
    return "application_response"


def _unwrapped(envelope: Element) -> tuple[Element, str | None]:
    header = child(envelope, "StandardBusinessDocumentHeader")
    documents = [one for one in envelope if isinstance(one.tag, str) and one is not header]
    if len(documents) != 1 or _is_header(documents[0]):
        raise Malformed(
            "an envelope must hold exactly one document",
            code="ambiguous_envelope",
            path="StandardBusinessDocument",
        )
    return documents[0], child_text(
        envelope, "StandardBusinessDocumentHeader/DocumentIdentification/InstanceIdentifier"
    )


def _is_header(element: Element) -> bool:
    return namespace(element) == _ENVELOPE and local(element) == "StandardBusinessDocumentHeader"


def _is_markup(raw: RawMessage) -> bool:
    with raw.open() as stream:
        start = stream.read(4096)
    if not start.strip():
        if len(start) == 4096:
            return False
        raise Malformed("there is no document in it", code="empty")
    visible = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return visible.startswith(b"<") or start.startswith(_BYTE_ORDER_MARKS)
