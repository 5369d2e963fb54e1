"""Streams that lost their data are refilled from the store before anything new is appended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from canonical.errors import Malformed, Unavailable
from embedded.server import start
from routing import refilling, republish
from routing.keeping import kept_streams
from routing.republish import REFILLING, StreamsWatch, open_road, publishing_paused
from routing.road import MARKER, WHOLE, Road
from routing.stream_metrics import StreamMetrics
from routing.streams import client
from store.access.audit_log import recent_audit
from store.database import Database
from store.log import published
from store.records import OutboxRow
from tests.streams.outboxes import Outlet, ids_of, ids_on, record_orders
from tests.streams.serving import command, entries_of, kill, running_server, shut_down, until
from tests.streams.subscribing import STREAM, Stage


@pytest.fixture
async def outlet(database: Database, redis: Redis) -> AsyncIterator[Outlet]:
    made = Outlet(database, redis)
    yield made
    await made.publisher.close()


# ── losses while it is publishing ────────────────────────────────────────────────────────────────


async def test_after_flushall_everything_is_there_again_before_what_is_new(
    outlet: Outlet, redis: Redis
) -> None:
    await outlet.publish(range(1, 6))
    await redis.flushall()
    await record_orders(outlet.database, [6, 7])
    await outlet.drain()
    assert await ids_on(redis) == ids_of(range(1, 8))
    assert outlet.metrics.refilled._value.get() == 5


async def test_what_is_appended_and_not_yet_marked_is_not_forgotten(
    outlet: Outlet, redis: Redis
) -> None:
    """Under load the relay marks many batches at once; a loss in between takes them too."""
    appended: list[OutboxRow] = []

    async def mark() -> None:
        await outlet.mark(appended)
        appended.clear()

    outlet.publisher.settle_first(mark)
    await record_orders(outlet.database, [1, 2, 3])
    appended += await outlet.claim()
    await outlet.publisher.publish(appended)
    await redis.flushall()
    await outlet.publish([4])
    assert await ids_on(redis) == ids_of(range(1, 5))
    assert appended == []


async def test_the_refilled_entries_are_what_they_were(outlet: Outlet, redis: Redis) -> None:
    await outlet.publish(range(1, 4))
    before = [fields for _, fields in await entries_of(redis, STREAM)]
    await redis.flushall()
    await outlet.publisher.look_after()
    assert [fields for _, fields in await entries_of(redis, STREAM)] == before


async def test_an_idle_gateway_refills_too(outlet: Outlet, redis: Redis) -> None:
    await outlet.publish(range(1, 6))
    await outlet.publisher.look_after()
    await redis.flushall()
    await outlet.publisher.look_after()
    assert await ids_on(redis) == ids_of(range(1, 6))


async def test_nothing_lost_is_nothing_appended(outlet: Outlet, redis: Redis) -> None:
    await outlet.publish(range(1, 6))
    for _ in range(3):
        await outlet.publisher.look_after()
        await outlet.publisher.close()
    await outlet.publish([6])
    assert await ids_on(redis) == ids_of(range(1, 7))


async def test_every_stream_of_a_message_is_refilled(outlet: Outlet, redis: Redis) -> None:
    await outlet.publish([1], destinations=("large-orders",))
    await outlet.publish(range(2, 300), destinations=(STREAM, "all-orders"))
    await redis.flushall()
    await outlet.publisher.look_after()
    # `large-orders` is not among the last messages; it is met on the way.
    assert await ids_on(redis, "large-orders") == ids_of([1])
    assert await ids_on(redis) == await ids_on(redis, "all-orders") == ids_of(range(2, 300))


async def test_a_stream_deleted_alone_is_noticed_by_what_is_appended_next(
    outlet: Outlet, redis: Redis
) -> None:
    await outlet.publish(range(1, 4))
    await outlet.publish([4], destinations=("large-orders",))
    await redis.delete(STREAM)
    await record_orders(outlet.database, [5])
    await outlet.drain()
    assert await ids_on(redis) == ids_of([1, 2, 3, 5])
    assert await ids_on(redis, "large-orders") == ids_of([4])


async def test_a_stream_deleted_and_made_again_by_a_subscriber_is_noticed(
    outlet: Outlet, redis: Redis
) -> None:
    await outlet.publish(range(1, 4))
    await outlet.publisher.look_after()
    await redis.delete(STREAM)
    await redis.xgroup_create(STREAM, "crm", id="0", mkstream=True)
    await outlet.publish([4])
    await outlet.publisher.look_after()
    assert sorted(await ids_on(redis)) == sorted(ids_of(range(1, 5)))


async def test_a_lost_tail_is_put_back_and_nothing_else(outlet: Outlet, redis: Redis) -> None:
    """As after a power cut, or a replica that lagged: the end is gone, the marker is there."""
    await outlet.publish(range(1, 251))
    entries = await entries_of(redis, STREAM)
    await redis.xdel(STREAM, *[entry_id for entry_id, _ in entries[240:]])
    # The next gateway process, or the connection lost with the server.
    await outlet.publisher.close()
    await outlet.publish([251])
    assert await ids_on(redis) == ids_of(range(1, 252))


async def test_a_lost_tail_longer_than_what_is_looked_for(outlet: Outlet, redis: Redis) -> None:
    await outlet.publish(range(1, 11))
    await outlet.publish(range(11, 601))
    entries = await entries_of(redis, STREAM)
    await redis.xdel(STREAM, *[entry_id for entry_id, _ in entries[10:]])
    await outlet.publisher.close()
    await outlet.publish([601])
    assert await ids_on(redis) == ids_of(range(1, 602))


async def test_what_was_trimmed_is_not_taken_for_lost(outlet: Outlet, redis: Redis) -> None:
    await outlet.publish(range(1, 301))
    await redis.xtrim(STREAM, maxlen=3, approximate=False)
    await outlet.publisher.close()
    await outlet.publish([301])
    assert await ids_on(redis) == ids_of([298, 299, 300, 301])
    await redis.xtrim(STREAM, maxlen=0, approximate=False)
    await outlet.publisher.close()
    await outlet.publish([302])
    assert await ids_on(redis) == ids_of([302])


async def test_streams_of_a_gateway_that_knew_no_marker_are_left_as_they_are(
    outlet: Outlet, redis: Redis
) -> None:
    await outlet.publish(range(1, 11))
    await redis.delete(MARKER)
    await outlet.publisher.close()
    await outlet.publish([11])
    assert await ids_on(redis) == ids_of(range(1, 12))
    assert await redis.get(MARKER) == WHOLE.encode()


# ── a real server that loses its data ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("with_data", [True, False], ids=["with its file", "without its file"])
async def test_a_server_that_was_killed_and_comes_back(
    database: Database, tmp_path: Path, with_data: bool
) -> None:
    with running_server(tmp_path) as server:
        connection = client(server.url)
        outlet = Outlet(database, connection)
        await outlet.publish(range(1, 31))
        kill(server.url)
        await record_orders(database, [31, 32])
        with pytest.raises(Unavailable):
            await outlet.drain()
        if not with_data:
            for file in sorted((tmp_path / "streams").rglob("*.aof*")):
                file.unlink()
        again = start(tmp_path)
        await until(lambda: drained(outlet))
        assert await ids_on(connection) == ids_of(range(1, 33))
        await connection.aclose()
        shut_down(again)
        again.stop()


async def drained(outlet: Outlet) -> bool:
    try:
        await outlet.drain()
    except Unavailable:
        return False
    return True


async def test_a_subscriber_drops_what_it_had_handled_and_handles_what_it_had_not(
    stage: Stage, redis: Redis
) -> None:
    outlet = Outlet(stage.database, redis)
    await outlet.publish(range(1, 11))
    first = stage.subscriber()
    first.on()(stage.ledger.enter)
    async with first:
        await until(lambda: stage.ledger.holds(10))
    await outlet.publish(range(11, 21))
    await redis.flushall()
    await record_orders(stage.database, [21])
    await until(lambda: drained(outlet))
    second = stage.subscriber()
    second.on()(stage.ledger.enter)
    async with second:
        await until(lambda: stage.ledger.holds(21))
    assert await stage.ledger.entries() == [f"order/{number}" for number in range(1, 22)]
    await outlet.publisher.close()


# ── several gateways ─────────────────────────────────────────────────────────────────────────────


async def test_nobody_appends_while_somebody_refills(outlet: Outlet, redis: Redis) -> None:
    await outlet.publish([1])
    road = Road(redis)
    await open_road(road)
    async with publishing_paused(road, "another", then=WHOLE):
        await record_orders(outlet.database, [2])
        with pytest.raises(Unavailable) as raised:
            await outlet.drain()
        assert raised.value.code == "streams_refilling"
        assert await ids_on(redis) == ids_of([1])
    await road.leave()
    await outlet.drain()
    assert await ids_on(redis) == ids_of([1, 2])


async def test_of_two_that_notice_a_loss_one_refills(
    outlet: Outlet, database: Database, redis: Redis
) -> None:
    other = Outlet(database, redis, owner="gateway-2")
    await outlet.publish(range(1, 11))
    await other.publish([11])
    await redis.flushall()
    await outlet.publisher.look_after()
    await other.publisher.look_after()
    await other.publish([12])
    await outlet.publisher.look_after()
    await outlet.publish([13])
    assert await ids_on(redis) == ids_of(range(1, 14))
    assert len(await database.read(recent_audit)) == 1
    await other.publisher.close()


async def test_what_another_gateway_has_appended_and_not_marked_is_refilled(
    outlet: Outlet, database: Database, redis: Redis
) -> None:
    """It died, or sleeps, between the append and the mark; then it says that it has published."""
    other = Outlet(database, redis, owner="gateway-2")
    await outlet.publish([1])
    await record_orders(database, [2])
    in_hand = await other.claim()
    await other.publisher.publish(in_hand)
    await redis.flushall()
    await outlet.publisher.look_after()
    await other.mark(in_hand)
    assert await ids_on(redis) == ids_of([1, 2])
    await other.publisher.close()


async def test_a_refill_whose_process_died_is_done_by_the_next(
    outlet: Outlet, redis: Redis
) -> None:
    await outlet.publish(range(1, 4))
    await redis.flushall()
    await redis.set(MARKER, REFILLING + "a dead one", px=60_000)
    with pytest.raises(Unavailable):
        await outlet.publisher.look_after()
    await redis.pexpire(MARKER, 0)
    await outlet.publisher.look_after()
    assert await ids_on(redis) == ids_of(range(1, 4))


async def test_emptied_again_in_the_middle_of_a_refill(
    outlet: Outlet, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(republish, "PAGE", 2)
    await outlet.publish(range(1, 8))
    await redis.flushall()
    flushed: list[object] = []

    class Emptying(republish.Refill):
        async def _page(self, behind: int, until: int | None) -> published.Page | None:
            if not flushed and await redis.xlen(STREAM) == 4:
                flushed.append(await redis.flushall())
            return await super()._page(behind, until)

    monkeypatch.setattr(refilling, "Refill", Emptying)
    with pytest.raises(Unavailable):
        await outlet.publisher.look_after()
    assert flushed
    await outlet.publisher.look_after()
    assert await ids_on(redis) == ids_of(range(1, 8))
    assert await redis.get(MARKER) == WHOLE.encode()


# ── bounds, and what is told ─────────────────────────────────────────────────────────────────────


async def test_a_refill_goes_no_further_back_than_its_bound(
    outlet: Outlet, database: Database, redis: Redis
) -> None:
    await outlet.publish(range(1, 21))
    await redis.flushall()
    watch = StreamsWatch(database, redis, most=5)
    [gap] = await watch.lost_streams()
    page = await database.read(
        lambda connection: published.published_page(connection, gap.behind, 100)
    )
    assert page is not None
    assert [row.message_id for row in page.rows] == ids_of(range(16, 21))


async def test_by_hand_a_loss_is_only_told(database: Database, redis: Redis) -> None:
    outlet = Outlet(database, redis, refill="manual")
    await outlet.publish(range(1, 4))
    await redis.flushall()
    await record_orders(database, [4])
    await outlet.drain()
    assert await ids_on(redis) == ids_of([4])
    assert outlet.metrics.lost.labels(STREAM)._value.get() == 1
    await outlet.publisher.close()


async def test_a_refill_stands_in_the_audit_log(outlet: Outlet, redis: Redis) -> None:
    await outlet.publish(range(1, 4))
    await redis.flushall()
    await outlet.publisher.look_after()
    [entry] = await outlet.database.read(recent_audit)
    assert (entry.actor, entry.action, entry.target) == ("gateway", "streams.refill", STREAM)
    assert entry.details["appended"] == 3


async def test_an_impossible_stream_is_refused_before_anything_is_appended(
    outlet: Outlet, redis: Redis
) -> None:
    await record_orders(outlet.database, [1])
    await record_orders(outlet.database, [2], destinations=("No Stream",))
    with pytest.raises(Malformed):
        await outlet.drain()
    assert await ids_on(redis) == []


async def test_a_batch_is_appended_whole_or_not_at_all(outlet: Outlet, redis: Redis) -> None:
    await outlet.publish([1])
    await record_orders(outlet.database, range(2, 100))
    await redis.config_set("maxmemory", 1)
    with pytest.raises(Unavailable) as raised:
        await outlet.drain()
    assert raised.value.code == "streams_outofmemory"
    assert await ids_on(redis) == ids_of([1])
    await redis.config_set("maxmemory", 0)
    await outlet.drain()
    assert await ids_on(redis) == ids_of(range(1, 100))


async def test_a_key_of_another_kind_is_named(outlet: Outlet, redis: Redis) -> None:
    await redis.set("not-a-stream", "x")
    await record_orders(outlet.database, [1], destinations=("not-a-stream",))
    with pytest.raises(Unavailable) as raised:
        await outlet.drain()
    assert raised.value.code == "streams_wrongtype"


async def test_a_replica_refuses_and_is_looked_at_anew(outlet: Outlet, redis: Redis) -> None:
    await outlet.publish([1])
    await record_orders(outlet.database, [2])
    await command(redis, "REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(Unavailable) as raised:
        await outlet.drain()
    await command(redis, "REPLICAOF", "NO", "ONE")
    assert raised.value.code == "streams_readonly"
    await outlet.drain()
    assert await ids_on(redis) == ids_of([1, 2])


async def test_kept_streams_are_looked_after_until_they_are_left(
    database: Database, redis: Redis
) -> None:
    registry, metrics = CollectorRegistry(), StreamMetrics()
    metrics.show_in(registry)
    await record_orders(database, range(1, 6))
    async with kept_streams(database, redis, [], owner="gateway-1", metrics=metrics) as publisher:
        outlet = Outlet(database, redis)
        rows = await outlet.claim()
        await publisher.publish(rows)
        await outlet.mark(rows)
        await redis.flushall()
        await until(lambda: registry.get_sample_value("gateway_stream_refilled_total") == 5)
    assert await ids_on(redis) == ids_of(range(1, 6))
    clients = await redis.client_list()
    assert [one for one in clients if one["watch"] != "0"] == []
