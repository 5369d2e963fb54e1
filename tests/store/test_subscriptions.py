"""Subscribers: handled once, tried again when it is time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from store import subscriptions
from store.database import Database
from store.failures.dead_letters import SubscriberFailure, list_dead, open_subscriber_dead_letter
from store.records import Retry
from tests.store.building import IDS, LATER, LEASE, NOW

RETRY = Retry(
    subscriber="billing",
    message_id="m-1",
    stream="o2c.order",
    envelope='{"id": "m-1"}',
    attempts=1,
    due_at=NOW,
    error_code="timeout",
    message="it took too long",
    first_failed_at=NOW,
)


async def _mark(database: Database, subscriber: str, *ids: str) -> set[str]:
    return await database.write(lambda c: subscriptions.mark_handled(c, subscriber, ids, NOW))


async def _schedule(database: Database, *retries: Retry) -> None:
    for one in retries:
        await database.write(lambda c: subscriptions.schedule_retry(c, one, NOW))  # noqa: B023


async def _due(
    database: Database, now: datetime = NOW, subscriber: str = "billing", limit: int = 10
) -> list[Retry]:
    return await database.write(
        lambda c: subscriptions.due_retries(c, subscriber, now, limit, LEASE)
    )


async def test_a_message_is_handled_once_by_each(database: Database) -> None:
    assert await _mark(database, "billing", "a", "b", "a") == {"a", "b"}
    assert await _mark(database, "billing", "b", "c") == {"c"}
    assert await _mark(database, "shipping", "a") == {"a"}
    handled = await database.read(
        lambda c: subscriptions.already_handled(c, "shipping", ["a", "b"])
    )
    assert handled == {"a"}
    assert await database.read(lambda c: subscriptions.already_handled(c, "x", [])) == set()


async def test_retries_come_when_they_are_due(database: Database) -> None:
    soon = replace(RETRY, message_id="m-2", due_at=NOW - timedelta(seconds=5))
    late = replace(RETRY, message_id="m-3", due_at=LATER)
    other = replace(RETRY, subscriber="shipping")
    await _schedule(database, RETRY, soon, late, other)

    assert await _due(database, limit=1) == [soon]
    assert await _due(database) == [RETRY]
    assert await _due(database) == []
    assert await _due(database, LATER) == [soon, RETRY, late]
    assert await _due(database, subscriber="shipping") == [other]


async def test_a_schedule_replaces_the_one_before(database: Database) -> None:
    again = replace(RETRY, attempts=2, due_at=NOW + timedelta(seconds=1), error_code="refused")
    await _schedule(database, RETRY)
    await _due(database)
    await _schedule(database, again)
    assert await _due(database) == []
    assert await _due(database, LATER) == [again]


async def test_how_much_waits(database: Database) -> None:
    assert await database.read(lambda c: subscriptions.oldest_retry(c, "billing")) is None
    await _schedule(database, RETRY, replace(RETRY, message_id="m-2", due_at=LATER))
    assert await database.read(lambda c: subscriptions.retry_count(c, "billing")) == 2
    assert await database.read(lambda c: subscriptions.oldest_retry(c, "billing")) == NOW


async def test_success_resolves_the_dead_letter(database: Database) -> None:
    failure = SubscriberFailure(
        dead_letter_id=IDS.next(),
        subscriber="billing",
        message_id="m-1",
        receipt_id=None,
        connector="shopify",
        account="acme",
        kind="o2c.order.placed",
        error_code="timeout",
        message="it took too long",
        attempts=3,
        first_failed_at=NOW,
    )
    await _schedule(database, RETRY)
    await database.write(lambda c: open_subscriber_dead_letter(c, failure, NOW))
    assert await database.write(lambda c: subscriptions.finish_retry(c, "billing", "m-1", LATER))
    assert not await database.write(
        lambda c: subscriptions.finish_retry(c, "billing", "m-1", LATER)
    )
    (letter,) = await database.read(lambda c: list_dead(c, state="resolved"))
    assert letter.closed_at == LATER


async def test_giving_up_leaves_the_dead_letter_open(database: Database) -> None:
    await _schedule(database, RETRY)
    gone = await database.write(
        lambda c: subscriptions.finish_retry(c, "billing", "m-1", LATER, succeeded=False)
    )
    assert gone
    assert await database.read(lambda c: subscriptions.retry_count(c, "billing")) == 0
