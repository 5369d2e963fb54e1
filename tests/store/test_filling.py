"""The stores the growth benchmark fills look like those the gateway leaves."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from benchmarks.filling import REFERENCE, fill
from store.database import open_database
from store.failures import dead_letters
from store.finding import audit, trace


def test_a_filled_store_balances_and_its_rows_are_found(database_url: str) -> None:
    fill(database_url, 1000)

    async def look() -> None:
        database = await open_database(database_url)
        [row] = await database.read(audit.balance)
        assert row.balanced
        assert row.accepted == 1000
        found = await database.read(lambda c: trace.find(c, REFERENCE.format(777)))
        told = await database.read(lambda c: trace.timeline(c, found))
        assert [one.key for one in told.messages] == ["order/shopify/bench/777"]
        assert told.receipts[0].state == "translated"
        assert len(await database.read(dead_letters.list_dead)) == row.receipts["dead"]
        blocks = await database.read(lambda c: c.scalar(text("SELECT count(*) FROM log_blocks")))
        assert blocks == 50
        await database.close()

    asyncio.run(look())


@pytest.mark.postgres
def test_bodies_lie_in_the_weeks_of_their_time(postgresql_url: str) -> None:
    fill(postgresql_url, 1000)

    async def look() -> None:
        database = await open_database(postgresql_url)
        places = text(
            "SELECT count(DISTINCT tableoid), bool_or(tableoid::regclass::text LIKE"
            " '%default') FROM raw_payloads"
        )
        weeks, in_default = await database.read(lambda c: tuple(c.execute(places).one()))
        assert weeks in {13, 14}
        assert not in_default
        await database.close()

    asyncio.run(look())
