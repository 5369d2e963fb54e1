"""Whatever is told, in whatever order and however often: one end, and no quantity out of bounds."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from canonical.chain import Gate, InvoiceGateDecided
from canonical.order import OrderPlaced
from canonical.shipment import DeliveryStatus, DeliveryStatusChanged, ReasonClass
from domains.contract import Fact
from domains.shipment.transitions import Event, course_of
from tests.domains.building import World
from tests.domains.shipment_facts import (
    PARCEL,
    after,
    asked_back,
    came_back,
    event,
    line,
    order,
    reversed_,
    rows,
    shipped,
    world,
)

HOURS = st.sampled_from([0, 1, 1, 2, 3, 5, 30])
"""Few, so that many facts share one time."""
TRACKING = st.sampled_from(["1Z001", "1Z002", "S-1"])
LINES = st.builds(
    line,
    st.sampled_from(["1", "2"]),
    st.sampled_from(["0", "1", "2", "5", "-1"]),
    sku=st.sampled_from(["SKU-1", "SKU-2", None]),
)
SHIPMENTS = st.sampled_from(["S-1", "S-2"])
SYSTEMS = st.sampled_from(["wms", "shopify"])

CONFIRMATIONS = st.builds(
    shipped,
    LINES,
    at=HOURS,
    tracking=st.lists(TRACKING, max_size=2),
    system=SYSTEMS,
    shipment_id=SHIPMENTS,
    order_id=st.sampled_from(["4507", "4508", "9"]),
    carrier=st.sampled_from([None, "UPS", "Beta"]),
)
REVERSALS = st.builds(reversed_, st.none() | LINES, at=HOURS, shipment_id=SHIPMENTS, system=SYSTEMS)
EVENTS = st.builds(
    event,
    st.sampled_from([one.value for one in DeliveryStatus]),
    HOURS,
    tracking=TRACKING,
    carrier=st.sampled_from(["UPS", "beta"]),
    source=st.sampled_from(["/easypost/acme", "/wms/acme"]),
    reason=st.none() | st.sampled_from(list(ReasonClass)),
    shipment_id=st.none() | SHIPMENTS,
    order_id=st.none() | st.just("4507"),
    estimated_delivery=st.none() | HOURS.map(after),
)
RETURNS = st.builds(asked_back, st.sampled_from(["1", "6"]), at=HOURS) | st.builds(
    came_back, st.sampled_from(["0", "1", "6"]), at=HOURS, system=SYSTEMS
)
ORDERS = st.sampled_from(
    [order(), order("4508"), order("4508", channel="woocommerce", account="b")]
)
FACTS = st.lists(
    st.one_of(ORDERS, CONFIRMATIONS, CONFIRMATIONS, REVERSALS, EVENTS, EVENTS, RETURNS),
    min_size=1,
    max_size=14,
)


def told_otherwise(facts: list[Fact], luck: Random) -> list[Fact]:
    """The same facts in another order, some of them again, all at other times of arrival."""
    again = [*facts, *luck.choices(facts, k=luck.randint(0, len(facts)))]
    luck.shuffle(again)
    return [
        Fact(
            **{name: getattr(one, name) for name in Fact.__slots__ if name != "arrived_at"},
            arrived_at=one.arrived_at + timedelta(minutes=luck.randint(0, 5000)),
        )
        for one in again
    ]


@settings(max_examples=200, deadline=None)
@given(facts=FACTS, luck=st.randoms(use_true_random=False), hours=st.sampled_from([3, 60, 500]))
def test_the_order_and_number_of_deliveries_have_no_part_in_the_end(
    facts: list[Fact], luck: Random, hours: float
) -> None:
    once = world(*facts, hours=hours)
    again = world(*told_otherwise(facts, luck), hours=hours)
    assert again.records == once.records
    assert again.findings == once.findings
    assert again.announcements == once.announcements
    assert {(one.fact, one.kind) for one in again.parked} == {
        (one.fact, one.kind) for one in once.parked
    }
    assert again.wake_at == once.wake_at


@settings(max_examples=200, deadline=None)
@given(facts=FACTS)
def test_quantities_keep_their_bounds(facts: list[Fact]) -> None:
    said = world(*facts)
    for row in rows(said, "shipment_lines"):
        left = Decimal(row["shipped"]) - Decimal(row["reversed"])
        assert left >= 0
        assert 0 <= Decimal(row["allowed"]) <= left
    for one in said.announcements.values():
        assert isinstance(one.data, InvoiceGateDecided)
        open_ = any(line.allowed.value for line in one.data.lines)
        assert not open_ or one.data.gate in (Gate.ALLOWED, Gate.PARTIAL)
        assert not (one.data.reversed and one.data.gate is not Gate.BLOCKED)


@settings(max_examples=200, deadline=None)
@given(facts=FACTS)
def test_no_fact_is_lost(facts: list[Fact]) -> None:
    said = world(*facts)
    kept = {one for record in said.records.values() for one in record.facts}
    assert kept == {one.id for one in facts if not isinstance(one.data, OrderPlaced)}
    gates = {subject for _, subject in said.announcements}
    assert gates == {one.key for one in said.of("shipment")}


@settings(max_examples=200, deadline=None)
@given(facts=FACTS, hours=st.sampled_from([3, 60, 500]))
def test_what_time_changes_is_looked_at_when_it_changes(facts: list[Fact], hours: float) -> None:
    said = world(*facts, hours=hours)
    assert said.wake_at is None or said.wake_at > after(hours)
    until = min(after(2000), said.wake_at or after(2000)) - timedelta(seconds=1)
    later = world(*facts, hours=(until - after(0)) / timedelta(hours=1))
    assert changes(later) == changes(said)


def changes(said: World) -> object:
    """All that time may change, without the time itself."""
    return (said.records, said.findings, said.announcements, said.wake_at)


@settings(max_examples=200, deadline=None)
@given(
    older=st.lists(
        st.builds(
            event,
            st.sampled_from([one.value for one in DeliveryStatus]),
            st.sampled_from([0, 1, 2, 3]),
            source=st.sampled_from(["/easypost/acme", "/wms/acme"]),
        ),
        max_size=8,
    ),
    first=st.sampled_from([3, 4]),
)
def test_older_events_never_change_a_delivery(older: list[Fact], first: int) -> None:
    delivered = event("DELIVERED", first)
    known = [order(), shipped(tracking=["1Z001"]), delivered]
    older = [one for one in older if one.occurred_at < after(first)]
    said = world(*known, *older)
    assert said.records[PARCEL].status == "DELIVERED"
    (announced,) = said.announcements.values()
    assert isinstance(announced.data, InvoiceGateDecided)
    assert announced.data.gate is Gate.ALLOWED


@settings(max_examples=200, deadline=None)
@given(facts=st.lists(EVENTS, min_size=1, max_size=8), luck=st.randoms(use_true_random=False))
def test_a_course_does_not_depend_on_how_its_events_lie(facts: list[Fact], luck: Random) -> None:
    events = [
        Event(fact=one, data=one.data)
        for one in facts
        if isinstance(one.data, DeliveryStatusChanged)
    ]
    mixed = luck.sample(events, k=len(events))
    assert course_of(mixed) == course_of(events)
