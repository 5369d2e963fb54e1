"""Amounts, directions, indicators and dates as ISO 20022 writes them; each raises by its path."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from functools import lru_cache

from canonical.errors import GatewayError, Malformed, Unsupported
from canonical.values import Direction, Money
from connectors.camt.node import Node
from connectors.kit.decimals import money_of
from connectors.kit.times import date_of, moment_of

_DIRECTIONS = {"CRDT": Direction.CREDIT, "DBIT": Direction.DEBIT}
_INDICATORS = {None: False, "false": False, "0": False, "true": True, "1": True}
_MOST_CHARACTERS = 24
"""The standard allows 18 digits; beyond 24, sums would no longer be exact in Decimal's context."""
_PLAUSIBLE_YEARS = range(1970, 2200)
"""Others (9999-12-31 is a favourite) stand for "unknown" or are mistakes."""
_NO_REFERENCE = frozenset({"NOTPROVIDED", "NOT PROVIDED", "NONREF", "NOTAVAILABLE"})


@dataclass(frozen=True, slots=True)
class Day:
    """A date, and the moment where the report gives one with a zone."""

    date: date
    moment: datetime | None = None

    @property
    def started(self) -> datetime:
        """The moment, or midnight UTC of the date: a date has no zone, so none is invented."""
        return self.moment or datetime.combine(self.date, time(), UTC)


def money_at(node: Node | None, path: str = "Amt") -> Money:
    """An amount with its `Ccy`. Raises Malformed or Unsupported; a sign is refused."""
    if node is None:
        raise Malformed("an amount is missing", code="missing_field", path=path)
    text = node.text.strip()
    if len(text) > _MOST_CHARACTERS:
        raise Malformed("an amount has too many digits", code="bad_amount", path=path)
    try:
        money = money_of(text, node.attributes.get("Ccy"), path)
    except GatewayError as error:
        error.path = error.path or path
        raise
    if money.amount.is_signed() and money.amount:
        raise Malformed("an amount has a sign", code="bad_amount", path=path)
    return money


def direction_at(node: Node, default: Direction | None = None) -> Direction:
    """`CdtDbtInd`, the only thing that says which way money moved. Raises when it is unknown."""
    code = node.value("CdtDbtInd")
    if code is None and default is not None:
        return default
    if code is None:
        raise Malformed("CdtDbtInd is missing", code="missing_direction", path="CdtDbtInd")
    if code not in _DIRECTIONS:
        raise Unsupported(
            f"CdtDbtInd {code[:10]!r} is not known", code="unknown_direction", path="CdtDbtInd"
        )
    return _DIRECTIONS[code]


def signed(money: Money, direction: Direction) -> Decimal:
    """The amount as it changes the account: negative for a debit."""
    return money.amount if direction is Direction.CREDIT else -money.amount


def indicator(node: Node, name: str) -> bool:
    """An xs:boolean child; false when absent. Raises Malformed for anything else."""
    value = node.value(name)
    if value not in _INDICATORS:
        raise Malformed(f"{name} is neither true nor false", code="bad_indicator", path=name)
    return _INDICATORS[value]


def day_at(node: Node, name: str, zone: tzinfo | None) -> Day | None:
    """A `Dt`/`DtTm` choice; None when absent.

    A time without a zone gets the given one, or counts only by its date. Raises Malformed,
    `implausible_date` for years before 1970 or after 2199.
    """
    choice = node.first(name)
    if choice is None:
        return None
    moment = choice.value("DtTm")
    if moment is not None:
        return _plausible(_day_of_moment(moment, f"{name}/DtTm", zone), name)
    day = choice.value("Dt")
    if day is None:
        raise Malformed("a date is missing", code="missing_field", path=name)
    return _day_of(day, name)


def moment_at(node: Node, path: tuple[str, ...], zone: tzinfo | None) -> datetime | None:
    """A moment that only describes; None when absent, unreadable or without a zone."""
    value = node.value(*path)
    try:
        return moment_of(value, zone=zone) if value else None
    except Malformed:
        return None


def reference_at(node: Node, *path: str) -> str | None:
    """A reference; None when absent or one of the words for "none"."""
    value = node.value(*path)
    return None if value is None or value.upper() in _NO_REFERENCE else value


@lru_cache(maxsize=64)
def _day_of(value: str, name: str) -> Day:
    """A date; kept, because a statement has a million entries and a few days."""
    return _plausible(Day(date_of(value, f"{name}/Dt")), name)


def _day_of_moment(value: str, path: str, zone: tzinfo | None) -> Day:
    day = date_of(value[:10], path)
    if day.year not in _PLAUSIBLE_YEARS:
        return Day(day)
    try:
        return Day(day, moment_of(value, path, zone=zone))
    except Malformed as error:
        if error.code != "time_without_zone":
            raise
    return Day(day)


def _plausible(day: Day, name: str) -> Day:
    if day.date.year not in _PLAUSIBLE_YEARS:
        raise Malformed(f"{day.date} is hardly meant", code="implausible_date", path=name)
    return day
