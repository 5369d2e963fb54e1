"""How X12 writes amounts, dates, times and identifiers; shared by all transaction sets.

Paths name segments and elements as the standard does: `PO1[2]/PO104`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cached_property

from canonical.currencies import MINOR_UNITS
from canonical.errors import GatewayError, Malformed, Unsupported
from canonical.keys import Key, Version
from canonical.message import Item, Problem
from canonical.values import Identifier, Money, Quantity
from connectors.kit.decimals import decimal_of, money_of
from connectors.kit.x12 import Segment, TransactionSet
from connectors.x12.settings import Settings
from connectors.x12.zones import zone_of

_DATE = re.compile(r"(?:[0-9]{2})?[0-9]{6}", re.ASCII)
_TIME = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{2})?([0-9]{1,2})?", re.ASCII)
_CENTS = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_MAX_IDENTIFIER = 400


@dataclass(frozen=True)
class Document:
    """One transaction set with what its account knows about it."""

    whole: TransactionSet
    account: str
    settings: Settings
    place: str = ""
    """The archive member it is in, with `!`; else empty."""

    @property
    def segments(self) -> tuple[Segment, ...]:
        return self.whole.segments

    @property
    def sender(self) -> str:
        """Who speaks: ISA06, or GS02 where that is empty."""
        group = self.whole.group
        return self.whole.interchange.sender or (group.header.get(2) if group else "")

    @property
    def at(self) -> str:
        return self.place + self.whole.at

    @property
    def sent_on(self) -> date | None:
        """GS04, the day the group was made."""
        group = self.whole.group
        try:
            return date_in(group.header, 4) if group else None
        except Malformed:
            return None

    @property
    def version(self) -> Version | None:
        """GS04 and GS05 as a version: the order in which a sender told its states."""
        group, day = self.whole.group, self.sent_on
        if group is None or day is None:
            return None
        clock = group.header.get(5)
        digits = clock if clock.isascii() and clock.isdigit() else ""
        return Version.number(int(day.isoformat().replace("-", "") + digits[:8].ljust(8, "0")))

    def key(self, fact: str, *parts: str) -> Key:
        """A key of this sender's fact."""
        return Key.of(fact, "x12", self.account, self.sender, *parts)

    def chain(self, what: str, number: str) -> str:
        """The correlation, e.g. of an order: shared by all who name it, not the sender's own."""
        return f"x12/{self.account}/{what}/{number}"

    def first(self, tag: str) -> Segment | None:
        return next((one for one in self.segments if one.tag == tag), None)

    def required(self, tag: str) -> Segment:
        """The first such segment. Raises Malformed (`missing_segment`)."""
        found = self.first(tag)
        if found is None:
            raise Malformed(f"there is no {tag}", code="missing_segment", path=tag)
        return found

    @cached_property
    def currency(self) -> str | None:
        """CUR02, or the account's option: never assumed. Raises Unsupported for an unknown one."""
        segment = self.first("CUR")
        if segment is None or not segment.get(2):
            return self.settings.currency
        code = segment.get(2).upper() if segment.get(2).isascii() else segment.get(2)
        if code not in MINOR_UNITS:
            raise Unsupported(
                f"currency {code[:10]!r} is not an ISO 4217 code",
                code="unknown_currency",
                path=path_of(segment, 2),
            )
        return code

    def money(self, segment: Segment, position: int) -> Money | None:
        """An amount with its decimal point (type R). Raises Malformed, also without a currency."""
        if not segment.get(position):
            return None
        return money_of(segment.get(position), self.currency, path_of(segment, position))

    def cents(self, segment: Segment, position: int) -> Money | None:
        """An amount of type N2: digits of which the last two are decimals, in any currency."""
        if not segment.get(position):
            return None
        path = path_of(segment, position)
        if not _CENTS.fullmatch(segment.get(position)):
            shown = segment.get(position)[:40]
            raise Malformed(f"{shown!r} is not an amount of type N2", code="bad_amount", path=path)
        return money_of(shifted(Decimal(segment.get(position)), -2), self.currency, path)

    def start_of(self, day: date) -> datetime:
        """The beginning of a day in the account's zone; in UTC where it names none."""
        return datetime.combine(day, time(), self.settings.zone or UTC)

    def moment(
        self, segment: Segment, day: int, clock: int | None = None, code: int | None = None
    ) -> datetime | None:
        """The moment in up to three elements; without a known zone only its day counts."""
        if not segment.get(day):
            return None
        start = self.start_of(date_in(segment, day))
        if clock is None or not segment.get(clock):
            return start
        zone = self.settings.zone
        if code is not None:
            zone = zone_of(element(segment, code), zone, path_of(segment, code))
        return datetime.combine(start.date(), time_in(segment, clock), zone) if zone else start

    def digest(self) -> str:
        """What the set says, whatever envelope it came in."""
        told = "\x1e".join("\x1f".join((one.tag, *one.elements)) for one in self.segments)
        return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def shifted(amount: Decimal, places: int) -> Decimal:
    """The amount times ten to a power, exactly (`scaleb` rounds to the context's 28 digits)."""
    sign, digits, exponent = amount.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - amounts are finite
    return Decimal((sign, digits, exponent + places))


def path_of(segment: Segment, position: int) -> str:
    """The path of an element, e.g. `PO1[2]/PO104`."""
    return f"{segment.at}/{segment.tag}{position:02}"


def element(segment: Segment | None, position: int) -> str | None:
    """The element's text; None where it is empty."""
    return (segment.get(position) or None) if segment else None


def required_element(segment: Segment, position: int) -> str:
    """The element's text. Raises Malformed (`missing_field`)."""
    value = segment.get(position)
    if not value:
        path = path_of(segment, position)
        raise Malformed("a required element is empty", code="missing_field", path=path)
    return value


