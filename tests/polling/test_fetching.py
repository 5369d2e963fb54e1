"""Fetching: a thin event's objects are asked for, once each, and taken in like deliveries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from configuration import Configuration
from store.database import Connection
from store.failures import dead_letters
from store.finding import audit
from store.ids import DEAD_LETTER, show_id
from store.intake import fetches, pauses, polling
from store.records import FetchRow
from store.tables import fetches as fetches_table
from tests.polling.staging import Stage
from tests.polling.vendor import Reply
from transports.fetching import RETRIES
from workbench.failures.replaying import replay


async def touch(stage: Stage, *ids: str, delivery: str = "t-1", **headers: str) -> int:
    document = {"event": "order.touched", "delivery": delivery, "ids": ids}
    status = await stage.deliver(document, **headers)
    await stage.pipeline.settle()
    return status


async def wishes(stage: Stage) -> list[FetchRow]:
    def look(connection: Connection) -> list[FetchRow]:
        rows = connection.execute(fetches_table.select().order_by(fetches_table.c.id))
        return [fetches.fetch_row(row) for row in rows]

    return await stage.database.read(look)


async def test_a_thin_event_is_ignored_and_its_objects_are_fetched(stage: Stage) -> None:
    stage.vendor.sell("1", "2")
    assert await touch(stage, "1", "2", "1") == 200
    assert await stage.receipts() == {("webhook", "ignored"): 1}
    assert await stage.fetch() == 2

    assert stage.published() == ["order/1", "order/2"]
    assert await stage.receipts() == {("webhook", "ignored"): 1, ("fetch", "translated"): 2}
    done = await wishes(stage)
    assert [(one.state, one.object_id) for one in done] == [("done", "1"), ("done", "2")]
    assert all(one.fetched_receipt_id for one in done)
    assert await stage.fetch() == 0
    assert all(row.balanced for row in await stage.database.read(audit.balance))


async def test_an_unchanged_object_fetched_again_is_a_redelivery(stage: Stage) -> None:
    stage.vendor.sell("1")
    await touch(stage, "1")
    await stage.fetch()
    await touch(stage, "1", delivery="t-2")
    assert await stage.fetch() == 1
    assert await stage.verdicts() == {"new": 1}
    assert (await stage.receipts())["fetch", "redelivered"] == 1


async def test_a_fact_fetched_and_polled_is_one_message(stage: Stage) -> None:
    stage.vendor.sell("1")
    await touch(stage, "1")
    await stage.fetch()
    await stage.poll()
    assert stage.published() == ["order/1"]
    assert await stage.database.read(polling.missed_webhooks) == {}


async def test_a_sender_cannot_say_what_only_the_gateway_says(stage: Stage) -> None:
    document = {"event": "order.touched", "delivery": "t", "ids": [], "id": "9", "version": 1}
    assert await stage.deliver(document, x_gateway_kind="fetch/order") == 200
    await stage.pipeline.settle()
    assert stage.published() == []
    assert await stage.deliver(document, X_Gateway_Kind="fetch/order", x_signature="no") == 401


async def test_an_outage_is_waited_out_without_using_up_the_tries(stage: Stage) -> None:
    stage.vendor.sell("1")
    stage.vendor.failing = [Reply(500)] * 8
    await touch(stage, "1")
    while (await wishes(stage))[0].state == "pending":
        await stage.fetch()
        stage.clock.wait(timedelta(minutes=5))
    (row,) = await wishes(stage)
    assert row.state == "done"
    assert row.attempts < RETRIES.attempts_max
    assert stage.published() == ["order/1"]


async def test_what_is_given_up_is_a_dead_letter_that_can_be_replayed(stage: Stage) -> None:
    await touch(stage, "1", "2")
    await stage.fetch()
    first, second = await stage.database.read(dead_letters.list_dead)
    receipt = (await wishes(stage))[0].receipt_id
    assert {first.receipt_id, second.receipt_id} == {receipt}
    assert (first.stage, first.error_code) == ("fetch", "not_found")
    assert {first.record_at, second.record_at} == {"ids[1]", "ids[2]"}
    assert await stage.fetch() == 0

    stage.vendor.sell("1")
    for letter in (first, second):
        number = letter.dead_letter_id
        assert await stage.database.write(
            lambda c: fetches.replay_fetch(c, number, "somebody", stage.clock.now())  # noqa: B023
        )
        assert not await stage.database.write(
            lambda c: fetches.replay_fetch(c, number, "somebody", stage.clock.now())  # noqa: B023
        )
    assert await stage.fetch() == 2
    assert stage.published() == ["order/1"]
    states = {
        letter.record_at: (letter.state, letter.attempts)
        for letter in await stage.database.read(lambda c: dead_letters.list_dead(c, state=None))
    }
    assert states == {"ids[1]": ("replayed", 1), "ids[2]": ("open", 2)}


async def test_the_replay_command_puts_it_back_for_the_running_gateway(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    @asynccontextmanager
    async def open_hub(*_: object, alone: bool) -> AsyncIterator[Stage]:
        yield stage

    await touch(stage, "1")
    await stage.fetch()
    (letter,) = await stage.database.read(dead_letters.list_dead)
    shown = show_id(DEAD_LETTER, letter.dead_letter_id)
    replayed = replay(Configuration(), stage.accounts, open_hub, [shown])  # type: ignore[arg-type]
    assert await replayed == 0
    assert "on its way" in capsys.readouterr().out
    stage.vendor.sell("1")
    assert await stage.fetch() == 1
    assert stage.published() == ["order/1"]


async def test_a_failed_fetch_can_be_discarded(stage: Stage) -> None:
    await touch(stage, "1")
    await stage.fetch()
    (letter,) = await stage.database.read(dead_letters.list_dead)
    given_up = await stage.database.write(
        lambda c: dead_letters.discard(
            c, letter.dead_letter_id, "somebody", "the order was a test", stage.clock.now()
        )
    )
    assert given_up
    assert await stage.database.read(dead_letters.list_dead) == []
    assert all(row.balanced for row in await stage.database.read(audit.balance))


async def test_trying_ends_some_time(stage: Stage) -> None:
    await touch(stage, "1")
    while (await wishes(stage))[0].state == "pending":
        stage.vendor.failing = [Reply(429)] * 3
        await stage.fetch()
        stage.clock.wait(timedelta(hours=2))
    (row,) = await wishes(stage)
    assert (row.state, row.attempts) == ("dead", RETRIES.attempts_max)
    (letter,) = await stage.database.read(dead_letters.list_dead)
    assert (letter.error_code, letter.attempts) == ("rate_limited", RETRIES.attempts_max)


async def test_a_refused_credential_makes_everything_wait(stage: Stage) -> None:
    stage.vendor.sell("1", "2", "3", "4", "5", "6")
    stage.vendor.token = "another"
    await touch(stage, "1", "2", "3", "4", "5", "6")
    await stage.fetch()
    called = len(stage.vendor.calls)
    assert called < 6
    assert await stage.poll() == 0
    stage.clock.wait(timedelta(days=1))
    assert await stage.fetch() == 0
    assert len(stage.vendor.calls) == called

    stage.vendor.token = "token-1"
    await stage.database.write(
        lambda c: pauses.resume(c, "testshop", "acme", "somebody", stage.clock.now())
    )
    assert await stage.fetch() == 6
    assert len(stage.published()) == 6


async def test_one_object_out_of_reach_does_not_pause_its_account_for_ever(stage: Stage) -> None:
    await touch(stage, "1")
    for _ in range(2):
        stage.vendor.failing = [Reply(403)]
        await stage.fetch()
        await stage.database.write(
            lambda c: pauses.resume(c, "testshop", "acme", "somebody", stage.clock.now())
        )
    (row,) = await wishes(stage)
    assert (row.state, row.error_code) == ("dead", "credentials_refused")


async def test_a_replayed_receipt_does_not_fetch_again_what_is_there(stage: Stage) -> None:
    stage.vendor.sell("1")
    await touch(stage, "1")
    await stage.fetch()
    (row,) = await wishes(stage)

    def open_again(connection: Connection) -> None:
        from store.tables import receipts

        connection.execute(
            receipts.update().where(receipts.c.id == row.receipt_id).values(state="pending")
        )

    await stage.database.write(open_again)
    await stage.pipeline.settle()
    assert await wishes(stage) == [row]


async def test_an_object_without_a_usable_id_is_a_problem(stage: Stage) -> None:
    await touch(stage, "")
    (letter,) = await stage.database.read(dead_letters.list_dead)
    assert letter.error_code == "bad_object_id"
    assert await wishes(stage) == []


async def test_a_fetch_waits_for_its_process_only_as_long_as_its_lease(stage: Stage) -> None:
    stage.vendor.sell("1")
    await touch(stage, "1")
    lease, now = timedelta(seconds=30), stage.clock.now()
    name = ("testshop", "acme")

    async def claim(owner: str) -> list[FetchRow]:
        return await stage.database.write(
            lambda c: fetches.claim_fetches(c, owner, now, lease, 10, account=name)
        )

    assert len(await claim("killed")) == 1
    assert await claim("other") == []
    assert await stage.fetch() == 0
    stage.clock.wait(lease)
    assert await stage.fetch() == 1


@pytest.mark.parametrize("reply", [Reply(body=b"x" * 200_000), Reply(302), Reply(410)])
async def test_what_waiting_does_not_mend_is_given_up_at_once(stage: Stage, reply: Reply) -> None:
    stage.vendor.failing = [reply]
    await touch(stage, "1")
    await stage.fetch()
    assert (await wishes(stage))[0].state == "dead"
    assert len(stage.vendor.calls) == 1
