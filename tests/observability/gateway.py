"""Opening a gateway for a test, posting to it, and scraping it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
from redis.asyncio import Redis

from configuration import ALL_ROLES, Role
from connectors import registry
from connectors.secret import Secret
from routing.accounts import Account, Accounts
from routing.gauges import Gauges
from routing.pipeline import Pipeline, PipelineSettings
from routing.router import Router
from routing.spans import Spans
from routing.streams import Publisher, client
from store.database import Database
from tests.acceptance.payloads import SHOP_SECRET, shop_request
from transports.http_api import application
from transports.http_ingest import Ingest

Entry = dict[bytes, bytes]
STREAM = "o2c.order"


@dataclass(frozen=True)
class Gateway:
    """A gateway that is open."""

    pipeline: Pipeline
    http: httpx.AsyncClient
    redis: Redis
    database: Database

    async def post(
        self, document: dict[str, Any] | bytes, *, event: str = "evt-1", **headers: str
    ) -> httpx.Response:
        """Deliver an order, signed; headers are given with `_` for `-`."""
        path, body, signed = shop_request(document, event=event)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(path, content=body, headers=signed | given)

    async def scrape(self) -> str:
        """What `/metrics` says."""
        return (await self.http.get("/metrics")).text

    async def entries(self) -> list[Entry]:
        """What is on the stream, after everything was worked off."""
        await self.pipeline.settle()
        found = cast("list[tuple[bytes, Entry]]", await self.redis.xrange(STREAM))
        return [fields for _, fields in found]


@asynccontextmanager
async def gateway_over(
    database: Database,
    streams_url: str,
    folder: Path,
    *,
    spans: Spans | None = None,
    accounts: Sequence[Account] = (),
    roles: AbstractSet[Role] = ALL_ROLES,
) -> AsyncIterator[Gateway]:
    """A gateway with these roles in this process."""
    redis = client(streams_url)
    publisher = Publisher(redis)
    known = Accounts([shop_account(), *accounts])
    settings = PipelineSettings(roles=roles, sweep_s=0.05)
    pipeline = Pipeline(
        database,
        known,
        Router(),
        publisher,
        spool_folder=folder,
        settings=settings,
        spans=spans,
    )
    gauges = Gauges(pipeline.metrics, database, publisher, [STREAM], version="0")
    ingest = Ingest(known, pipeline.receiver, max_body_bytes=100_000, public_url=None)
    app = application(ingest, probe=_probe, gauges=gauges.look, version="0")
    transport = httpx.ASGITransport(app=app)
    await pipeline.start(alone=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as http:
            yield Gateway(pipeline, http, redis, database)
    finally:
        await pipeline.stop()
        await redis.aclose()


def shop_account(name: str = "acme") -> Account:
    """An account whose webhooks are signed with the acceptance tests' secret."""
    secret = Secret("env:SHOP_SECRET", SHOP_SECRET.encode())
    return Account(connector=registry.load("shopify"), name=name, secrets=(secret,))


async def _probe() -> dict[str, bool]:
    return {"store": True, "streams": True}
