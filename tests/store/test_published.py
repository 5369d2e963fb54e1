"""What was published, page by page: the source that streams are filled again from."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, update

from canonical.keys import Key, message_id
from store.database import Database
from store.log import outbox, published
from store.tables import messages
from tests.store.building import LATER, NOW, message, receipt, record, translation


async def messages_of(database: Database, *facts: str) -> list[int]:
    """Pending messages that nobody claims; their row ids."""
    rows = [message(fact, position=position) for position, fact in enumerate(facts)]
    await record(database, translation(await receipt(database, facts[0]), *rows))
    await database.write(outbox.release_all_claims)
    return [row.row_id for row in rows]


async def mark(database: Database, *row_ids: int) -> None:
    await database.write(lambda connection: outbox.mark_published(connection, row_ids, LATER))


async def page(database: Database, behind: int, limit: int, **bounds: object) -> list[int]:
    found = await database.read(
        lambda connection: published.published_page(connection, behind, limit, **bounds)  # type: ignore[arg-type]
    )
    return [] if found is None else [row.row_id for row in found.rows]


async def newest(database: Database, owner: str | None = None) -> list[int]:
    found = await database.read(
        lambda connection: published.newest_published(connection, 0, 10, owner=owner)
    )
    return [one.row_id for one in found]


async def claim(database: Database, owner: str) -> list[int]:
    rows = await database.write(
        lambda connection: outbox.claim_outbox(connection, owner, NOW, timedelta(seconds=30), 10)
    )
    return [row.row_id for row in rows]


async def test_pages_are_in_the_order_of_the_log_and_end(database: Database) -> None:
    ids = await messages_of(database, "1", "2", "3", "4", "5")
    await mark(database, *reversed(ids[:4]))
    assert await page(database, 0, 3) == ids[:3]
    assert await page(database, ids[2], 3) == ids[3:4]
    assert await page(database, ids[3], 3) == []
    assert await page(database, ids[0], 10, until=ids[2]) == [ids[1]]


async def test_what_another_has_claimed_may_be_on_the_road(database: Database) -> None:
    ids = await messages_of(database, "1", "2")
    await mark(database, ids[0])
    assert await claim(database, "another") == [ids[1]]
    assert await page(database, 0, 10) == [ids[0]]
    assert await page(database, 0, 10, owner="another") == [ids[0]]
    assert await page(database, 0, 10, owner="me") == ids
    assert await newest(database) == [ids[0]]
    assert await newest(database, "me") == ids[::-1]


async def test_the_newest_are_those_before_what_waits(database: Database) -> None:
    ids = await messages_of(database, "1", "2", "3", "4")
    await mark(database, ids[0], ids[1], ids[3])
    assert await newest(database) == [ids[1], ids[0]]
    await mark(database, ids[2])
    assert await newest(database) == ids[::-1]


async def test_what_the_retention_has_emptied_is_counted(database: Database) -> None:
    ids = await messages_of(database, "1", "2")
    await mark(database, *ids)

    def empty(connection: Connection) -> None:
        connection.execute(update(messages).where(messages.c.id == ids[0]).values(data=None))

    await database.write(empty)
    found = await database.read(lambda connection: published.published_page(connection, 0, 10))
    assert found is not None
    assert ([row.row_id for row in found.rows], found.without_data) == ([ids[1]], 1)
    assert found.last_id == ids[1]


async def test_how_far_back_so_many_go(database: Database) -> None:
    ids = await messages_of(database, "1", "2", "3")
    await mark(database, *ids)

    async def behind(count: int) -> int | None:
        return await database.read(
            lambda connection: published.id_of_newest(connection, count, ids[0])
        )

    assert await behind(2) == ids[0]
    assert await behind(3) is None


async def test_the_row_of_a_message(database: Database) -> None:
    ids = await messages_of(database, "1")
    wanted = message_id(Key.of("order", "shopify", "acme", "1").digest)

    async def row() -> int | None:
        return await database.read(lambda connection: published.row_id_of(connection, wanted))

    assert await row() is None
    await mark(database, *ids)
    assert await row() == ids[0]
