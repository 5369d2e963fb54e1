"""One trace from webhook to subscriber, on both stores, with a real stream server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler
from sqlalchemy import Connection

from canonical.errors import Unsupported
from configuration import Role
from embedded.server import StreamServer
from routing.envelope import Envelope, parse_entry
from routing.spans_otel import OtelSpans
from routing.subscriber import Subscriber, SubscriberSettings
from store.database import Database
from tests.acceptance.payloads import order
from tests.observability.gateway import STREAM, Gateway, gateway_over

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SENDER = f"00-{TRACE}-00f067aa0ba902b7-01"
PIPELINE = ("receive", "verify", "persist", "translate", "record", "publish")


@dataclass(frozen=True)
class Traced:
    """A gateway whose spans are kept in memory, and the parts to open a subscriber beside it."""

    gateway: Gateway
    exporter: InMemorySpanExporter
    valkey: StreamServer
    database: Database

    def named(self, name: str) -> list[ReadableSpan]:
        return [one for one in self.exporter.get_finished_spans() if one.name == name]

    def one(self, name: str) -> ReadableSpan:
        (found,) = self.named(name)
        return found

    def subscriber(self) -> Subscriber:
        return Subscriber(
            "crm",
            redis_url=self.valkey.url,
            database=self.database,
            streams=[STREAM],
            settings=SubscriberSettings(poll_s=0.05),
            spans=_spans(self.exporter, ParentBased(ALWAYS_ON)),
        )


def _spans(exporter: InMemorySpanExporter, sampler: Sampler) -> OtelSpans:
    provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return OtelSpans(provider)


@pytest.fixture
def sampler() -> Sampler:
    return ParentBased(ALWAYS_ON)


@pytest.fixture
async def traced(
    emptied: StreamServer, database: Database, tmp_path: Path, sampler: Sampler
) -> AsyncIterator[Traced]:
    exporter = InMemorySpanExporter()
    spans = _spans(exporter, sampler)
    async with gateway_over(database, emptied.url, tmp_path, spans=spans) as gateway:
        yield Traced(gateway, exporter, emptied, database)


def _trace_of(span: ReadableSpan) -> str:
    return trace.format_trace_id(span.context.trace_id)


def _parent_of(span: ReadableSpan) -> str | None:
    return trace.format_span_id(span.parent.span_id) if span.parent else None


def _id_of(span: ReadableSpan) -> str:
    return trace.format_span_id(span.context.span_id)


async def _handled(traced: Traced, subscriber: Subscriber, done: asyncio.Event) -> None:
    async with subscriber, asyncio.timeout(20):
        await done.wait()


async def test_one_trace_from_webhook_to_subscriber(traced: Traced) -> None:
    done, seen = asyncio.Event(), []
    loop = asyncio.get_running_loop()
    subscriber = traced.subscriber()

    @subscriber.on("o2c.order.placed")
    def handle(envelope: Envelope, connection: Connection) -> None:
        seen.append(trace.get_current_span().get_span_context().span_id)
        loop.call_soon_threadsafe(done.set)

    await traced.gateway.post(order(), traceparent=SENDER)
    await traced.gateway.entries()
    await _handled(traced, subscriber, done)

    spans = traced.exporter.get_finished_spans()
    assert {one.name for one in spans} == {*PIPELINE, "handle"}
    assert {_trace_of(one) for one in spans} == {TRACE}
    receive = traced.one("receive")
    assert _parent_of(receive) == "00f067aa0ba902b7"
    assert {_parent_of(one) for one in spans if one is not receive} == {_id_of(receive)}
    assert seen == [traced.one("handle").context.span_id]


async def test_spans_say_what_and_when(traced: Traced) -> None:
    answer = await traced.gateway.post(order())
    await traced.gateway.entries()
    receive = traced.one("receive")
    for name in ("receive", "translate", "record", "publish"):
        span = traced.one(name)
        assert span.attributes is not None
        assert span.attributes["o2c.connector"] == "shopify"
        assert span.attributes["o2c.account"] == "acme"
        assert span.attributes["o2c.receipt"] == answer.json()["receipt"]
        assert span.start_time is not None
        assert span.end_time is not None
        assert receive.start_time is not None
        assert receive.start_time <= span.start_time <= span.end_time
    assert (traced.one("record").attributes or {})["o2c.verdicts"] == ("new",)
    assert (traced.one("publish").attributes or {})["o2c.streams"] == (STREAM,)


async def test_without_a_sender_s_trace_the_gateway_begins_one(traced: Traced) -> None:
    await traced.gateway.post(order(1), event="e1")
    await traced.gateway.post(order(2), event="e2", traceparent="no traceparent at all")
    entries = [parse_entry(one) for one in await traced.gateway.entries()]
    receives = traced.named("receive")
    assert [one.parent for one in receives] == [None, None]
    begun = {f"00-{_trace_of(one)}-{_id_of(one)}" for one in receives}
    assert {(one.traceparent or "")[:-3] for one in entries} == begun
    assert len(begun) == 2


async def test_a_batch_keeps_its_traces_apart(traced: Traced) -> None:
    await asyncio.gather(
        *(traced.gateway.post(order(number), event=f"e{number}") for number in range(1, 6))
    )
    await traced.gateway.entries()
    for name in PIPELINE:
        assert len({_trace_of(one) for one in traced.named(name)}) == 5, name


async def test_processes_with_roles_apart_share_the_trace(
    emptied: StreamServer, database: Database, tmp_path: Path
) -> None:
    exporter = InMemorySpanExporter()
    for roles in ({Role.INGEST}, {Role.WORKER}, {Role.RELAY}):
        spans = _spans(exporter, ParentBased(ALWAYS_ON))
        opened = gateway_over(database, emptied.url, tmp_path, spans=spans, roles=roles)
        async with opened as gateway:
            if Role.INGEST in roles:
                await gateway.post(order(), traceparent=SENDER)
            await gateway.entries()
    found = exporter.get_finished_spans()
    assert sorted(one.name for one in found) == sorted(PIPELINE)
    assert {_trace_of(one) for one in found} == {TRACE}


async def test_a_sender_that_does_not_sample_is_followed(traced: Traced) -> None:
    await traced.gateway.post(order(), traceparent=f"00-{TRACE}-00f067aa0ba902b7-00")
    (entry,) = await traced.gateway.entries()
    assert not traced.exporter.get_finished_spans()
    assert entry[b"traceparent"].startswith(f"00-{TRACE}-".encode())
    assert entry[b"traceparent"].endswith(b"-00")


@pytest.mark.parametrize("sampler", [ParentBased(ALWAYS_OFF)])
async def test_what_the_gateway_does_not_sample_subscribers_do_not_either(traced: Traced) -> None:
    done, subscriber = asyncio.Event(), traced.subscriber()

    @subscriber.on()
    async def handle(envelope: Envelope) -> None:
        done.set()

    await traced.gateway.post(order())
    await traced.gateway.entries()
    await _handled(traced, subscriber, done)
    assert not traced.exporter.get_finished_spans()


async def test_failures_are_told_by_their_code_alone(traced: Traced) -> None:
    done, subscriber = asyncio.Event(), traced.subscriber()

    @subscriber.on()
    async def handle(envelope: Envelope) -> None:
        done.set()
        raise Unsupported("canary-of-the-message", code="not_ours")

    await traced.gateway.post(order(1), event="e1")
    await traced.gateway.post(b"not json: canary-of-the-body", event="e2")
    await traced.gateway.entries()
    await _handled(traced, subscriber, done)
    told = {one.name: one.status.description for one in _failed(traced)}
    assert told["handle"] == "not_ours"
    assert "canary" not in "".join(one.to_json() for one in traced.exporter.get_finished_spans())


async def test_a_refused_delivery_has_no_span(traced: Traced) -> None:
    answer = await traced.gateway.post(
        order(), traceparent=SENDER, x_shopify_hmac_sha256="bm90IHRoZSBzaWduYXR1cmU="
    )
    assert answer.status_code == 401
    assert not traced.exporter.get_finished_spans()


async def test_without_tracing_a_traceparent_is_handed_on_as_it_came(gateway: Gateway) -> None:
    await gateway.post(order(1), event="e1", traceparent=SENDER)
    await gateway.post(order(2), event="e2")
    entries = await gateway.entries()
    assert [one.get(b"traceparent") for one in entries] == [SENDER.encode(), None]


def _failed(traced: Traced) -> Sequence[ReadableSpan]:
    return [one for one in traced.exporter.get_finished_spans() if not one.status.is_unset]
