"""Conflicts: side by side, and decided once, by name and with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from canonical.errors import Malformed, Unsupported
from canonical.keys import Key, message_id
from store.finding import audit
from store.log.known_facts import known_facts
from store.log.message_log import verify_log
from store.mending.contested import Contested
from store.mending.corrections import corrected_id
from tests.workbench.staging import ADA, GRACE, Stage, order
from workbench.mending.conflicts import decide_conflict, list_judged, show_conflict


async def _conflict(stage: Stage, total: str = "99.00") -> int:
    await stage.receive(order(1))
    await stage.receive(order(1, total=total))
    (found, *_) = await list_judged(stage.bench)
    return found.row_id


async def test_a_conflict_is_shown_beside_what_is_known(stage: Stage) -> None:
    row = await _conflict(stage)
    shown = await show_conflict(stage.bench, row)
    told = {one.path: (one.old, one.new) for one in shown.differences}
    assert told["totals.total.amount"] == ("120.00", "99.00")
    assert shown.decided is None
    with pytest.raises(Unsupported):
        await show_conflict(stage.bench, row + 1)


async def test_accepted_it_is_published_as_a_correction(stage: Stage) -> None:
    row = await _conflict(stage)
    decided = await decide_conflict(
        stage.bench, row, "accepted", actor=ADA, reason="the shop says so"
    )
    await stage.settle()
    first, correction = stage.streams.rows
    assert correction.row_id == decided.correction_row_id
    assert correction.key == f"{first.key}/correction/1"
    assert corrected_id(correction.key) == first.message_id
    assert (correction.type, correction.version) == (first.type, first.version)
    assert json.loads(correction.data)["totals"]["total"]["amount"] == "99.00"
    assert await list_judged(stage.bench) == []
    assert (await show_conflict(stage.bench, row)).decided == decided

    # From now on the corrected content is what is known.
    await stage.receive(order(1, total="99.00"), "orders/paid")
    await stage.receive(order(1), "orders/paid")
    assert await stage.states() == {"published": 2, "duplicate": 1, "conflict": 1, "discarded": 1}
    (again,) = await list_judged(stage.bench)
    await decide_conflict(stage.bench, again.row_id, "accepted", actor=ADA, reason="back again")
    await stage.settle()
    assert stage.streams.rows[2].key == f"{first.key}/correction/2"
    assert corrected_id(stage.streams.rows[2].key) == first.message_id
    digest = Key(first.key).digest
    known = await stage.database.read(lambda c: known_facts(c, [digest]))
    assert known[digest].current_row_id == stage.streams.rows[2].row_id
    checked = await stage.database.read(verify_log)
    assert checked.faults == []
    assert await stage.proves_itself()


@pytest.mark.parametrize("decision", ["kept_first", "discarded"])
async def test_left_out_it_is_not_published(stage: Stage, decision: Any) -> None:
    row = await _conflict(stage)
    decided = await decide_conflict(stage.bench, row, decision, actor=ADA, reason="a typo")
    await stage.settle()
    assert (decided.decision, decided.reason, decided.correction_row_id) == (decision, "a typo", None)  # fmt: skip  # noqa: E501
    assert len(stage.streams.rows) == 1
    assert await list_judged(stage.bench) == []
    (entry, *_) = await stage.database.read(audit.recent_audit)
    assert (entry.actor, entry.action) == (ADA, f"conflict.{decision}")
    assert await stage.proves_itself()


async def test_one_decides_and_the_other_is_told(stage: Stage) -> None:
    row = await _conflict(stage)
    with pytest.raises(Malformed):
        await decide_conflict(stage.bench, row, "accepted", actor=ADA, reason=" ")
    await decide_conflict(stage.bench, row, "kept_first", actor=ADA, reason="a typo")
    with pytest.raises(Contested) as raised:
        await decide_conflict(stage.bench, row, "accepted", actor=GRACE, reason="but no")
    assert (raised.value.code, ADA in str(raised.value)) == ("decided_already", True)


async def test_the_same_content_twice_is_corrected_once(stage: Stage) -> None:
    row = await _conflict(stage)
    await stage.receive(order(1, total="99.00", tags="later"), "orders/paid")
    other = (await list_judged(stage.bench))[0].row_id
    assert other != row
    await decide_conflict(stage.bench, row, "accepted", actor=ADA, reason="the shop says so")
    with pytest.raises(Contested) as raised:
        await decide_conflict(stage.bench, other, "accepted", actor=ADA, reason="again")
    assert raised.value.code == "already_so"
    assert len(await list_judged(stage.bench)) == 1
    await decide_conflict(stage.bench, other, "discarded", actor=ADA, reason="accepted already")
    assert await stage.proves_itself()


async def test_a_newer_version_is_not_corrected_by_an_older(stage: Stage) -> None:
    row = await _conflict(stage)
    newer = {"updated_at": "2026-03-02T12:00:00Z"}
    await stage.receive(order(1, **newer), "orders/updated")
    with pytest.raises(Contested) as raised:
        await decide_conflict(stage.bench, row, "accepted", actor=ADA, reason="the shop says so")
    assert raised.value.code == "outdated"
    assert len(await list_judged(stage.bench)) == 1


async def test_stale_and_duplicate_messages_are_found(stage: Stage) -> None:
    newer = {"updated_at": "2026-03-02T12:00:00Z"}
    await stage.receive(order(1, **newer))
    await stage.receive(order(1), "orders/updated")
    await stage.receive(order(1, **newer), "orders/updated")
    assert [one.verdict for one in await list_judged(stage.bench, "stale")] == ["stale"]
    (found,) = await list_judged(stage.bench, "duplicate", connector="shopify", account="acme")
    assert found.message_id == message_id(Key(found.key).digest)
    assert await list_judged(stage.bench, "duplicate", before=found.row_id) == []
    assert await list_judged(stage.bench, "stale", connector="stripe") == []
