"""Ramped replays: by stages, stopping by themselves, resumable, never publishing twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from canonical.errors import Malformed, Unsupported
from store import subscriptions
from store.failures.dead_letters import SubscriberFailure, discard, open_subscriber_dead_letter
from store.finding import audit
from store.mending import campaigns
from store.mending.campaign_items import list_items
from store.mending.campaigns import Campaign
from store.mending.contested import Contested
from tests.workbench.staging import ADA, Stage, accepting, order
from workbench.failures.replaying import replay_letter
from workbench.mending.campaign_loop import Campaigns
from workbench.mending.campaigns import (
    allowance,
    cancel_campaign,
    decide,
    pause_campaign,
    resume_campaign,
    start_campaign,
)


async def _start(stage: Stage, group_id: int, **given: Any) -> Campaign:
    settings: dict[str, Any] = {"actor": ADA, "reason": "the currency is known now"} | given
    return (await start_campaign(stage.bench, group_id, **settings)).campaign


async def test_a_mended_cause_is_replayed_by_a_ramp(stage: Stage) -> None:
    group = await stage.fail(range(12))
    assert (group.open_count, group.error_code) == (12, "unknown_currency")
    await stage.renew(accepting("ZZZ"))
    started = await _start(stage, group.group_id, stages=(1, 5))
    assert (started.total, started.state) == (12, "running")

    seen = []
    for _ in range(100):
        await stage.campaigns.work_once()
        now = await stage.campaign(started.campaign_id)
        seen.append((now.stage, now.released))
        await stage.settle()
        if now.state == "done":
            break
    released = {reached: number for reached, number in seen if number}
    assert released == {0: 1, 1: 6, 2: 12}
    over = await stage.campaign(started.campaign_id)
    assert (over.succeeded, over.failed, over.outstanding) == (12, 0, 0)
    assert over.finished_at is not None
    assert await stage.letters() == []
    assert len(stage.streams.rows) == 12
    assert await stage.proves_itself()
    (closed,) = await stage.groups(state="resolved")
    assert closed.open_count == 0
    actions = [one.action for one in await stage.database.read(audit.recent_audit)]
    assert actions.count("receipt.replay") == 12
    assert {"campaign.start", "campaign.finish"} <= set(actions)


async def test_failures_that_return_stop_it_at_the_first(stage: Stage) -> None:
    group = await stage.fail(range(8))
    started = await _start(stage, group.group_id)
    stopped = await stage.run_campaign(started.campaign_id)
    assert (stopped.state, stopped.released, stopped.failed) == ("stopped", 1, 1)
    assert stopped.stop_reason
    assert len(await stage.letters()) == 8

    await stage.renew(accepting("ZZZ"))
    resumed = await resume_campaign(stage.bench, started.campaign_id, actor=ADA)
    assert (resumed.state, resumed.stage, resumed.stop_reason) == ("running", 0, None)
    over = await stage.run_campaign(started.campaign_id)
    assert (over.state, over.succeeded, over.failed) == ("done", 7, 1)
    assert len(await stage.letters()) == 1  # A campaign only moves forward.
    assert await stage.proves_itself()


async def test_some_may_fail(stage: Stage) -> None:
    group = await stage.fail(range(4))
    await stage.fail([7], currency="ZZY")
    await stage.renew(accepting("ZZZ"))
    started = await _start(stage, group.group_id, stages=(5,), threshold_percent=20)
    over = await stage.run_campaign(started.campaign_id)
    assert (over.state, over.succeeded, over.failed) == ("done", 4, 1)
    items = await stage.database.read(lambda c: list_items(c, started.campaign_id, state="failed"))
    assert [one.error_code for one in items] == ["unknown_currency"]


async def test_it_pauses_resumes_and_is_cancelled(stage: Stage) -> None:
    group = await stage.fail(range(8))
    await stage.renew(accepting("ZZZ"))
    started = await _start(stage, group.group_id, stages=(1, 2))
    await stage.campaigns.work_once()
    paused = await pause_campaign(stage.bench, started.campaign_id, actor=ADA)
    assert paused.state == "paused"
    await stage.settle()
    for _ in range(3):
        await stage.campaigns.work_once()
    assert (await stage.campaign(started.campaign_id)).released == 1
    with pytest.raises(Contested):
        await pause_campaign(stage.bench, started.campaign_id, actor=ADA)
    with pytest.raises(Contested) as raised:
        await _start(stage, group.group_id)
    assert raised.value.code == "campaign_under_way"

    assert (await resume_campaign(stage.bench, started.campaign_id, actor=ADA)).stage == 0
    await cancel_campaign(stage.bench, started.campaign_id, actor=ADA)
    for _ in range(3):
        assert not await stage.campaigns.work_once()
    with pytest.raises(Contested):
        await resume_campaign(stage.bench, started.campaign_id, actor=ADA)
    again = await _start(stage, group.group_id, stages=())
    over = await stage.run_campaign(again.campaign_id)
    assert (over.state, over.succeeded, over.total) == ("done", 7, 7)
    assert await stage.proves_itself()


async def test_another_process_goes_on_after_a_crash(stage: Stage) -> None:
    group = await stage.fail(range(6))
    await stage.renew(accepting("ZZZ"))
    started = await _start(stage, group.group_id, stages=(2,))
    await stage.campaigns.work_once()
    other = Campaigns(stage.bench, owner="somebody else")
    await stage.settle()
    assert not await other.work_once()  # The lease of the one that died is still on it.
    stage.clock.wait(60)
    stage.campaigns = other
    over = await stage.run_campaign(started.campaign_id)
    assert (over.state, over.succeeded, over.released) == ("done", 6, 6)
    assert await stage.proves_itself()


async def test_who_stops_lets_go(stage: Stage) -> None:
    group = await stage.fail(range(3))
    await stage.renew(accepting("ZZZ"))
    started = await _start(stage, group.group_id, stages=())
    await stage.campaigns.start()
    await stage.campaigns.stop()
    stage.campaigns = Campaigns(stage.bench, owner="somebody else")
    assert (await stage.run_campaign(started.campaign_id)).state == "done"


async def test_what_others_closed_meanwhile_is_passed_over(stage: Stage) -> None:
    group = await stage.fail(range(4))
    await stage.renew(accepting("ZZZ"))
    first, second, *_ = reversed(await stage.letters())
    started = await _start(stage, group.group_id, stages=(1,))
    await stage.database.write(
        lambda c: discard(c, first.dead_letter_id, ADA, "a test order", stage.clock.now())
    )
    await replay_letter(stage.bench, second.dead_letter_id, actor=ADA)
    with pytest.raises(Contested):
        await replay_letter(stage.bench, second.dead_letter_id, actor=ADA)
    over = await stage.run_campaign(started.campaign_id)
    assert (over.state, over.failed) == ("done", 0)
    assert len(stage.streams.rows) == 3
    assert await stage.proves_itself()


async def test_failures_that_come_later_are_left_alone(stage: Stage) -> None:
    group = await stage.fail(range(2))
    started = await _start(stage, group.group_id, stages=())
    await stage.fail([9])
    await stage.renew(accepting("ZZZ"))
    over = await stage.run_campaign(started.campaign_id)
    assert (over.state, over.succeeded) == ("done", 2)
    assert len(await stage.letters()) == 1


@pytest.mark.parametrize(
    "given",
    [{"stages": (0,)}, {"threshold_percent": 101}, {"per_second": 0}, {"reason": " "},
     {"rule": {"form": "none"}}],
)  # fmt: skip
async def test_settings_that_make_no_sense(stage: Stage, given: dict[str, Any]) -> None:
    group = await stage.fail([1])
    with pytest.raises(Malformed):
        await _start(stage, group.group_id, **given)
    with pytest.raises(Unsupported):
        await _start(stage, 1)
    assert await stage.database.read(campaigns.list_campaigns) == []


async def test_of_two_that_start_at_once_one_wins(stage: Stage) -> None:
    group = await stage.fail([1])
    started = await asyncio.gather(
        *(_start(stage, group.group_id) for _ in range(4)), return_exceptions=True
    )
    refused = [one.code for one in started if isinstance(one, Contested)]
    assert refused == ["campaign_under_way"] * 3
    assert len(await stage.database.read(campaigns.list_campaigns)) == 1


async def test_the_rate_bounds_what_is_released(stage: Stage) -> None:
    group = await stage.fail(range(5))
    started = await _start(stage, group.group_id, stages=(), per_second=2, threshold_percent=100)
    now = stage.clock.now()
    assert allowance(started, now) == 2
    await stage.campaigns.work_once()
    begun = await stage.campaign(started.campaign_id)
    assert begun.released == 2
    assert begun.released_at is not None
    assert allowance(begun, begun.released_at) == 0
    stage.clock.wait(1)
    await stage.campaigns.work_once()
    assert (await stage.campaign(started.campaign_id)).released == 4
    assert decide(begun) == "release"


async def test_a_replay_while_the_road_is_closed_waits(stage: Stage) -> None:
    group = await stage.fail(range(3))
    await stage.renew(accepting("ZZZ"))
    stage.streams.closed = True
    started = await _start(stage, group.group_id, stages=(1,))
    over = started
    while over.state == "running":
        await stage.campaigns.work_once()
        await stage.pipeline.worker.idle()
        over = await stage.campaign(started.campaign_id)
    assert (over.state, over.succeeded, stage.streams.rows) == ("done", 3, [])
    assert await stage.states() == {"pending": 3}
    stage.streams.closed = False
    await stage.settle()
    assert await stage.states() == {"published": 3}
    assert await stage.proves_itself()


async def test_messages_a_subscriber_failed_on_are_given_again(stage: Stage) -> None:
    receipt = await stage.receive(order(1))
    (row,) = stage.streams.rows
    failure = SubscriberFailure(
        dead_letter_id=stage.bench.ids.next(), subscriber="billing", message_id=row.message_id,
        receipt_id=receipt, connector="shopify", account="acme", kind=row.type,
        error_code="no_customer", message="no such customer", attempts=8,
        first_failed_at=stage.clock.now(),
    )  # fmt: skip
    now = stage.clock.now()
    await stage.database.write(lambda c: open_subscriber_dead_letter(c, failure, now))
    (group,) = await stage.groups()
    assert group.stage == "subscribe billing"
    started = await _start(stage, group.group_id)
    await stage.campaigns.work_once()
    await stage.campaigns.work_once()
    assert (await stage.campaign(started.campaign_id)).outstanding == 1
    with pytest.raises(Contested):
        await replay_letter(stage.bench, failure.dead_letter_id, actor=ADA)
    await stage.database.write(
        lambda c: subscriptions.finish_retry(c, "billing", row.message_id, now)
    )
    over = await stage.run_campaign(started.campaign_id)
    assert (over.state, over.succeeded) == ("done", 1)
    assert await stage.proves_itself()
