"""What a report is, and what all of them reckon with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, Select, func
from sqlalchemy import Row as Found

from store.times import micros, moment

Kind = Literal["text", "money", "number", "share", "time", "days"]
Cell = str | int | Decimal | datetime | None
Row = tuple[Cell, ...]

MOST_ROWS: Final = 1000
"""So many rows a report lists; it counts and sums all."""
A_PAGE: Final = 2000
DAY_MICROS: Final = 86_400_000_000
EXACT: Final = Context(prec=60)
"""Sums of amounts are exact; only quotients are rounded."""
ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `money` is a Decimal in the currency its row names, `share` one between 0 and 1,
    `time` an aware moment, `days` and `number` whole or with decimals."""

    name: str
    title: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that sums a report up; `unit` is a currency or a unit of time."""

    title: str
    value: Decimal | int | None
    kind: Kind = "number"
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """The whole by its parts, in a few rows."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    bar: str = ""
    """The column, a share, that is drawn as a bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Whole numbers by day (UTC), without gaps."""

    labels: tuple[str, ...]
    days: tuple[date, ...]
    values: tuple[tuple[int, ...], ...]
    """One tuple a label, one number a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """An answer to one question, as of `at`."""

    name: str
    title: str
    about: str
    """What it says, and by which formula."""
    at: datetime
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    count: int
    """All rows there are; `rows` are the first of them."""
    summary: tuple[Figure, ...]
    """The headline first; where it is by currency, all of one title."""
    breakdowns: tuple[Breakdown, ...] = ()
    series: Series | None = None
    domain: str = ""
    """Whose records the column `record` names."""

    @property
    def headline(self) -> tuple[Figure, ...]:
        """The figures of the first title."""
        return tuple(one for one in self.summary if one.title == self.summary[0].title)


def read(connection: Connection, statement: Select[Any]) -> Iterator[Found[Any]]:
    """The rows of a select, a page at a time in memory."""
    return iter(connection.execute(statement.execution_options(yield_per=A_PAGE)))


def positive(column: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether plain digits say more than nought, without reckoning with them in SQL."""
    return (func.trim(column, "0.") != "") & ~column.startswith("-")


def day_number(column: ColumnElement[int]) -> ColumnElement[int]:
    """The day of a time, counted from 1970, in UTC."""
    return column // DAY_MICROS


def today(now: datetime) -> date:
    """The day it is, in UTC."""
    return now.astimezone(UTC).date()


def last_days(now: datetime, days: int) -> tuple[date, ...]:
    """So many days that end with today."""
    end = today(now)
    return tuple(end - timedelta(days=back) for back in reversed(range(days)))


def starts(days: tuple[date, ...]) -> int:
    """When the first of these days begins, in microseconds."""
    return micros(datetime(days[0].year, days[0].month, days[0].day, tzinfo=UTC))


def by_day(
    labels: tuple[str, ...], days: tuple[date, ...], found: Mapping[int, tuple[int, ...]]
) -> Series:
    """A series of counts by `day_number`; a day that is not there has none."""
    first = starts(days) // DAY_MICROS
    nothing = (0,) * len(labels)
    rows = [found.get(first + place, nothing) for place in range(len(days))]
    values = tuple(tuple(row[at] for row in rows) for at in range(len(labels)))
    return Series(labels=labels, days=days, values=values)


def age_days(since: datetime, now: datetime) -> int:
    """Whole days; what is in the future has none."""
    return max((now - since).days, 0)


def moment_at(value: int | None) -> datetime | None:
    """A stored time, where there is one."""
    return None if value is None else moment(value)


def share(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    """A part of the whole to four places; None of nothing."""
    return quotient(Decimal(part), Decimal(whole), "0.0001")


def quotient(part: Decimal, whole: Decimal, least: str) -> Decimal | None:
    """A division, rounded half even to `least`; None by nothing."""
    if not whole:
        return None
    return EXACT.quantize(EXACT.divide(part, whole), Decimal(least))


def plus(one: Decimal, other: Decimal) -> Decimal:
    """An exact sum."""
    return EXACT.add(one, other)


class Sums(dict[str, Decimal]):
    """Exact sums by name."""

    def __missing__(self, _name: str) -> Decimal:
        return ZERO

    def add(self, name: str, amount: Decimal) -> None:
        """Add to one of them."""
        self[name] = plus(self[name], amount)


def in_currencies(title: str, sums: Mapping[str, Decimal]) -> tuple[Figure, ...]:
    """A figure for each currency, by name; a plain nought where there is none."""
    found = tuple(Figure(title, sums[one], "money", one) for one in sorted(sums))
    return found or (Figure(title, ZERO, "money"),)
