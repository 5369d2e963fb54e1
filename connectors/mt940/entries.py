"""An entry: a `:61:` and its `:86:`, read into what the canonical facts need."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from canonical.errors import GatewayError, Malformed
from canonical.values import Direction, Money
from connectors.mt940.codewords import has_codewords, worded
from connectors.mt940.figures import EntryLine, booking_day, day_of, entry_line, money
from connectors.mt940.information import Information, plain
from connectors.mt940.keys import digest_of
from connectors.mt940.records import Line
from connectors.mt940.settings import Settings
from connectors.mt940.subfields import is_numbered, numbered
from connectors.mt940.text import decoded, visible_ascii

_AMOUNTS = re.compile(r"/(?P<word>OCMT|CHGS|CHGT)/(?P<currency>[A-Z]{3})(?P<amount>[0-9]+,[0-9]*)/")


class Entry(NamedTuple):
    """An entry of a statement."""

    line: EntryLine
    amount: Money
    booked: date | None
    value: date
    information: Information
    instructed: Money | None
    charges: Money | None
    content: str
    """Digest of what tells this line from others."""


def line_of(record: Line, settings: Settings) -> EntryLine:
    """The `:61:` of a record. Raises Malformed."""
    return entry_line(texts_of(record, settings))


def texts_of(record: Line, settings: Settings) -> list[str]:
    """The lines of a `:61:`. Raises Malformed."""
    return [decoded(line, settings.encoding, ":61:") for line in record.entry.lines]


def entry_of(
    record: Line, line: EntryLine, amount: Money, opening: date | None, settings: Settings
) -> Entry:
    """All of an entry. Raises Malformed or Unsupported; nothing is defaulted."""
    if record.entry.is_oversized or any(one.is_oversized for one in record.information):
        raise Malformed("the entry has too much text", code="record_too_large", path=":86:")
    value = day_of(line.value_text, ":61:")
    booked = booking_day(line.booked_text, value, opening, ":61:") if line.booked_text else None
    texts = [
        decoded(content, settings.encoding, ":86:")
        for one in record.information
        for content in one.lines
    ]
    original = line.direction
    if line.is_reversal:
        original = Direction.DEBIT if original is Direction.CREDIT else Direction.CREDIT
    amounts = _amounts([*line.supplement, *texts], settings.decimal_separator)
    return Entry(
        line=line,
        amount=amount,
        booked=booked,
        value=value,
        information=_information(texts, original, settings.dialect),
        instructed=amounts.get("OCMT"),
        charges=amounts.get("CHGS") or amounts.get("CHGT"),
        content=_content(record, line, amount, booked, value),
    )


def _information(lines: Sequence[str], original: Direction, dialect: str) -> Information:
    if dialect == "subfields" or (dialect == "auto" and is_numbered(lines)):
        return numbered(lines)
    if dialect == "codewords" or (dialect == "auto" and has_codewords(lines)):
        return worded(lines, original)
    return plain(lines)


def _content(record: Line, line: EntryLine, amount: Money, booked: date | None, value: date) -> str:
    """What names the line: encodings, wrapping and blanks do not count, so they may differ."""
    information = b"".join(content for one in record.information for content in one.lines)
    return digest_of(
        [
            booked.isoformat() if booked else "",
            value.isoformat(),
            line.direction.value,
            "reversal" if line.is_reversal else "",
            _plain(amount),
            visible_ascii(line.stated.encode("utf-8", "replace")),
            visible_ascii(information),
        ]
    )


def _plain(amount: Money) -> str:
    # Not normalize(), which would round to the context's 28 digits.
    shown = format(amount.amount, "f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _amounts(texts: Sequence[str], separator: str) -> dict[str, Money]:
    """Original amount and charges where they are told; they only describe."""
    found: dict[str, Money] = {}
    for match in _AMOUNTS.finditer("".join(texts)):
        try:
            told = money(match["amount"], match["currency"], separator, ":86:")
        except GatewayError:
            continue
        found.setdefault(match["word"], told)
    return found
