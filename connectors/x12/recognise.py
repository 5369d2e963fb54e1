"""Whether a file is X12, and of which kind."""

from __future__ import annotations

import re
from collections.abc import Iterator

from canonical.errors import GatewayError, Malformed
from connectors.contract import Identity
from connectors.kit.archives import Member, is_archive, members
from connectors.kit.x12 import Fault, TransactionSet, events
from connectors.kit.x12_delimiters import HEADER
from connectors.raw import RawMessage

MIXED = "mixed"
"""Kind of a file with transaction sets of several kinds."""
CONTROL = "control"
"""Kind of a file without transaction sets: interchange acknowledgements, empty groups."""
UNKNOWN = "unknown"

_START_BYTES = 8192
_ISA = re.compile(rb"ISA[^A-Za-z0-9\s\0]")
_BARE = re.compile(rb"(?:GS|ST)([^A-Za-z0-9\s\0])[A-Z0-9]{2,3}\1")
_KIND = re.compile(r"[0-9]{3}", re.ASCII)


def identify(raw: RawMessage) -> Identity | None:
    """The kind of the file's transaction sets, or `mixed`; the delivery key is the digest.

    A file may hold many interchanges, and a resend numbers them anew, so that only the bytes
    themselves name the delivery. Raises Malformed: `no_envelope` for transaction sets without an
    ISA (whose sender and delimiters nobody knows), or the fault of a file without a readable
    interchange.
    """
    kinds: set[str] = set()
    fault: Fault | None = None
    is_x12 = False
    for member in members(raw):
        if not _is_x12(member, in_archive=is_archive(raw)):
            continue
        is_x12 = True
        for found in _findings(member, is_archive(raw)):
            if isinstance(found, str):
                kinds.add(found)
            else:
                fault = fault or found
            if len(kinds) > 1:
                return Identity(kind=MIXED, delivery_key=raw.digest.hex())
    if not is_x12:
        return None
    if not kinds and fault:
        raise Malformed(fault.message, code=fault.code, path=fault.at)
    return Identity(kind=next(iter(kinds), CONTROL), delivery_key=raw.digest.hex())


def kind_of(whole: TransactionSet) -> str:
    """ST01, or `unknown` for what cannot be one."""
    return whole.kind if _KIND.fullmatch(whole.kind) else UNKNOWN


def is_interchange(member: Member) -> bool:
    """Whether the file begins with an ISA, maybe behind a little that does not belong to it.

    Raises Malformed: `no_envelope` when it begins with a group or transaction set instead,
    `bad_isa` when it begins with something that only resembles an ISA.
    """
    with member.open() as stream:
        start = stream.read(_START_BYTES)
    visible = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _BARE.match(visible):
        raise Malformed(
            "a transaction set without an ISA: its sender is not known", code="no_envelope"
        )
    if HEADER.search(start):
        return True
    if _ISA.match(visible):
        raise Malformed("the ISA is not readable", code="bad_isa")
    return False


def _is_x12(member: Member, *, in_archive: bool) -> bool:
    try:
        return is_interchange(member)
    except GatewayError:
        if in_archive:
            return False  # `translate` tells what is wrong with it.
        raise


def _findings(member: Member, in_archive: bool) -> Iterator[str | Fault]:
    """Kinds and doubtful faults, in their order; a broken member of an archive just ends."""
    try:
        with member.open() as stream:
            # The encoding does not matter for kinds; in this one every byte is text.
            for event in events(stream, "latin-1", with_contents=False):
                if isinstance(event, TransactionSet):
                    yield kind_of(event)
                elif isinstance(event, Fault) and event.doubtful:
                    yield event
    except GatewayError:
        if not in_archive:
            raise
