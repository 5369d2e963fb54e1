"""A working hub with failures in it, and a workbench over it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from configuration import Configuration
from routing.accounts import Accounts
from routing.pipeline import Pipeline
from store.database import Database
from store.ids import DEAD_LETTER, IdSource, show_id
from tests.workbench.staging import Stage, order
from tests.workbench_web.browsing import Browser, somebody
from transports.http_server import serve
from transports.stopping import Stop
from transports.workbench_http import with_workbench
from workbench.access.roles import Role
from workbench.web.app import build_app, build_workbench
from workbench.web.protection import protected
from workbench.web.site import Site

NASTY = "<script>alert(1)</script>\x1b[31m\u202egnp"


@dataclass(frozen=True)
class Hub:
    """The running parts of a stage, as the site is given them."""

    configuration: Configuration
    database: Database
    accounts: Accounts
    publisher: Any
    pipeline: Pipeline


def site_over(stage: Stage) -> Site:
    """A site whose hub is the stage's pipeline."""
    hub = Hub(Configuration(), stage.database, stage.accounts, stage.streams, stage.pipeline)
    return Site(
        database=stage.database,
        version="1.2.3",
        ids=IdSource(worker=7),
        hub=hub,
        clock=stage.clock.now,
    )


@asynccontextmanager
async def opened_stage(database: Database, spool: Path) -> AsyncIterator[Stage]:
    """A working pipeline around a store; the spool's folder is there."""
    async with Stage(database, spool) as stage:
        yield stage


@dataclass
class Desk:
    """A stage, its site, and people at it."""

    stage: Stage
    site: Site
    app: FastAPI
    open_browser: Callable[[], Browser]

    async def person(self, name: str, role: Role) -> Browser:
        """Somebody who is signed in."""
        browser = self.open_browser()
        await browser.enter_as(await somebody(self.site, name, role, password=False))
        return browser

    async def failure(self, number: int = 1, **changes: Any) -> str:
        """An order that cannot be translated; the failure's id as people see it."""
        await self.stage.fail([number], **changes)
        letters = await self.stage.letters()
        return show_id(DEAD_LETTER, letters[0].dead_letter_id)

    def renew_bench(self) -> None:
        """The stage was renewed: look at its new hub."""
        self.app.state.site = self.site = site_over(self.stage)
        if hasattr(self.app.state, "bench"):
            del self.app.state.bench


@asynccontextmanager
async def desk_over(stage: Stage) -> AsyncIterator[Desk]:
    """The desk over a stage."""
    site = site_over(stage)
    app = build_app(site)
    opened: list[AsyncClient] = []

    def open_browser() -> Browser:
        transport = ASGITransport(protected(app), client=("203.0.113.7", 5000))
        client = AsyncClient(transport=transport, base_url="http://gateway.example")
        opened.append(client)
        return Browser(client, site)

    yield Desk(stage, site, app, open_browser)
    for one in opened:
        await one.aclose()


@asynccontextmanager
async def served(site: Site) -> AsyncIterator[str]:
    """The address under which browsers reach a site."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    app, ready, stop = build_workbench(site), asyncio.Event(), Stop(1)
    serving = asyncio.create_task(
        serve(
            with_workbench(app, app),
            host="127.0.0.1",
            port=port,
            on_ready=lambda _address: ready.set(),
            stop=stop,
        )
    )
    await ready.wait()
    yield f"http://127.0.0.1:{port}"
    stop.tell()
    await serving


def body(number: int = 1, **changes: Any) -> str:
    """An order's payload over several lines."""
    return json.dumps(order(number, **changes), indent=2)
