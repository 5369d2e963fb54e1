"""What the gateway counts about its domains."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class DomainMetrics:
    """How much each domain has derived and announced, and what is due."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Without a registry they are shown nowhere until `show_in` is called."""
        self.settled = Counter(
            "gateway_domain_settled",
            "Names whose clusters a domain has derived",
            ["domain"],
            registry=registry,
        )
        self.announced = Counter(
            "gateway_domain_announced",
            "Announcements a domain has handed in",
            ["domain"],
            registry=registry,
        )
        self.due = Gauge(
            "gateway_domain_due",
            "Names that are due to be derived, as the last look found it",
            ["domain"],
            registry=registry,
        )
        self.parked = Gauge(
            "gateway_domain_parked",
            "Facts that wait for their cause, as the last look found it",
            ["domain"],
            registry=registry,
        )

    def show_in(self, registry: CollectorRegistry) -> None:
        """Let a registry show them too."""
        for one in (self.settled, self.announced, self.due, self.parked):
            registry.register(one)
