"""Patch a group: previewed on samples, run as a campaign, four eyes where money changes."""

from __future__ import annotations

from typing import Any

import pytest

from canonical.errors import Malformed
from store.mending.campaign_items import list_items
from tests.workbench.staging import ADA, GRACE, Stage, order
from workbench import four_eyes
from workbench.mending.campaigns import start_campaign
from workbench.mending.patch_rules import read_rule
from workbench.mending.patching import preview_patch
from workbench.mending.proposing import approve

EUROS: dict[str, Any] = {"form": "json", "op": "replace", "path": "currency", "value": "EUR", "old": "ZZZ"}  # fmt: skip  # noqa: E501
ALL_EUROS: dict[str, Any] = {"form": "text", "op": "replace", "old": '"ZZZ"', "new": '"EUR"'}


async def test_a_preview_says_what_a_rule_would_do(stage: Stage) -> None:
    group = await stage.fail(range(4))
    preview = await preview_patch(stage.bench, group.group_id, read_rule(ALL_EUROS), samples=3)
    assert (preview.total, len(preview.samples), preview.counts) == (4, 3, {"succeeds": 3})
    assert preview.second_person
    sample = preview.samples[0]
    assert sample.patched.after is not None
    assert sample.patched.after.counts == {"new": 1}
    assert "ZZZ" in sample.changes[0].old
    assert "EUR" in sample.changes[0].new

    unfit = {**ALL_EUROS, "old": "GBP"}
    preview = await preview_patch(stage.bench, group.group_id, read_rule(unfit))
    assert preview.counts == {"rule_does_not_fit": 4}
    half = await preview_patch(stage.bench, group.group_id, read_rule(EUROS))
    assert half.counts == {"fails": 4}


async def test_a_patch_runs_when_a_second_person_agrees(stage: Stage) -> None:
    group = await stage.fail(range(7))
    started = await start_campaign(
        stage.bench,
        group.group_id,
        actor=ADA,
        reason="they mean euros",
        rule=ALL_EUROS,
        stages=(1, 3),
    )
    assert started.proposal is not None
    assert started.campaign.state == "proposed"
    assert not await stage.campaigns.work_once()
    await approve(stage.bench, started.proposal.proposal_id, actor=GRACE)
    over = await stage.run_campaign(started.campaign.campaign_id)
    assert (over.state, over.kind, over.succeeded) == ("done", "patch", 7)
    assert await stage.letters() == []
    assert len(stage.streams.rows) == 7
    assert await stage.proves_itself()


async def test_one_that_needs_a_second_person_is_not_patched_without(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = await stage.fail(range(3))
    with monkeypatch.context() as patched:
        patched.setattr(four_eyes, "needs_second_person_in_all", lambda *_: [])
        started = await start_campaign(
            stage.bench, group.group_id, actor=ADA, reason="no money here", rule=ALL_EUROS
        )
    assert started.proposal is None
    over = await stage.run_campaign(started.campaign.campaign_id)
    assert (over.state, over.succeeded, over.skipped) == ("done", 0, 3)
    items = await stage.database.read(lambda c: list_items(c, over.campaign_id))
    assert {one.error_code for one in items} == {"needs_second_person"}
    assert len(await stage.letters()) == 3


async def test_a_rule_that_does_not_mend_stops(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(four_eyes, "needs_second_person_in_all", lambda *_: [])
    group = await stage.fail(range(5))
    await stage.receive(order(99, currency="ZZZ", note='"GBP"'))
    started = await start_campaign(
        stage.bench, group.group_id, actor=ADA, reason="a try", rule={**ALL_EUROS, "new": '"ZZY"'}
    )
    stopped = await stage.run_campaign(started.campaign.campaign_id)
    assert (stopped.state, stopped.failed, stopped.released) == ("stopped", 1, 1)
    assert len(await stage.letters()) == 6
    assert await stage.proves_itself()


async def test_a_bad_rule_is_refused(stage: Stage) -> None:
    group = await stage.fail([1])
    with pytest.raises(Malformed) as raised:
        await start_campaign(
            stage.bench, group.group_id, actor=ADA, reason="x", rule={"form": "json", "op": "eval"}
        )
    assert raised.value.code == "bad_rule"
