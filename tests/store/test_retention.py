"""Retention: what is old goes, what somebody works on stays, and the audit balances throughout."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, select, update

from canonical.errors import GatewayError
from store.database import Database
from store.failures import dead_letters
from store.finding import audit
from store.ids import first_id_at
from store.intake import bodies, inbox
from store.intake.fetches import want
from store.log import message_log, outbox, replays
from store.mending.reprocessing import NewReprocessing, start_reprocessing
from store.records import NewFetch, Retry
from store.retaining import retention
from store.retaining.retention import Policy
from store.subscriptions import mark_handled, schedule_retry
from store.tables import (
    attempts,
    audit_log,
    deliveries,
    entity_versions,
    fact_keys,
    intake_ledger,
    log_blocks,
    message_references,
    messages,
    raw_payloads,
    receipts,
    refusals,
    retention_marks,
    search_blocks,
    subscriber_inbox,
)
from tests.store.building import (
    FAILURE,
    IDS,
    NOW,
    accept,
    balanced,
    delivery,
    message,
    message_states,
    problem,
    receipt,
    receipt_states,
    record,
    translation,
    verdicts,
)
from workbench.operating.retaining import Outcome, phases, retain

MUCH_LATER = NOW + timedelta(days=3650)
DAY = timedelta(days=1)
ALL = Policy(raw=30 * DAY, messages=30 * DAY, receipts=60 * DAY, keys=90 * DAY)
BODIES_AND_MESSAGES = Policy(raw=30 * DAY, messages=30 * DAY)


async def _publish(database: Database) -> None:
    def mark(connection: Connection) -> None:
        wanted = connection.scalars(select(messages.c.id).where(messages.c.state == "pending"))
        outbox.mark_published(connection, wanted.all(), NOW)

    await database.write(mark)


async def _old(database: Database, key: str = "old", *facts: str) -> int:
    """A receipt that is translated, whose messages are published."""
    one = await receipt(database, key)
    found = [message(fact, position=place) for place, fact in enumerate(facts or (key,))]
    await record(database, translation(one, *found))
    await _publish(database)
    return one


async def _count(database: Database, *tables: Any) -> list[int]:
    def count(connection: Connection) -> list[int]:
        return [connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables]

    return await database.read(count)


async def _retain(database: Database, policy: Policy = ALL, **options: Any) -> Outcome:
    return await retain(database, policy, MUCH_LATER, actor="cli:ada", **options)


async def _log_faults(database: Database) -> list[str]:
    check = await database.read(message_log.verify_log)
    return [one.code for one in check.faults]


async def test_everything_old_goes_and_the_audit_balances(database: Database) -> None:
    await _old(database, "one", "a", "b")
    await _old(database, "two")
    await accept(database, delivery("one", body=b"one"), delivery("three", ignored_reason="draft"))
    await database.write(lambda c: mark_handled(c, "billing", ["m-1"], NOW))

    outcome = await _retain(database)

    everything = (raw_payloads, messages, message_references, receipts, deliveries, fact_keys)
    assert await _count(database, *everything, subscriber_inbox) == [0] * 7
    assert {name: one.dropped for name, one in outcome.tallies.items() if one.dropped} == {
        "raw bodies": 3,
        "messages": 3,
        "references": 3,
        "receipts": 4,
        "ledger rows added up": 2,
        "delivery keys": 3,
        "fact keys": 3,
        "handled messages": 1,
    }
    row = (await database.read(audit.balance))[0]
    assert (row.accepted, row.receipts) == (4, {"dropped": 4})
    assert (row.translated, row.messages) == (3, {"dropped": 3})
    assert row.balanced
    assert await _log_faults(database) == []


async def test_what_is_young_stays(database: Database) -> None:
    await _old(database, "old")
    young = delivery("young", receipt_id=first_id_at(MUCH_LATER - DAY))
    await accept(database, young)

    await _retain(database)

    left = await database.read(lambda c: c.scalars(select(receipts.c.id)).all())
    assert left == [young.receipt_id]
    assert await database.read(lambda c: inbox.read_body(c, young.receipt_id)) == b'{"id": 1}'
    assert await _count(database, deliveries) == [1]


async def test_a_dry_run_counts_the_same_and_drops_nothing(database: Database) -> None:
    await _old(database, "one", "a", "b")
    before = await _count(database, raw_payloads, messages, receipts, fact_keys, audit_log)

    expected = await _retain(database, dry=True)

    assert await _count(database, raw_payloads, messages, receipts, fact_keys, audit_log) == before
    done = await _retain(database)
    for name in ("raw bodies", "messages", "receipts"):
        assert expected.tallies[name] == done.tallies[name]


async def _pending(database: Database) -> int:
    return await receipt(database, "held")


async def _dead(database: Database) -> int:
    one = delivery("held", failure=FAILURE)
    await accept(database, one)
    return one.receipt_id


async def _replayed(database: Database) -> int:
    one = await _dead(database)
    await database.write(lambda c: replays.reopen_receipt(c, one, "ada", NOW))
    return one


async def _with_a_dead_record(database: Database) -> int:
    one = await receipt(database, "held")
    await record(database, translation(one, message("h"), problem("line[2]", position=1)))
    await _publish(database)
    return one


async def _unpublished(database: Database) -> int:
    one = await receipt(database, "held")
    await record(database, translation(one, message("h")))
    return one


async def _undecided(database: Database) -> int:
    await _old(database, "first", "h")
    one = await receipt(database, "held")
    assert await verdicts(database, translation(one, message("h", '{"other": 1}'))) == ["conflict"]
    return one


async def _tried_again(database: Database) -> int:
    one = await receipt(database, "held")
    fact = message("h")
    await record(database, translation(one, fact))
    await _publish(database)
    retry = Retry(
        subscriber="billing",
        message_id=fact.message_id,
        stream="o2c.order",
        envelope="{}",
        attempts=1,
        due_at=NOW,
        error_code="down",
        message="down",
        first_failed_at=NOW,
    )
    await database.write(lambda c: schedule_retry(c, retry, NOW))
    return one


async def _failed_at_a_subscriber(database: Database) -> int:
    one = await receipt(database, "held")
    fact = message("h")
    await record(database, translation(one, fact))
    await _publish(database)
    failure = dead_letters.SubscriberFailure(
        dead_letter_id=IDS.next(),
        subscriber="billing",
        message_id=fact.message_id,
        receipt_id=None,
        connector="shopify",
        account="acme",
        kind=fact.type,
        error_code="poison",
        message="poison",
        attempts=5,
        first_failed_at=NOW,
    )
    await database.write(lambda c: dead_letters.open_subscriber_dead_letter(c, failure, NOW))
    return one


async def _asks_for_an_object(database: Database) -> int:
    one = await _old(database, "held")
    wish = NewFetch(fetch_id=IDS.next(), kind="fetch/order", object_id="7", at="")
    asking = translation(one)._replace(fetches=(wish,))
    await database.write(lambda c: want(c, [asking], NOW))
    return one


async def _reprocessed(database: Database) -> int:
    one = await _old(database, "held")
    run = NewReprocessing(
        reprocessing_id=IDS.next(),
        connector="shopify",
        since=NOW - 3650 * DAY,
        until=MUCH_LATER,
        started_by="ada",
        reason="a mended connector",
    )
    await database.write(lambda c: start_reprocessing(c, run, NOW))
    return one


@pytest.mark.parametrize(
    "make",
    [
        _pending,
        _dead,
        _replayed,
        _with_a_dead_record,
        _unpublished,
        _undecided,
        _tried_again,
        _failed_at_a_subscriber,
        _asks_for_an_object,
        _reprocessed,
    ],
    ids=lambda make: make.__name__.strip("_"),
)
async def test_what_is_still_worked_on_is_never_dropped(
    database: Database, make: Callable[[Database], Any]
) -> None:
    held = await make(database)
    rows = select(func.count()).select_from(messages).where(messages.c.receipt_id == held)
    before = await database.read(lambda c: c.scalar(rows))

    outcome = await _retain(database)

    assert await database.read(lambda c: inbox.load_receipt(c, held)) is not None
    assert await database.read(lambda c: inbox.read_body(c, held))
    assert await database.read(lambda c: c.scalar(rows)) == before
    assert outcome.tallies["receipts"].kept
    assert await balanced(database)
    assert await _log_faults(database) == []


async def test_a_row_is_kept_with_its_neighbours_of_one_commit(database: Database) -> None:
    free, held = await receipt(database, "free"), await receipt(database, "held")
    await record(
        database,
        translation(free, message("a")),
        translation(held, message("b"), problem("x", position=1)),
    )
    await _publish(database)

    await _retain(database)

    assert await message_states(database) == {"published": 2, "dead": 1}
    assert await _log_faults(database) == []
    assert await receipt_states(database) == {"translated": 2}


async def test_keys_are_kept_for_as_long_as_anything_older_can_be_replayed(
    database: Database,
) -> None:
    """Facts that a dead receipt holds too came from another: its replay must not publish twice."""
    await _old(database, "from another", "a")
    held = await _dead(database)

    outcome = await _retain(database)

    assert outcome.keys_overdue > 300 * DAY
    assert await message_states(database) == {}
    await database.write(lambda c: replays.reopen_receipt(c, held, "ada", NOW))
    assert await verdicts(database, translation(held, message("a"))) == ["duplicate"]


async def test_keys_outlive_bodies_and_messages(database: Database) -> None:
    await _old(database, "one", "a")
    await database.write(lambda c: c.execute(update(entity_versions).values(version="2")))

    await _retain(database, BODIES_AND_MESSAGES)

    assert await _count(database, messages, deliveries, fact_keys) == [0, 1, 1]
    again = await receipt(database, "two")
    assert await verdicts(database, translation(again, message("a"))) == ["duplicate"]
    [redelivered] = await accept(database, delivery("one", body=b"one"))
    assert redelivered.first_receipt_id is not None
    assert await balanced(database)


async def test_reading_dropped_bytes_says_so(database: Database) -> None:
    old = await _old(database)
    await _retain(database, BODIES_AND_MESSAGES)

    for read in (bodies.read_body, lambda c, one: bodies.read_part(c, one, 0)):
        with pytest.raises(GatewayError) as raised:
            await database.read(lambda c, read=read: read(c, old))  # type: ignore[misc]
        assert raised.value.code == "body_retained"


async def test_lost_bytes_are_not_taken_for_dropped_ones(database: Database) -> None:
    await _retain(database, BODIES_AND_MESSAGES)
    young = delivery("young", receipt_id=first_id_at(MUCH_LATER - DAY))
    await accept(database, young)
    await database.write(lambda c: c.execute(delete(raw_payloads)) and None)

    with pytest.raises(GatewayError) as raised:
        await database.read(lambda c: bodies.read_body(c, young.receipt_id))
    assert raised.value.code == "body_missing"


async def test_a_run_that_is_cut_short_anywhere_leaves_everything_in_order(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS", 1)
    for number in range(4):
        await _old(database, f"r-{number}", f"{number}-a", f"{number}-b")
    await database.write(lambda c: retention.begin(c, ALL, MUCH_LATER, "ada"))
    for phase in phases(ALL, MUCH_LATER):
        after = phase.begin
        while True:
            step = await database.write(
                lambda c, phase=phase, after=after: phase.step(c, after, dry=False)  # type: ignore[misc]
            )
            assert await balanced(database)
            assert await _log_faults(database) == []
            after = step.after
            if after is None:
                break
    assert await _count(database, receipts, messages) == [0, 0]


async def test_two_runs_at_once_count_every_row_once(database: Database) -> None:
    for number in range(20):
        await _old(database, f"r-{number}")

    done = await asyncio.gather(_retain(database), _retain(database))

    for name in ("raw bodies", "messages", "receipts", "fact keys"):
        assert sum(one.tallies[name].dropped for one in done) == 20
    assert await balanced(database)
    assert await _log_faults(database) == []


async def test_live_traffic_goes_on_beside_it(database: Database) -> None:
    for number in range(20):
        await _old(database, f"r-{number}")

    async def live() -> None:
        for number in range(20):
            one = delivery(f"live-{number}", receipt_id=first_id_at(MUCH_LATER) + number)
            await accept(database, one)
            await record(database, translation(one.receipt_id, message(f"live-{number}")))

    await asyncio.gather(live(), _retain(database))

    assert await receipt_states(database) == {"translated": 20}
    assert await balanced(database)


async def test_a_run_is_in_the_audit_log(database: Database) -> None:
    await _old(database)
    await _retain(database)

    done, begun = await database.read(lambda c: audit.recent_audit(c, 2))
    assert (begun.action, begun.actor) == ("retention.start", "cli:ada")
    assert begun.details == {
        "days": {"raw": "30", "messages": "30", "receipts": "60", "keys": "90"}
    }
    assert done.action == "retention.finish"
    assert done.details["dropped"]["receipts"] == 1
    assert await database.read(audit.verify_audit_log) is None


async def test_the_ledger_is_added_up_and_its_sums_stay(database: Database) -> None:
    for number in range(5):
        await _old(database, f"r-{number}")
    await accept(database, delivery("s", connector="stripe"))
    before = [row.accepted for row in await database.read(audit.balance)]

    await _retain(database)
    await _retain(database)

    assert await _count(database, intake_ledger) == [2]
    assert [row.accepted for row in await database.read(audit.balance)] == before


async def test_the_words_of_messages_go_when_all_of_them_have(database: Database) -> None:
    await _old(database, "one", "a")
    [row_id] = await database.read(lambda c: c.scalars(select(messages.c.id)).all())
    block = {"first_id": row_id - 5, "last_id": row_id, "rows": 1, "words": b"", "amounts": b""}
    await database.write(lambda c: c.execute(search_blocks.insert(), [block]) and None)

    await _retain(database)

    assert await _count(database, search_blocks) == [0]


async def test_the_words_of_messages_stay_with_any_of_them(database: Database) -> None:
    held = await _unpublished(database)
    [row_id] = await database.read(lambda c: c.scalars(select(messages.c.id)).all())
    block = {"first_id": held, "last_id": row_id, "rows": 1, "words": b"", "amounts": b""}
    await database.write(lambda c: c.execute(search_blocks.insert(), [block]) and None)

    await _retain(database)

    assert await _count(database, search_blocks) == [1]


async def test_history_goes_with_the_receipt(database: Database) -> None:
    held = await _dead(database)
    [letter] = await database.read(dead_letters.list_dead)
    await database.write(
        lambda c: dead_letters.discard(c, letter.dead_letter_id, "ada", "a test", NOW)
    )
    refused = {"id": IDS.next(), "at": 1, "connector": "shopify", "account": "acme"}
    more = {"code": "rejected", "body_digest": b"", "size": 1, "remote": ""}
    await database.write(lambda c: c.execute(refusals.insert(), [refused | more]) and None)

    await _retain(database)

    assert await database.read(lambda c: dead_letters.list_dead(c, state=None)) == []
    assert await database.read(lambda c: inbox.load_receipt(c, held)) is None
    assert await _count(database, attempts, refusals) == [0, 0]


async def test_a_block_that_does_not_verify_is_kept(database: Database) -> None:
    await _old(database, "one", "a", "b")
    await database.write(lambda c: c.execute(update(messages).values(data="forged")))

    outcome = await _retain(database)

    assert outcome.tallies["messages"].kept == 2
    assert await _log_faults(database) == ["row_changed", "row_changed"]


async def test_a_block_emptied_by_somebody_else_is_noticed(database: Database) -> None:
    await _old(database, "one", "a", "b")
    await database.write(lambda c: c.execute(delete(messages)) and None)
    await database.write(lambda c: c.execute(update(log_blocks).values(entries=None)))

    check = await database.read(message_log.verify_log)
    assert [(one.code, one.where) for one in check.faults] == [("block_emptied", "2 rows")]


async def test_a_mark_never_goes_back(database: Database) -> None:
    await database.write(lambda c: retention.begin(c, Policy(raw=30 * DAY), MUCH_LATER, "ada"))
    await database.write(lambda c: retention.begin(c, Policy(raw=60 * DAY), MUCH_LATER, "ada"))
    marks = await database.read(lambda c: c.scalars(select(retention_marks.c.before_id)).all())
    assert marks == [first_id_at(MUCH_LATER - 30 * DAY)]
