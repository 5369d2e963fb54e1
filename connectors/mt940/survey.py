"""A first reading of a file's figures: which lines like `:61:` are a payer's text that was wrapped.

A bank wraps texts by width, so a payer can write something that begins a line with `:61:` and has
the form of an entry. Where such a line follows a line of text wide enough to have been wrapped, or
has no information of its own behind a text, the balances decide: they add up either with it or
without it. Where they do so in neither way, a line with information of its own is an entry, and one
without is in doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations

from canonical.errors import GatewayError
from connectors.mt940.entries import texts_of
from connectors.mt940.fields import Field
from connectors.mt940.figures import (
    amount_of,
    balance_of,
    direction_of,
    is_expected,
    moved_by,
    signed,
    sum_of,
)
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
    number: int = 0
    """From 1 in its file."""
    is_interim: bool = False
    tally: Tally = field(default_factory=Tally)
    lines: int = 0
    has_wrapped: bool = False
    wrapped: dict[int, Decimal] = field(default_factory=dict)
    """What these lines would move, by their number."""
    bare: set[int] = field(default_factory=set)
    """Those of them that have no information of their own."""

    def add(self, record: Line, settings: Settings, *, listed: bool) -> None:
        """Count a line; those that may be a text are `listed` only where that is needed."""
        self.lines += 1
        try:
            mark, amount_text = moved_by(texts_of(record, settings))
            amount = amount_of(amount_text, settings.decimal_separator, ":61:")
        except GatewayError:
            self.tally.is_readable = False
            return
        self.tally.add(mark, amount)
        # A shorter line in front was not wrapped by width; some banks wrap earlier, at the payer's.
        if record.entry.is_wrapped or (record.entry.width_before and not record.information):
            self.has_wrapped = True
            if listed:
                moved = Decimal(0) if is_expected(mark) else signed(amount, direction_of(mark))
                self.wrapped[self.lines] = moved
                if not record.information:
                    self.bare.add(self.lines)


def survey(read: Callable[[], Iterator[Record]], settings: Settings) -> Verdicts:
    """Read all figures; `read` gives the file's records anew.

    Raises nothing for what cannot be read: the last reading tells. Most files agree with their
    figures, and nothing is remembered of their lines; another one is read once more.
    """
    disagreeing = {
        one.number
        for one in _messages(read(), settings, frozenset())
        if one.has_wrapped and one.tally.difference() != 0
    }
    if not disagreeing:
        return {}
    verdicts: dict[int, Verdict] = {}
    for one in _messages(read(), settings, disagreeing):
        if one.number in disagreeing:
            verdict = _verdict(one)
            is_mere_notice = one.is_interim and settings.cash_from != MT942
            if verdict.text or (verdict.in_doubt and not is_mere_notice):
                verdicts[one.number] = verdict
    return verdicts


def _messages(
    records: Iterator[Record], settings: Settings, listed: Collection[int]
) -> Iterator[_Message]:
    """Each message when it is closed; only in those of `listed` are single lines remembered."""
    now = _Message()
    for record in records:
        if isinstance(record, Opened):
            now = _Message(now.number + 1, record.is_interim)
        elif isinstance(record, Line):
            now.add(record, settings, listed=now.number in listed)
        elif isinstance(record, Figure):
            note_figure(now.tally, record.field, settings)
        elif isinstance(record, Closed):
            yield now


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


def _verdict(now: _Message) -> Verdict:
    difference = now.tally.difference()
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
