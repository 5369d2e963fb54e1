"""`gateway run`: every door open until the process is told to stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, Protocol

import structlog

from canonical.errors import GatewayError, Unavailable
from configuration import Configuration, Role
from embedded.lock import data_folder_lock
from routing.accounts import Accounts
from routing.gauges import Gauges
from routing.pipeline import Pipeline
from routing.streams import Publisher
from routing.trimming import known_streams
from store.database import Database
from store.intake import fetches, polling
from store.log import outbox
from transports.fetching import Fetching
from transports.files import FileDoor, FolderWatch
from transports.http_api import ASGI, application, build_api
from transports.http_ingest import Ingest
from transports.http_server import serve, stay
from transports.outbound import Outbound
from transports.polling import Polling
from transports.stopping import Stop

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


BuildWorkbench = Callable[[OpenedHub, str, Stop], ASGI]
"""Builds the pages and the REST API of a hub, for a process that can be told to stop."""
Greet = Callable[[OpenedHub, str], Coroutine[Any, Any, None]]
Loops = Callable[[OpenedHub], Sequence[Coroutine[Any, Any, None]]]
"""What else a process does beside its doors, until it stops."""


async def run_gateway(
    configuration: Configuration,
    accounts: Accounts,
    open_hub: OpenHub,
    *,
    host: str,
    port: int | None,
    version: str,
    workbench: BuildWorkbench | None = None,
    greet: Greet | None = None,
    loops: Loops = lambda _hub: (),
) -> None:
    """Open the hub and the doors of its roles; returns after a clean stop.

    Told to stop, it takes nothing more, works off what it holds within `limits.drain_seconds`
    and leaves the rest to the store. Without a port nothing is served over HTTP. `greet` is run
    with the address once it listens.
    """
    greetings = set[asyncio.Task[None]]()
    stop = Stop(configuration.limits.drain_seconds)
    async with served_hub(configuration, accounts, open_hub) as hub:
        built = workbench(hub, version, stop) if workbench and port is not None else None
        beside = [hub.pipeline.watch(), *folder_watches(hub), *outbound_loops(hub), *loops(hub)]

        def ready(address: str) -> None:
            roles = list(configuration.gateway.roles)
            log.info("gateway ready", address=address, roles=roles, accounts=len(accounts))
            if greet is not None and address:
                greetings.add(asyncio.create_task(greet(hub, address)))

        if port is None:
            ready("")
            await stay(beside, stop)
        else:
            app = hub_application(hub, version, built)
            await serve(app, host=host, port=port, beside=beside, on_ready=ready, stop=stop)
        for greeting in greetings:
            greeting.cancel()
        await asyncio.gather(*greetings, return_exceptions=True)
        await hub.pipeline.drain(stop.left_s)
    log.info("gateway stopped")


@asynccontextmanager
async def served_hub(
    configuration: Configuration, accounts: Accounts, open_hub: OpenHub
) -> AsyncIterator[OpenedHub]:
    """A hub that serves; takes up at once what a killed predecessor left in its data folder.

    Raises Unavailable (`data_folder_in_use`) when another gateway serves this data folder and has
    its store or its streams in there.
    """
    configuration.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with data_folder_lock(configuration.data) as locked:
        alone = configuration.store_url.startswith("sqlite")
        if configuration.embedded and not locked:
            # Two writing processes on one SQLite file only slow each other down.
            raise Unavailable(
                f"another gateway serves {configuration.data}; several need PostgreSQL (store.url)"
                " and a stream server (streams.url)",
                code="data_folder_in_use",
            )
        async with open_hub(configuration, accounts, alone=alone) as hub:
            if alone:
                await hub.database.write(polling.release_all_claims)
                await hub.database.write(fetches.release_all_claims)
            yield hub


def hub_application(hub: OpenedHub, version: str, workbench: ASGI | None = None) -> ASGI:
    """The HTTP application of an opened hub; ingest and pages only where that is its role."""
    probe, gauges = partial(_probe, hub), _gauges(hub, version).look
    if Role.INGEST not in hub.configuration.roles:
        return build_api(probe=probe, gauges=gauges, version=version)
    ingest = Ingest(
        hub.accounts,
        hub.pipeline.receiver,
        max_body_bytes=hub.configuration.limits.max_body_bytes,
        public_url=hub.configuration.http.public_url,
    )
    return application(ingest, probe=probe, gauges=gauges, version=version, workbench=workbench)


def folder_watches(hub: OpenedHub) -> list[Coroutine[Any, Any, None]]:
    """One watch for each account that has a folder; missing folders are made.

    None without the role `ingest`: a file is a delivery like any other.
    """
    if Role.INGEST not in hub.configuration.roles:
        return []
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
    """The loop that polls and fetches; none when no account has an API credential.

    None without the role `worker`: what is exposed to callers need not know those credentials.
    """
    if Role.WORKER not in hub.configuration.roles:
        return []
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


def _gauges(hub: OpenedHub, version: str) -> Gauges:
    metrics = hub.pipeline.metrics
    metrics.expect((one.connector.manifest.name, one.name) for one in hub.accounts)
    streams = known_streams(hub.configuration.routes)
    return Gauges(metrics, hub.database, hub.publisher, streams, version=version)
