"""A first reading of a file's figures: which lines like `:61:` are a payer's text that was wrapped.

A bank wraps texts by width, so a payer can write something that begins a line with `:61:` and has
the form of an entry. Where such a line follows a line of text wide enough to have been wrapped, or
has no information of its own behind a text, the balances decide: they add up either with it or
without it. Where they do so in neither way, a line with information of its own is an entry, and one
without is in doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations

from canonical.errors import GatewayError
from connectors.mt940.entries import line_of
from connectors.mt940.fields import Field
from connectors.mt940.figures import amount_of, balance_of, signed, sum_of
from connectors.mt940.records import MT942, Closed, Figure, Line, Opened, Record
from connectors.mt940.settings import Settings
from connectors.mt940.text import decoded
from connectors.mt940.totals import OPENING, Tally

_ALL_CHOICES_UP_TO = 12
"""With more lines than this only single ones and all together are tried."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which lines of a message, by their number from 1, are no entries or may be none."""

    text: frozenset[int]
    in_doubt: frozenset[int]


Verdicts = Mapping[int, Verdict]
"""By the number of the message from 1; a message without an entry here has no such lines."""


@dataclass(slots=True)
class _Message:
    tally: Tally = field(default_factory=Tally)
    lines: int = 0
    wrapped: dict[int, Decimal] = field(default_factory=dict)
    """What these lines would move, by their number."""
    bare: set[int] = field(default_factory=set)
    """Those of them that have no information of their own."""


def survey(records: Iterator[Record], settings: Settings) -> Verdicts:
    """Read all figures. Raises nothing for what cannot be read: the second reading tells."""
    verdicts: dict[int, Verdict] = {}
    now = _Message()
    number = 0
    is_mere_notice = False
    for record in records:
        if isinstance(record, Opened):
            number += 1
            now = _Message()
            is_mere_notice = record.is_interim and settings.cash_from != MT942
        elif isinstance(record, Line):
            _count(now, record, settings)
        elif isinstance(record, Figure):
            note_figure(now.tally, record.field, settings)
        elif isinstance(record, Closed) and now.wrapped:
            verdict = _verdict(now)
            if verdict.text or (verdict.in_doubt and not is_mere_notice):
                verdicts[number] = verdict
    return verdicts


def note_figure(tally: Tally, one: Field, settings: Settings) -> None:
    """Take a balance or sum into the tally; one that cannot be read says nothing."""
    separator = settings.decimal_separator
    try:
        text = decoded(one.lines[0] if one.lines else b"", None, f":{one.tag}:")
        if one.tag.startswith("90"):
            tally.sums[one.tag] = sum_of(one.tag, text, separator)
        else:
            tally.add_balance(balance_of(one.tag, text, separator))
    except GatewayError:
        tally.is_readable = tally.is_readable and one.tag not in OPENING


def rejoined(records: Iterator[Record], verdicts: Verdicts) -> Iterator[tuple[Record, Record]]:
    """Each record with the one behind it; lines found to be text are part of the entry before."""
    held: Record | None = None
    message = lines = 0
    for record in records:
        message += isinstance(record, Opened)
        lines = 0 if isinstance(record, Opened) else lines + isinstance(record, Line)
        if isinstance(record, Line) and isinstance(held, Line) and message in verdicts:
            if lines in verdicts[message].text:
                _append(held, record)
                continue
            record.is_in_doubt = lines in verdicts[message].in_doubt
        if held is not None:
            yield held, record
        held = record
    if held is not None:
        yield held, held


def _append(held: Line, text: Line) -> None:
    first, *rest = text.entry.lines or [b""]
    written = [b":61:" + first, *rest]
    ended = text.entry.is_ended
    held.information.append(Field("86", written, has_entry_like_text=True, is_ended=ended))
    held.information += text.information


def _count(now: _Message, record: Line, settings: Settings) -> None:
    now.lines += 1
    try:
        line = line_of(record, settings)
        amount = amount_of(line.amount_text, settings.decimal_separator, ":61:")
    except GatewayError:
        now.tally.is_readable = False
        return
    now.tally.add(line, amount)
    # A shorter line in front was not wrapped by width; some banks wrap earlier, at the payer's own.
    if record.entry.is_wrapped or (record.entry.width_before and not record.information):
        moved = Decimal(0) if line.is_expected else signed(amount, line.direction)
        now.wrapped[now.lines] = moved
        if not record.information:
            now.bare.add(now.lines)


def _verdict(now: _Message) -> Verdict:
    difference = now.tally.difference()
    if difference == 0:
        return Verdict(frozenset(), frozenset())
    excess = [] if difference is None else _adding_up_to(difference, now.wrapped)
    if len(excess) == 1:
        return Verdict(excess[0], frozenset())
    return Verdict(frozenset(), frozenset(now.bare).union(*excess))


def _adding_up_to(total: Decimal, moved: Mapping[int, Decimal]) -> list[frozenset[int]]:
    """The fewest lines without which the figures add up: all choices of that number."""
    most = len(moved) if len(moved) <= _ALL_CHOICES_UP_TO else 1
    for size in range(1, most + 1):
        found = [
            frozenset(chosen)
            for chosen in combinations(moved, size)
            if sum(moved[number] for number in chosen) == total
        ]
        if found:
            return found
    return [frozenset(moved)] if sum(moved.values()) == total else []
