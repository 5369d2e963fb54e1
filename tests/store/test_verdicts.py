"""Verdicts: one fact, one effect, in a batch and across batches."""

from __future__ import annotations

import pytest

from store.database import Database
from store.failures.dead_letters import list_dead
from store.intake import inbox
from store.log import outbox
from store.records import Translation
from tests.store.building import (
    FAILURE,
    LATER,
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


@pytest.fixture(params=["one batch", "batch by batch"])
def together(request: pytest.FixtureRequest) -> bool:
    """Whether translations come in one batch or each in its own."""
    return bool(request.param == "one batch")


async def _verdicts(database: Database, together: bool, *each: Translation) -> list[str]:
    if together:
        return await verdicts(database, *each)
    return [verdict for one in each for verdict in await verdicts(database, one)]


async def _receipts(database: Database, number: int) -> list[int]:
    return [await receipt(database, f"wh-{one}") for one in range(number)]


async def test_the_table_of_verdicts(database: Database, together: bool) -> None:
    ids = await _receipts(database, 5)
    given = await _verdicts(
        database,
        together,
        translation(ids[0], message("a", entity="e", version=2)),
        translation(ids[1], message("a", entity="e", version=2)),
        translation(ids[2], message("a", '{"other": 1}', entity="e", version=2)),
        translation(ids[3], message("b", entity="e", version=1)),
        translation(ids[4], message("c", entity="e", version=3)),
    )
    assert given == ["new", "duplicate", "conflict", "stale", "new"]
    assert await message_states(database) == {
        "pending": 2,
        "duplicate": 1,
        "conflict": 1,
        "stale": 1,
    }
    assert await receipt_states(database) == {"translated": 5}
    assert await balanced(database)


async def test_a_stale_fact_seen_again_is_a_duplicate(database: Database, together: bool) -> None:
    ids = await _receipts(database, 3)
    given = await _verdicts(
        database,
        together,
        translation(ids[0], message("new", entity="e", version=2)),
        translation(ids[1], message("old", entity="e", version=1)),
        translation(ids[2], message("old", entity="e", version=1)),
    )
    assert given == ["new", "stale", "duplicate"]


async def test_a_conflict_leaves_the_first_content_standing(
    database: Database, together: bool
) -> None:
    ids = await _receipts(database, 3)
    given = await _verdicts(
        database,
        together,
        translation(ids[0], message("a", "1")),
        translation(ids[1], message("a", "2")),
        translation(ids[2], message("a", "1")),
    )
    assert given == ["new", "conflict", "duplicate"]


async def test_the_same_version_under_another_key_is_not_stale(
    database: Database, together: bool
) -> None:
    ids = await _receipts(database, 2)
    given = await _verdicts(
        database,
        together,
        translation(ids[0], message("a", entity="e", version=2)),
        translation(ids[1], message("b", entity="e", version=2)),
    )
    assert given == ["new", "new"]


async def test_versions_of_different_entities_are_apart(database: Database) -> None:
    (one,) = await _receipts(database, 1)
    given = await verdicts(
        database,
        translation(
            one,
            message("a", position=0, entity="x", version=9),
            message("b", position=1, entity="y", version=1),
            message("c", position=2, entity="x", version=10),
            message("d", position=3, entity="x", version=8),
        ),
    )
    assert given == ["new", "new", "new", "stale"]


async def test_a_message_for_nobody_is_discarded(database: Database) -> None:
    (one,) = await _receipts(database, 1)
    recorded = await record(database, translation(one, message(destinations=())))
    assert [(row.verdict, row.state) for row in recorded] == [("new", "discarded")]
    assert await balanced(database)


async def test_only_duplicates_go_without_their_data(database: Database) -> None:
    ids = await _receipts(database, 3)
    recorded = await record(
        database,
        translation(ids[0], message("a", "1")),
        translation(ids[1], message("a", "1")),
        translation(ids[2], message("a", "2")),
    )
    rows = await database.read(lambda c: [outbox.load_message(c, one.row_id) for one in recorded])
    assert [row.data for row in rows if row] == ["1", None, "2"]


async def test_a_bad_record_is_dead_and_the_rest_goes_on(database: Database) -> None:
    (one,) = await _receipts(database, 1)
    recorded = await record(
        database, translation(one, message(position=0), problem("line[2]", position=1))
    )
    letters = await database.read(list_dead)
    row = await database.read(lambda c: inbox.load_receipt(c, one))

    assert [(each.verdict, each.state) for each in recorded] == [
        ("new", "pending"),
        ("problem", "dead"),
    ]
    assert [(letter.record_at, letter.field_path, letter.error_code) for letter in letters] == [
        ("line[2]", "price", "bad_price")
    ]
    assert row is not None
    assert (row.state, row.message_count) == ("translated", 2)
    assert await balanced(database)


async def test_a_receipt_that_cannot_be_read_is_dead(database: Database) -> None:
    (one,) = await _receipts(database, 1)
    await record(database, translation(one, failure=FAILURE))
    letters = await database.read(list_dead)
    assert await receipt_states(database) == {"dead": 1}
    assert [(letter.receipt_id, letter.attempts) for letter in letters] == [(one, 1)]


async def test_a_receipt_of_no_interest_is_ignored(database: Database) -> None:
    (one,) = await _receipts(database, 1)
    await record(database, translation(one, ignored=1, ignored_reason="a draft"))
    row = await database.read(lambda c: inbox.load_receipt(c, one))
    assert row is not None
    assert (row.state, row.reason, row.ignored_count) == ("ignored", "a draft", 1)


async def test_what_somebody_else_finished_is_passed_over(database: Database) -> None:
    ids = await _receipts(database, 2)
    await record(database, translation(ids[0], message("a")))
    given = await verdicts(
        database, translation(ids[0], message("b")), translation(ids[1], message("c"))
    )
    assert given == ["new"]
    assert await message_states(database) == {"pending": 2}
    assert await balanced(database)


async def test_chunks_of_one_receipt(database: Database) -> None:
    (one,) = await _receipts(database, 1)
    first = translation(one, message("a"), final=False, ignored=2)
    assert await verdicts(database, first) == ["new"]
    assert await receipt_states(database) == {"pending": 1}
    assert await verdicts(database, translation(one, message("b", position=1))) == ["new"]
    row = await database.read(lambda c: inbox.load_receipt(c, one))
    assert row is not None
    assert (row.state, row.message_count, row.ignored_count) == ("translated", 2, 2)
    assert await balanced(database)


async def test_chunks_of_one_receipt_in_one_batch(database: Database) -> None:
    (one,) = await _receipts(database, 1)
    given = await verdicts(
        database,
        translation(one, message("a"), final=False),
        translation(one, message("b", position=1), message("a", position=2)),
    )
    assert given == ["new", "new", "duplicate"]
    assert await balanced(database)


async def test_a_chunk_recorded_before_is_left_as_it_is(database: Database) -> None:
    (one,) = await _receipts(database, 1)

    def chunk() -> Translation:
        return translation(
            one,
            message("a", position=0),
            message("a", position=1),
            problem("line[3]", position=2),
            final=False,
        )

    assert await verdicts(database, chunk()) == ["new", "duplicate", "problem"]
    assert await verdicts(database, chunk()) == []
    assert await verdicts(database, translation(one, message("b", position=3))) == ["new"]
    row = await database.read(lambda c: inbox.load_receipt(c, one))
    assert row is not None
    assert row.message_count == 4
    assert len(await database.read(list_dead)) == 1
    assert await balanced(database)


async def test_another_count_of_places_loses_nothing(database: Database) -> None:
    """A file half done by one version of a connector is finished by another."""
    (one,) = await _receipts(database, 1)
    await record(database, translation(one, message("a"), message("b", position=1), final=False))
    given = await verdicts(
        database,
        translation(
            one,
            message("a"),
            message("between", position=1),
            message("b", position=2),
            message("c", position=3),
        ),
    )
    assert sorted(given) == ["duplicate", "new", "new"]
    assert await balanced(database)


async def test_a_failure_halfway_keeps_what_was_recorded(database: Database) -> None:
    (one,) = await _receipts(database, 1)
    chunk = translation(one, message("a"), final=False)
    await record(database, chunk)
    await record(database, chunk.failed(FAILURE))
    assert await receipt_states(database) == {"dead": 1}
    assert await message_states(database) == {"pending": 1}
    assert await balanced(database)


async def test_many_messages_at_once(database: Database) -> None:
    (one,) = await _receipts(database, 1)
    many = [message(str(number), position=number) for number in range(1500)]
    again = [message(str(number), position=1500 + number) for number in range(1500)]
    given = await verdicts(database, translation(one, *many), translation(one, *again))
    assert given == ["new"] * 1500
    (two,) = [await receipt(database, "second")]
    assert await verdicts(database, translation(two, *again)) == ["duplicate"] * 1500


async def test_the_kind_is_learnt_by_translating(database: Database) -> None:
    one = await receipt(database, kind="")
    await record(database, translation(one, kind="orders/create"), now=LATER)
    row = await database.read(lambda c: inbox.load_receipt(c, one))
    assert row is not None
    assert (row.kind, row.translated_at, row.received_at) == ("orders/create", LATER, NOW)
