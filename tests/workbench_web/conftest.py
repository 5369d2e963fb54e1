"""A workbench over a fresh store, and browsers to visit it with."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from store.database import open_database
from store.ids import IdSource
from tests.workbench_web.browsing import HOST, Browser
from workbench.web.app import build_app
from workbench.web.protection import protected
from workbench.web.site import Site


class Clock:
    """Tells the time it was set to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **step: float) -> None:
        """Let time pass."""
        self.now += timedelta(**step)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables and nothing in them."""
    path = tmp_path_factory.mktemp("migrated") / "store.db"

    async def migrate() -> None:
        await (await open_database(f"sqlite:///{path}")).close()

    asyncio.run(migrate())
    return path


@pytest.fixture
async def site(migrated: Path, tmp_path: Path, clock: Clock) -> AsyncIterator[Site]:
    """A site without a hub, on SQLite."""
    path = shutil.copy(migrated, tmp_path / "store.db")
    database = await open_database(f"sqlite:///{path}", migrate=False)
    yield Site(database=database, version="1.2.3", ids=IdSource(worker=3), clock=clock)
    await database.close()


@pytest.fixture
def app(site: Site) -> FastAPI:
    return build_app(site)


@pytest.fixture
async def visit(app: FastAPI, site: Site) -> AsyncIterator[Callable[..., Browser]]:
    """Makes browsers; each has its own cookies and address."""
    opened: list[AsyncClient] = []

    def open_browser(address: str = "203.0.113.7", base: str = HOST) -> Browser:
        transport = ASGITransport(
            protected(app),
            client=(address, 5000),
        )
        client = AsyncClient(transport=transport, base_url=base)
        opened.append(client)
        return Browser(client, site)

    yield open_browser
    for one in opened:
        await one.aclose()


@pytest.fixture
def browser(visit: Callable[..., Browser]) -> Browser:
    """A browser that nobody has signed in with yet."""
    return visit()
