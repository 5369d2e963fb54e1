"""Counting: the cheap parts count as the library's own do, and words come from the gateway."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from routing.metrics import Metrics
from routing.spread import Labelled, Spread
from store.ids import IdSource, made_at_s
from store.records import Failure, Recorded, Translation
from tests.streams.rows import Row

BOUNDS = (0.001, 0.01, 1)
AMOUNTS = (0.0, 0.0005, 0.001, 0.0011, 0.5, 1.0, 7.0)


def test_a_spread_shows_what_the_library_s_histogram_shows() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    spread = Spread("x_seconds", "Time", "connector", BOUNDS, ours)
    histogram = Histogram("x_seconds", "Time", ["connector"], buckets=BOUNDS, registry=theirs)
    for connector in ("shopify", "camt"):
        for amount in AMOUNTS:
            spread.observe(connector, amount)
            histogram.labels(connector).observe(amount)
    assert _samples(ours) == _samples(theirs)


def test_a_spread_nothing_was_told_is_there_without_samples() -> None:
    registry = CollectorRegistry()
    Spread("x_seconds", "Time", "connector", BOUNDS, registry)
    assert b"# TYPE x_seconds histogram" in generate_latest(registry)
    assert not _samples(registry)


def test_a_labelled_metric_gives_one_child_for_the_same_labels() -> None:
    registry = CollectorRegistry()
    counter = Labelled(Counter("x", "X", ["a", "b"], registry=registry))
    assert counter.labels("1", "2") is counter.labels("1", "2")
    counter.labels("1", "2").inc(3)
    assert registry.get_sample_value("x_total", {"a": "1", "b": "2"}) == 3


def test_an_append_counts_from_the_oldest_receipt() -> None:
    metrics, hour_ms = Metrics(), 3_600_000
    now_ms = time.time_ns() // 1_000_000
    old, new = IdSource(lambda: now_ms - hour_ms).next(), IdSource().next()
    rows = [Row("m-1", receipt_id=new), Row("m-2", receipt_id=old)]
    metrics.appended(rows, time.perf_counter())
    value = metrics.registry.get_sample_value
    assert 3600 <= (value("gateway_end_to_end_seconds_sum") or 0) < 4000
    assert value("gateway_end_to_end_seconds_count") == 1
    assert value("gateway_publish_size_sum") == value("gateway_published_total") == 2


def test_an_id_tells_when_it_was_made() -> None:
    assert made_at_s(IdSource(lambda: 1_780_000_000_123).next()) == 1_780_000_000.123


def test_what_was_recorded_is_counted_by_verdict_and_dead_payloads_by_code() -> None:
    metrics = Metrics()
    rows = [
        Recorded(number, "shopify", "acme", None, verdict, "pending", leased=True)
        for number, verdict in enumerate(("new", "new", "stale"))
    ]
    metrics.recorded([_translation(None), _translation("bad_json")], rows)
    value = metrics.registry.get_sample_value
    labels = {"connector": "shopify", "account": "acme"}
    assert value("gateway_messages_total", labels | {"verdict": "new"}) == 2
    assert value("gateway_messages_total", labels | {"verdict": "stale"}) == 1
    assert value("gateway_dead_payloads_total", labels | {"code": "bad_json"}) == 1


def test_a_silent_account_is_shown_from_the_start() -> None:
    metrics = Metrics()
    metrics.expect([("shopify", "acme")])
    labels = {"connector": "shopify", "account": "acme", "outcome": "accepted"}
    assert metrics.registry.get_sample_value("gateway_receipts_total", labels) == 0


def _samples(registry: CollectorRegistry) -> set[tuple[str, tuple[tuple[str, str], ...], float]]:
    return {
        (one.name, tuple(sorted(one.labels.items())), one.value)
        for family in registry.collect()
        for one in family.samples
        if not one.name.endswith("_created")
    }


def _translation(code: str | None) -> Translation:
    failure = Failure(stage="translate", code=code, path="", message="") if code else None
    return Translation(
        1, "shopify", "acme", "orders/create", None, [], [], 0, True, failure, None
    )  # fmt: skip
