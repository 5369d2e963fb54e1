"""The order backlog: what is ordered and has neither shipped nor been cancelled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy import Row as Found

from domains.order.tables import order_lines, order_orders
from domains.reports.report import (
    MOST_ROWS,
    ZERO,
    Column,
    Figure,
    Report,
    Row,
    age_days,
    plus,
    positive,
    read,
)
from store.times import moment

NAME: Final = "order-backlog"
TITLE: Final = "Order backlog"
ABOUT: Final = (
    "Order lines with an open quantity (ordered, not shipped, not cancelled) by channel, account"
    " and unit; back-ordered is what of it was reported to wait. Test orders and rejected ones are"
    " left out. An order with lines in two units is in two rows; the figures above count it once."
)
COLUMNS: Final = (
    Column("channel", "Channel"),
    Column("account", "Account"),
    Column("unit", "Unit"),
    Column("orders", "Orders", "number"),
    Column("lines", "Lines", "number"),
    Column("quantity", "Open quantity", "number"),
    Column("back_orders", "Back orders", "number"),
    Column("back_lines", "Back-ordered lines", "number"),
    Column("back_quantity", "Back-ordered quantity", "number"),
    Column("held", "On credit hold", "number"),
    Column("oldest", "Oldest, days", "days"),
)


@dataclass(slots=True)
class _Group:
    """One row, or all of them."""

    orders: int = 0
    lines: int = 0
    quantity: Decimal = ZERO
    back_orders: int = 0
    back_lines: int = 0
    back_quantity: Decimal = ZERO
    held: int = 0
    placed_at: int | None = None

    def add(self, order: list[Found[Any]]) -> None:
        """Add lines of one order."""
        waiting = [Decimal(one.back_ordered) for one in order if Decimal(one.back_ordered) > 0]
        self.orders += 1
        self.lines += len(order)
        self.quantity = _total((Decimal(one.open) for one in order), self.quantity)
        self.back_orders += bool(waiting)
        self.back_lines += len(waiting)
        self.back_quantity = _total(waiting, self.back_quantity)
        self.held += order[0].credit == "HELD"
        placed = order[0].placed_at
        if placed is not None and (self.placed_at is None or placed < self.placed_at):
            self.placed_at = placed

    def oldest(self, now: datetime) -> int | None:
        """Days since the first of the orders was placed."""
        return None if self.placed_at is None else age_days(moment(self.placed_at), now)


def _total(amounts: Iterable[Decimal], start: Decimal) -> Decimal:
    for one in amounts:
        start = plus(start, one)
    return start


def report(connection: Connection, now: datetime) -> Report:
    """By channel, account and unit, the most orders first."""
    groups: dict[tuple[str, str, str], _Group] = {}
    whole = _Group()
    for _, found in groupby(_lines(connection), key=lambda one: one.record_key):
        order = list(found)
        whole.add(order)
        for unit in sorted({one.unit for one in order}):
            name = (order[0].channel, order[0].account, unit)
            groups.setdefault(name, _Group()).add([one for one in order if one.unit == unit])
    names = sorted(groups, key=lambda one: (-groups[one].orders, one))
    rows = tuple(_row(name, groups[name], now) for name in names)
    return Report(
        name=NAME,
        title=TITLE,
        about=ABOUT,
        at=now,
        columns=COLUMNS,
        rows=rows[:MOST_ROWS],
        count=len(rows),
        summary=(
            Figure("Open orders", whole.orders),
            Figure("Open lines", whole.lines),
            Figure("Back orders", whole.back_orders),
            Figure("On credit hold", whole.held),
            Figure("Oldest", whole.oldest(now), "days", "days"),
        ),
    )


def _lines(connection: Connection) -> Iterable[Found[Any]]:
    order, line = order_orders.c, order_lines.c
    statement = (
        select(
            order.record_key,
            order.channel,
            order.account,
            order.credit,
            order.placed_at,
            line.unit,
            line.open,
            line.back_ordered,
        )
        .join(order_lines, line.record_key == order.record_key)
        .where(
            order.closure == "OPEN",
            order.approval != "REJECTED",
            order.test == 0,
            positive(line.open),
        )
        .order_by(order.record_key)
    )
    return read(connection, statement)


def _row(name: tuple[str, str, str], one: _Group, now: datetime) -> Row:
    return (
        *name,
        one.orders,
        one.lines,
        one.quantity,
        one.back_orders,
        one.back_lines,
        one.back_quantity,
        one.held,
        one.oldest(now),
    )
