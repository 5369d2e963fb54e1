"""What a subscriber promises, against a real server and a real store."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

import pytest
from redis.asyncio import Redis
from sqlalchemy import Connection, text

from canonical.errors import Malformed, Unavailable
from routing.envelope import Envelope
from routing.retry import RetryLater
from routing.streams import Publisher
from tests.streams.rows import orders
from tests.streams.serving import entries_of, until
from tests.streams.subscribing import STREAM, Stage


async def all_acknowledged(redis: Redis, group: str = "crm", stream: str = STREAM) -> bool:
    [state] = [one for one in await redis.xinfo_groups(stream) if one["name"] == group.encode()]
    return not state["pending"] and not state["lag"]


def subjects(numbers: range) -> list[str]:
    return [f"order/{number}" for number in numbers]


# ── one effect ───────────────────────────────────────────────────────────────────────────────────


async def test_what_was_published_before_it_started_is_handled_in_order(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    await publisher.publish(orders(250))
    subscriber = stage.subscriber()
    subscriber.on()(stage.ledger.enter)
    async with subscriber:
        await until(lambda: all_acknowledged(redis))
        await publisher.publish(orders(3, first=251))
        await until(lambda: stage.ledger.holds(253))
        await until(lambda: all_acknowledged(redis))
    assert stage.ledger.tried == subjects(range(1, 254))


async def test_a_message_published_again_has_one_effect(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    await publisher.publish([*orders(3), *orders(3)])
    subscriber = stage.subscriber()
    subscriber.on()(stage.ledger.enter)
    async with subscriber:
        await until(lambda: all_acknowledged(redis))
        await publisher.publish(orders(4))
        await until(lambda: stage.ledger.holds(4))
        await until(lambda: all_acknowledged(redis))
    assert await stage.ledger.entries() == subjects(range(1, 5))


async def test_processes_of_one_name_share_and_names_do_not(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    first, second, other = stage.subscriber(), stage.subscriber(), stage.subscriber("billing")
    for one in (first, second, other):
        one.on()(stage.ledger.enter)
    async with first, second, other:
        await publisher.publish([row for row in orders(200) for _ in range(3)])
        await until(lambda: all_acknowledged(redis))
        await until(lambda: all_acknowledged(redis, "billing"))
    assert sorted(await stage.ledger.entries()) == sorted(subjects(range(1, 201)) * 2)


async def test_a_type_goes_to_its_handler_and_others_are_left_aside(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    placed, changed, unknown = orders(3)
    subscriber = stage.subscriber()

    @subscriber.on("o2c.order.changed")
    def enter(envelope: Envelope, connection: Connection) -> None:
        stage.ledger.enter(envelope, connection)

    await publisher.publish(
        [placed, replace(changed, type="o2c.order.changed"), replace(unknown, type="o2c.x.y")]
    )
    async with subscriber:
        await until(lambda: all_acknowledged(redis))
    assert await stage.ledger.entries() == ["order/2"]
    assert await stage.dead() == []


async def test_several_streams_are_read(stage: Stage, publisher: Publisher) -> None:
    first, second = orders(2)
    await publisher.publish([first, replace(second, destinations=("large-orders",))])
    subscriber = stage.subscriber(streams=(STREAM, "large-orders"))
    subscriber.on()(stage.ledger.enter)
    async with subscriber:
        await until(lambda: stage.ledger.holds(2))


# ── failures ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_failure_undoes_its_own_effect_only_and_is_tried_again_when_due(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    subscriber = stage.subscriber()
    broken = True

    @subscriber.on()
    def enter(envelope: Envelope, connection: Connection) -> None:
        stage.ledger.enter(envelope, connection)
        if broken and envelope.subject == "order/2":
            raise Unavailable("the address service is down")

    await publisher.publish(orders(3))
    async with subscriber:
        await until(lambda: all_acknowledged(redis))
        assert await stage.ledger.entries() == ["order/1", "order/3"]
        broken = False
        assert await subscriber.retry_due() == 0
        stage.clock.advance(11)
        await until(lambda: stage.ledger.holds(3))
        stage.clock.advance(3600)
        assert await subscriber.retry_due() == 0
    assert await stage.ledger.entries() == ["order/1", "order/3", "order/2"]
    assert await stage.dead() == []


async def test_after_the_last_try_it_waits_on_the_workbench(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    subscriber = stage.subscriber(attempts_max=3)

    @subscriber.on()
    def enter(envelope: Envelope, connection: Connection) -> None:
        stage.ledger.enter(envelope, connection)
        raise RuntimeError("secret of a customer")

    await publisher.publish(orders(1))
    async with subscriber:
        await until(partial(tried, stage, 1))
        await until(lambda: all_acknowledged(redis))
        await until(partial(is_dead_by_and_by, stage))
        assert await subscriber.retry_due() == 0

    [letter] = await stage.dead()
    assert (letter.stage, letter.error_code, letter.attempts) == ("subscribe", "handler_failed", 3)
    assert (letter.subscriber, letter.kind) == ("crm", "o2c.order.placed")
    assert (letter.connector, letter.account) == ("exampleshop", "acme")
    assert letter.message_id == orders(1)[0].message_id
    assert letter.receipt_id == 4711
    assert "secret" not in letter.message
    assert len(stage.ledger.tried) == 3
    assert await stage.ledger.entries() == []


def tried(stage: Stage, times: int) -> bool:
    return len(stage.ledger.tried) == times


async def is_dead_by_and_by(stage: Stage) -> bool:
    # An hour a look: a retry is scheduled a moment after its try was seen.
    stage.clock.advance(3600)
    return await has_dead(stage)


async def has_dead(stage: Stage) -> bool:
    return bool(await stage.dead())


async def test_what_cannot_get_better_is_given_up_at_once(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    subscriber = stage.subscriber()

    @subscriber.on()
    def read(envelope: Envelope, connection: Connection) -> None:
        stage.ledger.tried.append(envelope.subject)
        envelope.payload()

    await publisher.publish([replace(orders(1)[0], type="o2c.order.unheard")])
    async with subscriber:
        await until(lambda: all_acknowledged(redis))
    [letter] = await stage.dead()
    assert (letter.error_code, letter.attempts) == ("unknown_type", 1)
    assert stage.ledger.tried == ["order/1"]


async def test_the_time_a_counterpart_asks_for_is_honoured(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    subscriber = stage.subscriber()
    asked = ["600", "Mon, 02 Mar 2026 12:00:00 GMT"]

    @subscriber.on()
    async def call(envelope: Envelope) -> None:
        stage.ledger.tried.append(envelope.subject)
        if asked:
            raise RetryLater(retry_after=asked.pop(0))

    await publisher.publish(orders(1))
    async with subscriber:
        await until(lambda: all_acknowledged(redis))
        stage.clock.advance(599)
        assert await subscriber.retry_due() == 0
        stage.clock.advance(1)
        await until(lambda: len(stage.ledger.tried) == 2)
        stage.clock.advance(2 * 3600 - 601)
        assert await subscriber.retry_due() == 0
        stage.clock.advance(1)
        await until(lambda: len(stage.ledger.tried) == 3)
    assert await stage.dead() == []


async def test_an_unreadable_entry_is_dead_and_its_neighbours_are_not(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    await publisher.publish(orders(1))
    await redis.xadd(STREAM, {"specversion": "1.0", "id": b"\xff"})
    entry_id = (await entries_of(redis, STREAM))[-1][0].decode()
    await publisher.publish(orders(1, first=2))
    subscriber = stage.subscriber()
    subscriber.on()(stage.ledger.enter)
    async with subscriber:
        await until(lambda: all_acknowledged(redis))
    assert await stage.ledger.entries() == subjects(range(1, 3))
    [letter] = await stage.dead()
    assert (letter.stage, letter.error_code) == ("subscribe", "malformed_envelope")
    assert letter.message_id == f"{STREAM}/{entry_id}"


async def test_a_handler_that_breaks_the_transaction_fails_alone(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    subscriber = stage.subscriber(attempts_max=1)

    @subscriber.on()
    def enter(envelope: Envelope, connection: Connection) -> None:
        stage.ledger.enter(envelope, connection)
        if envelope.subject == "order/2":
            connection.exec_driver_sql("ROLLBACK")

    await publisher.publish(orders(3))
    async with subscriber:
        await until(lambda: all_acknowledged(redis))
    assert sorted(await stage.ledger.entries()) == ["order/1", "order/3"]
    assert len(await stage.dead()) == 1


async def test_a_copy_of_what_is_being_retried_is_no_further_try(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    subscriber = stage.subscriber(attempts_max=2)

    @subscriber.on()
    def enter(envelope: Envelope, connection: Connection) -> None:
        stage.ledger.enter(envelope, connection)
        raise OSError

    await publisher.publish(orders(1))
    async with subscriber:
        await until(lambda: all_acknowledged(redis))
        await publisher.publish(orders(1) * 3)
        await until(lambda: all_acknowledged(redis))
        assert len(stage.ledger.tried) == 1
        stage.clock.advance(3600)
        await until(partial(has_dead, stage))
        await publisher.publish(orders(1))
        await until(lambda: all_acknowledged(redis))
    assert len(stage.ledger.tried) == 2
    [letter] = await stage.dead()
    assert letter.attempts == 2


# ── effects elsewhere ────────────────────────────────────────────────────────────────────────────


async def test_an_effect_elsewhere_is_marked_after_it_succeeded(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    subscriber = stage.subscriber()
    sent: list[str] = []

    @subscriber.on()
    async def send(envelope: Envelope) -> None:
        sent.append(envelope.subject)
        if sent.count(envelope.subject) == 1 and envelope.subject == "order/2":
            raise OSError

    await publisher.publish([*orders(3), *orders(1)])
    async with subscriber:
        await until(lambda: all_acknowledged(redis))
        assert sent == subjects(range(1, 4))
        stage.clock.advance(3600)
        await until(lambda: len(sent) == 4)
        await publisher.publish(orders(3))
        await until(lambda: all_acknowledged(redis))
    assert sent == ["order/1", "order/2", "order/3", "order/2"]


async def test_both_kinds_of_handlers_keep_the_order_of_the_stream(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    seen: list[str] = []
    subscriber = stage.subscriber()

    @subscriber.on("o2c.order.placed")
    async def call(envelope: Envelope) -> None:
        seen.append(envelope.subject)

    @subscriber.on()
    def enter(envelope: Envelope, connection: Connection) -> None:
        seen.append(envelope.subject)

    rows = [
        replace(row, type="o2c.order.changed") if number % 3 else row
        for number, row in enumerate(orders(20))
    ]
    await publisher.publish(rows)
    async with subscriber:
        await until(lambda: all_acknowledged(redis))
    assert seen == subjects(range(1, 21))


# ── handlers ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_handler_of_another_shape_is_refused(stage: Stage) -> None:
    subscriber = stage.subscriber()

    async def both(envelope: Envelope, connection: Connection) -> None: ...

    def neither(envelope: Envelope) -> None: ...

    for function in (both, neither):
        with pytest.raises(TypeError, match="a handler is"):
            subscriber.on()(function)  # type: ignore[type-var]
    await subscriber.stop()


async def test_a_type_has_one_handler(stage: Stage) -> None:
    subscriber = stage.subscriber()
    subscriber.on("o2c.order.placed")(stage.ledger.enter)
    subscriber.on()(stage.ledger.enter)
    with pytest.raises(ValueError, match="already"):
        subscriber.on("o2c.order.placed")(stage.ledger.enter)
    with pytest.raises(ValueError, match="already"):
        subscriber.on()(stage.ledger.enter)
    await subscriber.stop()


async def test_an_impossible_name_is_refused(stage: Stage) -> None:
    with pytest.raises(Malformed):
        stage.subscriber("CRM sync")


async def test_run_ends_when_it_is_stopped(stage: Stage, publisher: Publisher) -> None:
    await publisher.publish(orders(1))
    subscriber = stage.subscriber()
    subscriber.on()(stage.ledger.enter)
    running = asyncio.ensure_future(subscriber.run())
    await until(lambda: stage.ledger.holds(1))
    await subscriber.stop()
    await running


async def test_it_leaves_no_consumer_behind(stage: Stage, redis: Redis) -> None:
    async with stage.subscriber():
        await until(lambda: _consumers(redis, 1))
    assert await redis.xinfo_consumers(STREAM, "crm") == []


async def _consumers(redis: Redis, count: int) -> bool:
    return len(await redis.xinfo_consumers(STREAM, "crm")) == count


async def test_the_effects_of_a_batch_are_one_transaction(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    """A reader never sees a marked message without its effect, or an effect without its mark."""
    await publisher.publish(orders(100))
    subscriber = stage.subscriber()
    subscriber.on()(stage.ledger.enter)

    def both(connection: Connection) -> tuple[int, int]:
        effects = connection.scalar(text("SELECT count(*) FROM effects"))
        marks = connection.scalar(text("SELECT count(*) FROM subscriber_inbox"))
        return effects or 0, marks or 0

    async with subscriber:
        while not await stage.ledger.holds(100):
            effects, marks = await stage.database.read(both)
            assert effects == marks
