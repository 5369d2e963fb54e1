"""Trimming: behind what every group has acknowledged, and past the cap only with a word."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import cast

import pytest
import structlog
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from canonical.errors import Unavailable
from configuration import RouteSettings
from embedded.server import StreamServer
from routing.stream_metrics import StreamMetrics
from routing.stream_states import look_at
from routing.streams import Publisher, client
from routing.trimming import Trimmed, Trimmer, known_streams
from tests.streams.outboxes import ids_on
from tests.streams.rows import orders
from tests.streams.serving import entries_of
from tests.streams.subscribing import STREAM

NODE = 100
"""Trimming goes by whole nodes, which hold at most so many entries."""


def trimmer(redis: Redis, *, keep: timedelta = timedelta(0), **settings: object) -> Trimmer:
    return Trimmer(redis, [STREAM, "nothing"], keep=keep, **settings)  # type: ignore[arg-type]


async def group_at(redis: Redis, name: str, place: int) -> None:
    """A group that has acknowledged the first `place` entries."""
    await redis.xgroup_create(STREAM, name, id="0")
    if place:
        await redis.xack(STREAM, name, *await read_new(redis, name, place))


async def read_new(redis: Redis, group: str, count: int) -> list[bytes]:
    answer = cast(
        "list[tuple[bytes, list[tuple[bytes, object]]]]",
        await redis.xreadgroup(group, "one", {STREAM: ">"}, count=count),
    )
    return [entry_id for _, entries in answer for entry_id, _ in entries]


async def first_left(redis: Redis) -> int:
    """The number of the first order that is left; none behind it is missing."""
    left = [int(one[-12:]) for one in await ids_on(redis)]
    assert left == list(range(left[0], left[-1] + 1))
    return left[0]


async def test_nothing_goes_that_some_group_has_not_acknowledged(
    redis: Redis, publisher: Publisher
) -> None:
    await publisher.publish(orders(1000))
    await group_at(redis, "fast", 1000)
    await group_at(redis, "slow", 450)
    [done] = await trimmer(redis).trim_once()
    assert 450 - NODE < await first_left(redis) <= 450
    assert (done.acknowledged + done.left, done.unread) == (1000, 0)


async def test_what_was_read_and_not_acknowledged_stays(redis: Redis, publisher: Publisher) -> None:
    await publisher.publish(orders(1000))
    await redis.xgroup_create(STREAM, "crm", id="0")
    await redis.xreadgroup("crm", "one", {STREAM: ">"}, count=900)
    entries = await entries_of(redis, STREAM)
    in_hand = {250, 777}
    done = [entry_id for place, (entry_id, _) in enumerate(entries[:900]) if place not in in_hand]
    await redis.xack(STREAM, "crm", *done)
    await trimmer(redis).trim_once()
    assert 251 - NODE < await first_left(redis) <= 251
    await redis.xack(STREAM, "crm", entries[250][0])
    await trimmer(redis).trim_once()
    assert 778 - NODE < await first_left(redis) <= 778


async def test_a_group_that_has_read_nothing_yet_holds_everything(
    redis: Redis, publisher: Publisher
) -> None:
    await publisher.publish(orders(500))
    await group_at(redis, "fast", 500)
    await group_at(redis, "new", 0)
    [done] = await trimmer(redis).trim_once()
    assert (done.acknowledged, done.left) == (0, 500)


async def test_a_stream_without_groups_is_kept(redis: Redis, publisher: Publisher) -> None:
    await publisher.publish(orders(500))
    assert await trimmer(redis).trim_once() == [
        Trimmed(stream=STREAM, acknowledged=0, unread=0, left=500)
    ]


async def test_acknowledged_entries_stay_for_a_while(redis: Redis, publisher: Publisher) -> None:
    await publisher.publish(orders(500))
    await group_at(redis, "fast", 500)
    [done] = await trimmer(redis, keep=timedelta(hours=1)).trim_once()
    assert done.left == 500


async def test_over_the_cap_acknowledged_entries_go_first_and_quietly(
    redis: Redis, publisher: Publisher
) -> None:
    await publisher.publish(orders(3000))
    await group_at(redis, "fast", 2900)
    with structlog.testing.capture_logs() as logs:
        [done] = await trimmer(redis, keep=timedelta(hours=1), max_entries=1000).trim_once()
    assert done.unread == 0
    assert 1000 - 2 * NODE <= done.left <= 1000
    assert logs == []


async def test_past_the_cap_unread_entries_go_and_it_is_said(
    redis: Redis, publisher: Publisher
) -> None:
    registry = CollectorRegistry()
    await publisher.publish(orders(3000))
    await group_at(redis, "fast", 3000)
    await group_at(redis, "asleep", 100)
    looked_after = trimmer(redis, max_entries=1000, metrics=StreamMetrics(registry))
    with structlog.testing.capture_logs() as logs:
        [done] = await looked_after.trim_once()
    assert 1000 <= done.left <= 1000 + NODE
    assert done.unread + done.acknowledged + done.left == 3000
    [said] = logs
    assert (said["log_level"], said["stream"], said["trimmed"]) == ("error", STREAM, done.unread)
    assert said["behind"] == ["asleep"]
    labels = {"stream": STREAM, "reason": "cap"}
    assert registry.get_sample_value("gateway_stream_trimmed_total", labels) == done.unread
    filled = registry.get_sample_value("gateway_stream_fill_ratio", {"stream": STREAM})
    assert filled == done.left / 1000


async def test_a_stream_that_fills_up_is_warned_of_once(redis: Redis, publisher: Publisher) -> None:
    await publisher.publish(orders(1000))
    await group_at(redis, "slow", 100)
    looked_after = trimmer(redis, max_entries=1000)
    with structlog.testing.capture_logs() as logs:
        await looked_after.trim_once()
        await looked_after.trim_once()
    [said] = logs
    assert (said["log_level"], said["waiting"], said["behind"]) == ("warning", 900, ["slow"])


async def test_several_may_trim_at_the_same_time(redis: Redis, publisher: Publisher) -> None:
    await publisher.publish(orders(1000))
    await group_at(redis, "slow", 450)
    await asyncio.gather(trimmer(redis).trim_once(), trimmer(redis).trim_once())
    assert 450 - NODE < await first_left(redis) <= 450
    [again] = await trimmer(redis).trim_once()
    assert again.acknowledged == 0


async def test_a_trimmed_stream_is_still_read_to_its_end(
    redis: Redis, publisher: Publisher
) -> None:
    await publisher.publish(orders(1000))
    await redis.xgroup_create(STREAM, "crm", id="0")
    seen = 0
    while True:
        if not (ids := await read_new(redis, "crm", 70)):
            break
        seen += len(ids)
        await redis.xack(STREAM, "crm", *ids)
        await trimmer(redis, max_entries=1000).trim_once()
    assert seen == 1000
    state = await look_at(redis, STREAM)
    assert state is not None
    assert 1 <= state.length <= NODE


async def test_a_server_that_is_away_is_unavailable(valkey: StreamServer) -> None:
    gone = client(valkey.url + "-gone")
    with pytest.raises(Unavailable):
        await trimmer(gone).trim_once()
    await gone.aclose()


def test_the_streams_of_a_configuration() -> None:
    routes = [RouteSettings(name="large", to=("large-orders", "o2c.order"))]
    assert known_streams(routes) == (
        "o2c.order", "o2c.shipment", "o2c.billing", "o2c.cash", "o2c.chain", "large-orders",
    )  # fmt: skip
