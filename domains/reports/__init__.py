"""Reports: questions of business, answered by SQL over the domains' typed tables.

A report is a module with NAME, TITLE, ABOUT and `report(connection, now)`; a new one is added to
REPORTS.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from canonical.errors import Unsupported
from domains.reports import (
    ar_ageing,
    auto_reconciled,
    delivery,
    dso,
    invoicing,
    open_exceptions,
    order_backlog,
    shipped_not_invoiced,
    unapplied_cash,
)
from domains.reports.report import Report

_MODULES: Final = (
    shipped_not_invoiced,
    ar_ageing,
    unapplied_cash,
    open_exceptions,
    delivery,
    dso,
    auto_reconciled,
    order_backlog,
    invoicing,
)
REPORTS: Final[dict[str, Callable[[Connection, datetime], Report]]] = {
    one.NAME: one.report for one in _MODULES
}


def make_report(connection: Connection, name: str, now: datetime) -> Report:
    """One report, as of `now`. Raises Unsupported (`unknown_report`)."""
    if name not in REPORTS:
        raise Unsupported(f"there is no such report; {', '.join(REPORTS)}", code="unknown_report")
    return REPORTS[name](connection, now)
