"""From a file to messages: its figures are read first, then it is streamed line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from canonical.currencies import minor_units
from canonical.errors import GatewayError, Malformed
from canonical.message import Item, Problem
from connectors.contract import Identity
from connectors.kit.archives import Member, each_member
from connectors.kit.decimals import money_of
from connectors.mt940.entries import entry_of, line_of
from connectors.mt940.fields import SUMS, Field, fields
from connectors.mt940.figures import Balance, amount_of, balance_of, sum_of
from connectors.mt940.keys import Occurrences
from connectors.mt940.lines import Opener, lines
from connectors.mt940.messages import BALANCE_CODES, balance_message, entry_message
from connectors.mt940.recognise import kind_of
from connectors.mt940.records import MT940, Closed, Figure, Line, Misplaced, Opened, Record, records
from connectors.mt940.settings import Settings
from connectors.mt940.statements import Head, head_of
from connectors.mt940.survey import rejoined, survey
from connectors.mt940.text import decoded
from connectors.mt940.totals import OPENING, Chain, Tally
from connectors.raw import RawMessage


def translate(raw: RawMessage, identity: Identity) -> Iterator[Item]:
    """What a file says, in memory bounded by its largest entry.

    An entry that cannot be read is a Problem, and the others go on; so is a member of a zip file.
    Malformed or Unsupported is raised when nothing of the file can be read.
    """
    del identity  # Each message says itself what it is.
    settings = Settings.of(raw.options)
    yield from each_member(raw, lambda member: _told(member, raw, settings))


def _told(member: Member, raw: RawMessage, settings: Settings) -> Iterator[Item]:
    if not member.name:
        yield from _document(member.open, raw, settings, "")
    elif kind_of(member.open) is None:
        raise Malformed("this file is no statement", code="foreign_member")
    else:
        yield from _document(member.open, raw, settings, f"{member.name}!")


def _document(
    open_stream: Opener, raw: RawMessage, settings: Settings, place: str
) -> Iterator[Item]:
    def read() -> Iterator[Record]:
        return records(fields(lines(open_stream)))

    reader = _Reader(raw, settings, place)
    for record, following in rejoined(read(), survey(read, settings)):
        yield from reader.take(record, following)
    if not reader.number:
        raise Malformed("there is no statement in it", code="no_statement")


@dataclass(slots=True)
class _Progress:
    """Where in the message at hand the reader is."""

    at: str
    head: Head | None = None
    tally: Tally = field(default_factory=Tally)
    seen: Occurrences | None = None
    currency: str | None = None
    entries: int = 0
    has_nul: bool = False
    has_closing: bool = False


class _Reader:
    """Turns the records of one file, in their order, into items."""

    def __init__(self, raw: RawMessage, settings: Settings, place: str) -> None:
        self.number = 0
        self._raw = raw
        self._settings = settings
        self._place = place
        self._chain = Chain()
        self._seen: dict[tuple[str, str], Occurrences] = {}
        self._now = _Progress("")

    def take(self, record: Record, following: Record) -> Iterator[Item]:
        """The items of a record; `following` tells whether the file breaks off behind it."""
        if isinstance(record, Opened):
            yield from self._open(record)
        elif isinstance(record, Line):
            yield from self._line(record, following)
        elif isinstance(record, Figure):
            yield from self._figure(record.field, following)
        elif isinstance(record, Misplaced):
            self._note_nul(record.field)
            yield self._problem(
                Malformed("this field belongs before the entries", code="misplaced_field"),
                path=f":{record.field.tag}:",
            )
        else:
            yield from self._close(record)

    def _open(self, opened: Opened) -> Iterator[Item]:
        self.number += 1
        self._now = now = _Progress(f"{self._place}message[{self.number}]")
        for one in opened.fields.values():
            self._note_nul(one)
        try:
            now.head = head_of(opened, self._settings.encoding)
        except (GatewayError, ValueError) as error:
            yield self._problem(error)
            return
        now.currency = now.head.currency

    def _line(self, record: Line, following: Record) -> Iterator[Item]:
        now = self._now
        now.entries += 1
        at = f"{now.at}/:61:[{now.entries}]"
        for one in (record.entry, *record.information):
            self._note_nul(one)
            if one.has_entry_like_text:
                yield Problem(
                    code="entry_like_text",
                    message="a line like an entry was taken as part of this one's text",
                    path=":86:",
                    at=at,
                )
        if now.head is None:
            return
        try:
            yield self._entry(record, following, now.head, at)
        except (GatewayError, ValueError) as error:
            yield self._problem(error, at)

    def _entry(self, record: Line, following: Record, head: Head, at: str) -> Item:
        now = self._now
        separator = self._settings.decimal_separator
        try:
            line = line_of(record, self._settings)
            number = amount_of(line.amount_text, separator, ":61:")
        except GatewayError:
            now.tally.is_readable = False
            raise
        _refuse_cut_line(record, following, head)
        if record.is_in_doubt or record.has_mixed_text:
            now.tally.is_readable = False
            raise Malformed(
                "where this entry ends and a payer's text begins cannot be told",
                code="ambiguous_entry_line",
                path=":61:",
            )
        now.tally.add(line.mark, number)
        amount = money_of(str(number), now.currency, ":61:")
        opening = now.tally.opening.date if now.tally.opening else head.day
        entry = entry_of(record, line, amount, opening, self._settings)
        return entry_message(
            entry,
            head,
            account=self._raw.account,
            cash_from=self._settings.cash_from,
            seen=self._occurrences(head, amount.currency),
            at=at,
        )

    def _occurrences(self, head: Head, currency: str) -> Occurrences:
        """The counts of this account: those so far where this message goes on behind another."""
        now = self._now
        if now.seen is None:
            opening = now.tally.opening
            key = (head.account.value, currency)
            if opening is not None and self._chain.continues(head, opening) and key in self._seen:
                now.seen = self._seen[key]
                if opening.tag != "60M":
                    now.seen.forget_before(opening.date)
            else:
                now.seen = self._seen[key] = Occurrences()
        return now.seen

    def _figure(self, one: Field, following: Record) -> Iterator[Item]:
        now = self._now
        self._note_nul(one)
        path = f":{one.tag}:"
        at = f"{now.at}/{path}"
        separator = self._settings.decimal_separator
        now.has_closing = now.has_closing or one.tag.startswith("62")
        try:
            text = decoded(one.lines[0] if one.lines else b"", None, path)
            if one.tag in SUMS:
                now.tally.sums[one.tag] = sum_of(one.tag, text, separator)
                return
            balance = balance_of(one.tag, text, separator)
            _refuse_cut_balance(one, balance, following)
        except (GatewayError, ValueError) as error:
            now.tally.is_readable = False
            yield self._problem(error, at)
            return
        now.tally.add_balance(balance)
        if one.tag in OPENING:
            now.currency = balance.money.currency
        if now.head is not None and one.tag in BALANCE_CODES:
            yield balance_message(balance, now.head, account=self._raw.account, at=at)

    def _close(self, closed: Closed) -> Iterator[Item]:
        now = self._now
        if now.has_nul:
            yield Problem(
                code="nul_bytes",
                message="the message is padded with NUL bytes, which were left out",
                at=now.at,
            )
        if now.head is None:
            return
        if now.head.report == MT940 and not now.has_closing:
            is_cut = closed.is_last and not closed.is_terminated
            yield Problem(
                code="truncated" if is_cut else "missing_closing_balance",
                message="the statement has no closing balance",
                path=":62F:",
                at=now.at,
            )
        yield from now.tally.problems(now.at)
        yield from self._chain.problems(now.head, now.tally, now.at)

    def _note_nul(self, one: Field) -> None:
        self._now.has_nul = self._now.has_nul or one.has_nul

    def _problem(
        self, error: GatewayError | ValueError, at: str | None = None, path: str = ""
    ) -> Problem:
        place = self._now.at if at is None else at
        if isinstance(error, GatewayError):
            return Problem(code=error.code, message=str(error), path=error.path or path, at=place)
        # The canonical model refused a value; what it was may be anybody's name.
        return Problem(
            code="invalid_value", message="a value is too long or not of its kind", at=place
        )


def _refuse_cut_line(record: Line, following: Record, head: Head) -> None:
    """An entry the file breaks off in or behind: the rest of its text would change its key."""
    is_at_end = isinstance(following, Closed) and following.is_last and not following.is_terminated
    if is_at_end and (head.report == MT940 or not record.last.is_ended):
        raise Malformed("the file breaks off here", code="truncated", path=":61:")


def _refuse_cut_balance(one: Field, balance: Balance, following: Record) -> None:
    """A balance at the very end of a file: without all its decimals it may have been cut."""
    is_at_end = isinstance(following, Closed) and following.is_last and not following.is_terminated
    decimals = -int(balance.money.amount.as_tuple().exponent)
    if is_at_end and not one.is_ended and decimals != minor_units(balance.money.currency):
        raise Malformed("the file breaks off here", code="truncated", path=f":{one.tag}:")
