"""What the gateway counts about its streams."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class StreamMetrics:
    """Gauges of the streams as the last look found them, and what was done to them."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Without a registry they are shown nowhere until `show_in` is called."""
        self.entries = Gauge(
            "gateway_stream_entries", "Entries on a stream", ["stream"], registry=registry
        )
        self.waiting = Gauge(
            "gateway_stream_waiting",
            "Entries that some consumer group has not acknowledged",
            ["stream"],
            registry=registry,
        )
        self.fill = Gauge(
            "gateway_stream_fill_ratio",
            "Unacknowledged entries as a share of what the stream may hold; at 1 entries are lost"
            " to the group that is behind",
            ["stream"],
            registry=registry,
        )
        self.trimmed = Counter(
            "gateway_stream_trimmed",
            "Entries trimmed: `acknowledged` by every group, or `cap`: before somebody read them",
            ["stream", "reason"],
            registry=registry,
        )
        self.lost = Counter(
            "gateway_stream_data_lost",
            "Times a stream was found to have lost its data",
            ["stream"],
            registry=registry,
        )
        self.refilled = Counter(
            "gateway_stream_refilled",
            "Entries appended again because the stream had lost them",
            registry=registry,
        )

    def show_in(self, registry: CollectorRegistry) -> None:
        """Let a registry show them too."""
        for one in (
            self.entries, self.waiting, self.fill, self.trimmed, self.lost, self.refilled,
        ):  # fmt: skip
            registry.register(one)
