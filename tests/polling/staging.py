"""A whole pipeline in a test, with a clock that is moved by hand and only by hand."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from connectors.secret import Secret
from routing.accounts import Account, Accounts
from routing.pipeline import Pipeline
from routing.router import Router
from store.database import Database
from store.intake import polling as cursors
from store.records import OutboxRow, PollRow
from store.tables import messages, receipts
from tests.polling.shop import CONNECTOR
from tests.polling.vendor import Vendor
from transports.fetching import Fetching
from transports.http_ingest import Ingest
from transports.outbound import Outbound
from transports.polling import Polling

SIGNATURE = "signed"
TOKEN = Secret("env:TOKEN", b"token-1")


@dataclass
class Clock:
    """Time that passes when somebody sleeps or waits.

    It is ahead of the real one, by which the pipeline says when something is due.
    """

    begun: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(hours=1))
    passed: float = 0.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.begun + timedelta(seconds=self.passed)

    def seconds(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += seconds
        await asyncio.sleep(0)

    def wait(self, span: timedelta) -> None:
        self.passed += span.total_seconds()


class Streams:
    """The streams' end of the relay, kept in a list."""

    def __init__(self) -> None:
        self.rows: list[OutboxRow] = []

    async def publish(self, rows: Sequence[OutboxRow]) -> None:
        self.rows += rows


def account(vendor: Vendor, **changes: Any) -> Account:
    """An account of the test shop at this vendor."""
    given: dict[str, Any] = {
        "connector": CONNECTOR,
        "name": "acme",
        "secrets": (Secret("env:HOOK", SIGNATURE.encode()),),
        "options": {"api_url": vendor.url, "requests_per_second": 1000},
        "api_credential": lambda: TOKEN,
    }
    return Account(**given | changes)


def outbound(clock: Clock, **changes: Any) -> Outbound:
    """Everything that would pass by itself passes by this clock."""
    given: dict[str, Any] = {
        "timeout_s": 5.0,
        "max_answer_bytes": 100_000,
        "clock": clock.seconds,
        "sleep": clock.sleep,
        "now": clock.now,
        "randomness": lambda: 1.0,
    }
    return Outbound(**given | changes)


class Stage:
    """Pipeline, polling and fetching around one store and one vendor."""

    def __init__(
        self, database: Database, folder: Path, vendor: Vendor, clock: Clock, **changes: Any
    ) -> None:
        self.database = database
        self.folder = folder
        self.vendor = vendor
        self.clock = clock
        self.streams = Streams()
        self.account = account(vendor, **changes)
        self.accounts = Accounts([self.account])
        self.pipeline = Pipeline(
            database, self.accounts, Router(()), self.streams, spool_folder=folder
        )
        self.outbound = outbound(clock)
        self.polling = self.new_polling("me")
        self.fetching = self.new_fetching("me")

    def new_polling(self, owner: str) -> Polling:
        return Polling(
            self.database,
            self.accounts,
            self.pipeline.receiver,
            self.outbound,
            self.pipeline.metrics,
            owner=owner,
            now=self.clock.now,
            sleep=self.clock.sleep,
        )

    def new_fetching(self, owner: str) -> Fetching:
        return Fetching(
            self.database,
            self.accounts,
            self.pipeline.receiver,
            self.outbound,
            self.pipeline.metrics,
            owner=owner,
            now=self.clock.now,
            sleep=self.clock.sleep,
        )

    async def __aenter__(self) -> Stage:
        await self.pipeline.start(alone=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pipeline.stop()
        await self.outbound.__aexit__()

    async def deliver(self, document: dict[str, Any], **headers: str) -> int:
        """Send a webhook through the HTTP door; its status."""
        body, sent = json.dumps(document).encode(), []
        given = {"x-signature": SIGNATURE, **{k.replace("_", "-"): v for k, v in headers.items()}}
        ingest = Ingest(
            self.accounts,
            self.pipeline.receiver,
            max_body_bytes=100_000,
            public_url=None,
            clock=self.clock.now,
        )
        scope = {
            "type": "http",
            "method": "POST",
            "scheme": "http",
            "path": "/in/testshop/acme",
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(event: Any) -> None:
            sent.append(event)

        await ingest(scope, receive, send)
        return int(sent[0]["status"])

    async def poll(self) -> int:
        """Take what is due, wait until it is translated; how many turns it was."""
        turns = await self.polling.sweep()
        await self.pipeline.settle()
        return turns

    async def fetch(self) -> int:
        made = await self.fetching.sweep()
        await self.pipeline.settle()
        return made

    async def turn(self) -> PollRow:
        (row,) = await self.database.read(cursors.list_polls)
        return row

    async def verdicts(self) -> Counter[str]:
        found = await self.database.read(
            lambda c: [row.verdict for row in c.execute(select(messages.c.verdict))]
        )
        return Counter(found)

    async def receipts(self) -> Counter[tuple[str, str]]:
        """Receipts by (transport, state)."""
        columns = (receipts.c.transport, receipts.c.state)
        found = await self.database.read(
            lambda c: [(row.transport, row.state) for row in c.execute(select(*columns))]
        )
        return Counter(found)

    def published(self) -> list[str]:
        return sorted(row.subject for row in self.streams.rows)
