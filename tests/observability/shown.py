"""The metrics a gateway shows, and the names that expressions ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from domains.exceptions.metrics import ExceptionMetrics
from domains.metrics import DomainMetrics
from routing.gauges import Gauges
from routing.metrics import Metrics
from routing.stream_metrics import StreamMetrics
from routing.streams import Publisher, client
from store.database import Database

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENT: Final = ROOT / "docs" / "observability.md"
PARTS: Final = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "info": ("_info",),
}
_NAME: Final = re.compile(r"\b(?:gateway|process)_[a-z0-9_]+")


def registry_of(database: Database) -> CollectorRegistry:
    """The registry of a gateway over this store; nothing is asked of anybody."""
    metrics = Metrics()
    StreamMetrics(metrics.registry)
    DomainMetrics(metrics.registry)
    ExceptionMetrics(metrics.registry)
    publisher = Publisher(client("redis://localhost:1/0"))
    Gauges(metrics, database, publisher, ["o2c.order"], version="0")
    return metrics.registry


def shown_name(family: Metric) -> str:
    """The name people know a family by: a counter's ends in `_total`."""
    return family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")


def sample_names(registry: CollectorRegistry) -> set[str]:
    """Every name that can be asked for."""
    return {family.name + part for family in registry.collect() for part in PARTS[family.type]}


def names_in(expression: str) -> Iterator[str]:
    """The metrics an expression names."""
    without_texts = re.sub(r'"[^"]*"', '""', expression)
    yield from _NAME.findall(without_texts)
