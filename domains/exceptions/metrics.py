"""What the gateway counts about exceptions."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from domains.exceptions.listing import OwnerStanding


class ExceptionMetrics:
    """Gauges of what is open by owner and age, as the last look found it; what was escalated."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Without a registry they are shown nowhere until `show_in` is called."""
        self.open = Gauge(
            "gateway_exceptions_open",
            "Open exceptions by owner and age in days: `current`, `7`, `14` and `30` or more",
            ["owner", "age"],
            registry=registry,
        )
        self.overdue = Gauge(
            "gateway_exceptions_overdue",
            "Open exceptions past their service level",
            ["owner"],
            registry=registry,
        )
        self.escalated = Counter(
            "gateway_exceptions_escalated",
            "Exceptions that reached an age of 7, 14 or 30 days",
            ["domain", "owner", "days"],
            registry=registry,
        )

    def show_in(self, registry: CollectorRegistry) -> None:
        """Let a registry show them too."""
        for one in (self.open, self.overdue, self.escalated):
            registry.register(one)

    def show(self, counts: Sequence[OwnerStanding]) -> None:
        """Set the gauges; an owner with nothing open stands at nought."""
        for one in counts:
            for bucket, number in one.by_age.items():
                self.open.labels(one.owner, bucket).set(number)
            self.overdue.labels(one.owner).set(one.overdue)