def unmapped(segment: Segment, position: int) -> Unsupported:
    """The error for a code that carries the meaning and is not known."""
    shown = segment.get(position)[:40]
    return Unsupported(
        f"code {shown!r} is not known here", code="unmapped_code", path=path_of(segment, position)
    )


def decimal_in(segment: Segment, position: int) -> Decimal:
    """A number of type R. Raises Malformed."""
    return decimal_of(required_element(segment, position), path_of(segment, position))


def quantity_in(segment: Segment, position: int, unit: int) -> Quantity:
    """A quantity with its unit in another element. Raises Malformed (`missing_unit`)."""
    if not segment.get(unit):
        path = path_of(segment, unit)
        raise Malformed("a quantity has no unit", code="missing_unit", path=path)
    return Quantity(value=decimal_in(segment, position), unit=segment.get(unit))


def date_in(segment: Segment, position: int) -> date:
    """A date, CCYYMMDD or (before version 004010) YYMMDD, of which 70 … 99 are of the 1900s.

    Raises Malformed (`bad_date`, `missing_field`).
    """
    text = required_element(segment, position)
    full = text if len(text) == 8 else ("19" if text[:2] >= "70" else "20") + text
    try:
        if _DATE.fullmatch(text):
            day = date(int(full[:4]), int(full[4:6]), int(full[6:]))
            if 1 < day.year < 9999:
                return day
    except ValueError:
        pass
    raise Malformed(
        f"{text[:40]!r} is not a date", code="bad_date", path=path_of(segment, position)
    )


def optional_date(segment: Segment | None, position: int) -> date | None:
    """Like `date_in`; None where there is none."""
    return date_in(segment, position) if segment and segment.get(position) else None


def time_in(segment: Segment, position: int) -> time:
    """A time of day, HHMM, HHMMSS or with decimals of the second. Raises Malformed."""
    text = required_element(segment, position)
    match = _TIME.fullmatch(text)
    try:
        if match:
            hours, minutes, seconds, parts = match.groups(default="0")
            return time(int(hours), int(minutes), int(seconds), int(parts.ljust(6, "0")))
    except ValueError:
        pass
    raise Malformed(
        f"{text[:40]!r} is not a time", code="bad_time", path=path_of(segment, position)
    )


def loops(
    segments: Iterable[Segment], start: str, summary: frozenset[str] = frozenset()
) -> tuple[list[Segment], list[list[Segment]], list[Segment]]:
    """Header, loops that begin with `start`, and what follows from a summary segment on."""
    header: list[Segment] = []
    found: list[list[Segment]] = []
    rest: list[Segment] = []
    for segment in segments:
        if rest or (segment.tag in summary and found):
            rest.append(segment)
        elif segment.tag == start:
            found.append([segment])
        else:
            (found[-1] if found else header).append(segment)
    return header, found, rest


def of_tag(segments: Iterable[Segment], tag: str) -> Iterator[Segment]:
    """The segments of one tag."""
    return (segment for segment in segments if segment.tag == tag)


def qualified(segments: Iterable[Segment], tag: str, *qualifiers: str) -> Segment | None:
    """The first segment of a tag whose first element is the first qualifier that occurs."""
    there = [one for one in segments if one.tag == tag]
    return next((one for code in qualifiers for one in there if one.get(1) == code), None)


def identifier(scheme: str, value: str | None) -> tuple[Identifier, ...]:
    """An identifier, or none: for a missing value, and for one too long to be one."""
    if not value or len(value) > _MAX_IDENTIFIER or len(scheme) > 70:
        return ()
    return (Identifier(scheme=scheme, value=value),)


def references(
    segments: Iterable[Segment], *named: tuple[str, str | None]
) -> tuple[Identifier, ...]:
    """Named numbers, then those in REF, N9 and L11 by their qualifier, each once.

    Qualifiers of people and of free text are left out.
    """
    found: dict[Identifier, None] = {}
    for scheme, value in named:
        found.update(dict.fromkeys(identifier(f"x12:{scheme}", value)))
    for segment in segments:
        code, value = _reference_in(segment)
        if code and code not in _PERSONAL:
            found.update(dict.fromkeys(identifier(f"x12:{code}", value)))
    return tuple(found)


_PERSONAL = frozenset({"SY", "34", "EI", "TJ", "AP", "RT", "11", "12", "ZZ", "L1", "AH", "ACD"})
"""Tax and social security numbers, bank accounts, account numbers, free text."""


def _reference_in(segment: Segment) -> tuple[str, str]:
    if segment.tag in ("REF", "N9"):
        return segment.get(1), segment.get(2)
    if segment.tag == "L11":
        return segment.get(2), segment.get(1)
    return "", ""


def order_number(number: str | None, release: str | None) -> str | None:
    """A purchase order number; a release against a blanket order is an order of its own."""
    return f"{number}-{release}" if number and release else number


def order_references(number: str | None, release: str | None) -> tuple[tuple[str, str | None], ...]:
    """For `references`: the purchase order, and the order that a release against it is."""
    return ("PO", number), ("order", order_number(number, release) if release else None)


def attempt(at: str, translated: Callable[[], Sequence[Item]]) -> Sequence[Item]:
    """The items of one record, or its Problem."""
    try:
        return translated()
    except GatewayError as error:
        return (Problem(code=error.code, message=str(error), path=error.path, at=at),)
    except ValueError:
        # The canonical model refused a value; what it was may be anybody's name.
        message = "a value is too long or not of its kind"
        return (Problem(code="invalid_value", message=message, at=at),)
