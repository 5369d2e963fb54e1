"""Says what came of the morning: counts, streams, one order's chain, what is open, the audit."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.table import Table

from domains.exceptions.listing import Wanted, list_exceptions
from routing.router import FAMILY_STREAM
from routing.streams import Publisher
from store.finding import audit
from store.finding.audit import BalanceRow
from transports.running import OpenedHub
from workbench.finding.chain_steps import chain_lines
from workbench.finding.tracing import find_trace

CONNECTORS: Final = ("shopify", "shipbob", "easypost", "ubl", "stripe", "camt", "chain")
TRACED: Final = "#1001"
SHOWN: Final = 2
"""Messages shown of each stream."""
QUIET_LOOKS: Final = 4
LOOK_S: Final = 0.3


async def quiet(hub: OpenedHub) -> None:
    """Wait until all is published, and the domains have nothing more to say."""
    before, looks = -1, 0
    async with asyncio.timeout(60):
        while looks < QUIET_LOOKS:
            await hub.pipeline.settle()
            waiting, published = await _on_the_streams(hub.publisher)
            looks = looks + 1 if not waiting and published == before else 0
            before = published
            await asyncio.sleep(LOOK_S)


async def _on_the_streams(publisher: Publisher) -> tuple[int, int]:
    """How many messages the domains have not handled, and how many there are."""
    waiting = published = 0
    for stream in FAMILY_STREAM.values():
        published += await publisher.redis.xlen(stream)
        groups = await publisher.lag(stream)
        waiting += sum((one.behind or 0) + one.pending for one in groups)
    return waiting, published


async def report(out: Console, hub: OpenedHub, answers: Counter[int]) -> bool:
    """Print all of it; whether the audit balances."""
    rows = await hub.database.read(audit.balance)
    _show_counts(out, rows)
    out.print(f"refused at the door: {answers[401]}\n")
    await _show_streams(out, hub.publisher)
    await _show_chain(out, hub)
    await _show_exceptions(out, hub)
    balanced = all(row.balanced for row in rows)
    out.print(
        "[green]The audit balances:[/] nothing accepted was lost, nothing was doubled."
        if balanced
        else "[red]The audit does not balance.[/]"
    )
    return balanced


def _show_counts(out: Console, rows: list[BalanceRow]) -> None:
    table = Table("", *CONNECTORS, "all", title="What came of it", title_justify="left")
    for title, column in _COLUMNS:
        counts = {row.connector: column(row) for row in rows}
        cells = (str(counts.get(name, 0)) for name in CONNECTORS)
        table.add_row(title, *cells, str(sum(counts.values())))
    out.print(table)


_COLUMNS: tuple[tuple[str, Callable[[BalanceRow], int]], ...] = (
    ("received", lambda row: row.accepted),
    ("  redelivered", lambda row: row.receipts.get("redelivered", 0)),
    ("  unreadable (dead)", lambda row: row.receipts.get("dead", 0)),
    ("  ignored", lambda row: row.receipts.get("ignored", 0)),
    ("messages", lambda row: row.translated),
    ("  new (published)", lambda row: row.messages.get("published", 0)),
    ("  duplicate", lambda row: row.messages.get("duplicate", 0)),
    ("  stale", lambda row: row.messages.get("stale", 0)),
    ("  conflict", lambda row: row.messages.get("conflict", 0)),
    ("  dead", lambda row: row.messages.get("dead", 0)),
)


async def _show_streams(out: Console, publisher: Publisher) -> None:
    for stream in FAMILY_STREAM.values():
        shown = []
        total = 0
        async for _, envelope in publisher.tail(stream, start="0", follow=False):
            total += 1
            if total <= SHOWN:
                shown.append(f"  {envelope.type}  {envelope.subject}")
        out.print(f"[bold]{stream}[/]: {total} messages")
        for line in shown:
            out.print(line, markup=False, highlight=False)
        if total > SHOWN:
            out.print(f"  … and {total - SHOWN} more", highlight=False)
    out.print()


async def _show_chain(out: Console, hub: OpenedHub) -> None:
    """One order from its placing to the bank's line, with the receipt behind every step."""
    found = await find_trace(hub.database, TRACED)
    out.print(f"[bold]The chain of {TRACED}[/]")
    for line in chain_lines(found.chain):
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    out.print()


async def _show_exceptions(out: Console, hub: OpenedHub) -> None:
    """What people have to look at, by whose it is."""
    now = datetime.now(UTC)
    found = await hub.database.read(
        lambda connection: list_exceptions(connection, Wanted(), now, limit=200)
    )
    table = Table("owner", "exception", "about", "expected", "received", "balance")
    table.title, table.title_justify = "Open exceptions", "left"
    for one in sorted(found, key=lambda open_: (open_.owner, open_.kind, open_.record_label)):
        told = (one.expected, one.received, one.balance)
        table.add_row(one.owner, one.kind, one.record_label, *(text or "" for text in told))
    out.print(table)
