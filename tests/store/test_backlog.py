"""What waits is counted: receipts, messages, dead letters, retries and fetches."""

from __future__ import annotations

from datetime import datetime, timedelta

from store import subscriptions
from store.database import Database
from store.failures.dead_letters import discard
from store.finding.backlog import backlog
from store.log import outbox
from store.records import NewFetch, Retry
from tests.store.building import (
    FAILURE,
    IDS,
    NOW,
    message,
    problem,
    receipt,
    record,
    translation,
)

EARLIER = NOW - timedelta(minutes=3)


async def test_nothing_waits_in_an_empty_store(database: Database) -> None:
    found = await database.read(backlog)
    assert found.receipts == found.messages == 0
    assert found.oldest_receipt is None
    assert found.oldest_message is None
    assert not found.dead
    assert not found.retries
    assert not found.fetches


async def test_receipts_wait_for_their_translation(database: Database) -> None:
    first = await receipt(database, "wh-1", received_at=EARLIER)
    await receipt(database, "wh-2")
    found = await database.read(backlog)
    assert (found.receipts, found.oldest_receipt) == (2, EARLIER)
    await record(database, translation(first, message("1")))
    found = await database.read(backlog)
    assert (found.receipts, found.oldest_receipt) == (1, NOW)


async def test_messages_wait_for_their_stream(database: Database) -> None:
    first = await receipt(database, "wh-1")
    recorded = await record(
        database, translation(first, message("1"), message("2", position=1)), now=EARLIER
    )
    found = await database.read(backlog)
    assert (found.messages, found.oldest_message) == (2, EARLIER)
    ids = [one.row_id for one in recorded]
    await database.write(lambda connection: outbox.mark_published(connection, ids, NOW))
    assert (await database.read(backlog)).messages == 0


async def test_open_dead_letters_by_connector_and_stage(database: Database) -> None:
    first, second = await receipt(database, "wh-1"), await receipt(database, "wh-2")
    bad = problem("line 1")
    await record(
        database,
        translation(first, bad, problem("line 2", position=1)),
        translation(second, failure=FAILURE),
    )
    assert (await database.read(backlog)).dead == {("shopify", "translate"): 3}
    letter = bad.dead_letter_id
    await database.write(lambda connection: discard(connection, letter, "ann", "known", NOW))
    assert (await database.read(backlog)).dead == {("shopify", "translate"): 2}


async def test_retries_by_subscriber_and_fetches_by_account(database: Database) -> None:
    for name in ("m-1", "m-2"):
        await _retry_later(database, name, NOW)
    first = await receipt(database, "wh-1")
    wish = NewFetch(fetch_id=IDS.next(), kind="fetch/order", object_id="7", at="id")
    await record(database, translation(first, fetches=[wish]))
    found = await database.read(backlog)
    assert found.retries == {("crm",): 2}
    assert found.fetches == {("shopify", "acme"): 1}


async def _retry_later(database: Database, message_id: str, due_at: datetime) -> None:
    retry = Retry(
        subscriber="crm",
        message_id=message_id,
        stream="o2c.order",
        envelope="{}",
        attempts=1,
        due_at=due_at,
        error_code="timeout",
        message="it took too long",
        first_failed_at=due_at,
    )
    await database.write(lambda connection: subscriptions.schedule_retry(connection, retry, NOW))
