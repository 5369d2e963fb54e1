"""Replays: translated again, counted once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from store.database import Database
from store.failures.dead_letters import discard, list_dead
from store.finding import audit
from store.intake import inbox
from store.log import normalised, outbox
from store.records import DeadLetter, MessageRow, ReceiptRow
from store.tables import messages
from tests.store.building import (
    FAILURE,
    LATER,
    LEASE,
    NOW,
    balanced,
    message,
    message_states,
    problem,
    receipt,
    receipt_states,
    record,
    translation,
    verdicts,
)


async def _reopen(database: Database, receipt_id: int) -> bool:
    return await database.write(
        lambda c: normalised.reopen_receipt(c, receipt_id, "ada@example.com", NOW)
    )


async def _dead(database: Database, state: str | None = None) -> list[DeadLetter]:
    return await database.read(lambda c: list_dead(c, state=state))


async def _load(database: Database, receipt_id: int) -> ReceiptRow:
    row = await database.read(lambda c: inbox.load_receipt(c, receipt_id))
    assert row is not None
    return row


async def _rows(database: Database) -> list[MessageRow]:
    rows = await database.read(
        lambda c: [
            outbox.message_row(found)
            for found in c.execute(messages.select().order_by(messages.c.position))
        ]
    )
    return list(rows)


async def test_a_dead_receipt_is_translated_again(database: Database) -> None:
    one = await receipt(database)
    await record(database, translation(one, failure=FAILURE))
    assert await _reopen(database, one)
    claimed = await database.write(lambda c: inbox.claim_receipts(c, "me", NOW, LEASE, 10))
    assert [row.receipt_id for row in claimed] == [one]
    assert await verdicts(database, translation(one, message())) == ["new"]

    assert (await _load(database, one)).state == "translated"
    assert [letter.state for letter in await _dead(database)] == ["replayed"]
    assert await balanced(database)


async def test_a_delivery_dead_on_arrival_is_translated_later(database: Database) -> None:
    one = await receipt(database, failure=FAILURE, kind="")
    assert await _reopen(database, one)
    assert await verdicts(database, translation(one, message())) == ["new"]
    row = await _load(database, one)
    assert (row.state, row.kind, row.reason) == ("translated", "orders/create", None)


async def test_a_receipt_that_fails_again_counts_up(database: Database) -> None:
    one = await receipt(database)
    await record(database, translation(one, failure=FAILURE))
    await _reopen(database, one)
    other = replace(FAILURE, code="bad_date")
    await record(database, translation(one, failure=other), now=LATER)

    (letter,) = await _dead(database)
    assert (letter.state, letter.attempts, letter.error_code) == ("open", 2, "bad_date")
    assert (letter.first_failed_at, letter.last_failed_at) == (NOW, LATER)
    assert (await _load(database, one)).state == "dead"
    assert await _reopen(database, one)


async def test_one_replay_at_a_time(database: Database) -> None:
    one = await receipt(database, failure=FAILURE)
    assert await _reopen(database, one)
    assert not await _reopen(database, one)


@pytest.mark.parametrize("what", ["pending", "translated", "missing"])
async def test_nothing_to_replay(database: Database, what: str) -> None:
    one = await receipt(database)
    if what == "translated":
        await record(database, translation(one, message()))
    assert not await _reopen(database, one if what != "missing" else one + 1)


async def _with_dead_records(database: Database) -> int:
    one = await receipt(database)
    await record(
        database,
        translation(
            one,
            message("a", at="line[1]", position=0),
            problem("line[2]", position=1),
            problem("line[3]", position=2),
        ),
    )
    return one


async def test_a_dead_record_becomes_a_message(database: Database) -> None:
    one = await _with_dead_records(database)
    before = await _rows(database)
    await _reopen(database, one)
    recorded = await record(
        database,
        translation(
            one,
            message("a", at="line[1]", position=0),
            message("b", at="line[2]", position=1),
            problem("line[3]", position=2, code="bad_quantity"),
        ),
        now=LATER,
    )
    rows = await _rows(database)

    assert [(row.row_id, row.verdict) for row in recorded] == [(before[1].row_id, "new")]
    assert [row.row_id for row in rows] == [row.row_id for row in before]
    assert [row.state for row in rows] == ["pending", "pending", "dead"]
    assert rows[1].data == "{}"
    letters = {letter.record_at: letter for letter in await _dead(database)}
    assert letters["line[2]"].state == "replayed"
    assert letters["line[3]"].state == "open"
    assert letters["line[3]"].attempts == 2
    assert letters["line[3]"].error_code == "bad_quantity"
    assert (await _load(database, one)).message_count == 3
    assert await balanced(database)


async def test_a_revived_message_may_be_published_by_anybody(database: Database) -> None:
    one = await _with_dead_records(database)
    await _reopen(database, one)
    await record(database, translation(one, message("b", at="line[2]")))
    claimed = await database.write(lambda c: outbox.claim_outbox(c, "x", NOW, LEASE, 10))
    assert [row.key.rpartition("/")[2] for row in claimed] == ["a", "b"]


async def test_what_is_no_longer_found_is_given_up(database: Database) -> None:
    one = await _with_dead_records(database)
    await _reopen(database, one)
    await record(database, translation(one, message("a", at="line[1]"), problem("line[3]")))

    assert [row.state for row in await _rows(database)] == ["pending", "discarded", "dead"]
    letters = {letter.record_at: letter for letter in await _dead(database)}
    assert letters["line[2]"].state == "resolved"
    assert letters["line[2]"].reason
    assert letters["line[3]"].state == "open"
    assert await balanced(database)


async def test_what_was_given_up_and_is_found_again_comes_back(database: Database) -> None:
    one = await _with_dead_records(database)
    await _reopen(database, one)
    await record(database, translation(one, message("a", at="line[1]"), problem("line[3]")))
    await _reopen(database, one)
    await record(
        database,
        translation(one, message("a", at="line[1]"), problem("line[2]"), problem("line[3]")),
    )
    assert [row.state for row in await _rows(database)] == ["pending", "dead", "dead"]
    await _reopen(database, one)
    await record(
        database,
        translation(one, message("b", at="line[2]"), message("c", at="line[3]", position=1)),
    )
    assert [row.state for row in await _rows(database)] == ["pending"] * 3
    assert await _dead(database, "open") == []
    assert await balanced(database)


async def test_what_a_person_discarded_stays_discarded(database: Database) -> None:
    one = await _with_dead_records(database)
    letter = next(each for each in await _dead(database) if each.record_at == "line[2]")
    await database.write(
        lambda c: discard(c, letter.dead_letter_id, "ada@example.com", "a test order", NOW)
    )
    await _reopen(database, one)
    recorded = await record(
        database,
        translation(
            one,
            message("b", at="line[2]", position=1),
            message("c", at="line[3]", position=2),
        ),
    )
    assert len(recorded) == 1
    assert [row.state for row in await _rows(database)] == ["pending", "discarded", "pending"]
    assert await balanced(database)


async def test_more_than_before_goes_behind(database: Database) -> None:
    one = await _with_dead_records(database)
    await _reopen(database, one)
    given = await verdicts(
        database,
        translation(
            one,
            message("z", at="line[0]", position=0),
            message("a", at="line[1]", position=1),
            message("b", at="line[2]", position=2),
            problem("line[3]", position=3),
            problem("line[4]", position=4),
        ),
    )
    rows = await _rows(database)
    assert sorted(given) == ["new", "new", "problem"]
    assert [row.position for row in rows] == [0, 1, 2, 3, 4]
    assert (await _load(database, one)).message_count == 5
    assert await balanced(database)


async def test_a_message_found_elsewhere_in_the_payload_is_the_same(database: Database) -> None:
    one = await _with_dead_records(database)
    await _reopen(database, one)
    given = await verdicts(
        database,
        translation(
            one,
            message("a", "changed", at="entry[1]"),
            problem("line[2]", position=1),
            problem("line[3]", position=2),
        ),
    )
    assert given == []
    assert (await _load(database, one)).message_count == 3


async def test_a_replay_in_chunks(database: Database) -> None:
    one = await _with_dead_records(database)
    await _reopen(database, one)
    first = translation(
        one, message("a", at="line[1]"), message("b", at="line[2]", position=1), final=False
    )
    assert await verdicts(database, first) == ["new"]
    assert await verdicts(database, first) == []
    assert (await _load(database, one)).state == "pending"
    await record(database, translation(one, problem("line[3]", position=2)))

    assert [row.state for row in await _rows(database)] == ["pending", "pending", "dead"]
    assert (await _load(database, one)).state == "translated"
    assert await balanced(database)


async def test_a_revived_record_gets_its_own_verdict(database: Database) -> None:
    other = await receipt(database, "other")
    await record(database, translation(other, message("b", "1")))
    one = await _with_dead_records(database)
    await _reopen(database, one)
    given = await verdicts(
        database,
        translation(
            one,
            message("a", at="line[1]"),
            message("b", "1", at="line[2]", position=1),
            message("b", "2", at="line[3]", position=2),
        ),
    )
    assert given == ["duplicate", "conflict"]
    assert await message_states(database) == {"pending": 2, "duplicate": 1, "conflict": 1}
    assert await balanced(database)


async def test_a_replay_that_finds_nothing_of_interest(database: Database) -> None:
    one = await receipt(database)
    await record(database, translation(one, problem("")))
    await _reopen(database, one)
    await record(database, translation(one, ignored=1, ignored_reason="a draft"))
    assert await receipt_states(database) == {"ignored": 1}
    assert await message_states(database) == {"discarded": 1}
    assert await balanced(database)


async def test_a_replay_is_on_record(database: Database) -> None:
    one = await receipt(database, failure=FAILURE)
    await _reopen(database, one)
    entries = await database.read(audit.recent_audit)
    assert [(entry.actor, entry.action) for entry in entries] == [
        ("ada@example.com", "receipt.replay")
    ]


async def test_a_clock_behind_does_not_lose_a_failure(database: Database) -> None:
    one = await receipt(database)
    await record(database, translation(one, problem("line[1]")), now=LATER)
    await _reopen(database, one)
    await record(database, translation(one, problem("line[1]")), now=NOW - timedelta(hours=1))
    assert await message_states(database) == {"dead": 1}
    assert [letter.attempts for letter in await _dead(database, "open")] == [2]
