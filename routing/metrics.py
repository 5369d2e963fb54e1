"""What the gateway counts about itself, in one Prometheus registry a process.

Every metric stands in the table of `docs/observability.md`. What is read from the store or the
streams when somebody asks is in `routing.gauges`.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from time import perf_counter, time
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from routing.envelope import OutboxRow
from routing.spread import Labelled, Spread
from store.ids import made_at_s
from store.records import Recorded, Translation

Times = tuple[float, float]
"""When something began and ended, in seconds of `time.perf_counter`."""

FAST: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
COMMIT: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
END_TO_END: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600)
SIZE: Final = (1, 2, 5, 10, 20, 50, 100, 200)


class Metrics:
    """Counters and gauges; labels never carry anything a sender chose freely."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._count_intake(registry)
        self._count_messages(registry)
        self._count_publishing(registry)
        self._count_calling_out(registry)

    def _count_intake(self, registry: CollectorRegistry) -> None:
        self.receipts = Labelled(
            Counter(
                "gateway_receipts",
                "Deliveries made durable, by how they were received",
                ["connector", "account", "outcome"],
                registry=registry,
            )
        )
        self.refused = Counter(
            "gateway_refused",
            "Deliveries refused before anything was stored",
            ["connector", "account", "code"],
            registry=registry,
        )
        self.commit_size = Histogram(
            "gateway_commit_size",
            "Deliveries a commit made durable",
            buckets=SIZE,
            registry=registry,
        )
        self.commit_seconds = Labelled(
            Histogram(
                "gateway_commit_seconds",
                "Time from asking the store to the durable commit",
                ["transaction"],
                buckets=COMMIT,
                registry=registry,
            )
        )

    def _count_messages(self, registry: CollectorRegistry) -> None:
        self.messages = Labelled(
            Counter(
                "gateway_messages",
                "Canonical messages by verdict",
                ["connector", "account", "verdict"],
                registry=registry,
            )
        )
        self.dead_payloads = Labelled(
            Counter(
                "gateway_dead_payloads",
                "Whole payloads that could not be translated",
                ["connector", "account", "code"],
                registry=registry,
            )
        )
        self.translation_seconds = Spread(
            "gateway_translation_seconds",
            "Time to translate a payload, or a chunk of a large one",
            "connector",
            FAST,
            registry,
        )
        self.normaliser_backlog = Gauge(
            "gateway_normaliser_backlog",
            "Receipts waiting in memory for translation",
            registry=registry,
        )

    def _count_publishing(self, registry: CollectorRegistry) -> None:
        self.published = Counter(
            "gateway_published", "Messages appended to streams", registry=registry
        )
        self.publish_failures = Counter(
            "gateway_publish_failures", "Batches the stream server refused", registry=registry
        )
        self.publish_size = Histogram(
            "gateway_publish_size", "Messages appended together", buckets=SIZE, registry=registry
        )
        self.publish_seconds = Histogram(
            "gateway_publish_seconds",
            "Time to append a batch to its streams",
            buckets=COMMIT,
            registry=registry,
        )
        self.end_to_end_seconds = Histogram(
            "gateway_end_to_end_seconds",
            "Time from receipt to append, of the oldest receipt of each batch",
            buckets=END_TO_END,
            registry=registry,
        )
        self.relay_backlog = Gauge(
            "gateway_relay_backlog", "Messages waiting in memory for publication", registry=registry
        )

    def _count_calling_out(self, registry: CollectorRegistry) -> None:
        self.poll_turns = Counter(
            "gateway_poll_turns",
            "Turns of polling, by how they ended",
            ["connector", "account", "poll", "outcome"],
            registry=registry,
        )
        self.polled = Counter(
            "gateway_polled_documents",
            "Documents found by polling; `new` were not brought by an earlier turn",
            ["connector", "account", "poll", "outcome"],
            registry=registry,
        )
        self.fetches = Counter(
            "gateway_fetches",
            "Tries to fetch an object, by how they ended",
            ["connector", "account", "outcome"],
            registry=registry,
        )
        self.paused = Gauge(
            "gateway_account_paused",
            "1 while an account is paused because its credential was refused",
            ["connector", "account"],
            registry=registry,
        )

    def expect(self, accounts: Iterable[tuple[str, str]]) -> None:
        """Show these (connector, account) from the start: one that is silent is to be seen."""
        for connector, account in accounts:
            self.receipts.labels(connector, account, "accepted")

    def committed(self, transaction: str, begun: float) -> None:
        """A transaction that was begun at this `perf_counter` is durable now."""
        self.commit_seconds.labels(transaction).observe(perf_counter() - begun)

    def translated(self, parts: Sequence[Translation], times: Sequence[Times]) -> None:
        """These payloads or chunks were translated, each in its own time."""
        observe = self.translation_seconds.observe
        for part, (begun, ended) in zip(parts, times, strict=True):
            observe(part.connector, ended - begun)

    def recorded(self, parts: Iterable[Translation], recorded: Iterable[Recorded]) -> None:
        """What a batch of translations became."""
        counted = Tally((one.connector, one.account, one.verdict) for one in recorded)
        for labels, number in counted.items():
            self.messages.labels(*labels).inc(number)
        for one in parts:
            if one.failure is not None:
                self.dead_payloads.labels(one.connector, one.account, one.failure.code).inc()

    def appended(self, rows: Sequence[OutboxRow], begun: float) -> None:
        """A batch is on its streams since now; appending was begun at this `perf_counter`."""
        self.publish_seconds.observe(perf_counter() - begun)
        self.publish_size.observe(len(rows))
        self.published.inc(len(rows))
        # An id begins with the time it was made: the lowest is of the oldest receipt.
        oldest_s = made_at_s(min(row.receipt_id for row in rows))
        self.end_to_end_seconds.observe(max(time() - oldest_s, 0))
