"""Spans by OpenTelemetry; imported only where traces are wanted.

Attributes say which connector, account, kind, receipt and verdict; never what a payload holds.
Sources: W3C Trace Context; OpenTelemetry's semantic conventions for messaging.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, perf_counter_ns, time_ns
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from canonical.errors import GatewayError
from connectors.raw import RawMessage
from routing.envelope import Envelope
from routing.metrics import Times
from routing.spans import Begun, FindsHandlers
from routing.subscriber_handlers import Call, Effect, Handler, InTransaction, Outside
from store.database import Connection
from store.ids import RECEIPT, show_id
from store.records import Accepted, Delivery, OutboxRow, Recorded, Translation

CLOSE_S: Final = 3.0
"""How long a process that ends waits for a collector that does not answer."""
KIND_MAX: Final = 100
SERVICE: Final = {"service.name": "o2c-gateway"}
SYSTEM: Final = {"messaging.system": "redis"}

Attributes = Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class _Begun:
    """A delivery's span, and when its verification had ended."""

    span: Span
    received_ns: int
    verified_ns: int

    @property
    def traceparent(self) -> str:
        found = self.span.get_span_context()
        return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"


class OtelSpans:
    """Spans of one process, given to a provider of OpenTelemetry's."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("o2c-gateway")

    def begin(self, raw: RawMessage, traceparent: str | None) -> Begun:
        """Begin the span `receive` in the sender's trace, or in a new one."""
        received_ns = int(raw.received_at.timestamp() * 1e9)
        span = self._tracer.start_span(
            "receive", _parent(traceparent), SpanKind.SERVER, start_time=received_ns
        )
        return _Begun(span, received_ns, max(time_ns(), received_ns))

    def received(self, begun: Begun, delivery: Delivery, accepted: Accepted) -> None:
        """End it, with `verify` and `persist` inside."""
        assert isinstance(begun, _Begun)  # noqa: S101 - what `begin` gave
        now_ns = max(time_ns(), begun.verified_ns)
        inside = set_span_in_context(begun.span)
        if delivery.secret_name is not None:
            self._add("verify", inside, (begun.received_ns, begun.verified_ns))
        self._add("persist", inside, (begun.verified_ns, now_ns))
        begun.span.set_attributes(
            _about(delivery) | {"o2c.transport": delivery.transport, "o2c.size": delivery.size}
        )
        if accepted.first_receipt_id is not None:
            begun.span.set_attribute("o2c.redelivery_of", show_id(RECEIPT, _first(accepted)))
        if delivery.failure is not None:
            _fail(begun.span, delivery.failure.code)
        begun.span.end(now_ns)

    def translated(self, parts: Sequence[Translation], times: Sequence[Times]) -> None:
        """A span `translate` for each part."""
        shift_ns = _shift_ns()
        for part, (begun, ended) in zip(parts, times, strict=True):
            if part.traceparent is None:
                continue
            self._add(
                "translate",
                _parent(part.traceparent),
                (shift_ns + int(begun * 1e9), shift_ns + int(ended * 1e9)),
                _about(part) | {"o2c.messages": len(part.messages)},
                error=part.failure.code if part.failure else "",
            )

    def recorded(
        self, parts: Sequence[Translation], recorded: Sequence[Recorded], begun: float
    ) -> None:
        """A span `record` for each part: they share the transaction, and so its time."""
        times_ns = _until_now(begun)
        verdicts = {one.row_id: one.verdict for one in recorded}
        for part in parts:
            if part.traceparent is not None:
                about = _about(part) | {"o2c.verdicts": _verdicts(part, verdicts)}
                self._add("record", _parent(part.traceparent), times_ns, about)

    def published(self, rows: Sequence[OutboxRow], begun: float) -> None:
        """A span `publish` for each trace that has messages in the batch."""
        times_ns = _until_now(begun)
        by_trace: dict[str, list[OutboxRow]] = {}
        for row in rows:
            if row.traceparent is not None:
                by_trace.setdefault(row.traceparent, []).append(row)
        for traceparent, of_trace in by_trace.items():
            about = _published(of_trace)
            self._add("publish", _parent(traceparent), times_ns, about, kind=SpanKind.PRODUCER)

    def traced(self, subscriber: str, handlers: FindsHandlers) -> FindsHandlers:
        """The handlers, each in a span `handle` that is current while it runs."""
        return _TracedHandlers(self, subscriber, handlers)

    @contextmanager
    def handling(self, subscriber: str, envelope: Envelope) -> Iterator[None]:
        """A span around one try of a handler."""
        about: dict[str, AttributeValue] = {
            **SYSTEM,
            "messaging.message.id": envelope.id,
            "o2c.subscriber": subscriber,
            "o2c.type": envelope.type,
            "o2c.receipt": envelope.causationid,
        }
        parent = _parent(envelope.traceparent)
        span = self._tracer.start_span("handle", parent, SpanKind.CONSUMER, about)
        # The library would keep the error's text, which may quote what the message is about.
        with use_span(
            span, end_on_exit=True, record_exception=False, set_status_on_exception=False
        ):
            try:
                yield
            except Exception as error:
                _fail(span, error.code if isinstance(error, GatewayError) else "handler_failed")
                raise

    def _add(
        self,
        name: str,
        parent: Context,
        times_ns: tuple[int, int],
        attributes: Attributes | None = None,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        error: str = "",
    ) -> None:
        """A span that is over."""
        begun_ns, ended_ns = times_ns
        span = self._tracer.start_span(name, parent, kind, attributes, start_time=begun_ns)
        if error:
            _fail(span, error)
        span.end(ended_ns)


