"""Several gateways on PostgreSQL publish a partition's messages in the order of recording."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from store.database import Database, open_database
from store.log import normalised, outbox
from store.records import NewMessage, Recorded
from tests.store.building import NOW, message, receipt, translation

LEASE = timedelta(seconds=30)
pytestmark = pytest.mark.postgres


@pytest.fixture
async def postgresql_database(postgresql_url: str) -> AsyncIterator[Database]:
    opened = await open_database(postgresql_url)
    yield opened
    await opened.close()


async def _record(
    database: Database, owner: str, *found: NewMessage, until: datetime | None = None
) -> list[Recorded]:
    one = await receipt(database, f"{owner}-{found[0].row_id}")
    return await database.write(
        lambda c: normalised.record(
            c, [translation(one, *found)], NOW, owner=owner, claimed_until=until or NOW + LEASE
        )
    )


async def _claim(database: Database, owner: str, now: datetime = NOW) -> list[int]:
    rows = await database.write(lambda c: outbox.claim_outbox(c, owner, now, LEASE, 10))
    return [row.row_id for row in rows]


def _of(partition: str, fact: str) -> NewMessage:
    return message(fact)._replace(partition_key=partition)


async def test_behind_somebody_elses_message_nothing_is_leased(
    postgresql_database: Database,
) -> None:
    first = await _record(postgresql_database, "one", _of("a", "1"))
    second = await _record(postgresql_database, "two", _of("a", "2"))
    other = await _record(postgresql_database, "two", _of("b", "3"))
    assert [row.leased for row in first + second + other] == [True, False, True]


async def test_behind_ones_own_message_the_next_is_leased(postgresql_database: Database) -> None:
    first = await _record(postgresql_database, "one", _of("a", "1"))
    second = await _record(postgresql_database, "one", _of("a", "2"))
    assert [row.leased for row in first + second] == [True, True]


async def test_what_stands_behind_a_lease_is_not_claimed(postgresql_database: Database) -> None:
    await _record(postgresql_database, "one", _of("a", "1"))
    await _record(postgresql_database, "two", _of("a", "2"))
    free = await _record(postgresql_database, "two", _of("b", "3"), until=NOW)
    assert await _claim(postgresql_database, "three") == [row.row_id for row in free]


async def test_once_the_first_is_published_the_next_is_claimed(
    postgresql_database: Database,
) -> None:
    first = await _record(postgresql_database, "one", _of("a", "1"))
    second = await _record(postgresql_database, "two", _of("a", "2"))
    await postgresql_database.write(lambda c: outbox.mark_published(c, [first[0].row_id], NOW))
    assert await _claim(postgresql_database, "two") == [second[0].row_id]


async def test_the_dead_ones_messages_are_taken_over_in_order(
    postgresql_database: Database,
) -> None:
    first = await _record(postgresql_database, "one", _of("a", "1"))
    second = await _record(postgresql_database, "two", _of("a", "2"))
    later = NOW + LEASE + timedelta(seconds=1)
    assert await _claim(postgresql_database, "two", later) == [row.row_id for row in first + second]
