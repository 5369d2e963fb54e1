"""Raw payloads by week: made ahead, found wherever they lie, dropped whole, migrated safely."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from alembic import command
from sqlalchemy import Connection, text

from store.database import Database, open_database
from store.ids import first_id_at
from store.intake import inbox
from store.intake.raw_partitions import drop_partition, ensure_partitions, partitions
from store.migrating import configuration, migrate
from store.retaining import retention
from store.retaining.retention import Policy
from tests.store.building import FAILURE, accept, balanced, delivery
from workbench.operating.retaining import retain

MONDAY = datetime(2031, 3, 3, tzinfo=UTC)
"""Far enough ahead that no partition is made for it by opening a store."""
WEEK = timedelta(days=7)
BODIES = Policy(raw=timedelta(days=30))

pytestmark = pytest.mark.postgres


@pytest.fixture
async def database(postgresql_url: str) -> AsyncIterator[Database]:
    """A fresh store on PostgreSQL."""
    opened = await open_database(postgresql_url)
    yield opened
    await opened.close()


async def _ensure(database: Database, now: datetime = MONDAY) -> list[str]:
    return await database.write(lambda c: ensure_partitions(c, now))


async def _received(database: Database, at: datetime, key: str = "one", **changes: object) -> int:
    one = delivery(key, body=key.encode(), receipt_id=first_id_at(at), **changes)
    await accept(database, one)
    return one.receipt_id


async def _place(database: Database, receipt_id: int) -> str | None:
    found = text("SELECT tableoid::regclass::text FROM raw_payloads WHERE receipt_id = :id")
    return await database.read(lambda c: c.scalar(found, {"id": receipt_id}))


async def _body(database: Database, receipt_id: int) -> bytes:
    return await database.read(lambda c: inbox.read_body(c, receipt_id))


async def test_weeks_are_made_ahead_once(database: Database) -> None:
    made = await _ensure(database, MONDAY + timedelta(days=3))
    assert made == [f"raw_payloads_2031_w{week}" for week in (10, 11, 12, 13, 14)]
    assert await _ensure(database, MONDAY + timedelta(days=3)) == []
    assert await _ensure(database, MONDAY + WEEK) == ["raw_payloads_2031_w15"]


async def test_a_store_that_is_opened_has_this_week_and_the_next_four(database: Database) -> None:
    now = first_id_at(datetime.now(UTC))
    there = await database.read(partitions)
    assert len(there) == 5
    assert (there[0].first_id or 0) <= now < there[0].before_id
    assert [one.before_id for one in there[:-1]] == [one.first_id for one in there[1:]]


async def test_several_processes_may_make_them_at_once(
    database: Database, postgresql_url: str
) -> None:
    others = [await open_database(postgresql_url, migrate=False) for _ in range(3)]
    made = await asyncio.gather(*(_ensure(one) for one in [database, *others]))
    assert sorted(map(len, made)) == [0, 0, 0, 5]
    for one in others:
        await one.close()


async def test_a_week_that_crosses_the_year_has_its_iso_name(database: Database) -> None:
    made = await _ensure(database, datetime(2031, 12, 31, tzinfo=UTC))
    assert made[:2] == ["raw_payloads_2032_w01", "raw_payloads_2032_w02"]


async def test_bodies_lie_in_their_week_and_others_in_the_default(database: Database) -> None:
    await _ensure(database)
    inside = await _received(database, MONDAY + timedelta(days=6, hours=23))
    beyond = await _received(database, MONDAY + 52 * WEEK, "two")
    assert await _place(database, inside) == "raw_payloads_2031_w10"
    assert await _place(database, beyond) == "raw_payloads_default"
    assert await _body(database, beyond) == b"two"


async def test_a_week_that_began_in_the_default_is_left_there(database: Database) -> None:
    early = await _received(database, MONDAY + WEEK)
    made = await _ensure(database)
    assert "raw_payloads_2031_w11" not in made
    assert len(made) == 4
    assert await _body(database, early) == b"one"


async def test_bodies_are_not_compressed_again(database: Database) -> None:
    await _ensure(database)
    storage = text(
        "SELECT DISTINCT attstorage::text FROM pg_attribute JOIN pg_class ON attrelid = oid"
        " WHERE relkind IN ('r', 'p') AND relname LIKE 'raw_payloads%' AND attname = 'body'"
    )
    assert await database.read(lambda c: c.scalars(storage).all()) == ["e"]


async def _retain(database: Database, now: datetime) -> int:
    outcome = await retain(database, BODIES, now, actor="cli:ada")
    return outcome.tallies["raw bodies"].dropped


async def test_a_week_goes_whole_when_all_of_it_is_due(database: Database) -> None:
    await _ensure(database)
    gone = await _received(database, MONDAY, "one", ignored_reason="draft")
    stays = await _received(database, MONDAY + WEEK, "two", ignored_reason="draft")

    assert await _retain(database, MONDAY + WEEK + timedelta(days=30)) == 1

    names = [one.name for one in await database.read(partitions)]
    assert "raw_payloads_2031_w10" not in names
    assert "raw_payloads_2031_w11" in names
    assert await _place(database, gone) is None
    assert await _body(database, stays) == b"two"
    assert await balanced(database)


async def test_a_week_that_is_partly_due_goes_by_rows(database: Database) -> None:
    await _ensure(database)
    gone = await _received(database, MONDAY, "one", ignored_reason="draft")
    stays = await _received(database, MONDAY + timedelta(days=3), "two", ignored_reason="draft")

    assert await _retain(database, MONDAY + timedelta(days=32)) == 1

    assert await _place(database, gone) is None
    assert await _place(database, stays) == "raw_payloads_2031_w10"


async def test_a_week_with_something_held_goes_by_rows(database: Database) -> None:
    await _ensure(database)
    gone = await _received(database, MONDAY, "one", ignored_reason="draft")
    held = await _received(database, MONDAY + timedelta(days=1), "two", failure=FAILURE)

    assert await _retain(database, MONDAY + timedelta(days=100)) == 1

    assert await _place(database, gone) is None
    assert await _body(database, held) == b"two"


async def test_readers_keep_a_week_from_being_dropped_but_not_its_rows(
    database: Database, postgresql_url: str
) -> None:
    await _ensure(database)
    await _received(database, MONDAY, "one", ignored_reason="draft")
    reader = await asyncpg.connect(postgresql_url)
    try:
        async with reader.transaction():
            await reader.fetch("SELECT count(*) FROM raw_payloads_2031_w10")
            assert await _retain(database, MONDAY + timedelta(days=100)) == 1
    finally:
        await reader.close()
    week = next(one for one in await database.read(partitions) if one.name.endswith("2031_w10"))
    assert await database.write(lambda c: drop_partition(c, week))


async def test_a_store_without_weeks_goes_on(database: Database) -> None:
    def drop_all(connection: Connection) -> None:
        for one in partitions(connection):
            assert drop_partition(connection, one)

    await database.write(drop_all)
    one = await _received(database, datetime.now(UTC))
    assert await _place(database, one) == "raw_payloads_default"
    assert await _retain(database, datetime.now(UTC) + timedelta(days=31)) == 0  # it is pending
    assert await _body(database, one) == b"one"


def _to(connection: Connection, revision: str) -> None:
    config = configuration(connection)
    (command.downgrade if revision == "0005" else command.upgrade)(config, revision)


async def test_migrating_loses_no_body(database: Database) -> None:
    ahead = datetime.now(UTC) + timedelta(days=10)
    await database.write(lambda c: _to(c, "0005"))
    before = await _received(database, datetime.now(UTC) - timedelta(days=400))
    late = await _received(database, ahead, "late")  # ids may run ahead of the clock

    await database.write(migrate)

    assert await _place(database, before) == "raw_payloads_before"
    assert await _place(database, late) == "raw_payloads_before"
    assert (await _body(database, before), await _body(database, late)) == (b"one", b"late")
    after = await _received(database, ahead + timedelta(days=10), "after")
    assert (await _place(database, after) or "").startswith("raw_payloads_2")
    await database.write(lambda c: _to(c, "0005"))
    assert await _place(database, before) == "raw_payloads"
    assert await _body(database, after) == b"after"


async def test_what_was_there_before_weeks_is_dropped_like_a_week(database: Database) -> None:
    await database.write(lambda c: _to(c, "0005"))
    await _received(database, datetime.now(UTC), "one", ignored_reason="draft")
    await database.write(migrate)

    assert await _retain(database, datetime.now(UTC) + timedelta(days=60)) == 1

    assert "raw_payloads_before" not in [one.name for one in await database.read(partitions)]


async def test_parts_of_a_large_body_go_together(database: Database) -> None:
    at = MONDAY + timedelta(days=1)
    receipt_id = first_id_at(at)
    for part in range(3):
        await database.write(
            lambda c, part=part: inbox.write_part(c, receipt_id, part, b"x" * 9)  # type: ignore[misc]
        )
    assert retention.LOOKED_AT > 3
    assert await _retain(database, at + timedelta(days=31)) == 1
    assert await _place(database, receipt_id) is None