class _TracedHandlers:
    def __init__(self, spans: OtelSpans, subscriber: str, handlers: FindsHandlers) -> None:
        self._spans = spans
        self._subscriber = subscriber
        self._handlers = handlers

    def find(self, type_: str) -> Handler:
        """The handler of this type, with a span around it."""
        handler = self._handlers.find(type_)
        if isinstance(handler, InTransaction):
            return InTransaction(self._effect(handler.run))
        return Outside(self._call(handler.run))

    def _effect(self, run: Effect) -> Effect:
        def traced(envelope: Envelope, connection: Connection) -> None:
            with self._spans.handling(self._subscriber, envelope):
                run(envelope, connection)

        return traced

    def _call(self, run: Call) -> Call:
        async def traced(envelope: Envelope) -> None:
            with self._spans.handling(self._subscriber, envelope):
                await run(envelope)

        return traced


def exporting_spans() -> OtelSpans:
    """Spans that are sent by OTLP over HTTP to where the environment says, until the process ends.

    They are sent by a thread of their own; what a collector does not take in time is dropped.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )

    # The environment's own name for the service wins.
    resource = Resource.create().merge(Resource(SERVICE)).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    processor = BatchSpanProcessor(OTLPSpanExporter())
    provider.add_span_processor(processor)
    _close_at_exit(processor)
    return OtelSpans(provider)


def _close_at_exit(processor: BatchSpanProcessor) -> None:
    """Send what is left when the process ends, for so long at most: the library takes 30 s."""
    ending = threading.Event()

    def close() -> None:
        ending.wait()
        processor.shutdown()  # type: ignore[no-untyped-call]

    # Started now: at exit no thread can be started any more.
    closer = threading.Thread(target=close, name="spans closer", daemon=True)
    closer.start()

    def end() -> None:
        ending.set()
        closer.join(CLOSE_S)

    atexit.register(end)


_PROPAGATOR: Final = TraceContextTextMapPropagator()


def _parent(traceparent: str | None) -> Context:
    """The span it names; nothing, and so a new trace, for none or one that cannot be read."""
    carrier = {} if traceparent is None else {"traceparent": traceparent}
    return _PROPAGATOR.extract(carrier, Context())


def _shift_ns() -> int:
    """From `perf_counter` to nanoseconds since 1970."""
    return time_ns() - perf_counter_ns()


def _until_now(begun: float) -> tuple[int, int]:
    ended_ns = time_ns()
    return ended_ns - max(int((perf_counter() - begun) * 1e9), 0), ended_ns


def _about(one: Delivery | Translation) -> dict[str, AttributeValue]:
    return {
        "o2c.connector": one.connector,
        "o2c.account": one.account,
        "o2c.kind": one.kind[:KIND_MAX],
        "o2c.receipt": show_id(RECEIPT, one.receipt_id),
    }


def _published(rows: Sequence[OutboxRow]) -> Attributes:
    first = rows[0]
    about: dict[str, AttributeValue] = {
        **SYSTEM,
        "messaging.batch.message_count": len(rows),
        "o2c.connector": first.connector,
        "o2c.account": first.account,
        "o2c.receipt": show_id(RECEIPT, first.receipt_id),
        "o2c.streams": sorted({stream for row in rows for stream in row.destinations}),
    }
    if len(rows) == 1:
        about |= {"messaging.message.id": first.message_id, "o2c.type": first.type}
    return about


def _verdicts(part: Translation, verdicts: Mapping[int, str]) -> list[str]:
    ids = [*(one.row_id for one in part.messages), *(one.row_id for one in part.failures)]
    return sorted({verdicts[row_id] for row_id in ids if row_id in verdicts})


def _first(accepted: Accepted) -> int:
    return accepted.first_receipt_id or accepted.receipt_id


def _fail(span: Span, code: str) -> None:
    span.set_attribute("o2c.code", code)
    span.set_status(Status(StatusCode.ERROR, code))
