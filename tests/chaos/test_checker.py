"""The checker sees what would be a broken promise: a check that finds nothing proves nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chaos.checker import Checker
from chaos.evidence import Entry, Evidence, Subscribed
from chaos.plan import LAYOUTS, Delivery, Drop, Harm, Plan, make_plan
from chaos.senders import Answer

SEED_OF_MANY = range(20)


def _delivery(number: int, version: int) -> Delivery:
    return Delivery(
        number=number, door="shopify", kind="good", fact=f"order/1@{version:02d}",
        content="1.00", body=b"{}", topic="orders/updated", event=f"e{version}", tries=1,
    )  # fmt: skip


def _entry(version: int) -> Entry:
    # The ids are of messages that the subscriber takes well.
    return Entry(
        stream="o2c.order", id=f"id-{version}", key=f"key-{version}", fact=f"order/1@{version:02d}",
        version=f"{version:02d}", partition="1", content="1.00", data="{}",
    )  # fmt: skip


PLAN = Plan(
    seed=1, store="sqlite", gateways=((),), subscribers=1,
    lanes=((_delivery(1, 0), _delivery(2, 1)),),
    drops=(Drop(1, "a.xml", b"", ()),), harms=(), poison="",
)  # fmt: skip
RECEIPTS = {"accepted": 3, "dead": 0, "pending": 0}
MESSAGES = {"published": 2, "stale": 0, "pending": 0}
GOOD = Evidence(
    told=[Answer(1, 0, 200, "r1"), Answer(2, 0, 200, "r2")],
    archived=frozenset({"a.xml"}),
    entries=[_entry(0), _entry(1)],
    last=frozenset({"id-0", "id-1"}),
    subscribed=Subscribed(effects=Counter({"id-0": 1, "id-1": 1})),
    audit={
        "balanced": True,
        "all": {"receipts": RECEIPTS, "messages": MESSAGES},
        "connectors": {"camt": {"receipts": {"accepted": 1}}},
    },
    troubles=[],
)


def _found(evidence: Evidence, plan: Plan = PLAN) -> list[str]:
    return Checker(plan, evidence).check().violations


def _audited(**changes: Any) -> dict[str, Any]:
    sides = {"receipts": RECEIPTS | changes.get("receipts", {}),
             "messages": MESSAGES | changes.get("messages", {})}  # fmt: skip
    return {**GOOD.audit, "all": sides}


def test_a_good_round_has_nothing_to_say() -> None:
    assert _found(GOOD) == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"entries": [_entry(0)]}, "lost: order/1@01"),
        ({"entries": [_entry(1), _entry(0)]}, "order: order/1@00"),
        ({"entries": [*GOOD.entries, _entry(7)]}, "invented: order/1@07"),
        ({"entries": [*GOOD.entries, replace(_entry(1), id="other")]}, "several: id of key"),
        ({"entries": [*GOOD.entries, replace(_entry(1), key="other")]}, "several: key of fact"),
        ({"entries": [*GOOD.entries, replace(_entry(1), data="[]")]}, "several: content of id"),
        ({"entries": [_entry(0), replace(_entry(1), content="2.00")]}, "content: nobody said 2.00"),
        ({"told": [*GOOD.told, Answer(1, 0, 200, "r3")]}, "several receipts"),
        ({"told": [*GOOD.told, Answer(1, 0, 500, None)]}, "answered 500"),
        ({"archived": frozenset()}, "file: a.xml"),
        ({"subscribed": Subscribed(Counter({"id-0": 2, "id-1": 1}))}, "id-0 had 2 effects"),
        ({"subscribed": Subscribed(Counter({"id-0": 1}))}, "effect: order/1@01 had none"),
        (
            {"subscribed": Subscribed(Counter({"id-0": 1}), {"id-1": "handler_failed"})},
            "order/1@01 was given up",
        ),
        ({"audit": {**GOOD.audit, "balanced": False}}, "not balanced"),
        ({"audit": _audited(receipts={"accepted": 2})}, "webhooks accepted: 1, expected 2"),
        ({"audit": _audited(messages={"published": 3})}, "published: 3, expected 2"),
        ({"audit": _audited(messages={"stale": 1})}, "stale: 1, expected 0"),
        ({"audit": _audited(messages={"pending": 1})}, "1 pending"),
        ({"troubles": ["gateway 0 ended by itself"]}, "ended by itself"),
    ],
)
def test_a_broken_promise_is_seen(changes: dict[str, Any], word: str) -> None:
    assert any(word in one for one in _found(replace(GOOD, **changes)))


def test_a_version_behind_a_newer_one_is_stale_and_not_lost() -> None:
    found = replace(
        GOOD,
        entries=[_entry(1)],
        subscribed=Subscribed(Counter({"id-1": 1})),
        audit=_audited(messages={"published": 1, "stale": 1}),
    )
    assert _found(found) == []


def test_what_heard_no_answer_may_be_there_or_not() -> None:
    told = [GOOD.told[0], Answer(2, 0, None, None)]
    without = replace(
        GOOD, told=told, entries=[_entry(0)], subscribed=Subscribed(Counter({"id-0": 1})),
        audit=_audited(receipts={"accepted": 2}, messages={"published": 1}),
    )  # fmt: skip
    assert _found(replace(GOOD, told=told)) == []
    assert _found(without) == []


def test_what_a_lost_server_held_counts_and_is_not_asked_of_the_subscriber() -> None:
    lost = replace(GOOD, last=frozenset({"id-1"}), subscribed=Subscribed(Counter({"id-1": 1})))
    checked = Checker(PLAN, lost).check()
    assert (checked.violations, checked.not_refilled) == ([], 1)


def test_a_good_signature_may_look_stale_while_a_clock_is_off() -> None:
    charge = replace(_delivery(1, 0), door="stripe")
    plan = replace(PLAN, lanes=((charge, _delivery(2, 1)),))
    jump = Harm(after=1, kind="jump clock", member=0, delay=0, seconds=1, jump=7200)
    told = replace(GOOD, told=[Answer(1, 0, 401, None), *GOOD.told])
    assert any("answered 401" in one for one in _found(told, plan))
    assert _found(told, replace(plan, harms=(jump,))) == []


def test_whatever_the_layout_somebody_has_every_role() -> None:
    for layout, _ in LAYOUTS:
        roles = {role for member in layout for role in (member or ("ingest", "worker", "relay"))}
        assert roles == {"ingest", "worker", "relay"}


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_seed_always_gives_the_same_plan(store: Any) -> None:
    def plans(make: Callable[..., Plan]) -> list[Plan]:
        return [make(seed, store) for seed in SEED_OF_MANY]

    assert plans(make_plan) == plans(make_plan)
    assert len({plan.harms for plan in plans(make_plan)}) == len(SEED_OF_MANY)
