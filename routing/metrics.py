"""What the gateway counts about itself, in one Prometheus registry a process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """Counters and gauges; labels never carry anything a sender chose freely."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.receipts = Counter(
            "gateway_receipts",
            "Deliveries made durable, by how they were received",
            ["connector", "account", "outcome"],
            registry=self.registry,
        )
        self.refused = Counter(
            "gateway_refused",
            "Deliveries refused before anything was stored",
            ["connector", "account", "code"],
            registry=self.registry,
        )
        self.messages = Counter(
            "gateway_messages",
            "Canonical messages by verdict",
            ["connector", "account", "verdict"],
            registry=self.registry,
        )
        self.published = Counter(
            "gateway_published", "Messages appended to streams", registry=self.registry
        )
        self.publish_failures = Counter(
            "gateway_publish_failures", "Batches the stream server refused", registry=self.registry
        )
        self.commit_size = Histogram(
            "gateway_commit_size",
            "Deliveries a commit made durable",
            buckets=(1, 2, 5, 10, 20, 50, 100, 200),
            registry=self.registry,
        )
        self.poll_turns = Counter(
            "gateway_poll_turns",
            "Turns of polling, by how they ended",
            ["connector", "account", "poll", "outcome"],
            registry=self.registry,
        )
        self.polled = Counter(
            "gateway_polled_documents",
            "Documents found by polling; `new` were not brought by an earlier turn",
            ["connector", "account", "poll", "outcome"],
            registry=self.registry,
        )
        self.fetches = Counter(
            "gateway_fetches",
            "Tries to fetch an object, by how they ended",
            ["connector", "account", "outcome"],
            registry=self.registry,
        )
        self.paused = Gauge(
            "gateway_account_paused",
            "1 while an account is paused because its credential was refused",
            ["connector", "account"],
            registry=self.registry,
        )
        self.normaliser_backlog = Gauge(
            "gateway_normaliser_backlog",
            "Receipts waiting in memory for translation",
            registry=self.registry,
        )
        self.relay_backlog = Gauge(
            "gateway_relay_backlog",
            "Messages waiting in memory for publication",
            registry=self.registry,
        )
