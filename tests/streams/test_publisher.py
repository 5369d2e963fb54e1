"""Publishing: in order, to every destination, all or an error; and looking at streams."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis

from canonical.errors import Malformed, Unavailable
from embedded.server import StreamServer
from routing.envelope import entry_fields
from routing.streams import Publisher, client
from tests.streams.rows import orders
from tests.streams.serving import command, entries_of, running_server, until

STREAM = "o2c.order"


async def ids_on(redis: Redis, stream: str) -> list[str]:
    return [fields[b"id"].decode() for _, fields in await entries_of(redis, stream)]


async def test_rows_arrive_in_order_with_all_their_fields(
    publisher: Publisher, redis: Redis
) -> None:
    rows = orders(250)
    assert await publisher.publish(rows) == 250
    entries = await entries_of(redis, STREAM)
    assert [
        {name.decode(): value.decode() for name, value in fields.items()} for _, fields in entries
    ] == [entry_fields(row) for row in rows]


async def test_a_row_goes_to_each_of_its_destinations(publisher: Publisher, redis: Redis) -> None:
    first, second = orders(2)
    both = replace(first, destinations=(STREAM, "large-orders"))
    assert await publisher.publish([both, second]) == 3
    assert await ids_on(redis, STREAM) == [first.message_id, second.message_id]
    assert await ids_on(redis, "large-orders") == [first.message_id]


async def test_nothing_to_publish_is_nothing_done(publisher: Publisher) -> None:
    assert await publisher.publish([]) == 0


@pytest.mark.parametrize("name", ["", "Order", "a b", "x" * 101, "a\nb", "{o2c}"])
async def test_an_impossible_stream_is_refused_before_anything_is_appended(
    publisher: Publisher, redis: Redis, name: str
) -> None:
    good, bad = orders(2)
    with pytest.raises(Malformed):
        await publisher.publish([good, replace(bad, destinations=(name,))])
    assert await redis.xlen(STREAM) == 0


@asynccontextmanager
async def full_memory(redis: Redis) -> AsyncIterator[None]:
    await redis.config_set("maxmemory", 1)
    yield
    await redis.config_set("maxmemory", 0)


@asynccontextmanager
async def read_only_replica(redis: Redis) -> AsyncIterator[None]:
    await command(redis, "REPLICAOF", "127.0.0.1", "1")
    yield
    await command(redis, "REPLICAOF", "NO", "ONE")


@pytest.mark.parametrize("trouble", [full_memory, read_only_replica])
async def test_a_server_that_refuses_is_unavailable_and_works_again_later(
    publisher: Publisher, redis: Redis, trouble: type
) -> None:
    async with trouble(redis):
        with pytest.raises(Unavailable) as raised:
            await publisher.publish(orders(3))
        assert raised.value.code in {"streams_outofmemory", "streams_readonly"}
    assert await publisher.publish(orders(3)) == 3
    assert await redis.xlen(STREAM) == 3


async def test_a_key_of_another_kind_is_named_and_does_not_pass_silently(
    publisher: Publisher, redis: Redis
) -> None:
    await redis.set("not-a-stream", "x")
    first, second = orders(2)
    with pytest.raises(Unavailable, match="1 of 2 entries") as raised:
        await publisher.publish([replace(first, destinations=("not-a-stream",)), second])
    assert (raised.value.code, raised.value.path) == ("streams_wrongtype", "not-a-stream")


async def test_a_server_that_is_gone_is_unavailable_and_one_that_came_back_is_used(
    tmp_path: Path,
) -> None:
    with running_server(tmp_path) as server:
        connection = client(server.url)
        publisher = Publisher(connection)
        await publisher.publish(orders(1))
    with pytest.raises(Unavailable) as raised:
        await publisher.publish(orders(1, first=2))
    assert raised.value.code == "streams_unreachable"
    with pytest.raises(Unavailable):
        await publisher.ping()
    with running_server(tmp_path):
        await publisher.publish(orders(1, first=2))
        await publisher.ping()
        assert len(await ids_on(connection, STREAM)) == 2
        await connection.aclose()


async def test_lengths_of_streams_that_are_and_are_not(publisher: Publisher) -> None:
    await publisher.publish(orders(5))
    assert await publisher.lengths([STREAM, "nothing"]) == {STREAM: 5, "nothing": 0}


async def test_the_lag_of_a_group(publisher: Publisher, redis: Redis) -> None:
    await publisher.publish(orders(5))
    await redis.xgroup_create(STREAM, "readers", id="0")
    await redis.xreadgroup("readers", "one", {STREAM: ">"}, count=2)
    [lag] = await publisher.lag(STREAM)
    assert (lag.group, lag.consumers, lag.pending, lag.behind) == ("readers", 1, 2, 3)
    assert await publisher.lag("nothing") == []


async def test_the_tail_from_the_beginning_or_behind_an_entry(publisher: Publisher) -> None:
    rows = orders(230)
    await publisher.publish(rows)
    seen = [one async for one in publisher.tail(STREAM, start="0", follow=False)]
    assert [envelope.id for _, envelope in seen] == [row.message_id for row in rows]
    rest = [one async for one in publisher.tail(STREAM, start=seen[227][0], follow=False)]
    assert rest == seen[228:]
    assert [one async for one in publisher.tail(STREAM, follow=False)] == []


async def test_following_sees_what_comes(publisher: Publisher, valkey: StreamServer) -> None:
    await publisher.publish(orders(1))
    reading = client(valkey.url)
    tail = Publisher(reading).tail(STREAM)
    # Whatever comes between two reads is seen: the position is fixed when following begins.
    task = asyncio.ensure_future(anext(tail))
    await until(lambda: _blocked(publisher))
    await publisher.publish(orders(2, first=2))
    _, envelope = await task
    assert envelope.subject == "order/2"
    _, envelope = await anext(tail)
    assert envelope.subject == "order/3"
    await tail.aclose()  # type: ignore[attr-defined]
    await reading.aclose()


async def _blocked(publisher: Publisher) -> bool:
    clients = await publisher._redis.info("clients")
    return bool(clients["blocked_clients"])


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
async def test_another_language_reads_it_with_a_plain_client(
    publisher: Publisher, valkey: StreamServer
) -> None:
    """A socket and the protocol are all that is needed: nothing of ours reads here."""
    await publisher.publish(orders(1))
    path = valkey.url.removeprefix("unix://")
    script = (
        "const s = require('net').connect(process.argv[1]);"
        "s.write('XRANGE o2c.order - +\\r\\n');"
        "s.on('data', d => {"
        "  const t = d.toString().split('\\r\\n');"
        "  const data = JSON.parse(t[t.lastIndexOf('data') + 2]);"
        "  console.log(JSON.stringify(data)); s.end(); });"
    )
    node = await asyncio.to_thread(
        subprocess.run,
        ["node", "-e", script, path],
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert json.loads(node.stdout)["order_id"] == "1"
