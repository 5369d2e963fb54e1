"""Whether a payload is a customer statement or an interim report, told by its first message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from canonical.errors import GatewayError, Malformed
from connectors.contract import Identity
from connectors.kit.archives import Member, is_archive, members
from connectors.mt940.fields import ENVELOPE, Field, fields
from connectors.mt940.lines import Opener, lines
from connectors.mt940.records import Opened, records
from connectors.raw import RawMessage

_LOOK_AT_LINES = 200
_STATEMENT_TAGS = frozenset({"28", "28C", "34F", "60F", "60M", "60", "61", "62F", "62M", "62"})
_OTHER_MESSAGE = re.compile(rb":(?:32[A-Z]|23[A-Z]?|50[A-Z]?|59[A-Z]?):")


def identify(raw: RawMessage) -> Identity | None:
    """The kind of the payload, or of the first member of a zip file that is a statement.

    The delivery key is the digest: these files have no id of their own that a resend keeps. A
    message of another type (`mt950`) is told by its envelope. Raises Malformed for what cannot be
    read that far, with code `empty` for an empty file.
    """
    in_archive = is_archive(raw)
    for member in members(raw):
        kind = _kind_of_member(member) if in_archive else kind_of(member.open)
        if kind:
            return Identity(kind=kind, delivery_key=raw.digest.hex())
    return None


def kind_of(open_stream: Opener) -> str | None:
    """`mt940`, `mt942` or the type in the envelope; None: some other file."""
    with open_stream() as stream:
        start = stream.read(4096)
    if not start.strip(b" \t\r\n\0\x1a"):
        if len(start) == 4096:
            return None
        raise Malformed("there is no message in it", code="empty")
    return _kind_in(_first_fields(open_stream))


def _first_fields(open_stream: Opener) -> list[Field]:
    """The fields at the start, up to what is no text of lines."""
    found: list[Field] = []
    try:
        for one in fields(islice(lines(open_stream), _LOOK_AT_LINES)):
            found.append(one)  # noqa: PERF402 - what came before an error counts
    except Malformed as error:
        if error.code not in {"line_too_long", "undecodable_text"}:
            raise
    return found


def _kind_of_member(member: Member) -> str | None:
    try:
        return kind_of(member.open)
    except GatewayError:
        return None  # `translate` tells what is wrong with it.


def _kind_in(found: list[Field]) -> str | None:
    tags = {one.tag for one in found}
    named = [one.lines[0].decode("ascii") for one in found if one.tag == ENVELOPE and one.lines]
    is_statement = bool(tags & {"20", "25", "25P"}) and bool(tags & _STATEMENT_TAGS)
    if named and (is_statement or named[0] in {"940", "942"}):
        return f"mt{named[0]}"
    if not is_statement or any(_is_other(one) for one in found):
        return None
    return _first_report(iter(found))


def _first_report(found: Iterator[Field]) -> str:
    for record in records(found):
        if isinstance(record, Opened):
            return "mt942" if record.is_interim else "mt940"
    return "mt940"


def _is_other(one: Field) -> bool:
    """A head field with those of a payment in its text: an MT103 or the like."""
    head = one.tag in {"20", "21", "25"}
    return head and any(_OTHER_MESSAGE.match(line) for line in one.lines[1:])
