"""What the store and the streams say when somebody asks for the metrics.

They are asked once in a few seconds at most, and for so long: a scrape is answered whatever is
away. What is away shows as `gateway_store_up 0` or `gateway_streams_up 0`, and what only it knows
is left out rather than shown as it was.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Generic, Protocol, TypeVar

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from canonical.errors import GatewayError
from routing.metrics import Metrics
from routing.streams import GroupLag
from store.database import Database
from store.finding.backlog import Backlog, backlog

FRESH_S: Final = 3.0
"""How long what was found is good enough."""
PATIENCE_S: Final = 2.0
"""How long a scrape waits for the store or the streams; below Prometheus's own 10 s."""

Lags = Mapping[str, Sequence[GroupLag]]
"""By stream, how far each group is."""
T = TypeVar("T")

log = structlog.get_logger(__name__)


class Streams(Protocol):
    """What the gauges need of the streams."""

    async def lag(self, stream: str) -> Sequence[GroupLag]:
        """How far each consumer group of the stream is. Raises Unavailable."""


class Look(Generic[T]):
    """One thing that is looked at: what it said last, while that is fresh."""

    def __init__(
        self,
        name: str,
        look: Callable[[], Awaitable[T]],
        *,
        fresh_s: float = FRESH_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._name = name
        self._look = look
        self._fresh_s = fresh_s
        self._patience_s = patience_s
        self._found: T | None = None
        self._looked_at = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        self._away = False

    async def now(self) -> T | None:
        """What it says, at most some seconds old; None when it does not answer in time."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._looked_at >= self._fresh_s:
            # One look at a time: what hangs is not asked again by every scrape.
            self._looking = self._looking or loop.create_task(self._look_once())
            await asyncio.wait({self._looking}, timeout=self._patience_s)
            if self._looking is not None:
                self._say(away=True, why="timeout")
                return None
        return self._found

    async def _look_once(self) -> None:
        try:
            self._found = await self._look()
        except GatewayError as error:
            self._found = None
            self._say(away=True, why=error.code)
        except Exception as error:  # noqa: BLE001 - whatever it is, the scrape is answered
            self._found = None
            self._say(away=True, why=type(error).__name__)
        else:
            self._say(away=False, why="")
        finally:
            self._looked_at = asyncio.get_running_loop().time()
            self._looking = None

    def _say(self, *, away: bool, why: str) -> None:
        if away and not self._away:
            log.warning("metrics are incomplete", part=self._name, code=why)
        self._away = away


class Gauges(Collector):
    """The metrics that are read when they are asked for, beside those a process counts."""

    def __init__(
        self,
        metrics: Metrics,
        database: Database,
        streams: Streams,
        names: Sequence[str],
        *,
        version: str,
        fresh_s: float = FRESH_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`names` are the streams whose groups are shown."""
        self._registry = metrics.registry
        self._streams = streams
        self._names = tuple(names)
        self._build = {
            "version": version,
            "python": platform.python_version(),
            "store": database.dialect,
        }
        bounds = {"fresh_s": fresh_s, "patience_s": patience_s}
        self._store_look = Look("store", lambda: database.read(backlog), **bounds)
        self._streams_look = Look("streams", self._lags, **bounds)
        self._backlog: Backlog | None = None
        self._groups: Lags | None = None
        self._registry.register(self)

    async def look(self) -> CollectorRegistry:
        """The registry, with what store and streams say now. Raises nothing."""
        self._backlog, self._groups = await asyncio.gather(
            self._store_look.now(), self._streams_look.now()
        )
        return self._registry

    async def _lags(self) -> Lags:
        return {name: await self._streams.lag(name) for name in self._names}

    def collect(self) -> Iterator[GaugeMetricFamily | InfoMetricFamily]:
        """The families as the last look found them."""
        yield InfoMetricFamily("gateway_build", "What runs here", value=self._build)
        yield _up("gateway_store_up", "1 when the store answered", self._backlog)
        yield _up("gateway_streams_up", "1 when the stream server answered", self._groups)
        yield from _waiting(self._backlog, datetime.now(UTC))
        yield from _by_labels(self._backlog)
        yield _groups(self._groups or {})


def _up(name: str, documentation: str, found: object) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, value=0 if found is None else 1)


def _waiting(found: Backlog | None, now: datetime) -> Iterator[GaugeMetricFamily]:
    def gauge(name: str, documentation: str, value: float | None) -> GaugeMetricFamily:
        return GaugeMetricFamily(name, documentation, value=value)

    def age(since: datetime | None) -> float:
        return max((now - since).total_seconds(), 0.0) if since else 0.0

    yield gauge(
        "gateway_inbox_pending", "Receipts not yet translated", found.receipts if found else None
    )
    yield gauge(
        "gateway_inbox_oldest_seconds",
        "How long the oldest such receipt has waited",
        age(found.oldest_receipt) if found else None,
    )
    yield gauge(
        "gateway_outbox_pending", "Messages not yet published", found.messages if found else None
    )
    yield gauge(
        "gateway_outbox_oldest_seconds",
        "How long the oldest such message has waited",
        age(found.oldest_message) if found else None,
    )


def _by_labels(found: Backlog | None) -> Iterator[GaugeMetricFamily]:
    yield _counted(
        "gateway_dead_letters_open",
        "Dead letters that wait for a person",
        ("connector", "stage"),
        found.dead if found else {},
    )
    yield _counted(
        "gateway_retries_waiting",
        "Messages that a subscriber failed to handle and will be given again",
        ("subscriber",),
        found.retries if found else {},
    )
    yield _counted(
        "gateway_fetches_waiting",
        "Objects still to be fetched",
        ("connector", "account"),
        found.fetches if found else {},
    )


def _groups(lags: Lags) -> GaugeMetricFamily:
    waiting: dict[tuple[str, ...], int] = {
        (stream, one.group): one.pending + one.behind
        for stream, groups in lags.items()
        for one in groups
        if one.behind is not None
    }
    return _counted(
        "gateway_group_waiting",
        "Entries of a stream that a consumer group has not acknowledged",
        ("stream", "group"),
        waiting,
    )


def _counted(
    name: str,
    documentation: str,
    labels: tuple[str, ...],
    counts: Mapping[tuple[str, ...], int],
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, documentation, labels=labels)
    for values, number in counts.items():
        family.add_metric(values, number)
    return family
