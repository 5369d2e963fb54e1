"""A scrape is answered whatever is away, and asks nobody more often than it must."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from prometheus_client import generate_latest

from canonical.errors import Unavailable
from routing.gauges import Gauges
from routing.metrics import Metrics
from routing.streams import GroupLag
from store.database import Connection
from store.finding.backlog import Backlog

T = TypeVar("T")
BACKLOG = Backlog(
    receipts=3,
    oldest_receipt=datetime.now(UTC) - timedelta(minutes=1),
    messages=2,
    oldest_message=None,
    dead={("shopify", "translate"): 4},
    retries={("crm",): 5},
    fetches={("amazon", "eu"): 6},
)


class Store:
    """Answers with a backlog, an error, or only when it is let."""

    dialect = "sqlite"

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def write(self, work: Callable[[Connection], T], /) -> T:
        raise NotImplementedError

    async def read(self, work: Callable[[Connection], T], /) -> Any:  # noqa: ARG002
        self.asked += 1
        await self.open.wait()
        if self.error:
            raise self.error
        return BACKLOG

    async def close(self) -> None: ...


class Streams:
    """One group on every stream, or nobody there."""

    def __init__(self) -> None:
        self.away = False

    async def lag(self, stream: str) -> Sequence[GroupLag]:  # noqa: ARG002
        if self.away:
            raise Unavailable("the stream server is away", code="streams_unavailable")
        return [
            GroupLag(group="crm", consumers=1, pending=2, behind=40),
            GroupLag(group="old", consumers=0, pending=0, behind=None),
        ]


class Scrape:
    """A gateway's gauges over such parts."""

    def __init__(self, **bounds: float) -> None:
        self.store, self.streams, self.metrics = Store(), Streams(), Metrics()
        self.gauges = Gauges(
            self.metrics, self.store, self.streams, ["o2c.order"], version="1.2", **bounds
        )

    async def value(self, name: str, **labels: str) -> float | None:
        registry = await self.gauges.look()
        generate_latest(registry)
        return registry.get_sample_value(name, labels)


async def test_store_and_streams_are_shown() -> None:
    scrape = Scrape()
    assert await scrape.value("gateway_store_up") == await scrape.value("gateway_streams_up") == 1
    assert await scrape.value("gateway_inbox_pending") == 3
    assert (await scrape.value("gateway_inbox_oldest_seconds") or 0) >= 60
    assert await scrape.value("gateway_outbox_pending") == 2
    assert await scrape.value("gateway_outbox_oldest_seconds") == 0
    dead = {"connector": "shopify", "stage": "translate"}
    assert await scrape.value("gateway_dead_letters_open", **dead) == 4
    assert await scrape.value("gateway_retries_waiting", subscriber="crm") == 5
    assert await scrape.value("gateway_fetches_waiting", connector="amazon", account="eu") == 6
    assert await scrape.value("gateway_group_waiting", stream="o2c.order", group="crm") == 42
    assert await scrape.value("gateway_group_waiting", stream="o2c.order", group="old") is None


async def test_what_was_just_asked_is_not_asked_again() -> None:
    scrape = Scrape(fresh_s=60)
    for _ in range(5):
        await scrape.gauges.look()
    assert scrape.store.asked == 1


async def test_without_the_store_the_rest_is_shown() -> None:
    for error in (Unavailable("gone"), RuntimeError("a fault")):
        scrape = Scrape(fresh_s=0)
        assert await scrape.value("gateway_inbox_pending") == 3
        scrape.store.error = error
        scrape.metrics.published.inc()
        assert await scrape.value("gateway_store_up") == 0
        assert await scrape.value("gateway_inbox_pending") is None
        assert await scrape.value("gateway_dead_letters_open") is None
        assert await scrape.value("gateway_published_total") == 1
        assert await scrape.value("gateway_streams_up") == 1
        scrape.store.error = None
        assert await scrape.value("gateway_store_up") == 1


async def test_without_the_streams_the_rest_is_shown() -> None:
    scrape = Scrape(fresh_s=0)
    scrape.streams.away = True
    assert await scrape.value("gateway_streams_up") == 0
    assert await scrape.value("gateway_store_up") == 1


async def test_a_store_that_hangs_is_asked_once_and_not_waited_for() -> None:
    scrape = Scrape(fresh_s=0, patience_s=0.01)
    scrape.store.open.clear()
    for _ in range(3):
        assert await scrape.value("gateway_store_up") == 0
    assert scrape.store.asked == 1
    scrape.store.open.set()
    assert await scrape.value("gateway_store_up") == 1
