"""Tracing is chosen by the environment, costs nothing when it is not, and sends what it should."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from routing.spans import NO_SPANS, spans_for
from tests.observability.shown import ROOT

UNTRACED = """
import sys
import gateway, routing.pipeline, routing.subscriber, transports.running
from routing.spans import NO_SPANS, process_spans
assert process_spans() is NO_SPANS
tracing = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "routing.spans_otel")
print([name for name in sys.modules if name.startswith(tracing)])
"""
TRACED = """
from datetime import UTC, datetime
from connectors.raw import RawMessage
from routing.spans import process_spans
from routing.spans_otel import OtelSpans
spans = process_spans()
assert isinstance(spans, OtelSpans)
with spans.handling("crm", __import__("routing.envelope").envelope.Envelope(
    id="m-1", source="/shop/acme", type="o2c.order.placed", subject="order/1",
    time=datetime.now(UTC), dataschema="", idempotencykey="", correlationid="",
    causationid="rcp_1", partitionkey="", data="{}",
)):
    pass
"""


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_SERVICE_NAME": "shop"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nothing_is_traced_unless_it_is_wanted(environment: dict[str, str]) -> None:
    assert spans_for(environment) is NO_SPANS


def test_without_an_endpoint_nothing_for_traces_is_imported() -> None:
    assert _run(UNTRACED, {}) == "[]"


def test_without_the_extra_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.spans.EXPORTER", "opentelemetry.nowhere.at.all")
    assert spans_for({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318"}) is NO_SPANS


def test_spans_are_sent_before_the_process_ends() -> None:
    with _collector() as (address, received):
        _run(TRACED, {"OTEL_EXPORTER_OTLP_ENDPOINT": address})
    (request,) = received
    (of_resource,) = request.resource_spans
    named = {one.key: one.value.string_value for one in of_resource.resource.attributes}
    assert named["service.name"] == "o2c-gateway"
    assert [one.name for one in of_resource.scope_spans[0].spans] == ["handle"]


def test_the_environment_names_the_service() -> None:
    with _collector() as (address, received):
        _run(TRACED, {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_SERVICE_NAME": "crm-sync"})
    attributes = received[0].resource_spans[0].resource.attributes
    assert "crm-sync" in [one.value.string_value for one in attributes]


def test_the_environment_s_sampler_holds() -> None:
    with _collector() as (address, received):
        _run(TRACED, {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_TRACES_SAMPLER": "always_off"})
    assert not received


def test_a_collector_that_is_away_does_not_keep_a_process_from_ending() -> None:
    _run(TRACED, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})


def _run(program: str, environment: dict[str, str]) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=clean | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


@contextmanager
def _collector() -> Iterator[tuple[str, list[Any]]]:
    """An address that takes spans by OTLP over HTTP, and what it was sent."""
    received: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", received
        finally:
            server.shutdown()
            serving.join()
