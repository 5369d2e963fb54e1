"""The Outbox: published once it is on the stream, and whatever is not is found again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from store.database import Database
from store.log import normalised, outbox
from store.records import OutboxRow
from tests.store.building import (
    LATER,
    LEASE,
    NOW,
    balanced,
    message,
    message_states,
    receipt,
    record,
    translation,
)


async def _claim(
    database: Database, owner: str, limit: int = 10, *, late: bool = False
) -> list[OutboxRow]:
    now = LATER if late else NOW
    return await database.write(lambda c: outbox.claim_outbox(c, owner, now, LEASE, limit))


async def _pending(database: Database, number: int) -> list[int]:
    one = await receipt(database)
    facts = [message(str(each), position=each) for each in range(number)]
    return [row.row_id for row in await record(database, translation(one, *facts))]


async def test_a_row_from_the_store_is_the_row_from_memory(database: Database) -> None:
    one = await receipt(database)
    made = translation(
        one, message("a", '{"a": "ü"}', entity="e", version=4, destinations=("x", "y")),
        traceparent="00-1-2-01",
    )  # fmt: skip
    row_ids = [row.row_id for row in await record(database, made)]
    remembered = outbox.rows_of([made], row_ids)
    claimed = await _claim(database, "me")
    loaded = await database.read(lambda c: outbox.load_outbox(c, row_ids))
    routed = await database.read(lambda c: outbox.load_routed(c, claimed[0].message_id))
    assert claimed == remembered == loaded == [routed]


def test_rows_the_translations_do_not_hold_are_left_out() -> None:
    made = translation(1, message("a"), message("b"))
    wanted = [made.messages[1].row_id, 5]
    assert [row.row_id for row in outbox.rows_of([made], wanted)] == wanted[:1]


async def test_claims_go_oldest_first_and_to_one_at_a_time(database: Database) -> None:
    ids = await _pending(database, 4)
    assert [row.row_id for row in await _claim(database, "one", 3)] == ids[:3]
    assert [row.row_id for row in await _claim(database, "two")] == ids[3:]
    assert await _claim(database, "three") == []
    assert [row.row_id for row in await _claim(database, "three", late=True)] == ids


async def test_published_once(database: Database) -> None:
    ids = await _pending(database, 3)
    marked = [
        await database.write(lambda c: outbox.mark_published(c, ids[:2], LATER)) for _ in range(2)
    ]
    assert marked == [2, 0]
    assert await message_states(database) == {"pending": 1, "published": 2}
    assert [row.row_id for row in await _claim(database, "me")] == ids[2:]
    row = await database.read(lambda c: outbox.load_message(c, ids[0]))
    assert row is not None
    assert row.published_at == LATER
    assert await balanced(database)


async def test_how_much_waits_and_since_when(database: Database) -> None:
    assert await database.read(outbox.pending_count) == 0
    assert await database.read(outbox.oldest_pending) is None
    ids = await _pending(database, 2)
    assert await database.read(outbox.pending_count) == 2
    assert await database.read(outbox.oldest_pending) == NOW
    await database.write(lambda c: outbox.mark_published(c, ids, LATER))
    assert await database.read(outbox.oldest_pending) is None


@pytest.mark.parametrize("everybody", [True, False])
async def test_letting_go(database: Database, everybody: bool) -> None:
    ids = await _pending(database, 2)
    await _claim(database, "me", 1)
    await _claim(database, "you")
    if everybody:
        await database.write(outbox.release_all_claims)
    else:
        await database.write(lambda c: outbox.release_claims(c, "me"))
    free = [row.row_id for row in await _claim(database, "other")]
    assert free == (ids if everybody else ids[:1])


async def test_only_what_is_pending_is_leased(database: Database) -> None:
    one = await receipt(database)
    await record(
        database,
        translation(
            one,
            message("a"),
            message("a", position=1),
            message("b", position=2, destinations=()),
        ),
    )
    assert len(await _claim(database, "me")) == 1


async def test_lists_by_state_go_page_by_page(database: Database) -> None:
    ids = await _pending(database, 5)

    async def page(before: int | None) -> list[int]:
        rows = await database.read(
            lambda c: outbox.list_messages(
                c, state="pending", connector="shopify", account="acme", before=before, limit=2
            )
        )
        return [row.row_id for row in rows]

    assert await page(None) == ids[:2:-1]
    assert await page(ids[3]) == [ids[2], ids[1]]
    other = await database.read(lambda c: outbox.list_messages(c, state="pending", account="other"))
    assert other == []


async def test_a_lease_that_begins_with_the_record_holds(database: Database) -> None:
    one = await receipt(database)
    made = translation(one, message())
    await database.write(
        lambda c: normalised.record(
            c, [made], NOW, owner="me", claimed_until=NOW + timedelta(seconds=9)
        )
    )
    assert await _claim(database, "other") == []
    assert len(await _claim(database, "other", late=True)) == 1
