"""One failure and its group as values; discarding; deliveries put right by their senders."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from canonical.errors import Malformed, Unsupported
from store.failures import resends
from store.failures.dead_letters import load_dead
from tests.workbench.staging import ADA, Stage, accepting, order
from workbench.failures.failure import show_failure, show_payload, what_replay_would_do
from workbench.failures.groups import Deadlines, add_note, change_group, list_groups, show_group
from workbench.failures.replaying import replay_letter
from workbench.mending.discarding import discard_group, discard_letters, reason_text
from workbench.mending.resolving import resolve_known


async def test_a_failure_with_its_payload_and_its_mark(stage: Stage) -> None:
    await stage.receive(order(1))
    listed = {"orders": [order(1, updated_at="2026-03-02T12:00:00Z"), order(2, currency="ZZZ")]}
    await stage.receive(json.dumps(listed).encode(), "file/order")
    (letter,) = await stage.letters()
    await add_note(stage.bench, "asked the shop", actor=ADA, dead_letter_id=letter.dead_letter_id)

    failure = await show_failure(stage.bench, letter.dead_letter_id)
    assert failure.receipt is not None
    assert [one.outcome for one in failure.attempts] == ["failed"]
    assert [one.verdict for one in failure.messages] == ["new", "problem"]
    assert [one.subject for one in failure.neighbours] == ["order/6120000000001"]
    assert [one.text for one in failure.notes] == ["asked the shop"]
    assert (failure.lease, failure.edits, failure.is_replaying) == (None, (), False)
    assert failure.groups.keys() == {"field", "account", "code", "kind", "text"}

    shown = await show_payload(stage.bench, failure)
    assert shown is not None
    (marked,) = [line.text for line in shown.lines if line.marked]
    assert "price" in marked
    replay = await what_replay_would_do(stage.bench, failure)
    assert replay is not None
    assert (replay.counts, replay.succeeds) == ({"same": 1, "problems": 1}, False)
    with pytest.raises(Unsupported):
        await show_failure(stage.bench, 5)


async def test_a_dry_run_shows_what_differs_from_what_was_published(stage: Stage) -> None:
    await stage.receive(order(1))
    await stage.fail([1], total="7.00")
    await stage.renew(accepting("ZZZ"))
    failure = await show_failure(stage.bench, (await stage.letters())[0].dead_letter_id)
    replay = await what_replay_would_do(stage.bench, failure)
    assert replay is not None
    (fact,) = replay.facts
    assert fact.expected == "differs"
    told = {one.path: (one.old, one.new) for one in fact.differences}
    assert told["totals.total.amount"] == ("120.00", "7.00")
    assert fact.document["type"] == "o2c.order.placed"
    await replay_letter(stage.bench, failure.letter.dead_letter_id, actor=ADA)
    await stage.settle()
    assert await stage.states() == {"published": 1, "conflict": 1}


async def test_groups_have_a_clock(stage: Stage) -> None:
    group = await stage.fail(range(3))
    (view,) = (await list_groups(stage.bench)).groups
    assert (view.group.open_count, sum(view.trend.hours), view.overdue) == (3, 3, False)
    assert view.due_at == group.opened_at + timedelta(hours=24)
    await change_group(
        stage.bench, group.group_id, {"severity": "critical", "owner": ADA}, actor=ADA
    )
    stage.clock.ahead += timedelta(hours=3)
    (view,) = (await list_groups(stage.bench, owner=ADA)).groups
    assert view.overdue
    shop = Deadlines(by_connector={"shopify": timedelta(minutes=5)})
    due = shop.due_at(replace(view.group, severity="normal"))
    assert due == view.group.opened_at + timedelta(minutes=5)
    detail = await show_group(stage.bench, group.group_id, limit=2)
    assert (len(detail.letters), detail.notes) == (2, ())


async def test_pages_of_groups(stage: Stage) -> None:
    await stage.fail([1])
    await stage.receive(b"{", "orders/create")
    await stage.receive(order(3), "orders/teleported")
    first = await list_groups(stage.bench, limit=2)
    assert (len(first.groups), first.after is None) == (2, False)
    second = await list_groups(stage.bench, limit=2, after=first.after)
    assert (len(second.groups), second.after) == (1, None)


async def test_a_group_is_given_up_and_comes_back(stage: Stage) -> None:
    group = await stage.fail(range(4))
    done = await discard_group(
        stage.bench, group.group_id, actor=ADA, reason="test_data", text="a rehearsal"
    )
    assert (done.discarded, done.left) == (4, 0)
    letters = await stage.letters("discarded")
    assert {one.reason for one in letters} == {"test_data: a rehearsal"}
    assert await stage.groups() == []
    back = await stage.fail([9])
    assert (back.group_id, back.open_count, back.reopened_count) == (group.group_id, 1, 1)
    (letter,) = await stage.letters()
    one = await discard_letters(
        stage.bench, [letter.dead_letter_id, 5], actor=ADA, reason="obsolete"
    )
    assert (one.discarded, one.left) == (1, 1)
    assert await stage.proves_itself()


def test_a_reason_is_from_the_list() -> None:
    assert reason_text("obsolete") == "obsolete"
    with pytest.raises(Malformed):
        reason_text("no reason")
    with pytest.raises(Malformed):
        reason_text("other")


async def test_a_delivery_sent_again_and_right_resolves_its_failure(stage: Stage) -> None:
    first = await stage.receive(order(1, currency="ZZZ"), event="evt-1")
    again = await stage.receive(order(1), event="evt-1")
    (letter,) = await stage.letters()
    await stage.database.write(lambda c: resends.note_resends(c, [(again, first)]))
    assert await stage.campaigns.work_once()
    closed = await stage.database.read(lambda c: load_dead(c, letter.dead_letter_id))
    assert closed is not None
    assert (closed.state, closed.closed_by) == ("resolved", "gateway")
    assert await stage.proves_itself()


async def test_a_record_sent_again_and_right_resolves_its_failure(stage: Stage) -> None:
    def listed(*orders: object) -> bytes:
        return json.dumps({"orders": orders}).encode()

    bad = [order(n, currency="ZZZ") for n in (2, 3)]
    first = await stage.receive(listed(order(1), *bad), "file/order", event="a")
    again = await stage.receive(listed(order(1), order(2), bad[1]), "file/order", event="a")
    await stage.database.write(lambda c: resends.note_resends(c, [(again, first)]))
    now = stage.clock.now()
    assert await stage.database.write(lambda c: resends.resolve_resent(c, now)) == 1
    (closed,) = await stage.letters("resolved")
    assert (closed.receipt_id, closed.record_at) == (first, "orders[1]")
    assert len(await stage.letters()) == 2
    assert await stage.proves_itself()


async def test_a_fact_that_came_through_otherwise_resolves_its_failure(stage: Stage) -> None:
    await stage.fail([1, 2])
    await stage.renew(accepting("ZZZ"))
    await stage.receive(order(1), "orders/updated")
    assert await resolve_known(stage.bench, 0, limit=1) == (1, (await stage.letters("resolved"))[0].dead_letter_id)  # fmt: skip  # noqa: E501
    (closed,) = await stage.letters("resolved")
    assert (closed.closed_by, closed.reason) == (
        "gateway", "all it says has come through in other deliveries",
    )  # fmt: skip
    assert (await resolve_known(stage.bench, closed.dead_letter_id))[0] == 0
    assert len(await stage.letters()) == 1
    assert await stage.proves_itself()
