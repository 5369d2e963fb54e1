"""Receipts, newest first, within a budget of time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from store.database import Database
from store.ids import RECEIPT, first_id_at, made_at_s, parse_id, show_id
from store.intake.receipt_list import stretch
from store.records import ReceiptRow

BUDGET_S: Final = 1.0
FILTERS: Final = ("connector", "account", "state", "kind", "transport")
_NEWEST: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptPage:
    """A page of receipts."""

    rows: Sequence[ReceiptRow]
    next: str | None
    back_to: datetime | None
    """How far back it was looked, when the time was up."""


async def list_receipts(
    database: Database,
    filters: Mapping[str, str],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    after: str | None = None,
    limit: int = 50,
    clock: Callable[[], float] = time.monotonic,
) -> ReceiptPage:
    """A page of those that fit. Raises Malformed for a bad mark, Unavailable."""
    end = clock() + BUDGET_S
    floor = 0 if since is None else first_id_at(since)
    before: int | None = _NEWEST if after is None else parse_id(RECEIPT, after)
    if until is not None and before is not None:
        before = min(before, first_id_at(until))
    rows: list[ReceiptRow] = []
    while before is not None and len(rows) <= limit and (not rows or clock() < end):
        look = partial(
            stretch, before=before, floor=floor, filters=filters, limit=limit + 1 - len(rows)
        )
        found = await database.read(look)
        rows += found.rows
        before = found.lowest
        if clock() >= end:
            break
    if len(rows) > limit:
        return ReceiptPage(
            rows=rows[:limit], next=show_id(RECEIPT, rows[limit - 1].receipt_id), back_to=None
        )
    if before is None:
        return ReceiptPage(rows=rows, next=None, back_to=None)
    return ReceiptPage(
        rows=rows,
        next=show_id(RECEIPT, before),
        back_to=datetime.fromtimestamp(made_at_s(before), UTC),
    )
