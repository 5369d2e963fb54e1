"""Decisions about cash: plans are applied, reversed and written off by people, whole or not."""

from __future__ import annotations

from typing import Any

import pytest

from canonical.chain import ReceivableState
from canonical.errors import Malformed
from domains.cash import DOMAIN
from tests.domains.cash_facts import (
    booked,
    captured,
    credit_note,
    decided,
    derived,
    invoice,
    open_of,
    order,
    receivable,
    told_of,
)


def test_a_receipt_is_applied_as_decided() -> None:
    facts = [
        invoice("INV-1000", "50.00"),
        invoice("INV-1001", "80.00"),
        booked("110.00", "INV-1000 INV-1001"),
    ]
    world = derived(*facts)
    receipt = world.only("receipt").key
    shares = [
        {"receivable": receivable(world, "INV-1000").key, "amount": "50.00"},
        {"receivable": receivable(world, "INV-1001").key, "amount": "60.00"},
    ]
    decision = decided("apply", receipt, receipt=receipt, allocations=shares)
    after = derived(*facts, decisions=[decision])
    assert (open_of(after, "INV-1000"), open_of(after, "INV-1001")) == ("0.00", "20.00")
    assert after.only("receipt").status == "APPLIED"
    assert "ambiguous_allocation" not in after.kinds
    assert told_of(after, "INV-1000").proofs[0].signals == ("decided",)


def test_a_decision_that_no_longer_fits_applies_nothing_of_it() -> None:
    facts = [
        invoice("INV-1000", "50.00"),
        invoice("INV-1001", "80.00"),
        booked("110.00", "INV-1000 INV-1001"),
    ]
    world = derived(*facts)
    receipt = world.only("receipt").key
    shares = [
        {"receivable": receivable(world, "INV-1000").key, "amount": "50.00"},
        {"receivable": receivable(world, "INV-1001").key, "amount": "60.00"},
    ]
    noted = credit_note(of="INV-1001", amount="40.00", on=2)
    after = derived(*facts, noted, decisions=[decided("apply", receipt, allocations=shares)])
    assert "decision_no_longer_fits" in after.kinds
    assert not any(one.state["allocations"][0]["decision"] for one in after.of("receivable"))


@pytest.mark.parametrize("amount", ["110.01", "80.00"])
def test_more_than_there_is_is_not_applied(amount: str) -> None:
    facts = [invoice(amount="50.00"), booked("110.00", "thanks")]
    world = derived(*facts, booked("1.00", "INV-2026-77"))
    receipt = next(one.key for one in world.of("receipt") if one.state["amount"] == "110.00")
    share = {"receivable": receivable(world).key, "amount": amount}
    after = derived(*facts, decisions=[decided("apply", receipt, allocations=[share])])
    assert "decision_no_longer_fits" in after.kinds
    assert open_of(after) == "50.00"


def test_an_allocation_is_reversed_and_not_made_again_by_itself() -> None:
    facts = [invoice(), booked("100.00", "INV-2026-77")]
    world = derived(*facts)
    plan = receivable(world).state["allocations"][0]["key"]
    receipt = world.only("receipt").key
    reverse = decided("reverse", receipt, subject=plan)
    after = derived(*facts, decisions=[reverse])
    assert open_of(after) == "100.00"
    assert receivable(after).state["allocations"][0]["state"] == "reversed"
    assert after.only("receipt").state["unapplied"] == "100.00"
    share = {"receivable": receivable(world).key, "amount": "100.00"}
    again = decided("apply", receipt, on=14, allocations=[share])
    assert open_of(derived(*facts, decisions=[reverse, again])) == "0.00"


def test_a_rest_is_written_off_with_its_reason() -> None:
    facts = [invoice(), booked("95.00", "INV-2026-77")]
    key = receivable(derived(*facts)).key
    decision = decided("write_off", key, receivable=key, amount="5.00", reason="goodwill")
    world = derived(*facts, decisions=[decision])
    assert receivable(world).status == ReceivableState.CLOSED
    assert told_of(world).written_off.amount == 5
    assert world.kinds == []
    (row,) = receivable(world).rows["cash_receivables"]
    assert row["auto"] == 0


def test_an_adjustment_changes_what_is_owed() -> None:
    facts = [invoice()]
    key = receivable(derived(*facts)).key
    more = decided("adjust", key, amount="10.00", reason="late fee")
    assert open_of(derived(*facts, decisions=[more])) == "110.00"
    less = decided("adjust", key, amount="-100.01", reason="mistake")
    world = derived(*facts, decisions=[less])
    assert (open_of(world), world.kinds) == ("100.00", ["decision_no_longer_fits"])


@pytest.mark.parametrize("action", ["refund_customer", "keep_as_credit"])
def test_an_over_payment_is_settled_with_the_customer(action: str) -> None:
    facts = [invoice(), booked("120.00", "INV-2026-77")]
    receipt = derived(*facts).only("receipt").key
    world = derived(*facts, decisions=[decided(action, receipt, amount="20.00")])
    assert world.kinds == []
    assert receivable(world).status == ReceivableState.CLOSED
    assert world.only("receipt").state["unapplied"] == "20.00"


def test_a_gateways_payment_is_applied_as_decided() -> None:
    facts = [
        order(),
        invoice("INV-1000", "60.00", order_id="1001"),
        invoice("INV-1001", "40.00", order_id="1001"),
        captured("50.00", order_id="1001"),
    ]
    world = derived(*facts)
    payment = world.only("payment").key
    share = {"receivable": receivable(world, "INV-1000").key, "amount": "50.00"}
    after = derived(*facts, decisions=[decided("apply", payment, allocations=[share])])
    assert open_of(after, "INV-1000") == "10.00"
    assert "ambiguous_allocation" not in after.kinds


@pytest.mark.parametrize(
    ("action", "values", "path"),
    [
        ("apply", {}, "allocations"),
        ("apply", {"allocations": [{"receivable": "x"}]}, "allocations[0].amount"),
        ("apply", {"allocations": [{"receivable": "x", "amount": "-1"}]}, "allocations[0].amount"),
        ("apply", {"allocations": [{"amount": "1"}]}, "allocations[0].receivable"),
        ("apply", {"allocations": ["x"]}, "allocations[0]"),
        ("write_off", {"amount": 5, "reason": "x"}, "amount"),
        ("write_off", {"amount": "NaN", "reason": "x"}, "amount"),
        ("write_off", {"amount": "1e99", "reason": "x"}, "amount"),
        ("write_off", {"amount": "5"}, "reason"),
        ("adjust", {"amount": "0", "reason": "x"}, "amount"),
        ("accept", {"allocation": 7}, "allocation"),
        ("keep_as_credit", {}, "amount"),
    ],
)
def test_what_cannot_be_read_is_refused(action: str, values: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refused:
        DOMAIN.actions[action](values)
    assert refused.value.path == path


def test_whoever_moves_money_does_not_approve_it() -> None:
    assert set(DOMAIN.actions) - DOMAIN.money_actions == {"reject"}
