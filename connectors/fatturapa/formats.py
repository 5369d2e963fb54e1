"""Which document a file is, by its root's name and namespace, and the document itself."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from typing import Final

from canonical.errors import GatewayError, Malformed, TooLarge, Unsupported
from connectors.contract import Identity
from connectors.kit.archives import Member, is_archive, members
from connectors.kit.p7m import unwrap
from connectors.kit.xml import Element, namespace, read_xml, root_of
from connectors.raw import RawMessage

INVOICE = "fattura"
SIMPLIFIED = "fattura/semplificata"
_MAX_BYTES = 32 * 1024 * 1024
_HEAD = 64 * 1024

_INVOICES: Final = {
    "FatturaElettronica": INVOICE,
    "FatturaElettronicaSemplificata": SIMPLIFIED,
}
_NAMESPACE_OF: Final = {
    INVOICE: "http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2",
    SIMPLIFIED: "http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.0",
}
_VERSIONS_OF: Final = {INVOICE: ("FPA12", "FPR12"), SIMPLIFIED: ("FSM10",)}
_NOTICES: Final = {
    "RicevutaConsegna": "sdi/rc",
    "NotificaScarto": "sdi/ns",
    "RicevutaScarto": "sdi/ns",
    "NotificaMancataConsegna": "sdi/mc",
    "RicevutaImpossibilitaRecapito": "sdi/mc",
    "NotificaEsito": "sdi/ne",
    "NotificaDecorrenzaTermini": "sdi/dt",
    "AttestazioneTrasmissioneFattura": "sdi/at",
    "NotificaEsitoCommittente": "sdi/ec",
    "ScartoEsitoCommittente": "sdi/se",
    "MetadatiInvioFile": "sdi/mt",
    "FileMetadati": "sdi/mt",
}
NOTICES: Final = frozenset(_NOTICES.values())
_NOTICE_NAMESPACES: Final = (
    "http://www.fatturapa.gov.it/sdi/messaggi/",
    "http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fattura/messaggi/",
)
"""Public administrations and private parties; the version follows."""

_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00<", b"<\x00")
_NAMESPACES_DECLARED = re.compile(
    rb"""\sxmlns(?::[^\s=]{1,100})?\s*=\s*("[^"]{0,2000}"|'[^']{0,2000}')"""
)
_ILLEGAL_IN_A_URI = re.compile(r"""[\s"<>\\^`{|}\x00-\x1f\x7f]""")


def identify(raw: RawMessage) -> Identity | None:
    """The kind of the document, or of the first one in a zip file; envelopes are opened.

    The delivery key is the digest: a file keeps no name that is certain. Raises Malformed for
    what cannot be read that far.
    """
    for kind in _kinds(raw):
        if kind:
            return Identity(kind=kind, delivery_key=raw.digest.hex())
    return None


def content_of(member: Member) -> bytes:
    """The document in a file, outside of all signed envelopes. Raises Malformed or TooLarge."""
    with member.open() as stream:
        body = stream.read(_MAX_BYTES + 1)
    if len(body) > _MAX_BYTES:
        raise TooLarge("the file is too large to hold at once")
    return unwrap(body, max_bytes=_MAX_BYTES)


def kind_of(content: bytes) -> str | None:
    """The kind of a document, whatever its version; None: some other file."""
    if not content.strip():
        raise Malformed("there is no document in it", code="empty")
    visible = content[:_HEAD].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not (visible.startswith(b"<") or content.startswith(_BYTE_ORDER_MARKS)):
        return None
    try:
        root = root_of(lambda: io.BytesIO(content))
    except Malformed as error:
        raise _explained(error, content) from None
    uri, _, name = root.lstrip("{").rpartition("}")
    if name in _INVOICES:
        return _INVOICES[name]
    if uri.startswith(_NOTICE_NAMESPACES):
        return _NOTICES.get(name, f"sdi/{_as_kind(name)}")
    return None


def document_of(content: bytes, kind: str) -> Element:
    """The root of a document of this kind, read whole.

    Raises Malformed, and Unsupported with `unknown_version` for another version than 1.2 (FPA12,
    FPR12) of the ordinary invoice, 1.0 (FSM10) of the simplified one and 1.0 of the notices.
    """
    try:
        root = read_xml(content)
    except Malformed as error:
        raise _explained(error, content) from None
    uri = namespace(root)
    if kind not in _NAMESPACE_OF:
        if not uri.endswith("/v1.0"):
            raise _unknown_version(uri.rpartition("/")[2])
        return root
    if uri != _NAMESPACE_OF[kind]:
        raise _unknown_version(uri.rpartition("/")[2])
    version = root.get("versione", "")
    if version not in _VERSIONS_OF[kind]:
        raise _unknown_version(version)
    return root


def _kinds(raw: RawMessage) -> Iterator[str | None]:
    if not is_archive(raw):
        for member in members(raw):
            yield kind_of(content_of(member))
        return
    for member in members(raw):
        try:
            yield kind_of(content_of(member))
        except GatewayError:
            yield None  # `translate` tells what is wrong with it.


def _as_kind(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "-", name.lower())[:60] or "unnamed"


def _unknown_version(found: str) -> Unsupported:
    return Unsupported(
        f"version {found[:20]!r} is not known", code="unknown_version", path="versione"
    )


def _explained(error: Malformed, content: bytes) -> Malformed:
    """The error itself, or what is known about files like this one."""
    if error.code != "bad_xml" or not _has_illegal_namespace(content[:_HEAD]):
        return error
    return Malformed(
        "a namespace is declared with characters that no URI may have",
        code="illegal_namespace",
        path="xmlns",
    )


def _has_illegal_namespace(head: bytes) -> bool:
    for match in _NAMESPACES_DECLARED.finditer(head):
        declared = html.unescape(match.group(1)[1:-1].decode("utf-8", "replace"))
        if _ILLEGAL_IN_A_URI.search(declared):
            return True
    return False
