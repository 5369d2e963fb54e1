"""Traces from webhook to subscriber, or nothing at all: chosen once, when a process starts.

A message's spans share one trace. The receipt keeps the `traceparent` of the span in which it was
received, its messages' envelopes carry it on, and all later spans are that span's children.
Without tracing the hooks are calls that do nothing, a `traceparent` that a sender gave is handed
on as it came, and nothing of OpenTelemetry is imported here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Protocol

import structlog

if TYPE_CHECKING:
    from connectors.raw import RawMessage
    from routing.metrics import Times
    from routing.subscriber_handlers import Handler
    from store.records import Accepted, Delivery, OutboxRow, Recorded, Translation

EXPORTER: Final = "opentelemetry.exporter.otlp.proto.http"
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

log = structlog.get_logger(__name__)


class Begun(Protocol):
    """A delivery whose span has begun."""

    @property
    def traceparent(self) -> str:
        """What the receipt keeps, for all later spans to be children of."""


class FindsHandlers(Protocol):
    """Which function handles which message type."""

    def find(self, type_: str) -> Handler:
        """The handler of this type."""


class Spans(Protocol):
    """Where the pipeline says what it has done, mostly a batch at a time and afterwards."""

    def begin(self, raw: RawMessage, traceparent: str | None) -> Begun | None:
        """A delivery is verified and will be made durable; None without tracing."""

    def received(self, begun: Begun, delivery: Delivery, accepted: Accepted) -> None:
        """It is durable."""

    def translated(self, parts: Sequence[Translation], times: Sequence[Times]) -> None:
        """These payloads or chunks were translated, each in its own time."""

    def recorded(
        self, parts: Sequence[Translation], recorded: Sequence[Recorded], begun: float
    ) -> None:
        """What they became is durable since now; it was begun at this `perf_counter`."""

    def published(self, rows: Sequence[OutboxRow], begun: float) -> None:
        """These are on their streams since now; it was begun at this `perf_counter`."""

    def traced(self, subscriber: str, handlers: FindsHandlers) -> FindsHandlers:
        """The same handlers, each with a span around it."""


class NoSpans:
    """No tracing."""

    def begin(self, raw: RawMessage, traceparent: str | None) -> None:
        """Nothing begins."""

    def received(self, begun: Begun, delivery: Delivery, accepted: Accepted) -> None:
        """Nothing is kept."""

    def translated(self, parts: Sequence[Translation], times: Sequence[Times]) -> None:
        """Nothing is kept."""

    def recorded(
        self, parts: Sequence[Translation], recorded: Sequence[Recorded], begun: float
    ) -> None:
        """Nothing is kept."""

    def published(self, rows: Sequence[OutboxRow], begun: float) -> None:
        """Nothing is kept."""

    def traced(self, subscriber: str, handlers: FindsHandlers) -> FindsHandlers:  # noqa: ARG002
        """The handlers as they are."""
        return handlers


NO_SPANS: Final[Spans] = NoSpans()


@cache
def process_spans() -> Spans:
    """This process's tracing, as its environment wants it."""
    return spans_for(os.environ)


def spans_for(environment: Mapping[str, str]) -> Spans:
    """Tracing by the standard `OTEL_*` variables; none without an endpoint or the extra.

    What else they say (sampler, service name, headers, batches) the library reads by itself.
    """
    if not _wanted(environment):
        return NO_SPANS
    if not _installed():
        log.warning("no traces: the extra `telemetry` is not installed", code="no_telemetry")
        return NO_SPANS
    from routing.spans_otel import exporting_spans  # noqa: PLC0415 - loaded by those who trace

    return exporting_spans()


def _wanted(environment: Mapping[str, str]) -> bool:
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "otlp") == "none":
        return False
    return any(environment.get(name) for name in ENDPOINTS)


def _installed() -> bool:
    try:
        return find_spec("opentelemetry.sdk") is not None and find_spec(EXPORTER) is not None
    except ModuleNotFoundError:
        return False
