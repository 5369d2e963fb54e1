"""From a message's id to the reports of its fact."""

from __future__ import annotations

import pytest

from store.database import Database
from store.log import facts
from tests.store.building import message, receipt, record, translation


async def test_all_reports_of_a_fact_are_found_the_first_first(database: Database) -> None:
    one, two = await receipt(database, "wh-1"), await receipt(database, "wh-2")
    first = await record(database, translation(one, message("a"), message("b", position=1)))
    again = await record(database, translation(two, message("a"), message("a", "{1}", position=1)))
    wanted = first[0].message_id or ""
    found = await database.read(lambda c: facts.rows_of_fact(c, wanted.upper()))
    assert found == [row.row_id for row in (first[0], *again)]


@pytest.mark.parametrize("unknown", ["", "no id", "00000000-0000-8000-8000-000000000000", "ü"])
async def test_unknown_ids_lead_nowhere(database: Database, unknown: str) -> None:
    await record(database, translation(await receipt(database), message("a")))
    assert await database.read(lambda c: facts.rows_of_fact(c, unknown)) == []
