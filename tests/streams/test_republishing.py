"""`gateway republish`: what is appended again, what is printed, and who it is said to have been."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from canonical.errors import Malformed, Unavailable
from configuration import Configuration
from routing import republish as walking
from routing.republish import REFILLING
from routing.road import MARKER, WHOLE
from routing.stream_states import MessageIds
from routing.streams import Publisher
from store.access.audit_log import recent_audit
from store.database import Database
from store.ids import MESSAGE, first_id_at, parse_id, show_id
from store.log import published
from tests.streams.outboxes import Outlet, ids_of, ids_on, record_orders
from tests.streams.serving import entries_of
from tests.streams.subscribing import STREAM
from workbench.operating.republishing import Wanted, republish, row_id


@dataclass
class Desk:
    """Where somebody types the command."""

    database: Database
    redis: Redis
    outlet: Outlet = field(init=False)

    def __post_init__(self) -> None:
        self.outlet = Outlet(self.database, self.redis, refill="manual")

    async def republish(self, *streams: str, **wanted: str | bool) -> None:
        @asynccontextmanager
        async def open_store(_: Configuration) -> AsyncIterator[Database]:
            yield self.database

        @asynccontextmanager
        async def open_publisher(_: Configuration) -> AsyncIterator[Publisher]:
            yield Publisher(self.redis)

        await republish(
            Configuration(),
            open_store,
            open_publisher,
            Wanted(streams=streams, **wanted),  # type: ignore[arg-type]
            as_json=True,
        )


@pytest.fixture
async def desk(database: Database, redis: Redis) -> AsyncIterator[Desk]:
    made = Desk(database, redis)
    yield made
    await made.outlet.publisher.close()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "PAGE", 3)


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


async def row_ids(database: Database) -> list[int]:
    page = await database.read(lambda connection: published.published_page(connection, 0, 1000))
    return [row.row_id for row in page.rows] if page else []


@pytest.mark.usefixtures("small_pages")
async def test_everything_is_appended_again_as_it_was_and_in_its_order(
    desk: Desk, redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    await desk.outlet.publish(range(1, 11))
    before = [fields for _, fields in await entries_of(redis, STREAM)]
    await redis.flushall()
    await desk.republish()
    assert [fields for _, fields in await entries_of(redis, STREAM)] == before
    said = printed(capsys)
    assert (said["looked_at"], said["appended"], said["without_data"]) == (10, 10, 0)


async def test_twice_only_repeats_ids(desk: Desk, redis: Redis) -> None:
    await desk.outlet.publish(range(1, 6))
    await desk.republish()
    await desk.republish()
    assert await ids_on(redis) == ids_of(range(1, 6)) * 3


@pytest.mark.usefixtures("small_pages")
async def test_only_what_is_missing(
    desk: Desk, redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    await desk.outlet.publish(range(1, 12))
    entries = await entries_of(redis, STREAM)
    await redis.xdel(STREAM, *[entries[place][0] for place in (0, 4, 5, 10)])
    await desk.republish(missing_only=True)
    assert (await ids_on(redis))[7:] == ids_of([1, 5, 6, 11])
    assert printed(capsys)["appended"] == 4
    await desk.republish(missing_only=True)
    assert printed(capsys)["appended"] == 0


async def test_some_streams_only(desk: Desk, redis: Redis) -> None:
    await desk.outlet.publish([1, 2], destinations=(STREAM, "large-orders"))
    await desk.outlet.publish([3], destinations=("other",))
    await redis.flushall()
    await desk.republish("large-orders", "nothing")
    assert await ids_on(redis, "large-orders") == ids_of([1, 2])
    assert await ids_on(redis) == await ids_on(redis, "other") == []


async def test_streams_that_no_route_names_any_more_are_filled_too(
    desk: Desk, redis: Redis
) -> None:
    await desk.outlet.publish([1, 2], destinations=("of-an-old-route",))
    await redis.flushall()
    await desk.republish(missing_only=True)
    assert await ids_on(redis, "of-an-old-route") == ids_of([1, 2])


async def test_since_and_until(desk: Desk, redis: Redis) -> None:
    await desk.outlet.publish(range(1, 11))
    ids = await row_ids(desk.database)
    await redis.flushall()
    await desk.republish(since=show_id(MESSAGE, ids[3]), until=show_id(MESSAGE, ids[6]))
    assert await ids_on(redis) == ids_of([4, 5, 6])
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    await desk.republish(since=tomorrow)
    assert len(await ids_on(redis)) == 3
    await desk.republish(since="2026-01-01", until=tomorrow)
    assert len(await ids_on(redis)) == 13


async def test_what_is_pending_is_left_to_the_relay(desk: Desk, redis: Redis) -> None:
    await desk.outlet.publish([1])
    await record_orders(desk.database, [2])
    await redis.flushall()
    await desk.republish()
    assert await ids_on(redis) == ids_of([1])
    await desk.outlet.drain()
    assert await ids_on(redis) == ids_of([1, 2])


@pytest.mark.usefixtures("small_pages")
async def test_new_messages_wait_and_come_behind(
    desk: Desk, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.outlet.publish(range(1, 8))
    await record_orders(desk.database, [8])
    refused = []

    class Watched(walking.Refill):
        async def _page(self, behind: int, until: int | None) -> published.Page | None:
            with pytest.raises(Unavailable) as raised:
                await desk.outlet.drain()
            refused.append(raised.value.code)
            return await super()._page(behind, until)

    monkeypatch.setattr("workbench.operating.republishing.Refill", Watched)
    await desk.republish()
    assert set(refused) == {"streams_refilling"}
    await desk.outlet.drain()
    assert await ids_on(redis) == [*ids_of(range(1, 8)) * 2, *ids_of([8])]


@pytest.mark.usefixtures("small_pages")
async def test_what_was_interrupted_goes_on_where_it_was(
    desk: Desk, redis: Redis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await desk.outlet.publish(range(1, 11))
    await redis.flushall()

    class Interrupted(walking.Refill):
        async def _page(self, behind: int, until: int | None) -> published.Page | None:
            if await redis.xlen(STREAM) == 6:
                raise asyncio.CancelledError
            return await super()._page(behind, until)

    with monkeypatch.context() as patched:
        patched.setattr("workbench.operating.republishing.Refill", Interrupted)
        with pytest.raises(asyncio.CancelledError):
            await desk.republish()
    place = capsys.readouterr().err.split()[-1]
    assert parse_id(MESSAGE, place) == (await row_ids(desk.database))[5]
    await desk.republish(since=place)
    assert list(dict.fromkeys(await ids_on(redis))) == ids_of(range(1, 11))
    # Nobody is kept from publishing by what was interrupted.
    await desk.outlet.publish([11])
    assert (await ids_on(redis))[-1:] == ids_of([11])


async def test_a_loss_is_not_hidden_from_the_gateway(desk: Desk, redis: Redis) -> None:
    automatic = Outlet(desk.database, redis)
    await automatic.publish([1], destinations=("large-orders",))
    await automatic.publish([2])
    await redis.flushall()
    await desk.republish("large-orders")
    assert await redis.get(MARKER) is None
    await automatic.publisher.look_after()
    assert await ids_on(redis) == ids_of([2])
    assert await redis.get(MARKER) == WHOLE.encode()
    await automatic.publisher.close()


async def test_two_at_the_same_time_are_refused(desk: Desk, redis: Redis) -> None:
    await desk.outlet.publish([1])
    await redis.set(MARKER, REFILLING + "somebody else", px=60_000)
    with pytest.raises(Unavailable) as raised:
        await desk.republish()
    assert raised.value.code == "streams_refilling"


async def test_who_did_what_stands_in_the_audit_log(desk: Desk) -> None:
    await desk.outlet.publish(range(1, 4))
    await desk.republish("o2c.order", missing_only=True, since="2026-01-01")
    after, before = await desk.database.read(recent_audit)
    assert (before.action, before.target) == ("streams.republish", "o2c.order")
    assert before.details == {
        "streams": ["o2c.order"], "since": "2026-01-01", "until": None, "missing_only": True,
    }  # fmt: skip
    assert (after.action, after.details["looked_at"]) == ("streams.republished", 3)
    assert before.actor == after.actor != ""


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"since": "yesterday"}, "bad_time"),
        ({"since": "2026-03-02T10:00:00"}, "time_without_zone"),
        ({"until": "msg_x"}, "bad_id"),
        ({"stream": "No Stream"}, "bad_stream_name"),
    ],
)
async def test_what_cannot_be_meant_is_refused_before_anything_is_done(
    desk: Desk, wanted: dict[str, str], code: str
) -> None:
    await desk.outlet.publish([1])
    streams = [value for name, value in wanted.items() if name == "stream"]
    bounds = {name: value for name, value in wanted.items() if name != "stream"}
    with pytest.raises(Malformed) as raised:
        await desk.republish(*streams, **bounds)
    assert raised.value.code == code
    assert await desk.database.read(recent_audit) == []


def test_a_date_is_midnight_utc() -> None:
    assert row_id("2026-03-02", 0) == first_id_at(datetime(2026, 3, 2, tzinfo=UTC))
    assert row_id("2026-03-02T01:00:00+01:00", 0) == row_id("2026-03-02", 0)


def test_a_set_of_message_ids() -> None:
    held = MessageIds()
    for one in ids_of(range(2000)):
        held.add(one)
        held.add(one)
    held.add("not one of ours")
    assert len(held) == 2000
    assert all(one in held for one in ids_of(range(2000)))
    assert not any(one in held for one in ids_of(range(2000, 4000)))
