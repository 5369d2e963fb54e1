"""The message log's chains: what is changed or taken away behind the gateway's back is found."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from store.database import Database
from store.log import message_log
from store.retained import enter_dropped
from store.tables import log_blocks, log_heads, messages
from tests.store.building import NOW, message, receipt, record, translation


async def _recorded(database: Database, batches: int = 3) -> list[int]:
    row_ids = []
    for number in range(batches):
        one = await receipt(database, f"wh-{number}")
        facts = [message(f"{number}-{each}", position=each) for each in range(2)]
        row_ids += [row.row_id for row in await record(database, translation(one, *facts))]
    return row_ids


async def _faults(database: Database, **changes: Any) -> list[tuple[str, str]]:
    check = await database.read(lambda c: message_log.verify_log(c, **changes))
    return [(one.code, one.where) for one in check.faults]


async def test_what_was_recorded_verifies(database: Database) -> None:
    await _recorded(database)
    check = await database.read(message_log.verify_log)
    assert (check.blocks, check.rows, list(check.faults)) == (3, 6, [])


async def test_an_empty_log_verifies(database: Database) -> None:
    check = await database.read(message_log.verify_log)
    assert (check.blocks, check.rows, list(check.faults)) == (0, 0, [])


@pytest.mark.parametrize("column", ["data", "key", "partition_key", "subject", "message_id"])
async def test_a_changed_row_is_named(database: Database, column: str) -> None:
    row_ids = await _recorded(database)
    await database.write(
        lambda c: c.execute(
            update(messages).where(messages.c.id == row_ids[3]).values({column: "forged"})
        )
    )
    assert await _faults(database) == [("row_changed", str(row_ids[3]))]


async def test_being_published_changes_nothing_logged(database: Database) -> None:
    await _recorded(database)
    await database.write(lambda c: c.execute(update(messages).values(state="published")))
    assert await _faults(database) == []


async def test_a_missing_row_is_named(database: Database) -> None:
    row_ids = await _recorded(database)
    await database.write(lambda c: c.execute(delete(messages).where(messages.c.id == row_ids[0])))
    assert await _faults(database) == [("row_missing", str(row_ids[0]))]


async def test_a_row_slipped_in_is_noticed(database: Database) -> None:
    row_ids = await _recorded(database)

    def slip_in(connection: Connection) -> None:
        row = connection.execute(select(messages).where(messages.c.id == row_ids[0])).one()
        copied = row._asdict() | {"id": row_ids[0] - 1, "position": 99}
        connection.execute(insert(messages).values(copied))

    await database.write(slip_in)
    assert await _faults(database) == [("row_unlogged", "1 rows")]


async def _partition(database: Database) -> int:
    return (await database.read(message_log.heads))[0].partition


async def test_a_block_taken_out_breaks_its_chain(database: Database) -> None:
    await _recorded(database)
    of = await _partition(database)
    await database.write(lambda c: c.execute(delete(log_blocks).where(log_blocks.c.sequence == 2)))
    assert ("block_missing", f"block {of}/2") in await _faults(database)


async def test_a_row_and_its_block_changed_together_break_the_chain(database: Database) -> None:
    row_ids = await _recorded(database)
    of = await _partition(database)

    def forge(connection: Connection) -> None:
        connection.execute(
            update(messages).where(messages.c.id == row_ids[0]).values(data="forged")
        )
        values = connection.execute(
            select(*(messages.c[name] for name in message_log.LOGGED)).where(
                messages.c.id == row_ids[0]
            )
        ).one()
        block = connection.execute(select(log_blocks).where(log_blocks.c.sequence == 1)).one()
        digest = message_log.row_digest(tuple(values))
        entries = bytes(block.entries[:8]) + digest + bytes(block.entries[40:])
        connection.execute(
            update(log_blocks).where(log_blocks.c.sequence == 1).values(entries=entries)
        )

    await database.write(forge)
    assert await _faults(database) == [("block_changed", f"block {of}/1")]


async def test_an_end_cut_off_is_noticed(database: Database) -> None:
    row_ids = await _recorded(database)
    of = await _partition(database)

    def cut(connection: Connection) -> None:
        connection.execute(delete(log_blocks).where(log_blocks.c.sequence == 3))
        connection.execute(delete(messages).where(messages.c.id.in_(row_ids[4:])))

    await database.write(cut)
    assert await _faults(database) == [("block_missing", f"block {of}/3")]


async def test_a_head_noted_elsewhere_shows_a_rewritten_chain(database: Database) -> None:
    await _recorded(database)
    noted = await database.read(message_log.heads)
    await database.write(
        lambda c: c.execute(
            update(log_heads).where(log_heads.c.sequence > 0).values(hash=bytes(32))
        )
    )
    assert await database.read(message_log.heads) != noted
    assert [code for code, _ in await _faults(database)] == ["head_changed"]


async def test_faults_are_bounded(database: Database) -> None:
    await _recorded(database)
    await database.write(lambda c: c.execute(update(messages).values(data="forged")))
    assert len(await _faults(database, most_faults=2)) == 2


async def test_old_blocks_come_with_their_rows_and_say_where_to_go_on(database: Database) -> None:
    row_ids = await _recorded(database)
    later = NOW + timedelta(days=1)

    async def look(after: tuple[int, int], most_rows: int) -> tuple[list[int], Any]:
        blocks, following = await database.read(
            lambda c: message_log.old_blocks(c, after, later, most_rows, lock=False)
        )
        return [row for block in blocks for row in block.row_ids], following

    of = await _partition(database)
    found, following = await look((of, 0), 3)
    assert (found, following) == (row_ids[:4], (of, 2))
    assert await look(following, 3) == (row_ids[4:], (of, 3))
    assert await look((of, 3), 3) == ([], (of + 1, 0))
    assert await look((15, 0), 3) == ([], None)


async def test_young_blocks_are_not_old(database: Database) -> None:
    await _recorded(database)
    of = await _partition(database)
    young, _ = await database.read(
        lambda c: message_log.old_blocks(c, (of, 0), NOW, 100, lock=False)
    )
    assert young == []


async def test_an_emptied_block_keeps_its_link_and_vouches_for_nothing(database: Database) -> None:
    row_ids = await _recorded(database)
    of = await _partition(database)
    later = NOW + timedelta(days=1)

    def drop_first(connection: Connection) -> None:
        blocks, _ = message_log.old_blocks(connection, (of, 0), later, 1)
        assert blocks[0].intact
        connection.execute(delete(messages).where(messages.c.id.in_(blocks[0].row_ids)))
        message_log.empty_block(connection, blocks[0])
        enter_dropped(connection, "logged", {("shopify", "acme"): 2})

    await database.write(drop_first)

    check = await database.read(message_log.verify_log)
    assert (check.blocks, check.rows, list(check.faults)) == (3, 4, [])
    await database.write(lambda c: c.execute(delete(messages).where(messages.c.id == row_ids[2])))
    assert await _faults(database) == [("row_missing", str(row_ids[2]))]
    await database.write(lambda c: c.execute(update(log_blocks).values(rows=3)) and None)
    assert [code for code, _ in await _faults(database)][:2] == ["block_changed", "block_changed"]


async def test_an_emptied_block_taken_out_breaks_its_chain(database: Database) -> None:
    await _recorded(database)
    of = await _partition(database)

    def drop_all(connection: Connection) -> None:
        connection.execute(delete(messages))
        connection.execute(update(log_blocks).values(entries=None))
        enter_dropped(connection, "logged", {("shopify", "acme"): 6})

    await database.write(drop_all)
    assert await _faults(database) == []
    await database.write(lambda c: c.execute(delete(log_blocks).where(log_blocks.c.sequence == 2)))
    assert ("block_missing", f"block {of}/2") in await _faults(database)


async def test_a_block_with_a_changed_row_is_not_intact(database: Database) -> None:
    row_ids = await _recorded(database)
    await database.write(
        lambda c: c.execute(update(messages).where(messages.c.id == row_ids[0]).values(data="x"))
    )
    of = await _partition(database)
    blocks, _ = await database.read(
        lambda c: message_log.old_blocks(c, (of, 0), NOW + timedelta(days=1), 100, lock=False)
    )
    assert [one.intact for one in blocks] == [False, True, True]
