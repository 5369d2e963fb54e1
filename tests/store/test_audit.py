"""The audit: a row lost or put in shows; a changed log shows."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, insert, select, update

from store.database import Database
from store.finding import audit
from store.finding.audit import BalanceRow
from store.tables import audit_log, intake_ledger, messages, receipts
from tests.store.building import (
    FAILURE,
    NOW,
    accept,
    delivery,
    message,
    problem,
    receipt,
    record,
    translation,
)


async def _balance(database: Database) -> dict[str, BalanceRow]:
    return {row.connector: row for row in await database.read(audit.balance)}


async def _filled(database: Database) -> None:
    one = await receipt(database, "one")
    await accept(
        database,
        delivery("one", body=b"one"),
        delivery("two", failure=FAILURE),
        delivery("three", ignored_reason="a draft"),
        delivery("four", connector="stripe"),
    )
    await record(database, translation(one, message("a"), problem("line[2]", position=1)))


async def test_both_sides_are_equal(database: Database) -> None:
    await _filled(database)
    rows = await _balance(database)
    assert rows.keys() == {"shopify", "stripe"}
    assert rows["shopify"].accepted == 4
    assert rows["shopify"].receipts == {"translated": 1, "redelivered": 1, "dead": 1, "ignored": 1}
    assert rows["shopify"].translated == 2
    assert rows["shopify"].messages == {"pending": 1, "dead": 1}
    assert rows["stripe"].receipts == {"pending": 1}
    assert all(row.balanced for row in rows.values())


async def test_an_empty_store_balances(database: Database) -> None:
    assert await _balance(database) == {}


def _lose_one(connection: Connection, table: Table) -> None:
    last = connection.scalar(select(table.c.id).order_by(table.c.id.desc()).limit(1))
    connection.execute(delete(table).where(table.c.id == last))


@pytest.mark.parametrize(
    ("table", "receipts_missing", "messages_missing"),
    [(intake_ledger, -1, 0), (messages, 0, 1)],
    ids=["ledger", "messages"],
)
async def test_a_lost_row_shows(
    database: Database, table: Table, receipts_missing: int, messages_missing: int
) -> None:
    one = await receipt(database)
    await record(database, translation(one, message()))
    await database.write(lambda c: _lose_one(c, table))
    row = (await _balance(database))["shopify"]
    assert (row.missing_receipts, row.missing_messages) == (receipts_missing, messages_missing)
    assert not row.balanced


async def test_a_lost_receipt_shows_on_both_sides(database: Database) -> None:
    one = await receipt(database)
    await record(database, translation(one, message()))
    await database.write(lambda c: _lose_one(c, receipts))
    row = (await _balance(database))["shopify"]
    assert (row.missing_receipts, row.missing_messages) == (1, -1)
    assert not row.balanced


def _log(connection: Connection, number: int) -> None:
    for one in range(number):
        audit.append_audit(
            connection,
            at=NOW,
            actor="ada@example.com",
            action="dead_letter.discard",
            target=f"dl_{one}",
            details={"reason": "a test order – ü", "number": one},
        )


async def test_the_log_is_as_it_was_written(database: Database) -> None:
    await database.write(lambda c: _log(c, 3))
    await database.write(lambda c: _log(c, 2))
    entries = await database.read(lambda c: audit.recent_audit(c, 2))
    assert await database.read(audit.verify_audit_log) is None
    assert [(one.number, one.target) for one in entries] == [(5, "dl_1"), (4, "dl_0")]
    assert entries[0].details == {"reason": "a test order – ü", "number": 1}


async def test_an_empty_log_is_whole(database: Database) -> None:
    assert await database.read(audit.verify_audit_log) is None


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "bob@example.com"},
        {"details": "{}"},
        {"at": 0},
        {"hash": bytes(32)},
        {"previous_hash": bytes(32)},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_changed_row_breaks_the_chain(database: Database, change: dict[str, Any]) -> None:
    await database.write(lambda c: _log(c, 5))
    changed = update(audit_log).where(audit_log.c.id == 3).values(change)
    await database.write(lambda c: c.execute(changed).rowcount)
    assert await database.read(audit.verify_audit_log) == 3


async def test_a_row_taken_out_breaks_the_chain(database: Database) -> None:
    await database.write(lambda c: _log(c, 5))
    taken = delete(audit_log).where(audit_log.c.id == 3)
    await database.write(lambda c: c.execute(taken).rowcount)
    assert await database.read(audit.verify_audit_log) == 3


async def test_a_row_put_in_breaks_the_chain(database: Database) -> None:
    await database.write(lambda c: _log(c, 2))
    forged = {
        "id": 3,
        "at": 1,
        "actor": "bob@example.com",
        "action": "x",
        "target": "y",
        "details": "{}",
        "previous_hash": bytes(32),
        "hash": bytes(32),
    }
    await database.write(lambda c: c.execute(insert(audit_log), [forged]) and None)
    assert await database.read(audit.verify_audit_log) == 3
