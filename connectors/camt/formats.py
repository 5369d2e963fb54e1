"""Which report a document is, by the local name and version in its namespace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from canonical.errors import GatewayError, Malformed, Unsupported
from connectors.contract import Identity
from connectors.kit.archives import Member, is_archive, members
from connectors.kit.xml import Opener, root_of
from connectors.raw import RawMessage

NEWEST_VERSION = 10

_NAMESPACE = re.compile(
    r"(?:urn:iso:std:iso:20022:tech:xsd:|https?://www\.six-interbank-clearing\.com/[a-z]{2}/)"
    r"(?P<kind>camt\.05[234])\.(?P<rest>.*)"
)
_VERSION = re.compile(r"001\.(?P<version>[0-9]{2})(?:\.[a-z]{2}\.[0-9]{2})?(?:\.xsd)?")
_RECORDS: Final = {"camt.052": "Rpt", "camt.053": "Stmt", "camt.054": "Ntfctn"}
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00<", b"<\x00")


@dataclass(frozen=True, slots=True)
class Format:
    """One report in one version of the standard."""

    kind: str
    """`camt.052`, `camt.053` or `camt.054`."""
    prefix: str
    """The namespace in Clark notation, `{…}`."""

    @property
    def record(self) -> str:
        """Local name of the element that is one account's report."""
        return _RECORDS[self.kind]


def identify(raw: RawMessage) -> Identity | None:
    """The kind of the payload, or of the first member of a zip file that is such a report.

    The delivery key is the digest: these files have no id of their own that a resend keeps.
    Raises Malformed for what cannot be read that far.
    """
    for kind in _kinds(raw):
        if kind:
            return Identity(kind=kind, delivery_key=raw.digest.hex())
    return None


def kind_of(open_stream: Opener) -> str | None:
    """The kind a document's namespace names, whatever its version; None: some other document."""
    if not _is_markup(open_stream):
        return None
    return _kind_in(root_of(open_stream))


def format_of(root: str) -> Format:
    """The format of a document with this root (Clark notation).

    Raises Unsupported: `unknown_version` for a version that is not known, `unknown_document` for
    anything else than these reports.
    """
    uri = root[1:].partition("}")[0]
    match = _NAMESPACE.fullmatch(uri)
    if not match or root.rpartition("}")[2] != "Document":
        raise Unsupported("not a camt.052, camt.053 or camt.054 report", code="unknown_document")
    version = _VERSION.fullmatch(match["rest"])
    if not version or not 1 <= int(version["version"]) <= NEWEST_VERSION:
        raise Unsupported(
            f"{match['kind']} of version {match['rest'][:20]!r} is not known",
            code="unknown_version",
        )
    return Format(match["kind"], f"{{{uri}}}")


def _kinds(raw: RawMessage) -> Iterator[str | None]:
    in_archive = is_archive(raw)
    for member in members(raw):
        yield _kind_of_member(member) if in_archive else kind_of(member.open)


def _kind_of_member(member: Member) -> str | None:
    try:
        return kind_of(member.open)
    except GatewayError:
        return None  # `translate` tells what is wrong with it.


def _kind_in(root: str) -> str | None:
    match = _NAMESPACE.fullmatch(root[1:].partition("}")[0])
    return match["kind"] if match else None


def _is_markup(open_stream: Opener) -> bool:
    with open_stream() as stream:
        start = stream.read(4096)
    if not start.strip():
        if len(start) == 4096:
            return False
        raise Malformed("there is no document in it", code="empty")
    visible = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return visible.startswith(b"<") or start.startswith(_BYTE_ORDER_MARKS)
