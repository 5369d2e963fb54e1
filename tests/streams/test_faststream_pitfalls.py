"""FastStream's pitfalls on Redis Streams, and where it is shown that a subscriber avoids each.

1.  The group is created at `$`: what was published before is lost.
2.  `nack` and `reject` do nothing on the server; there is no dead letter.
3.  Taking over what a dead consumer left needs a second subscriber and has no cap.
4.  Without a bound, a batch read takes the whole backlog.
5.  A deleted stream or FLUSHALL stops the subscription silently, for good.
6.  A server that answers READONLY is asked again in a hot loop.
7.  A server that is not there at the start is an error at once.
8.  One bad item fails the whole batch.
9.  The wire format is its own, and binary.
10. Failures are seen in several places: handler, validation, JSON.
11. Its test broker does not model acknowledgement.
12. One message at a time costs seven times as much as a batch of them.

`SHOWN_BY` names the tests; those that are not elsewhere are below.
"""

from __future__ import annotations

import asyncio
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest
from redis.asyncio import Redis
from sqlalchemy import Connection

from routing.envelope import Envelope, entry_fields
from routing.streams import Publisher
from routing.subscriber import Subscriber, SubscriberSettings
from tests.streams.rows import Row, orders
from tests.streams.serving import command, entries_of, until
from tests.streams.subscribing import STREAM, Stage

EFFECT, SURVIVAL, HERE = "test_subscriber", "test_subscriber_survival", ""
SHOWN_BY = {
    1: (EFFECT, ["test_what_was_published_before_it_started_is_handled_in_order"]),
    2: (
        EFFECT,
        [
            "test_a_failure_undoes_its_own_effect_only_and_is_tried_again_when_due",
            "test_after_the_last_try_it_waits_on_the_workbench",
        ],
    ),
    3: (
        SURVIVAL,
        [
            "test_what_a_dead_consumer_left_is_handled",
            "test_what_is_delivered_too_often_is_poisonous",
            "test_the_neighbours_of_what_kills_its_consumers_are_handled",
        ],
    ),
    4: (HERE, ["test_4_a_batch_is_bounded"]),
    5: (SURVIVAL, ["test_a_lost_stream_is_read_again_from_its_beginning"]),
    6: (SURVIVAL, ["test_a_read_only_server_is_not_asked_in_a_hot_loop"]),
    7: (
        SURVIVAL,
        [
            "test_a_server_that_is_not_there_yet_is_waited_for",
            "test_a_killed_server_that_comes_back_is_read_on",
        ],
    ),
    8: (EFFECT, ["test_an_unreadable_entry_is_dead_and_its_neighbours_are_not"]),
    9: (HERE, ["test_9_what_a_plain_client_appends_is_handled"]),
    10: (HERE, ["test_10_every_kind_of_failure_ends_in_one_place"]),
    11: (HERE, ["test_11_nothing_is_tested_against_a_pretended_server"]),
    12: (HERE, ["test_12_a_batch_costs_one_read_and_one_acknowledgement"]),
}


@pytest.mark.parametrize("number", SHOWN_BY)
def test_each_pitfall_has_its_test(number: int) -> None:
    module, names = SHOWN_BY[number]
    found = vars(import_module(f"tests.streams.{module}")) if module else globals()
    assert set(names) <= found.keys()


async def all_acknowledged(redis: Redis) -> bool:
    [group] = await redis.xinfo_groups(STREAM)
    return not group["pending"] and not group["lag"]


async def calls(redis: Redis, name: str) -> int:
    stats = await redis.info("commandstats")
    return int(stats.get(f"cmdstat_{name}", {}).get("calls", 0))


def with_batches_of(stage: Stage, count: int) -> Subscriber:
    return Subscriber(
        "crm",
        redis_url=stage.url,
        database=stage.database,
        streams=[STREAM],
        settings=SubscriberSettings(batch_max=count, poll_s=0.02, reclaim_idle_s=3600),
        clock=stage.clock,
    )


async def test_4_a_batch_is_bounded(stage: Stage, publisher: Publisher, redis: Redis) -> None:
    await publisher.publish(orders(50))
    subscriber = with_batches_of(stage, 7)
    begun, go_on = asyncio.Event(), asyncio.Event()

    @subscriber.on()
    async def wait(envelope: Envelope) -> None:
        stage.ledger.tried.append(envelope.subject)
        begun.set()
        await go_on.wait()

    async with subscriber:
        await begun.wait()
        assert (await redis.xpending(STREAM, "crm"))["pending"] == 7
        go_on.set()
        await until(partial(all_acknowledged, redis))
    assert len(stage.ledger.tried) == 50


async def test_9_what_a_plain_client_appends_is_handled(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    """Both ways: our entries are flat text, and flat text is what we read."""
    ours, theirs = orders(2)
    await publisher.publish([ours])
    fields = [part for pair in entry_fields(theirs).items() for part in pair]
    await command(redis, "XADD", STREAM, "*", *fields, "a-field-of-later", "leave aside")
    for _, entry in await entries_of(redis, STREAM):
        assert b"__data__" not in entry
        assert all(value.decode() for value in entry.values())
    subscriber = stage.subscriber()
    subscriber.on()(stage.ledger.enter)
    async with subscriber:
        await until(lambda: stage.ledger.holds(2))


async def test_10_every_kind_of_failure_ends_in_one_place(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    handler, schema, no_json, good = (
        Row(f"00000000-0000-8000-8000-{number:012d}", subject=f"order/{number}", data=data)
        for number, data in enumerate(("{}", '{"order_id": 7}', '{"order_id":', "{}"))
    )
    subscriber = stage.subscriber(attempts_max=1)

    @subscriber.on()
    def read(envelope: Envelope, connection: Connection) -> None:
        if envelope.subject == "order/0":
            raise KeyError
        if envelope.subject != "order/3":
            envelope.payload()
        stage.ledger.enter(envelope, connection)

    await publisher.publish([handler, schema, no_json])
    await redis.xadd(STREAM, {"no": "envelope"})
    await publisher.publish([good])
    async with subscriber:
        await until(partial(all_acknowledged, redis))
    assert await stage.ledger.entries() == ["order/3"]
    codes = sorted(letter.error_code for letter in await stage.dead())
    assert codes == ["handler_failed", "invalid_value", "invalid_value", "malformed_envelope"]


def test_11_nothing_is_tested_against_a_pretended_server() -> None:
    pretended = "Test" + "RedisBroker"
    sources = Path(__file__).parents[1].rglob("*.py")
    assert [path.name for path in sources if pretended in path.read_text("utf-8")] == []


async def test_12_a_batch_costs_one_read_and_one_acknowledgement(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    await publisher.publish(orders(500))
    await redis.config_resetstat()
    subscriber = with_batches_of(stage, 100)
    subscriber.on()(stage.ledger.enter)
    async with subscriber:
        await until(partial(all_acknowledged, redis))
        assert await calls(redis, "xack") == 5
    assert len(stage.ledger.tried) == 500
