"""Reports as people and programs get them: made once a minute, as JSON, as CSV, in words."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from domains.reports import REPORTS, make_report
from domains.reports.report import Breakdown, Cell, Column, Figure, Report, Row, Series
from store.database import Database
from workbench.showing import time_text

KEPT: Final = timedelta(minutes=1)
NAMES: Final = tuple(REPORTS)
_NUMERIC: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_THIN: Final = "\u202f"
NOTHING: Final = "–"


class Shelf:
    """Reports that were made within the last minute, for all who ask."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._made: dict[str, Report] = {}
        self._making: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def report(self, name: str) -> Report:
        """One report, at most a minute old. Raises Unsupported (`unknown_report`), Unavailable."""
        if name not in REPORTS:
            return await make(self._database, name, self._now())
        async with self._making[name]:
            now, kept = self._now(), self._made.get(name)
            if kept is not None and timedelta(0) <= now - kept.at < KEPT:
                return kept
            self._made[name] = await make(self._database, name, now)
            return self._made[name]

    async def all(self) -> list[Report]:
        """Every report."""
        return [await self.report(name) for name in NAMES]


async def make(database: Database, name: str, now: datetime) -> Report:
    """One report as of now. Raises Unsupported (`unknown_report`), Unavailable."""
    return await database.read(lambda connection: make_report(connection, name, now))


def report_document(report: Report) -> dict[str, Any]:
    """A report as JSON: amounts, shares and quantities are texts in plain digits."""
    return {
        **headline_document(report),
        "columns": _columns(report.columns),
        "rows": _rows(report.columns, report.rows),
        "count": report.count,
        "summary": [_figure(one) for one in report.summary],
        "breakdowns": [_breakdown(one) for one in report.breakdowns],
        "series": _series(report.series) if report.series else None,
    }


def headline_document(report: Report) -> dict[str, Any]:
    """What a list says of a report."""
    return {
        "name": report.name,
        "title": report.title,
        "about": report.about,
        "at": time_text(report.at),
        "headline": [_figure(one) for one in report.headline],
    }


def _breakdown(one: Breakdown) -> dict[str, Any]:
    return {
        "title": one.title,
        "columns": _columns(one.columns),
        "rows": _rows(one.columns, one.rows),
    }


def _columns(columns: Iterable[Column]) -> list[dict[str, str]]:
    return [{"name": one.name, "title": one.title, "kind": one.kind} for one in columns]


def _rows(columns: Sequence[Column], rows: Iterable[Row]) -> list[dict[str, Any]]:
    names = [one.name for one in columns]
    return [dict(zip(names, map(_value, row), strict=True)) for row in rows]


def _value(cell: Cell) -> str | int | None:
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    return time_text(cell) if isinstance(cell, datetime) else cell


def _figure(one: Figure) -> dict[str, Any]:
    return {"title": one.title, "value": _value(one.value), "kind": one.kind, "unit": one.unit}


def _series(series: Series) -> dict[str, Any]:
    return {
        "labels": list(series.labels),
        "days": [one.isoformat() for one in series.days],
        "values": [list(one) for one in series.values],
    }


def csv_text(report: Report) -> str:
    """The rows as CSV (RFC 4180): a header of column names, plain digits, times as RFC 3339.

    A spreadsheet would run a text that begins like a formula: it gets an apostrophe before it.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([one.name for one in report.columns])
    writer.writerows([_csv_cell(cell) for cell in row] for row in report.rows)
    return out.getvalue()


def _csv_cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return tame(cell)
    value = _value(cell)
    return "" if value is None else str(value)


def tame(text: str) -> str:
    """A text no spreadsheet takes for a formula; a number stays one."""
    if _NUMERIC.fullmatch(text):
        return text
    begins = text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA)
    return f"'{text}" if begins else text


def headline_text(report: Report) -> str:
    """The headline in one line: `Open 1 200.00 EUR, 35.00 USD`."""
    return f"{report.headline[0].title} {', '.join(map(figure_text, report.headline))}"


def figure_text(one: Figure) -> str:
    """A figure as people read it, with its unit."""
    shown = cell_text(one.value, one.kind)
    # A share is of something in its currency; it is no amount of it.
    separator = ", " if one.kind == "share" else " "
    return f"{shown}{separator}{one.unit}" if one.unit and one.value is not None else shown


def cell_text(cell: Cell, kind: str) -> str:
    """A value as people read it: thin spaces between thousands, shares in percent."""
    if cell is None or cell == "":
        return NOTHING
    if kind == "share" and isinstance(cell, Decimal):
        return f"{cell * 100:.1f}{_THIN}%"
    if isinstance(cell, datetime):
        return time_text(cell)
    if isinstance(cell, str):
        return cell
    return f"{cell:,f}".replace(",", _THIN) if isinstance(cell, Decimal) else _grouped(cell)


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", _THIN)


def plotted(series: Series) -> list[list[int]]:
    """A series as uPlot takes it; a day is at its noon, so that most zones call it that day."""
    first = series.days[0].toordinal() - _EPOCH_DAY
    noons = [(first + place) * 86_400 + 43_200 for place in range(len(series.days))]
    return [noons, *(list(one) for one in series.values)]


_EPOCH_DAY: Final = datetime(1970, 1, 1).toordinal()  # noqa: DTZ001 - a day, no moment
