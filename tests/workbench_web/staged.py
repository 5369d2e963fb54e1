"""Pages and API over a working pipeline, on either engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from httpx import ASGITransport, AsyncClient

from store.database import Database
from tests.workbench.staging import Stage
from tests.workbench_web.browsing import HOST, Browser, somebody
from workbench.access.roles import Role
from workbench.web.app import build_app
from workbench.web.protection import protected
from workbench.web.site import Site


class House:
    """A stage with a site, and people who are signed in."""

    def __init__(self, stage: Stage, clients: list[AsyncClient]) -> None:
        self.stage = stage
        self._clients = clients
        self.site = Site(
            database=stage.database,
            version="1.2.3",
            ids=stage.bench.ids,
            clock=stage.clock.now,
        )
        self.app = build_app(self.site)
        self.take_over()

    def take_over(self) -> None:
        """Work with the stage's accounts as they are now."""
        self.app.state.bench = self.stage.bench

    async def enter(self, name: str, role: Role = Role.OPERATOR) -> Browser:
        """A browser that this person is signed in with."""
        client = AsyncClient(
            transport=ASGITransport(protected(self.app), client=("203.0.113.7", 5000)),
            base_url=HOST,
        )
        self._clients.append(client)
        browser = Browser(client, self.site)
        await browser.enter_as(await somebody(self.site, name, role, password=False))
        return browser


@asynccontextmanager
async def opened(database: Database, folder: Path) -> AsyncIterator[House]:
    """A house whose pipeline runs."""
    spool = folder / "spool"
    spool.mkdir()
    clients: list[AsyncClient] = []
    async with Stage(database, spool) as stage:
        yield House(stage, clients)
        for client in clients:
            await client.aclose()
