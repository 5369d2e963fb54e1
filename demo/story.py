"""Runs the demo: opens a hub, sends the morning through its doors, and says what came of it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import secrets
import shutil
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import structlog
from rich.progress import track

from canonical.errors import Unavailable
from configuration import AccountSettings, Configuration
from connectors import registry
from demo import papers
from demo.report import quiet, report
from demo.traffic import BANK, COMPANY, Delivery, Morning, Secrets
from embedded.lock import data_folder_lock
from embedded.server import start
from routing.accounts import build_accounts
from transports.http_server import serve
from transports.running import OpenedHub, OpenHub, folder_watches, hub_application, served_hub
from transports.stopping import Stop
from workbench.loops import workbench_loops
from workbench.showing import console
from workbench.web.app import hub_workbench
from workbench.web.greeting import greet_first_admin

MARKER = ".o2c-demo"
SIGNED = {"shopify": "SHOP", "stripe": "PAYMENTS", "shipbob": "WAREHOUSE", "easypost": "CARRIER"}
"""Connectors of webhooks, and under which name each has its secret."""


async def tell(
    open_hub: OpenHub, *, data: Path | None, port: int, leave: bool, version: str
) -> int:
    """Run the demo. With `leave` it ends by itself: 0 if the audit balances, else 1."""
    out = console(markup=True)
    # What loops say of themselves would stand between the lines of the story.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    folder = _fresh_folder(data or Path("var/demo"))
    made_up = _made_up()
    configuration = _configuration(folder)
    environment = {
        "DEMO_SHOP": made_up.shop,
        "DEMO_PAYMENTS": made_up.payments,
        "DEMO_WAREHOUSE": made_up.warehouse,
        "DEMO_CARRIER": made_up.carrier,
    }
    accounts = build_accounts(
        configuration.accounts,
        registry.load,
        environment,
        folder,
        domains=configuration.domains.run,
    )
    async with (
        served_hub(configuration, accounts, open_hub) as hub,
        _serving(hub, port, version) as (address, serving),
    ):
        out.print(f"[bold]o2c-gateway[/] is up at {address}, data in {folder}\n")
        answers = await _send(address, Morning(made_up), folder)
        await quiet(hub)
        balanced = await report(out, hub, answers)
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
        answers[await _post(client, papers.paid_out(morning))] += 1
    await _drop(folder / "inbox", papers.papers(morning))
    return answers


async def _post(client: httpx.AsyncClient, delivery: Delivery) -> int:
    response = await client.post(
        f"/in/{delivery.connector}/{delivery.account}",
        content=delivery.body,
        headers=delivery.headers,
    )
    return response.status_code


async def _drop(inboxes: Path, told: Iterable[papers.Paper]) -> None:
    """Put files where their senders would, and wait until the gateway has moved them away."""
    written = []
    for one in told:
        path = inboxes / one.folder / one.name
        # Whole or not at all: nobody looks at a hidden file.
        unfinished = path.with_name(f".{one.name}")
        await asyncio.to_thread(unfinished.write_bytes, one.content)
        written.append(unfinished.rename(path))
    async with asyncio.timeout(60):
        while any(path.exists() for path in written):  # noqa: ASYNC110 - the gateway tells nobody, a bank would not know either
            await asyncio.sleep(0.05)


def _made_up() -> Secrets:
    return Secrets(
        shop=secrets.token_hex(16),
        payments="whsec_" + secrets.token_hex(16),
        warehouse="whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(),
        carrier=secrets.token_hex(16),
    )


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
    accounts = [
        AccountSettings(
            connector=connector,
            account=COMPANY,
            secrets=(f"env:DEMO_{secret}",),
            folder=folder / "inbox" / "payouts" if connector == "stripe" else None,
        )
        for connector, secret in SIGNED.items()
    ]
    accounts += [
        AccountSettings(connector="ubl", account=COMPANY, folder=folder / "inbox" / "billing"),
        AccountSettings(connector="camt", account=BANK, folder=folder / "inbox" / BANK),
    ]
    return Configuration.model_validate(
        {
            "data": folder,
            "accounts": accounts,
            "limits": {"file_stable_seconds": 0},
            "domains": {"run": ["order", "shipment", "billing", "cash"]},
        }
    )


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
        f"  .venv/bin/gateway trace BANK-0003 --data {folder}\n"
        f"  .venv/bin/gateway tail o2c.order --from 0 --data {folder}\n"
        f"  curl {address}/metrics\n"
        f"The workbench is at {address}/workbench\n"
    )
