"""From fields to records: a message's head, its entries with their information, its balances."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from connectors.mt940.fields import BALANCES, END, ENVELOPE, HEAD, INFORMATION, SUMS, Field

MT940 = "mt940"
MT942 = "mt942"
_AFTER_ENTRIES = frozenset({"13", "13B", "13D"})


@dataclass(slots=True)
class Opened:
    """A message starts: what stands before its first balance or entry."""

    fields: dict[str, Field] = field(default_factory=dict)
    message_type: str | None = None
    """`940` … from the envelope."""

    @property
    def is_interim(self) -> bool:
        """An MT942, by its envelope or else by the floor limit that only these have."""
        if self.message_type is not None:
            return self.message_type == "942"
        return "34F" in self.fields

    @property
    def is_in_doubt(self) -> bool:
        """It starts inside the text of an entry whose statement was not closed."""
        return "20" in self.fields and self.fields["20"].is_in_statement


@dataclass(slots=True)
class Line:
    """A `:61:` with the information that follows it."""

    entry: Field
    information: list[Field] = field(default_factory=list)
    is_in_doubt: bool = False
    """It may be a payer's text that was wrapped, and no figures tell."""

    @property
    def last(self) -> Field:
        """The field in which the record ends."""
        return self.information[-1] if self.information else self.entry

    @property
    def has_mixed_text(self) -> bool:
        """Information goes on behind a line like an entry: it may be another entry's."""
        return any(one.has_entry_like_text for one in self.information[:-1])


@dataclass(frozen=True, slots=True)
class Figure:
    """A balance, or a sum of `:90C:` or `:90D:`."""

    field: Field


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A field that does not belong where it stands."""

    field: Field


@dataclass(frozen=True, slots=True)
class Closed:
    """A message ends."""

    is_terminated: bool
    """By an end of message, or by another message behind it."""
    is_last: bool
    """The file ends, too."""


Record = Opened | Line | Figure | Misplaced | Closed


def records(fields: Iterator[Field]) -> Iterator[Record]:
    """The records of all messages; each message is Opened first and Closed last."""
    grouping = _Grouping()
    for one in fields:
        done = grouping.take(one)
        if done:
            yield from done
    yield from grouping.close(is_last=True)


class _Grouping:
    def __init__(self) -> None:
        self._head: Opened | None = None
        """The head as long as it is being collected."""
        self._line: Line | None = None
        self._is_open = False
        self._is_terminated = False
        self._is_closed = False
        self._type: str | None = None

    def take(self, one: Field) -> Sequence[Record]:
        """What a field completes."""
        tag = one.tag
        if tag in INFORMATION:
            # Information of the statement as a whole is nobody's remittance.
            if self._line is not None:
                self._line.information.append(one)
        elif tag == END:
            self._is_terminated = True
        elif tag == ENVELOPE:
            done = self.close()
            self._type = one.lines[0].decode("ascii") if one.lines else None
            return done
        elif tag in HEAD:
            return self._head_field(one)
        else:
            return self._body_field(one)
        return ()

    def close(self, *, is_last: bool = False) -> list[Record]:
        """What is still open, and the end of the message."""
        done = self._finished()
        if self._is_open:
            done.append(Closed(is_terminated=self._is_terminated or not is_last, is_last=is_last))
        self._is_open = self._is_terminated = self._is_closed = False
        self._type = None
        return done

    def _head_field(self, one: Field) -> list[Record]:
        done: list[Record] = []
        starts = one.tag == "20" or (self._is_terminated and one.tag[:2] in {"21", "25"})
        if starts and self._is_open:
            known = None if self._is_terminated else self._type
            done = self.close()
            self._type = known
        if not self._is_open:
            self._is_open = True
            self._head = Opened(message_type=self._type)
        if self._head is not None:
            self._head.fields.setdefault(one.tag, one)
        elif one.tag not in _AFTER_ENTRIES:
            done += [*self._finished(), Misplaced(one)]
        return done

    def _body_field(self, one: Field) -> list[Record]:
        if not self._is_open:
            self._is_open = True
            self._head = Opened(message_type=self._type)
        done = self._finished()
        self._is_terminated = False
        self._is_closed = self._is_closed or one.tag.startswith("62")
        if one.tag == "61" and self._is_closed:
            done.append(Misplaced(one))
        elif one.tag == "61":
            self._line = Line(one)
        elif one.tag in BALANCES or one.tag in SUMS:
            done.append(Figure(one))
        return done

    def _finished(self) -> list[Record]:
        """The head or the entry that is being collected, which is complete now."""
        done: list[Record] = [one for one in (self._head, self._line) if one is not None]
        self._head = self._line = None
        return done
