"""Reprocess: today's code on receipts of the past, and only corrections are published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from canonical.errors import Malformed
from canonical.message import Message, Problem
from connectors import registry
from connectors.contract import Connector
from connectors.raw import RawMessage
from store.log.message_log import verify_log
from store.mending import reprocessed
from store.mending.contested import Contested
from store.mending.reprocessing import Reprocessing, load_reprocessing
from tests.workbench.staging import ADA, Stage, accepting, order
from workbench.mending.campaign_loop import Campaigns
from workbench.mending.reprocessing import (
    cancel_reprocessing,
    publish_corrections,
    start_reprocessing,
    summary,
)


def _release(change: Any) -> Connector:
    """The shop's connector as it is after a change of what it says of each message."""
    shop = registry.load("shopify")

    def translate(raw: RawMessage, identity: Any) -> Iterator[Any]:
        for item in shop.translate(raw, identity):
            yield from change(item)

    return replace(shop, translate=translate)


def _renamed(item: Any) -> Iterator[Any]:
    """Every second order has its lines' names in capitals."""
    if isinstance(item, Message) and int(item.subject[-1]) % 2:
        lines = [line.model_copy(update={"description": "LAMP"}) for line in item.data.lines]  # type: ignore[attr-defined]  # fmt: skip
        item = replace(item, data=item.data.model_copy(update={"lines": tuple(lines)}))
    yield item


async def _start(stage: Stage, **given: Any) -> Reprocessing:
    now = stage.clock.now()
    settings: dict[str, Any] = {
        "since": now - timedelta(hours=1),
        "until": now + timedelta(hours=1),
        "actor": ADA,
        "reason": "names were cut",
    }
    return await start_reprocessing(stage.bench, "shopify", **settings | given)


async def _run(stage: Stage, run: Reprocessing) -> Reprocessing:
    for _ in range(100):
        await stage.campaigns.work_once()
        run = await stage.database.read(
            partial(load_reprocessing, reprocessing_id=run.reprocessing_id)
        )
        if run.state not in ("comparing", "publishing"):
            break
    await stage.settle()
    return run


async def test_only_what_changed_is_published_as_a_correction(stage: Stage) -> None:
    for number in range(6):
        await stage.receive(order(number))
    await stage.renew(_release(_renamed))
    run = await _run(stage, await _start(stage))
    assert (run.state, run.receipts, run.same, run.changed) == ("compared", 6, 3, 3)
    found = await stage.database.read(
        lambda c: reprocessed.list_differences(c, run.reprocessing_id)
    )
    assert {one.outcome for one in found} == {"changed"}
    assert all(path.endswith(".description") for path in summary(found))
    assert len(stage.streams.rows) == 6

    left = found[0].row_id
    await stage.database.write(
        lambda c: reprocessed.leave_out(
            c, run.reprocessing_id, [left], actor=ADA, now=stage.clock.now()
        )
    )
    await publish_corrections(stage.bench, run.reprocessing_id, actor=ADA)
    done = await _run(stage, run)
    assert (done.state, done.published, done.left_out) == ("done", 2, 1)
    corrections = stage.streams.rows[6:]
    assert all(row.key.endswith("/correction/1") for row in corrections)
    assert {json.loads(row.data)["lines"][0]["description"] for row in corrections} == {"LAMP"}
    assert (await stage.database.read(verify_log)).faults == []
    assert await stage.proves_itself()

    again = await _run(stage, await _start(stage))
    assert (again.same, again.changed) == (5, 1)
    assert await stage.proves_itself()


async def test_what_fails_now_what_is_new_and_what_is_gone(stage: Stage) -> None:
    def other(item: Any) -> Iterator[Any]:
        match int(item.subject[-1]) if isinstance(item, Message) else 0:
            case 1:
                yield Problem(code="bad_order", message="not any more")
            case 2:
                yield replace(item, key=item.key.extended("v2"))
            case _:
                yield item

    for number in range(4):
        await stage.receive(order(number))
    await stage.fail([8])
    await stage.renew(_release(other))
    run = await _run(stage, await _start(stage))
    counts = (run.same, run.changed, run.new, run.gone, run.failing)
    assert counts == (3, 0, 1, 2, 1)
    assert run.receipts == 5
    await publish_corrections(stage.bench, run.reprocessing_id, actor=ADA)
    done = await _run(stage, run)
    assert (done.state, done.published) == ("done", 0)
    assert len(stage.streams.rows) == 4


async def test_what_was_dead_would_be_new(stage: Stage) -> None:
    await stage.fail([1])
    await stage.renew(accepting("ZZZ"))
    run = await _run(stage, await _start(stage, account="acme", kind="orders/create"))
    assert (run.new, run.failing) == (1, 0)
    assert len(await stage.letters()) == 1


async def test_a_range_a_kind_and_an_account_are_kept_to(stage: Stage) -> None:
    await stage.receive(order(1))
    assert (await _run(stage, await _start(stage, kind="orders/paid"))).receipts == 0
    assert (await _run(stage, await _start(stage, account="other"))).receipts == 0
    past = stage.clock.now() - timedelta(days=1)
    early = await _start(stage, since=past - timedelta(days=1), until=past)
    assert (await _run(stage, early)).receipts == 0
    with pytest.raises(Malformed):
        await _start(stage, since=past, until=past)
    with pytest.raises(Malformed):
        await _start(stage, reason="")


async def test_it_is_cancelled_and_goes_on_after_a_crash(stage: Stage) -> None:
    for number in range(3):
        await stage.receive(order(number))
    await stage.renew(_release(_renamed))
    run = await _start(stage)
    with pytest.raises(Contested):
        await publish_corrections(stage.bench, run.reprocessing_id, actor=ADA)
    await stage.campaigns.work_once()
    stage.campaigns = Campaigns(stage.bench, owner="somebody else")
    stage.clock.wait(60)
    compared = await _run(stage, run)
    assert (compared.state, compared.receipts, compared.changed) == ("compared", 3, 1)
    await cancel_reprocessing(stage.bench, run.reprocessing_id, actor=ADA)
    with pytest.raises(Contested):
        await publish_corrections(stage.bench, run.reprocessing_id, actor=ADA)
    assert len(stage.streams.rows) == 3


async def test_what_changed_once_more_is_not_published(stage: Stage) -> None:
    await stage.receive(order(1))
    await stage.renew(_release(_renamed))
    run = await _run(stage, await _start(stage))
    await stage.renew(registry.load("shopify"))
    await publish_corrections(stage.bench, run.reprocessing_id, actor=ADA)
    done = await _run(stage, run)
    assert (done.published, done.left_out) == (0, 1)
    assert len(stage.streams.rows) == 1
