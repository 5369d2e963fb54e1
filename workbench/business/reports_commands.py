"""`gateway report` and `gateway export`: what they print."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from rich.table import Table
from rich.text import Text

from domains.reports.report import Column, Report, Row
from domains.warehouse import export
from store.database import Database
from workbench.business.reports import (
    NAMES,
    cell_text,
    csv_text,
    figure_text,
    headline_document,
    headline_text,
    make,
    report_document,
)
from workbench.showing import console, harmless

Form = Literal["text", "json", "csv"]
SHOWN: Final = 40
"""Rows a terminal gets; JSON and CSV have all of a report's."""


async def print_reports(store: Database, form: Form) -> None:
    """Every report with its headline."""
    now = datetime.now(UTC)
    made = [await make(store, name, now) for name in NAMES]
    if form == "json":
        print(json.dumps([headline_document(one) for one in made], indent=2, ensure_ascii=True))
        return
    table = Table("name", "report", "headline")
    for one in made:
        table.add_row(one.name, one.title, _plain(headline_text(one)))
    console().print(table)


async def print_report(store: Database, name: str, form: Form) -> None:
    """One report. Raises Unsupported (`unknown_report`)."""
    report = await make(store, name, datetime.now(UTC))
    if form == "json":
        print(json.dumps(report_document(report), indent=2, ensure_ascii=True))
    elif form == "csv":
        # It has its own ends of lines.
        sys.stdout.write(csv_text(report))
    else:
        _show(report)


def _show(report: Report) -> None:
    print(f"{report.title}\n{report.about}\n")
    for figure in report.summary:
        print(harmless(f"{figure.title}: {figure_text(figure)}"))
    for one in report.breakdowns:
        console().print(_table(one.title, one.columns, one.rows))
    if report.rows:
        console().print(_table("", report.columns, report.rows[:SHOWN]))
    if report.count > SHOWN:
        print(f"{SHOWN} of {report.count} rows; --csv and --json have {len(report.rows)}")


def _table(title: str, columns: Sequence[Column], rows: Iterable[Row]) -> Table:
    shown = [place for place, one in enumerate(columns) if one.name != "record"]
    table = Table(title=title or None, title_justify="left")
    for place in shown:
        is_text = columns[place].kind in {"text", "time"}
        table.add_column(columns[place].title, justify="left" if is_text else "right")
    for row in rows:
        table.add_row(*(_plain(cell_text(row[place], columns[place].kind)) for place in shown))
    return table


def _plain(text: str) -> Text:
    """Foreign text as it is: brackets in it are no markup of the table."""
    return Text(harmless(text))


async def export_tables(store: Database, folder: Path) -> None:
    """Write the Parquet files and say which. Raises Malformed, Unavailable, Unsupported."""
    for one in await export(store, folder):
        print(f"{one.path}: {one.rows} rows")
