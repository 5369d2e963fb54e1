"""Deliveries: the state machine by the times of events, attempts, and whose parcel it is."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from canonical.shipment import ReasonClass
from domains.contract import Fact, Owner
from tests.domains.building import World
from tests.domains.shipment_facts import (
    PARCEL,
    SHIPMENT,
    after,
    asked_back,
    event,
    names,
    order,
    reversed_,
    rows,
    shipped,
    world,
)


def told(*events: Fact, hours: float = 48) -> World:
    """What is said of a parcel of a known shipment."""
    return world(order(), shipped(tracking=["1Z001"]), *events, hours=hours)


def state(said: World) -> str:
    return said.only("delivery").status


def delivery_row(said: World) -> dict[str, object]:
    (row,) = rows(said, "shipment_deliveries")
    return row


@pytest.mark.parametrize(
    "path",
    [
        "CREATED",
        "CREATED IN_TRANSIT",
        "CREATED IN_TRANSIT DELIVERED",
        "CREATED DELIVERED",
        "IN_TRANSIT PARTIAL",
        "IN_TRANSIT PARTIAL DELIVERED",
        "IN_TRANSIT FAILED",
        "IN_TRANSIT FAILED REATTEMPT",
        "IN_TRANSIT FAILED REATTEMPT DELIVERED",
        "IN_TRANSIT FAILED REATTEMPT FAILED RETURNED",
        "IN_TRANSIT FAILED DELIVERED",
        "IN_TRANSIT RETURNED",
    ],
)
def test_listed_transitions_are_followed(path: str) -> None:
    statuses = path.split()
    said = told(*(event(status, at) for at, status in enumerate(statuses, start=1)))
    assert state(said) == statuses[-1]
    assert "transition_refused" not in said.kinds


@pytest.mark.parametrize(
    ("path", "stays"),
    [
        ("IN_TRANSIT CREATED", "IN_TRANSIT"),
        ("FAILED IN_TRANSIT", "FAILED"),
        ("FAILED REATTEMPT IN_TRANSIT", "REATTEMPT"),
        ("DELIVERED CREATED", "DELIVERED"),
        ("DELIVERED DELIVERED", "DELIVERED"),
        ("PARTIAL IN_TRANSIT", "PARTIAL"),
        ("PARTIAL FAILED", "PARTIAL"),
        ("RETURNED IN_TRANSIT", "RETURNED"),
        ("RETURNED FAILED", "RETURNED"),
    ],
)
def test_harmless_news_change_nothing(path: str, stays: str) -> None:
    said = told(*(event(status, at) for at, status in enumerate(path.split(), start=1)))
    assert state(said) == stays
    assert "transition_refused" not in said.kinds


@pytest.mark.parametrize(
    ("path", "stays"),
    [
        ("DELIVERED IN_TRANSIT", "DELIVERED"),
        ("DELIVERED REATTEMPT", "DELIVERED"),
        ("DELIVERED FAILED", "DELIVERED"),
        ("DELIVERED PARTIAL", "DELIVERED"),
        ("DELIVERED RETURNED", "DELIVERED"),
        ("RETURNED PARTIAL", "RETURNED"),
    ],
)
def test_other_transitions_are_refused_with_a_finding(path: str, stays: str) -> None:
    before, news = path.split()
    said = told(event(before, 1), event(news, 5))
    assert state(said) == stays
    (found,) = said.findings.values()
    assert (found.kind, found.record, found.subject) == ("transition_refused", PARCEL, news)
    assert (found.expected, found.received) == (before, news)
    assert found.since == after(5)


def test_a_delivery_of_a_parcel_on_its_way_back_is_asked_about() -> None:
    said = told(event("RETURNED", 1), event("DELIVERED", 5))
    assert state(said) == "DELIVERED"
    assert said.kinds == ["delivered_after_return"]


def test_a_refused_transition_told_often_is_one_finding() -> None:
    said = told(event("DELIVERED", 1), event("IN_TRANSIT", 5), event("IN_TRANSIT", 6))
    (found,) = said.findings.values()
    assert len(found.facts) == 2


def test_an_older_event_overwrites_nothing() -> None:
    said = told(event("DELIVERED", 5), event("FAILED", 3), event("IN_TRANSIT", 1))
    assert state(said) == "DELIVERED"
    assert said.findings == {}


def test_a_scan_just_behind_the_delivery_is_two_clocks() -> None:
    said = told(event("DELIVERED", 5), event("IN_TRANSIT", 5.2))
    assert said.findings == {}


def test_another_system_that_hears_later_is_believed_to_be_late() -> None:
    said = told(event("DELIVERED", 5), event("IN_TRANSIT", 9, source="/wms/acme"))
    assert state(said) == "DELIVERED"
    assert said.findings == {}


def test_another_system_that_tells_a_failure_is_not() -> None:
    said = told(event("DELIVERED", 5), event("FAILED", 9, source="/wms/acme"))
    assert said.kinds == ["transition_refused"]


@pytest.mark.parametrize("last", ["DELIVERED", "REATTEMPT", "FAILED"])
def test_events_of_one_time_are_taken_by_progress(last: str) -> None:
    statuses = {
        "DELIVERED": ["CREATED", "IN_TRANSIT", "FAILED", "DELIVERED"],
        "REATTEMPT": ["IN_TRANSIT", "FAILED", "REATTEMPT"],
        "FAILED": ["CREATED", "IN_TRANSIT", "FAILED"],
    }[last]
    for mixed in permutations(statuses):
        said = told(*(event(status, 2) for status in mixed))
        assert state(said) == last
        assert "transition_refused" not in said.kinds


def test_out_for_delivery_behind_a_failure_is_another_attempt() -> None:
    said = told(event("FAILED", 2), event("IN_TRANSIT", 20, code="OutForDelivery"))
    assert state(said) == "REATTEMPT"
    assert said.findings == {}
    first = told(event("IN_TRANSIT", 1, code="OutForDelivery"))
    assert state(first) == "IN_TRANSIT"


def test_delivered_at_the_first_attempt_and_in_time() -> None:
    said = told(
        event("IN_TRANSIT", 1, estimated_delivery=after(10)),
        event("DELIVERED", 9, estimated_delivery=after(8)),
    )
    row = delivery_row(said)
    assert (row["attempts"], row["first_attempt"], row["on_time"]) == (1, 1, 1)
    assert said.only("delivery").state["promised_at"] == after(10).isoformat()
    assert said.only("delivery").state["delivered_at"] == after(9).isoformat()


def test_delivered_late_at_the_second_attempt() -> None:
    said = told(
        event("FAILED", 8, estimated_delivery=after(8)),
        event("REATTEMPT", 24),
        event("DELIVERED", 26),
    )
    row = delivery_row(said)
    assert (row["attempts"], row["first_attempt"], row["on_time"]) == (2, 0, 0)


def test_a_promised_day_lasts_until_its_end() -> None:
    promised = after(16)  # midnight
    assert delivery_row(told(event("DELIVERED", 39, estimated_delivery=promised)))["on_time"] == 1
    assert delivery_row(told(event("DELIVERED", 40, estimated_delivery=promised)))["on_time"] == 0


def test_nothing_is_measured_before_there_was_an_attempt() -> None:
    row = delivery_row(told(event("IN_TRANSIT", 1)))
    assert (row["attempts"], row["first_attempt"], row["on_time"]) == (0, None, None)


def test_one_failure_told_twice_or_by_two_systems_is_one_attempt() -> None:
    said = told(
        event("FAILED", 8),
        event("FAILED", 8.1, code="notice"),
        event("FAILED", 8.3, source="/wms/acme"),
        event("DELIVERED", 30),
    )
    assert delivery_row(said)["attempts"] == 2
    assert delivery_row(told(event("FAILED", 8), event("FAILED", 30)))["attempts"] == 2


def test_another_attempt_tells_of_the_failure_before_it() -> None:
    row = delivery_row(told(event("REATTEMPT", 20), event("DELIVERED", 22)))
    assert (row["attempts"], row["first_attempt"]) == (2, 0)


@pytest.mark.parametrize(
    ("reason", "owner"),
    [
        (ReasonClass.CUSTOMER_ISSUE, Owner.SALES),
        (ReasonClass.COMPANY_ISSUE, Owner.OPERATIONS),
        (ReasonClass.LOGISTICS_ISSUE, Owner.OPERATIONS),
        (None, Owner.OPERATIONS),
    ],
)
def test_a_failure_is_found_at_once_and_belongs_to_whose_doing_it_is(
    reason: ReasonClass | None, owner: Owner
) -> None:
    said = told(event("IN_TRANSIT", 1), event("FAILED", 2, reason=reason))
    (found,) = said.findings.values()
    assert (found.kind, found.record, found.owner) == ("delivery_failed", PARCEL, owner)
    assert found.involved == (SHIPMENT,)
    assert found.within == timedelta(days=2)


@pytest.mark.parametrize("later", ["REATTEMPT", "DELIVERED", "RETURNED"])
def test_a_failure_ends_by_what_comes_after_it(later: str) -> None:
    said = told(event("FAILED", 2), event(later, 20))
    assert said.findings == {}


def test_a_return_has_the_reason_of_the_failure_before_it() -> None:
    said = told(event("FAILED", 2, reason=ReasonClass.CUSTOMER_ISSUE), event("RETURNED", 20))
    assert said.only("delivery").state["reason_class"] == "CUSTOMER_ISSUE"


def test_a_voided_label_of_a_reversed_shipment_is_no_failure() -> None:
    said = told(reversed_(), event("FAILED", 2, terminal=True))
    assert said.findings == {}


def test_a_parcel_nobody_knows_waits_for_its_shipment() -> None:
    said = world(event("IN_TRANSIT", 1), event("FAILED", 2))
    assert said.only("delivery").status == "FAILED"
    assert {(one.kind, one.awaits) for one in said.parked} == {
        ("unknown_shipment", "tracking:1z001")
    }
    assert said.findings == {}


def test_a_waiting_parcel_is_released_by_a_shipment_with_its_number() -> None:
    said = world(event("IN_TRANSIT", 1), order(), shipped(tracking=["1z001"]))
    assert said.parked == []
    assert said.only("delivery").state["shipments"] == [SHIPMENT]
    assert said.only("delivery").state["order"] == "order/shopify/acme/4507"
    assert said.only("shipment").status == "IN_TRANSIT"


def test_a_parcel_is_met_by_the_shipment_its_events_name() -> None:
    said = world(order(), shipped(), event("IN_TRANSIT", 1, shipment_id="S-1"))
    assert said.parked == []
    assert said.only("shipment").state["delivery"] == "IN_TRANSIT"


def test_a_parcel_is_met_by_the_order_where_no_number_says_more() -> None:
    said = world(order(), shipped(), event("DELIVERED", 1, order_id="4507"))
    assert said.only("delivery").state["shipments"] == [SHIPMENT]
    numbered = world(order(), shipped(tracking=["1Z002"]), event("DELIVERED", 1, order_id="4507"))
    assert [one.kind for one in numbered.parked] == ["unknown_shipment"]


def test_a_parcel_on_its_way_back_is_known_by_its_return() -> None:
    back = asked_back(references=names(tracking_number="1Z001"))
    said = world(order(), shipped(), back, event("IN_TRANSIT", 1))
    assert said.parked == []
    assert said.only("delivery").state["coming_back"] is True
    assert said.only("shipment").status == "SHIPPED"


def test_events_under_the_shipments_own_id_are_of_its_only_parcel() -> None:
    said = world(
        order(),
        shipped(tracking=["1Z001"], system="shopify", shipment_id="99"),
        event("IN_TRANSIT", 1),
        event(
            "DELIVERED",
            5,
            tracking="99",
            carrier="shopify",
            source="/shopify/acme",
            shipment_id="99",
        ),
    )
    assert said.only("delivery").key == PARCEL
    assert state(said) == "DELIVERED"


def test_one_parcel_has_one_delivery_whatever_the_carrier_is_called() -> None:
    said = told(event("IN_TRANSIT", 1), event("DELIVERED", 5, carrier="UPSDAP", source="/wms/acme"))
    assert said.only("delivery").key == PARCEL
    assert state(said) == "DELIVERED"


def test_two_carriers_with_one_number_are_two_deliveries() -> None:
    said = world(
        order("1"),
        order("2"),
        shipped(shipment_id="S-1", order_id="1", tracking=["700100"], carrier="Alpha"),
        shipped(shipment_id="S-2", order_id="2", tracking=["700100"], carrier="Beta"),
        event("DELIVERED", 3, tracking="700100", carrier="alpha"),
        event("FAILED", 4, tracking="700100", carrier="beta"),
    )
    found = {one.key: one.status for one in said.of("delivery")}
    assert found == {"delivery/alpha/700100": "DELIVERED", "delivery/beta/700100": "FAILED"}
    assert said.kinds == ["delivery_failed"]


def test_what_people_write_for_want_of_a_number_joins_nothing() -> None:
    said = world(
        order("1"),
        shipped(shipment_id="S-1", order_id="1", tracking=["N/A"]),
        event("DELIVERED", 3, tracking="n/a"),
    )
    assert [one.kind for one in said.parked] == ["unknown_shipment"]
    assert said.only("shipment").status == "SHIPPED"


def test_a_shipment_that_does_not_arrive_is_overdue() -> None:
    week = 7 * 24
    early = world(order(), shipped(tracking=["1Z001"]), hours=week - 1)
    assert early.findings == {}
    assert early.wake_at == after(week)
    late = world(order(), shipped(tracking=["1Z001"]), event("IN_TRANSIT", 5), hours=week)
    (found,) = late.findings.values()
    assert (found.kind, found.record, found.owner) == (
        "delivery_overdue",
        SHIPMENT,
        Owner.OPERATIONS,
    )
    assert late.wake_at is None


@pytest.mark.parametrize("end", ["DELIVERED", "RETURNED"])
def test_what_ended_is_not_overdue(end: str) -> None:
    assert told(event(end, 5), hours=1000).findings == {}


def test_another_attempt_gets_new_time() -> None:
    said = told(event("FAILED", 160), event("REATTEMPT", 166), hours=200)
    assert said.findings == {}
    assert said.wake_at == after(166 + 7 * 24)


def test_no_carrier_is_waited_for_without_a_number() -> None:
    assert world(order(), shipped(), hours=1000).findings == {}
    assert world(order(), shipped(tracking=["1Z001"]), reversed_(), hours=1000).findings == {}
