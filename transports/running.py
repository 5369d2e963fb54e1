"""`gateway run`: every door open until the process is told to stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
from prometheus_client import CollectorRegistry, Gauge

from canonical.errors import GatewayError, Unavailable
from configuration import Configuration
from embedded.lock import data_folder_lock
from routing.accounts import Accounts
from routing.pipeline import Pipeline
from routing.streams import Publisher
from store import fetches, outbox, polling
from store.database import Database
from transports.fetching import Fetching
from transports.files import FileDoor, FolderWatch
from transports.http_api import ASGI, application
from transports.http_ingest import Ingest
from transports.http_server import serve
from transports.outbound import Outbound
from transports.polling import Polling

log = structlog.get_logger(__name__)


class OpenedHub(Protocol):
    """What the composition root opens."""

    @property
    def configuration(self) -> Configuration: ...
    @property
    def database(self) -> Database: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def publisher(self) -> Publisher: ...
    @property
    def pipeline(self) -> Pipeline: ...


class OpenHub(Protocol):
    """The composition root's way to open a hub."""

    def __call__(
        self, configuration: Configuration, accounts: Accounts, *, alone: bool
    ) -> AbstractAsyncContextManager[OpenedHub]: ...


async def run_gateway(
    configuration: Configuration,
    accounts: Accounts,
    open_hub: OpenHub,
    *,
    host: str,
    port: int,
    version: str,
) -> None:
    """Open the hub and its doors; returns after a clean stop."""
    async with served_hub(configuration, accounts, open_hub) as hub:
        await serve(
            hub_application(hub, version),
            host=host,
            port=port,
            beside=[hub.pipeline.watch(), *folder_watches(hub), *outbound_loops(hub)],
            on_ready=lambda address: log.info(
                "gateway ready", address=address, accounts=len(accounts)
            ),
        )
    log.info("gateway stopped")


@asynccontextmanager
async def served_hub(
    configuration: Configuration, accounts: Accounts, open_hub: OpenHub
) -> AsyncIterator[OpenedHub]:
    """A hub that serves; takes up at once what a killed predecessor left in its data folder.

    Raises Unavailable (`data_folder_in_use`) when another gateway serves an embedded store.
    """
    configuration.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with data_folder_lock(configuration.data) as locked:
        embedded = configuration.store_url.startswith("sqlite")
        if embedded and not locked:
            # Two writing processes on one SQLite file only slow each other down.
            raise Unavailable(
                f"another gateway serves {configuration.data}", code="data_folder_in_use"
            )
        async with open_hub(configuration, accounts, alone=embedded) as hub:
            if embedded:
                await hub.database.write(polling.release_all_claims)
                await hub.database.write(fetches.release_all_claims)
            yield hub


def hub_application(hub: OpenedHub, version: str) -> ASGI:
    """The HTTP application of an opened hub."""
    ingest = Ingest(
        hub.accounts,
        hub.pipeline.receiver,
        max_body_bytes=hub.configuration.limits.max_body_bytes,
        public_url=hub.configuration.http.public_url,
    )
    return application(ingest, probe=lambda: _probe(hub), gauges=_gauges(hub), version=version)


def folder_watches(hub: OpenedHub) -> list[Coroutine[Any, Any, None]]:
    """One watch for each account that has a folder; missing folders are made."""
    limits = hub.configuration.limits
    door = FileDoor(
        hub.database,
        hub.pipeline.receiver,
        hub.pipeline.ids,
        max_file_bytes=limits.max_file_bytes,
    )
    watches = []
    for account in hub.accounts:
        if account.folder is None:
            continue
        account.folder.mkdir(parents=True, exist_ok=True)
        watch = FolderWatch(
            account.folder,
            account,
            door,
            stable_s=limits.file_stable_seconds,
            clock=time.monotonic,
        )
        watches.append(watch.run())
    return watches


def outbound_loops(hub: OpenedHub) -> list[Coroutine[Any, Any, None]]:
    """The loop that polls and fetches; none when no account has an API credential."""
    if not any(account.api_credential for account in hub.accounts):
        return []
    return [_call_out(hub)]


async def _call_out(hub: OpenedHub) -> None:
    limits, pipeline = hub.configuration.limits, hub.pipeline
    async with Outbound(
        timeout_s=limits.outbound_timeout_s, max_answer_bytes=limits.max_answer_bytes
    ) as outbound:
        parts = (hub.database, hub.accounts, pipeline.receiver, outbound, pipeline.metrics)
        async with asyncio.TaskGroup() as group:
            group.create_task(Polling(*parts, owner=pipeline.owner).run())
            group.create_task(Fetching(*parts, owner=pipeline.owner).run())


async def _probe(hub: OpenedHub) -> dict[str, bool]:
    try:
        await hub.database.read(outbox.pending_count)
    except GatewayError:
        store = False
    else:
        store = True
    try:
        await hub.publisher.ping()
    except GatewayError:
        return {"store": store, "streams": False}
    return {"store": store, "streams": True}


def _gauges(hub: OpenedHub) -> Callable[[], Any]:
    registry = hub.pipeline.metrics.registry
    pending = Gauge("gateway_outbox_pending", "Messages not yet published", registry=registry)
    oldest = Gauge(
        "gateway_outbox_oldest_seconds", "Age of the oldest such message", registry=registry
    )

    async def collect() -> CollectorRegistry:
        try:
            pending.set(await hub.database.read(outbox.pending_count))
            since = await hub.database.read(outbox.oldest_pending)
            oldest.set((datetime.now(UTC) - since).total_seconds() if since else 0)
        except GatewayError:
            # The store is away: what this process counted itself is still worth having.
            log.warning("metrics without the store")
        return registry

    return collect
