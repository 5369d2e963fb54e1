"""What a subscriber survives: lost servers, lost streams, lost stores, lost colleagues."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis
from sqlalchemy import Connection

from canonical.errors import Unavailable
from embedded.server import StreamServer, start
from routing.envelope import Envelope, entry_fields, envelope_text, parse_entry
from routing.streams import Publisher, client
from store import subscriptions
from store.records import Retry
from tests.streams.rows import orders
from tests.streams.serving import command, entries_of, kill, running_server, shut_down, until
from tests.streams.subscribing import STREAM, Outage, Stage


async def pending(redis: Redis, group: str = "crm") -> int:
    return int((await redis.xpending(STREAM, group))["pending"])


async def nothing_pending(redis: Redis) -> bool:
    return await pending(redis) == 0


async def read_and_die(redis: Redis, count: int, group: str = "crm") -> None:
    """What a consumer leaves that dies with a batch in hand."""
    await redis.xreadgroup(group, "dead", {STREAM: ">"}, count=count)


async def group_of(redis: Redis, group: str = "crm") -> None:
    await redis.xgroup_create(STREAM, group, id="0", mkstream=True)


# ── the stream server ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lost", ["FLUSHALL", f"DEL {STREAM}"])
async def test_a_lost_stream_is_read_again_from_its_beginning(
    stage: Stage, publisher: Publisher, redis: Redis, lost: str
) -> None:
    subscriber = stage.subscriber()
    subscriber.on()(stage.ledger.enter)
    async with subscriber:
        await publisher.publish(orders(3))
        await until(lambda: stage.ledger.holds(3))
        await command(redis, *lost.split())
        await publisher.publish(orders(2, first=4))
        await until(lambda: stage.ledger.holds(5))
        await command(redis, *lost.split())
        await publisher.publish(orders(6))
        await until(lambda: stage.ledger.holds(6))
        await until(lambda: nothing_pending(redis))


async def test_a_killed_server_that_comes_back_is_read_on(stage: Stage, tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        connection = client(server.url)
        subscriber = stage.subscriber(url=server.url)
        subscriber.on()(stage.ledger.enter)
        async with subscriber:
            await Publisher(connection).publish(orders(2))
            await until(lambda: stage.ledger.holds(2))
            kill(server.url)
            again = start(tmp_path)
            await until(lambda: _published(connection))
            await until(lambda: stage.ledger.holds(4))
        assert sorted(await stage.ledger.entries()) == [f"order/{n}" for n in range(1, 5)]
        await connection.aclose()
        shut_down(again)
        again.stop()


async def _published(connection: Redis) -> bool:
    try:
        await Publisher(connection).publish(orders(4))
    except Unavailable:
        return False
    return True


async def test_a_server_that_is_not_there_yet_is_waited_for(stage: Stage, tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        url = server.url
    subscriber = stage.subscriber(url=url)
    subscriber.on()(stage.ledger.enter)
    running = asyncio.ensure_future(subscriber.run())
    with running_server(tmp_path):
        connection = client(url)
        await Publisher(connection).publish(orders(2))
        await until(lambda: stage.ledger.holds(2))
        await subscriber.stop()
        await running
        await connection.aclose()


async def test_waiting_for_a_server_ends_when_stopped(stage: Stage, tmp_path: Path) -> None:
    subscriber = stage.subscriber(url=f"unix://{tmp_path}/nobody.sock")
    running = asyncio.ensure_future(subscriber.run())
    await subscriber.stop()
    await running


async def test_a_read_only_server_is_not_asked_in_a_hot_loop(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    subscriber = stage.subscriber()
    subscriber.on()(stage.ledger.enter)

    async def calls(command: str) -> int:
        stats = await redis.info("commandstats")
        return int(stats.get(f"cmdstat_{command}", {}).get("calls", 0)) + int(
            stats.get(f"cmdstat_{command}", {}).get("rejected_calls", 0)
        )

    async with subscriber:
        await redis.config_resetstat()
        await command(redis, "REPLICAOF", "127.0.0.1", "1")

        async def looked_after_often() -> bool:
            return await calls("xgroup|create") > 20

        await until(looked_after_often)
        assert await calls("xreadgroup") < 5
        await command(redis, "REPLICAOF", "NO", "ONE")
        await publisher.publish(orders(1))
        await until(lambda: stage.ledger.holds(1))


# ── the store ────────────────────────────────────────────────────────────────────────────────────


async def test_while_the_store_is_away_nothing_is_acknowledged_and_nothing_more_read(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    store = Outage(stage.database, away=True)
    subscriber = stage.subscriber(database=store)
    subscriber.on()(stage.ledger.enter)
    await publisher.publish(orders(250))
    async with subscriber:
        await until(lambda: store.refused > 3)
        assert await pending(redis) == 100
        store.away = False
        await until(lambda: stage.ledger.holds(250))
        await until(lambda: nothing_pending(redis))


async def test_what_was_in_hand_when_it_stopped_is_taken_over_by_the_next(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    store = Outage(stage.database, away=True)
    first = stage.subscriber(database=store)
    first.on()(stage.ledger.enter)
    await publisher.publish(orders(10))
    async with first:
        await until(lambda: store.refused > 0)
    assert await pending(redis) == 10

    second = stage.subscriber(reclaim_idle_s=0.05)
    second.on()(stage.ledger.enter)
    async with second:
        await until(lambda: stage.ledger.holds(10))
        await until(lambda: nothing_pending(redis))
    assert await stage.dead() == []


async def test_an_effect_elsewhere_is_not_repeated_while_its_mark_waits_for_the_store(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    store = Outage(stage.database)
    subscriber = stage.subscriber(database=store)
    sent: list[str] = []

    @subscriber.on()
    async def send(envelope: Envelope) -> None:
        sent.append(envelope.subject)
        store.away = True

    await publisher.publish(orders(1))
    async with subscriber:
        await until(lambda: store.refused > 2)
        store.away = False
        await until(lambda: nothing_pending(redis))
    assert sent == ["order/1"]


# ── consumers that died ──────────────────────────────────────────────────────────────────────────


async def test_what_a_dead_consumer_left_is_handled(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    await publisher.publish(orders(150))
    await group_of(redis)
    await read_and_die(redis, 150)
    subscriber = stage.subscriber(reclaim_idle_s=0.05)
    subscriber.on()(stage.ledger.enter)
    async with subscriber:
        await until(lambda: stage.ledger.holds(150))
        await until(lambda: nothing_pending(redis))
    assert len(set(await stage.ledger.entries())) == 150


async def test_what_is_not_idle_for_long_is_left_to_its_consumer(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    await publisher.publish(orders(1))
    await group_of(redis)
    await read_and_die(redis, 1)
    subscriber = stage.subscriber(reclaim_idle_s=3600)
    subscriber.on()(stage.ledger.enter)
    async with subscriber:
        assert await subscriber.reclaim() == 0
        assert await pending(redis) == 1


async def test_what_is_delivered_too_often_is_poisonous(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    await publisher.publish(orders(2))
    await group_of(redis)
    await read_and_die(redis, 2)
    [poison, innocent] = [entry_id for entry_id, _ in await entries_of(redis, STREAM)]
    for _ in range(2):
        await redis.xclaim(STREAM, "crm", "dead", 0, [poison])
    assert poison < innocent

    subscriber = stage.subscriber(reclaim_idle_s=0.05, deliveries_max=3)
    subscriber.on()(stage.ledger.enter)
    async with subscriber:
        await until(lambda: nothing_pending(redis))
    assert await stage.ledger.entries() == ["order/2"]
    [letter] = await stage.dead()
    assert (letter.error_code, letter.message_id) == ("poisonous", orders(1)[0].message_id)


async def test_the_neighbours_of_what_kills_its_consumers_are_handled(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    """Each consumer in turn dies of the second of three; the others must not reach the cap."""
    await publisher.publish(orders(3))
    await group_of(redis)
    await read_and_die(redis, 3)

    class Death(BaseException):
        pass

    for _ in range(5):
        subscriber = stage.subscriber(reclaim_idle_s=0.001, deliveries_max=3)

        @subscriber.on()
        async def die(envelope: Envelope) -> None:
            if envelope.subject == "order/2":
                raise Death
            stage.ledger.tried.append(envelope.subject)

        try:
            await subscriber.reclaim()
        except Death:
            pass
        finally:
            # It died: nothing is tidied up, only the test's connections.
            await subscriber._redis.aclose()
    assert stage.ledger.tried == ["order/1", "order/3"]
    assert await pending(redis) == 0
    [letter] = await stage.dead()
    assert letter.error_code == "poisonous"


async def test_what_is_still_worked_on_is_not_taken_away(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    slow = stage.subscriber(reclaim_idle_s=0.4)
    finish = asyncio.Event()
    started: list[str] = []

    @slow.on()
    async def take_long(envelope: Envelope) -> None:
        started.append(envelope.subject)
        await finish.wait()

    await publisher.publish(orders(1))
    async with slow:
        await until(lambda: len(started) == 1)
        other = stage.subscriber(reclaim_idle_s=0.4)
        other.on()(stage.ledger.enter)
        async with other:

            async def refreshed_often() -> bool:
                stats = await redis.info("commandstats")
                return int(stats.get("cmdstat_xclaim", {}).get("calls", 0)) >= 8

            await redis.config_resetstat()
            await until(refreshed_often)
            finish.set()
            await until(lambda: nothing_pending(redis))
    assert started == ["order/1"]
    assert stage.ledger.tried == []


async def test_an_entry_that_was_trimmed_while_pending_is_let_go(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    await publisher.publish(orders(2))
    await group_of(redis)
    await read_and_die(redis, 2)
    await redis.xtrim(STREAM, maxlen=1, approximate=False)
    subscriber = stage.subscriber(reclaim_idle_s=0.05)
    subscriber.on()(stage.ledger.enter)
    async with subscriber:
        await until(lambda: stage.ledger.holds(1))
        await until(lambda: nothing_pending(redis))


# ── the workbench ────────────────────────────────────────────────────────────────────────────────


async def test_a_message_the_workbench_hands_in_again_is_handled(
    stage: Stage, publisher: Publisher, redis: Redis
) -> None:
    subscriber = stage.subscriber(attempts_max=1)
    broken = True

    @subscriber.on()
    def enter(envelope: Envelope, connection: Connection) -> None:
        stage.ledger.enter(envelope, connection)
        if broken:
            raise OSError

    await publisher.publish(orders(1))
    async with subscriber:
        await until(lambda: stage.ledger.tried != [])
        await until(lambda: nothing_pending(redis))
        assert len(await stage.dead()) == 1
        broken = False
        await stage.database.write(lambda connection: _hand_in_again(connection, stage))
        await until(lambda: stage.ledger.holds(1))
    assert await stage.dead() == []


def _hand_in_again(connection: Connection, stage: Stage) -> None:
    fields = entry_fields(orders(1)[0])
    envelope = parse_entry({name.encode(): value.encode() for name, value in fields.items()})
    now = stage.clock()
    subscriptions.schedule_retry(
        connection,
        Retry(
            subscriber="crm",
            message_id=envelope.id,
            stream=STREAM,
            envelope=envelope_text(envelope),
            attempts=0,
            due_at=now - timedelta(seconds=1),
            error_code="",
            message="",
            first_failed_at=now,
        ),
        now,
    )


async def test_the_server_can_end_once_the_last_subscriber_left(
    stage: Stage, valkey: StreamServer, redis: Redis
) -> None:
    async with stage.subscriber():
        assert len(await redis.client_list()) > 2

    async def alone() -> bool:
        # The test's own connection and the one that keeps the embedded server.
        return len(await redis.client_list()) <= 2

    await until(alone)
