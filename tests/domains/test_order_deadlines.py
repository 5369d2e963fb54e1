"""What should have come of an order and did not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domains.contract import Fact
from domains.order import DOMAIN
from tests.domains.building import DAY, derive_all
from tests.domains.order_facts import (
    HOUR,
    ORDER,
    cancelled,
    captured,
    changed,
    held,
    placed,
    refunded,
    rejected,
    shipped,
    unshipped,
)

SHIPPED = shipped(DAY + HOUR, "L1", "5")
DUE = DAY + HOUR + timedelta(hours=48)


def _closure(*facts: Fact) -> str:
    return str(derive_all(DOMAIN, facts).records[ORDER].state["dimensions"]["closure"])


def test_paid_and_not_shipped_in_time() -> None:
    facts = [placed(), captured(DAY + HOUR)]
    world = derive_all(DOMAIN, facts)
    assert (world.kinds, world.wake_at) == ([], DUE)
    (finding,) = derive_all(DOMAIN, facts, now=DUE).findings.values()
    assert (finding.kind, finding.owner) == ("captured_not_shipped", "operations")
    assert finding.received == "100.00 EUR"


@pytest.mark.parametrize(
    "more",
    [
        (SHIPPED,),
        (cancelled(DAY + 2 * HOUR), refunded(DAY + 2 * HOUR, "100.00")),
        (refunded(DAY + 2 * HOUR, "100.00"),),
        (rejected(DAY + 2 * HOUR),),
        (held(DAY + 2 * HOUR),),
    ],
)
def test_nothing_is_due_when_it_is_known_why(more: tuple[Fact, ...]) -> None:
    world = derive_all(DOMAIN, [placed(), captured(DAY + HOUR), *more], now=DUE)
    assert "captured_not_shipped" not in world.kinds


def test_goods_taken_back_are_due_again() -> None:
    facts = [placed(), captured(DAY + HOUR), SHIPPED, unshipped(DAY + 2 * HOUR, "L1", "5")]
    assert derive_all(DOMAIN, facts, now=DUE).kinds == ["captured_not_shipped"]


def test_a_shop_may_say_that_an_order_is_paid() -> None:
    paid = changed(DAY + HOUR, payment_status="paid")
    assert derive_all(DOMAIN, [placed(), paid], now=DUE).kinds == ["captured_not_shipped"]
    later = changed(DAY + 2 * HOUR, payment_status="voided")
    assert derive_all(DOMAIN, [placed(), paid, later], now=DUE).kinds == []


def test_a_sale_at_the_counter_ships_nothing() -> None:
    sold = changed(DAY, change="COMPLETED")
    assert derive_all(DOMAIN, [sold, captured(DAY + HOUR)], now=DUE).kinds == []


def test_a_release_gives_the_whole_time_again() -> None:
    release = held(DAY + 10 * HOUR, released=True)
    facts = [placed(), captured(DAY + HOUR), held(DAY + 2 * HOUR), release]
    world = derive_all(DOMAIN, facts, now=DUE)
    assert (world.kinds, world.wake_at) == ([], DAY + 58 * HOUR)


def test_a_test_order_has_a_record_and_no_deadlines() -> None:
    facts = [placed(test=True), captured(DAY + HOUR, test=True)]
    world = derive_all(DOMAIN, facts, now=DUE)
    assert (world.kinds, world.wake_at) == ([], None)
    assert world.only("order").state["test"] is True


def test_a_cancelled_order_closes_when_the_money_is_back() -> None:
    facts = [placed(), captured(DAY + HOUR), cancelled(DAY + 2 * HOUR)]
    assert _closure(*facts) == "OPEN"
    late = DAY + 2 * HOUR + timedelta(days=5)
    assert derive_all(DOMAIN, facts, now=late).kinds == ["cancelled_not_refunded"]
    back = [*facts, refunded(DAY + 3 * HOUR, "100.00")]
    assert _closure(*back) == "CANCELLED"
    assert derive_all(DOMAIN, back, now=late).kinds == []
