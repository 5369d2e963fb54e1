"""What holds at every step, and that the order of deliveries has no part in the end."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from canonical.cash import DisputeOutcome
from domains.contract import Decision, Fact, Rules
from tests.domains.building import World
from tests.domains.cash_facts import (
    LATER,
    advice,
    booked,
    captured,
    credit_note,
    day,
    decided,
    derived,
    dispute,
    dispute_closed,
    failed,
    invoice,
    line,
    notified,
    order,
    part,
    payout,
    refund,
    took_back,
)

RULES = Rules(tolerance={"EUR": "0.05"})
AMOUNTS = st.sampled_from(["100.00", "99.97", "95.00", "60.00", "40.00", "200.00"])
NUMBERS = st.sampled_from(["INV-2026-77", "INV-2026-78"])
ORDERS = st.sampled_from(["1001", "1002"])
PAYMENTS = st.sampled_from(["pi_0000000001", "pi_0000000002"])
DAYS = st.integers(1, 20)
TEXTS = st.sampled_from(
    [
        "INV-2026-77",
        "INV-2026-77 INV-2026-78",
        "INV-2026-79",
        "thanks",
        "Order 1001",
        "po_0000000001",
    ]
)
FACTS = st.one_of(
    st.builds(order, ORDERS),
    st.builds(
        lambda number, amount, name: invoice(number, amount, order_id=name),
        NUMBERS,
        AMOUNTS,
        ORDERS,
    ),
    st.builds(
        lambda amount, on, of: credit_note(amount=amount, on=on, of=of), AMOUNTS, DAYS, NUMBERS
    ),
    st.builds(
        lambda amount, on, who, name: captured(amount, on=on, payment_id=who, order_id=name),
        AMOUNTS,
        DAYS,
        PAYMENTS,
        ORDERS,
    ),
    st.builds(
        lambda amount, on, who, status: refund(amount, on=on, payment_id=who, status=status),
        AMOUNTS,
        DAYS,
        PAYMENTS,
        st.sampled_from(["issued", "pending", "failed"]),
    ),
    st.builds(lambda who, on: failed(who, on=on, failure_code="CAPTURE_FAILED"), PAYMENTS, DAYS),
    st.builds(lambda amount, on: dispute(amount, on=on), AMOUNTS, DAYS),
    st.builds(
        lambda outcome, on: dispute_closed(outcome, on=on), st.sampled_from(DisputeOutcome), DAYS
    ),
    st.builds(lambda net, on: payout(net, on=on), AMOUNTS, DAYS),
    st.builds(lambda gross, who: line(gross, "0.00", payment_id=who), AMOUNTS, PAYMENTS),
    st.builds(lambda amount, text, on: booked(amount, text, on=on), AMOUNTS, TEXTS, DAYS),
    st.builds(lambda amount, text, on: took_back(amount, text, on=on), AMOUNTS, TEXTS, DAYS),
    st.builds(lambda amount, text, on: notified(amount, text, on=on), AMOUNTS, TEXTS, DAYS),
    st.builds(
        lambda paid, number: advice(part(number, paid), amount=paid, reference="INV-2026-77"),
        AMOUNTS,
        NUMBERS,
    ),
)
SETS = st.lists(FACTS, min_size=1, max_size=14)


def _sum(amounts: Iterable[object]) -> Decimal:
    return sum((Decimal(str(one)) for one in amounts), Decimal(0))


def _applied(plans: Iterable[dict[str, object]]) -> Decimal:
    return _sum(one["amount"] for one in plans if one["state"] == "applied")


def check(world: World) -> None:
    """The invariants of the domain page §4."""
    for one in world.of("receivable"):
        state = {name: Decimal(str(one.state[name])) for name in _PARTS}
        paid_off = state["allocated"] + state["credited"] + state["written_off"]
        assert state["open"] == state["original"] - paid_off + state["adjusted"]
        assert state["open"] >= 0
        assert _applied(one.state["allocations"]) == state["allocated"]
        assert _sum(p["amount"] for p in one.state["proofs"]) <= state["allocated"]
        if one.status in {"PAID", "CLOSED"}:
            assert state["open"] == 0
    for one in (*world.of("receipt"), *world.of("payment")):
        amount = Decimal(str(one.state.get("amount", one.state.get("captured"))))
        assert 0 <= Decimal(one.state["applied"]) <= amount
    check_bank(world)


_PARTS = ("original", "allocated", "credited", "written_off", "adjusted", "open")


def check_bank(world: World) -> None:
    """Σ bank credits = applied + unapplied + payouts, less what was taken back."""
    here = [one for one in world.of("receipt") if one.status != "REVERSED"]
    payouts = [one.state["amount"] for one in here if one.state["payout"]]
    used = [one.state[name] for one in here for name in ("applied", "unapplied")]
    assert _sum(one.state["amount"] for one in here) == _sum(used) + _sum(payouts)
    pairs = {}
    for one in (*world.of("receipt"), *world.of("payment")):
        pairs.update(
            {p["key"]: p["amount"] for p in one.state["allocations"] if p["state"] == "applied"}
        )
    claimed = {
        p["key"]: p["amount"]
        for one in world.of("receivable")
        for p in one.state["allocations"]
        if p["state"] == "applied"
    }
    assert pairs == {key: amount for key, amount in claimed.items() if key in pairs}
    assert claimed.keys() == pairs.keys()


def said(world: World) -> object:
    parked = sorted((one.fact, one.awaits, one.kind) for one in world.parked)
    return (world.records, world.findings, world.announcements, parked, world.wake_at)


@settings(deadline=None, max_examples=150)
@given(facts=SETS, now=st.sampled_from([day(5), day(12), LATER]))
def test_the_sums_hold_at_every_step(facts: list[Fact], now: object) -> None:
    for count in range(1, len(facts) + 1):
        check(derived(*facts[:count], rules=RULES, now=LATER if now is LATER else day(12)))


@settings(deadline=None, max_examples=100)
@given(facts=SETS, data=st.data())
def test_any_order_and_repetition_ends_the_same(facts: list[Fact], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations([*facts, *facts[: len(facts) // 2]]))
    assert said(derived(*shuffled, rules=RULES)) == said(derived(*facts, rules=RULES))


@settings(deadline=None, max_examples=100)
@given(facts=SETS, data=st.data())
def test_decisions_never_break_the_sums(facts: list[Fact], data: st.DataObject) -> None:
    world = derived(*facts, rules=RULES)
    decisions: list[Decision] = []
    claims = [one.key for one in world.of("receivable")]
    money = [one.key for one in (*world.of("receipt"), *world.of("payment"))]
    if not claims or not money:
        return
    for number in range(data.draw(st.integers(1, 4))):
        source, claim = data.draw(st.sampled_from(money)), data.draw(st.sampled_from(claims))
        amount = data.draw(AMOUNTS)
        share = [{"receivable": claim, "amount": amount}]
        plans = [p["key"] for k in (source, claim) for p in world.records[k].state["allocations"]]
        choices = [
            decided("apply", source, on=number, allocations=share),
            decided("write_off", claim, on=number, amount=amount, reason="x"),
            decided("adjust", claim, on=number, amount=f"-{amount}", reason="x"),
            decided("keep_as_credit", source, on=number, amount=amount),
            *(decided("reverse", source, on=number, subject=plan) for plan in plans),
            *(decided("accept", source, on=number, subject=plan) for plan in plans),
        ]
        decisions.append(data.draw(st.sampled_from(choices)))
    check(derived(*facts, rules=RULES, decisions=decisions))
