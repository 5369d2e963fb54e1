"""Runs the demo: opens a hub, sends the morning through its doors, and says what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import track
from rich.table import Table

from canonical.errors import Unavailable
from configuration import AccountSettings, Configuration
from connectors import registry
from demo.traffic import BANK, PAYMENTS, SHOP, Delivery, Morning, Secrets
from embedded.lock import data_folder_lock
from embedded.server import start
from routing.accounts import build_accounts
from routing.router import FAMILY_STREAM
from routing.streams import Publisher
from store import audit
from store.audit import BalanceRow
from transports.http_server import serve
from transports.running import OpenedHub, OpenHub, folder_watches, hub_application, served_hub
from transports.stopping import Stop
from workbench.loops import workbench_loops
from workbench.showing import console
from workbench.web.app import hub_workbench
from workbench.web.greeting import greet_first_admin

MARKER = ".o2c-demo"
SHOWN = 3
"""Messages shown of each stream."""


async def tell(
    open_hub: OpenHub, *, data: Path | None, port: int, leave: bool, version: str
) -> int:
    """Run the demo. With `leave` it ends by itself: 0 if the audit balances, else 1."""
    out = console()
    folder = _fresh_folder(data or Path("var/demo"))
    made_up = Secrets(shop=secrets.token_hex(16), payments="whsec_" + secrets.token_hex(16))
    configuration = _configuration(folder)
    environment = {"DEMO_SHOP": made_up.shop, "DEMO_PAYMENTS": made_up.payments}
    accounts = build_accounts(configuration.accounts, registry.load, environment, folder)
    async with (
        served_hub(configuration, accounts, open_hub) as hub,
        _serving(hub, port, version) as (address, serving),
    ):
        out.print(f"[bold]o2c-gateway[/] is up at {address}, data in {folder}\n")
        answers = await _send(address, Morning(made_up), folder)
        await hub.pipeline.settle()
        balanced = await _report(out, hub, answers)
        if not leave:
            out.print(_next_steps(address, folder))
            await greet_first_admin(hub, address)
            await serving
    return 0 if balanced else 1


@asynccontextmanager
async def _serving(
    hub: OpenedHub, port: int, version: str
) -> AsyncIterator[tuple[str, asyncio.Task[None]]]:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = Stop(hub.configuration.limits.drain_seconds)
    serving = asyncio.create_task(
        serve(
            hub_application(hub, version, hub_workbench(hub, version, stop)),
            host="127.0.0.1",
            port=_free_port(port),
            beside=[hub.pipeline.watch(), *folder_watches(hub), *workbench_loops(hub)],
            on_ready=ready.set_result,
            stop=stop,
        )
    )
    serving.add_done_callback(lambda _: ready.done() or ready.cancel())
    await asyncio.wait([ready])
    if serving.done():
        serving.result()
    try:
        yield await ready, serving
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def _send(address: str, morning: Morning, folder: Path) -> Counter[int]:
    answers: Counter[int] = Counter()
    async with httpx.AsyncClient(base_url=address, timeout=10) as client:
        deliveries = list(morning.deliveries())
        for delivery in track(deliveries, description="webhooks", transient=True):
            answers[await _post(client, delivery)] += 1
    statement = morning.bank_statement()
    await _drop(folder / "inbox" / BANK, "statement-041.xml", statement)
    # The bank delivers the same statement again under another name.
    await _drop(folder / "inbox" / BANK, "statement-041-copy.xml", statement)
    return answers


async def _post(client: httpx.AsyncClient, delivery: Delivery) -> int:
    response = await client.post(
        f"/in/{delivery.connector}/{delivery.account}",
        content=delivery.body,
        headers=delivery.headers,
    )
    return response.status_code


async def _drop(inbox: Path, name: str, content: bytes) -> None:
    """Put a file where the bank would, and wait until the gateway has moved it away."""
    path = inbox / name
    await asyncio.to_thread(path.write_bytes, content)
    async with asyncio.timeout(30):
        while path.exists():  # noqa: ASYNC110 - the gateway tells nobody, a bank would not know either
            await asyncio.sleep(0.05)


async def _report(out: Console, hub: OpenedHub, answers: Counter[int]) -> bool:
    rows = await hub.database.read(audit.balance)
    names = ("shopify", "stripe", "camt")
    table = Table(
        "", "shopify", "stripe", "camt", "all", title="What came of it", title_justify="left"
    )
    for title, column in _COLUMNS:
        counts = {row.connector: column(row) for row in rows}
        table.add_row(
            title,
            *(str(counts.get(name, 0)) for name in names),
            str(sum(counts.values())),
        )
    out.print(table)
    out.print(f"refused at the door: {answers[401]}\n")
    await _show_streams(out, hub.publisher)
    balanced = all(row.balanced for row in rows)
    out.print(
        "[green]The audit balances:[/] nothing accepted was lost, nothing was doubled."
        if balanced
        else "[red]The audit does not balance.[/]"
    )
    return balanced


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


def _fresh_folder(folder: Path) -> Path:
    # Only a folder that an earlier demo made is ever emptied, and only when that one is gone.
    if (folder / MARKER).exists():
        with data_folder_lock(folder) as free:
            if not free:
                raise Unavailable(f"a demo is running in {folder}", code="data_folder_in_use")
            with contextlib.suppress(Unavailable):
                # What a killed demo left running is found by its socket, and ended.
                start(folder).stop()
            shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / MARKER).touch()
    return folder.resolve()


def _configuration(folder: Path) -> Configuration:
    accounts = (
        AccountSettings(connector="shopify", account=SHOP, secrets=("env:DEMO_SHOP",)),
        AccountSettings(connector="stripe", account=PAYMENTS, secrets=("env:DEMO_PAYMENTS",)),
        AccountSettings(connector="camt", account=BANK, folder=folder / "inbox" / BANK),
    )
    limits = {"file_stable_seconds": 0}
    return Configuration.model_validate({"data": folder, "accounts": accounts, "limits": limits})


def _free_port(wanted: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
    return wanted


def _next_steps(address: str, folder: Path) -> str:
    return (
        f"\nIt stays up at {address} until Ctrl-C. In another terminal:\n"
        f"  .venv/bin/gateway audit --data {folder}\n"
        f"  .venv/bin/gateway dead list --data {folder}\n"
        f"  .venv/bin/gateway trace '#1001' --data {folder}\n"
        f"  .venv/bin/gateway tail o2c.order --from 0 --data {folder}\n"
        f"  curl {address}/metrics\n"
        f"The workbench is at {address}/workbench\n"
    )
