"""Polling: what is found is taken in once, whatever else brings it and wherever it breaks off."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from store.failures import dead_letters
from store.finding import audit
from store.intake import pauses
from store.intake.polling import missed_webhooks
from tests.polling.shop import EVERY, OVERLAP
from tests.polling.staging import Stage
from tests.polling.vendor import Call, Reply, listening


async def test_pages_become_messages_and_the_cursor_is_kept(stage: Stage) -> None:
    stage.vendor.sell("1", "2", "3", "4", "5")
    started = stage.clock.now()
    assert await stage.poll() == 1

    assert stage.published() == [f"order/{n}" for n in range(1, 6)]
    assert [call.query["page"] for call in stage.vendor.calls] == ["0", "2", "4"]
    row = await stage.turn()
    assert (row.cursor, row.turns, row.found, row.new_by_poll) == ("5", 1, 5, 5)
    assert row.since == started - OVERLAP
    assert row.last_error is None


async def test_turns_come_when_they_are_due_and_reach_back(stage: Stage) -> None:
    stage.vendor.sell("1")
    first = stage.clock.now()
    await stage.poll()
    assert await stage.poll() == 0
    stage.clock.wait(EVERY)
    assert await stage.poll() == 1

    before, after = stage.vendor.calls
    assert before.query["since"] == (first - timedelta(days=1)).isoformat()
    assert "after" not in before.query
    assert after.query["since"] == (first - OVERLAP).isoformat()
    assert after.query["after"] == "1"
    assert await stage.verdicts() == {"new": 1}
    row = await stage.turn()
    assert (row.turns, row.found, row.new_by_poll) == (2, 2, 1)


async def test_the_first_turn_begins_where_the_operator_says(stage: Stage) -> None:
    options = {**stage.account.options, "poll_from": "2026-01-01"}
    other = Stage(stage.database, stage.folder, stage.vendor, stage.clock, options=options)
    async with other:
        await other.poll()
    assert stage.vendor.calls[0].query["since"] == "2026-01-01T00:00:00+00:00"


async def test_an_empty_page_leaves_the_cursor_alone(stage: Stage) -> None:
    stage.vendor.sell("1")
    await stage.poll()
    stage.vendor.orders.clear()
    stage.clock.wait(EVERY)
    await stage.poll()
    assert (await stage.turn()).cursor == "1"


async def test_a_fact_that_comes_both_ways_is_one_message(stage: Stage) -> None:
    hook = {"event": "order.placed", "delivery": "d-1", "id": "1", "version": 1}
    assert await stage.deliver(hook) == 200
    await stage.pipeline.settle()
    stage.vendor.sell("1", "2", "3")
    await stage.poll()
    # A webhook that is late was not missed.
    assert await stage.deliver({**hook, "delivery": "d-3", "id": "3"}) == 200
    await stage.pipeline.settle()

    assert stage.published() == ["order/1", "order/2", "order/3"]
    assert await stage.verdicts() == {"new": 3, "duplicate": 2}
    missed = await stage.database.read(missed_webhooks)
    assert missed == {("testshop", "acme"): {"o2c.order.placed": 1}}
    assert all(row.balanced for row in await stage.database.read(audit.balance))


async def test_a_turn_that_breaks_off_is_made_again(stage: Stage) -> None:
    stage.vendor.sell("1", "2", "3")
    stage.vendor.held = asyncio.Event()
    running = asyncio.create_task(stage.polling.run())
    async with asyncio.timeout(20):
        await stage.vendor.waiting.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    stage.vendor.held.set()
    assert (await stage.turn()).turns == 0

    stage.polling = stage.new_polling("another")
    assert await stage.poll() == 1
    assert stage.published() == ["order/1", "order/2", "order/3"]
    assert await stage.verdicts() == {"new": 3}
    assert await stage.receipts() == {("poll", "translated"): 3, ("poll", "redelivered"): 2}


async def test_a_killed_process_holds_its_turn_only_for_its_lease(stage: Stage) -> None:
    stage.vendor.sell("1", "2", "3")
    stage.vendor.held = asyncio.Event()
    slow = asyncio.create_task(stage.polling.sweep())
    async with asyncio.timeout(20):
        await stage.vendor.waiting.wait()
    second = stage.new_polling("second")
    assert await second.sweep() == 0
    stage.clock.wait(timedelta(hours=1))
    stage.vendor.held.set()
    assert await second.sweep() == 1
    await slow
    await stage.pipeline.settle()
    assert await stage.verdicts() == {"new": 3}
    # The first found out that the turn was no longer its own, and stored nothing of it.
    assert (await stage.turn()).turns == 1


async def test_a_busy_system_is_given_its_time(stage: Stage) -> None:
    stage.vendor.sell("1")
    stage.vendor.failing = [Reply(429, headers={"retry-after": "7"})]
    await stage.poll()
    assert 7.0 in stage.clock.slept
    assert stage.published() == ["order/1"]


async def test_a_long_retry_after_becomes_the_next_due_time(stage: Stage) -> None:
    stage.vendor.failing = [Reply(429, headers={"retry-after": "1800"})]
    await stage.poll()
    row = await stage.turn()
    assert row.last_error == "rate_limited: answered 429"
    assert row.due_at == stage.clock.now() + timedelta(seconds=1800)
    assert len(stage.vendor.calls) == 1
    stage.clock.wait(timedelta(seconds=1800))
    assert await stage.poll() == 1
    assert (await stage.turn()).last_error is None


async def test_a_system_that_is_away_is_left_alone_and_found_again(stage: Stage) -> None:
    stage.vendor.sell("1")
    stage.vendor.failing = [Reply(503)] * 9
    for _ in range(3):
        await stage.poll()
        stage.clock.wait((await stage.turn()).due_at - stage.clock.now())
    row = await stage.turn()
    assert row.failures == 3
    assert row.last_error is not None
    assert row.last_error.startswith("circuit_open")
    called = len(stage.vendor.calls)
    stage.vendor.failing = []
    while not (await stage.turn()).turns:
        stage.clock.wait(timedelta(minutes=5))
        await stage.poll()
    assert len(stage.vendor.calls) == called + 1
    assert stage.published() == ["order/1"]


async def test_a_refused_credential_pauses_the_account_until_it_is_resumed(stage: Stage) -> None:
    stage.vendor.sell("1")
    stage.vendor.token = "another"
    await stage.poll()
    (pause,) = await stage.database.read(pauses.list_pauses)
    assert pause.code == "credentials_refused"
    assert len(stage.vendor.calls) == 1

    stage.clock.wait(timedelta(days=1))
    assert await stage.poll() == 0
    stage.vendor.token = "token-1"
    resumed = await stage.database.write(
        lambda c: pauses.resume(c, "testshop", "acme", "somebody", stage.clock.now())
    )
    assert resumed is not None
    assert await stage.poll() == 1
    assert stage.published() == ["order/1"]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(body=b"<html>"), "bad_json"),
        (Reply(body=b"[]"), "bad_answer"),
        (Reply(body=b'{"orders": [{}], "next": null}'), "connector_fault"),
        (Reply(body=b" " * 200_000), "answer_too_large"),
        (Reply(400), "request_refused"),
    ],
)
async def test_an_answer_that_cannot_be_read_fails_the_turn(
    stage: Stage, reply: Reply, code: str
) -> None:
    stage.vendor.sell("1")
    stage.vendor.failing = [reply]
    await stage.poll()
    row = await stage.turn()
    assert (row.last_error or "").split(":")[0] == code
    stage.clock.wait(EVERY)
    await stage.poll()
    assert (await stage.turn()).last_error is None
    assert stage.published() == ["order/1"]


async def test_a_page_that_leads_to_itself_ends_the_turn(stage: Stage) -> None:
    page = Reply.of({"orders": [], "next": 0, "cursor": None})
    stage.vendor.failing = [page] * 5
    await stage.poll()
    assert len(stage.vendor.calls) == 1
    assert "endless_turn" in ((await stage.turn()).last_error or "")


async def test_an_unreadable_document_is_a_dead_letter_like_any_other(stage: Stage) -> None:
    stage.vendor.orders = {"1": {"id": '"', "version": 1}, "2": {"id": "2", "version": 1}}
    await stage.poll()
    (letter,) = await stage.database.read(dead_letters.list_dead)
    assert letter.stage == "identify"
    assert (await stage.turn()).turns == 1
    assert stage.published() == ["order/2"]


async def test_no_credential_no_poll(stage: Stage) -> None:
    silent = Stage(
        stage.database,
        stage.folder,
        stage.vendor,
        stage.clock,
        api_credential=None,
    )
    assert await silent.polling.sweep() == 0
    assert stage.vendor.calls == []


async def test_an_outage_between_two_pages_loses_nothing(stage: Stage) -> None:
    stage.vendor.sell("1", "2", "3")
    good = await stage.vendor.answer(_first_page_call())
    stage.vendor.calls.clear()
    stage.vendor.failing = [good, *[Reply(500)] * 3]
    await stage.poll()
    assert stage.published() == ["order/1", "order/2"]
    stage.clock.wait(timedelta(minutes=20))
    await stage.poll()
    assert stage.published() == ["order/1", "order/2", "order/3"]


def _first_page_call() -> Call:
    return Call("/orders", {"page": "0"}, {"authorization": "Bearer token-1"})


async def test_nobody_listening_is_an_outage(stage: Stage) -> None:
    async with listening(stage.vendor.answer) as (url, server):
        server.close()
        options = {**stage.account.options, "api_url": url}
    gone = Stage(stage.database, stage.folder, stage.vendor, stage.clock, options=options)
    await gone.polling.sweep()
    assert ((await gone.turn()).last_error or "").startswith("no_connection")
    await gone.outbound.__aexit__()
