"""The table in `docs/observability.md` is the registry: names, types and labels."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from store.database import open_database
from tests.observability.shown import DOCUMENT, registry_of, shown_name

_ROW = re.compile(
    r"^\| `((?:gateway|process)_\w+)` \| (\w+) \| ([\w, ]*?) ?\| .+ \|$", re.MULTILINE
)
_ROWS = {name: (kind, labels) for name, kind, labels in _ROW.findall(DOCUMENT.read_text())}


@pytest.fixture
async def registry(sqlite_url: str) -> AsyncIterator[CollectorRegistry]:
    database = await open_database(sqlite_url)
    yield registry_of(database)
    await database.close()


async def test_every_metric_is_in_the_table_and_nothing_else(registry: CollectorRegistry) -> None:
    assert {shown_name(one) for one in registry.collect()} == _ROWS.keys()


async def test_the_table_has_their_types(registry: CollectorRegistry) -> None:
    found = {shown_name(one): one.type for one in registry.collect()}
    assert found == {name: kind for name, (kind, _) in _ROWS.items()}


async def test_the_table_has_their_labels(registry: CollectorRegistry) -> None:
    labels = _labels(registry)
    assert len(labels) > 30
    for name, (kind, documented) in _ROWS.items():
        if kind != "info":
            assert documented == ", ".join(labels.get(name, ())), name


async def test_names_follow_the_conventions(registry: CollectorRegistry) -> None:
    for one in registry.collect():
        name = shown_name(one)
        assert name.endswith("_total") == (one.type == "counter"), name
        assert not re.search(r"_(ms|us|millis|minutes|percent|kb|mb)\b", name), name
        assert one.documentation, name


def _labels(registry: CollectorRegistry) -> dict[str, tuple[str, ...]]:
    """The names of each metric's labels, whether or not it has samples."""
    found = {shown_name(one): getattr(one, "_labelnames", ()) for one in registry.collect()}
    for collector in list(registry._collector_to_names):
        if isinstance(collector, MetricWrapperBase):
            found[shown_name(next(iter(collector.describe())))] = collector._labelnames
    return found
