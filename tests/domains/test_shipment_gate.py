"""The invoice gate: what of a shipment may be invoiced, by its parcels."""

from __future__ import annotations

import pytest

from canonical.chain import Gate
from canonical.errors import Malformed
from canonical.shipment import ReasonClass
from domains.contract import Decision
from domains.shipment import DOMAIN
from tests.domains.shipment_facts import (
    SHIPMENT,
    after,
    allowed,
    event,
    gate,
    line,
    order,
    reversed_,
    shipped,
    world,
)

SHOP = "shipment/shopify/acme/99"


@pytest.mark.parametrize(
    ("status", "expected", "pieces"),
    [
        (None, Gate.PENDING, "0"),
        ("CREATED", Gate.PENDING, "0"),
        ("IN_TRANSIT", Gate.PENDING, "0"),
        ("REATTEMPT", Gate.PENDING, "0"),
        ("DELIVERED", Gate.ALLOWED, "5"),
        ("PARTIAL", Gate.PARTIAL, "0"),
        ("FAILED", Gate.BLOCKED, "0"),
        ("RETURNED", Gate.BLOCKED, "0"),
    ],
)
def test_the_gate_by_the_state_of_the_only_parcel(
    status: str | None, expected: Gate, pieces: str
) -> None:
    events = [event(status)] if status else []
    said = world(order(), shipped(tracking=["1Z001"]), *events)
    assert gate(said).gate is expected
    assert gate(said).delivery == status
    assert allowed(said) == {"1": pieces}


def test_goods_no_carrier_tells_of_are_allowed_when_they_leave() -> None:
    said = world(order(), shipped())
    assert (gate(said).gate, gate(said).delivery) == (Gate.ALLOWED, None)
    assert allowed(said) == {"1": "5"}
    assert gate(said).order_id == "4507"


def test_a_blocked_gate_tells_whose_doing_it_is() -> None:
    failed = event("FAILED", reason=ReasonClass.CUSTOMER_ISSUE)
    said = world(order(), shipped(tracking=["1Z001"]), failed)
    assert gate(said).reason_class is ReasonClass.CUSTOMER_ISSUE


def test_a_reversal_closes_an_open_gate() -> None:
    said = world(order(), shipped(tracking=["1Z001"]), event("DELIVERED"), reversed_(at=5))
    assert (gate(said).gate, gate(said).reversed) == (Gate.BLOCKED, True)


def test_a_reversed_line_is_not_allowed() -> None:
    said = world(order(), shipped(line("1")), shipped(line("2")), reversed_(line("1", "5")))
    assert gate(said).gate is Gate.ALLOWED
    assert allowed(said) == {"1": "0", "2": "5"}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("DELIVERED", "DELIVERED", "DELIVERED"),
        ("DELIVERED", "FAILED", "PARTIAL"),
        ("DELIVERED", "RETURNED", "PARTIAL"),
        ("DELIVERED", "IN_TRANSIT", "IN_TRANSIT"),
        ("DELIVERED", None, "IN_TRANSIT"),
        ("FAILED", "RETURNED", "FAILED"),
        ("FAILED", "IN_TRANSIT", "FAILED"),
        ("RETURNED", "RETURNED", "RETURNED"),
        ("RETURNED", "IN_TRANSIT", "IN_TRANSIT"),
        ("REATTEMPT", "IN_TRANSIT", "REATTEMPT"),
        ("CREATED", None, "CREATED"),
        ("PARTIAL", "DELIVERED", "PARTIAL"),
    ],
)
def test_several_parcels_are_one_delivery(first: str, second: str | None, expected: str) -> None:
    events = [event(first)] + ([event(second, tracking="1Z002")] if second else [])
    said = world(order(), shipped(tracking=["1Z001", "1Z002"]), *events)
    assert gate(said).delivery == expected


def test_the_lines_of_delivered_parcels_are_allowed() -> None:
    said = world(
        order(),
        shipped(line("1"), tracking=["1Z001"]),
        shipped(line("2"), tracking=["1Z002"]),
        event("DELIVERED"),
        event("RETURNED", tracking="1Z002"),
    )
    assert gate(said).gate is Gate.PARTIAL
    assert allowed(said) == {"1": "5", "2": "0"}
    assert said.findings == {}


def test_the_delivered_part_of_a_line_is_allowed() -> None:
    said = world(
        order(),
        shipped(line("1", "3"), tracking=["1Z001"]),
        shipped(line("1", "2"), tracking=["1Z002"]),
        event("DELIVERED"),
        event("FAILED", tracking="1Z002"),
    )
    assert allowed(said) == {"1": "3"}


def test_what_arrived_of_a_line_in_two_parcels_is_asked_and_answered() -> None:
    facts = [
        order(),
        shipped(tracking=["1Z001", "1Z002"]),
        event("DELIVERED"),
        event("RETURNED", tracking="1Z002"),
    ]
    said = world(*facts)
    assert allowed(said) == {"1": "0"}
    (found,) = said.findings.values()
    assert (found.kind, found.record, found.received) == ("partial_delivery", SHIPMENT, "lines 1")

    answer = Decision(
        id="d1",
        at=after(6),
        by="kim",
        action="confirm_arrived",
        record=SHIPMENT,
        values={"lines": {"1": "3"}},
    )
    settled = world(*facts, decisions=[answer])
    assert allowed(settled) == {"1": "3"}
    assert settled.findings == {}


@pytest.mark.parametrize(
    "values", [{}, {"lines": {}}, {"lines": {"1": 3}}, {"lines": {"1": "-1"}}, {"lines": "1"}]
)
def test_an_answer_without_exact_pieces_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        DOMAIN.actions["confirm_arrived"](values)


def test_the_whole_shipments_state_holds_where_no_parcel_is_told_of() -> None:
    whole = event(
        "DELIVERED", tracking="99", carrier="shopify", source="/shopify/acme", shipment_id="99"
    )
    shop = shipped(system="shopify", shipment_id="99", tracking=["1Z001", "1Z002"])
    assert gate(world(order(), shop, whole), SHOP).gate is Gate.ALLOWED
    other = event("IN_TRANSIT", 1)
    assert gate(world(order(), shop, whole, other), SHOP).gate is Gate.PENDING


def test_one_parcel_with_two_shipments_decides_for_both() -> None:
    said = world(
        order("1"),
        order("2"),
        shipped(shipment_id="S-1", order_id="1", tracking=["1Z001"]),
        shipped(shipment_id="S-2", order_id="2", tracking=["1Z001"]),
        event("DELIVERED"),
    )
    assert len(said.of("delivery")) == 1
    assert gate(said, "shipment/wms/acme/S-1").gate is Gate.ALLOWED
    assert gate(said, "shipment/wms/acme/S-2").gate is Gate.ALLOWED


def test_goods_told_by_shop_and_warehouse_are_invoiced_once() -> None:
    said = world(
        order(),
        shipped(line("1"), at=0, tracking=["1Z001"]),
        shipped(line("A"), at=1, tracking=["1Z001"], system="shopify", shipment_id="99"),
        event("DELIVERED"),
    )
    assert len(said.of("shipment")) == 2
    assert said.records[SHOP].state["same_goods"] == [SHIPMENT]
    assert said.records[SHIPMENT].state["same_goods"] == [SHOP]
    assert (gate(said).gate, allowed(said)) == (Gate.ALLOWED, {"1": "5"})
    assert (gate(said, SHOP).gate, allowed(said, SHOP)) == (Gate.BLOCKED, {"A": "0"})
    assert said.records[SHOP].state["invoiced_as"] == SHIPMENT
    assert said.findings == {}


def test_the_report_of_more_parcels_is_invoiced() -> None:
    said = world(
        order(),
        shipped(line("1", "2"), at=0, tracking=["1Z001"]),
        shipped(at=1, tracking=["1Z001", "1Z002"], system="shopify", shipment_id="99"),
    )
    assert said.records[SHIPMENT].state["invoiced_as"] == SHOP
    assert said.findings == {}


def test_reports_with_different_quantities_are_found() -> None:
    said = world(
        order(),
        shipped(line("1", "5"), at=0, tracking=["1Z001"]),
        shipped(line("1", "4"), at=1, tracking=["1Z001"], system="shopify", shipment_id="99"),
    )
    (found,) = said.findings.values()
    assert (found.kind, found.record) == ("shipment_reports_differ", SHIPMENT)
    assert (found.expected, found.received, found.balance) == ("5 EA", "4 EA", "-1 EA")
    assert found.involved == (SHOP,)


def test_two_shipments_of_one_system_in_one_parcel_are_not_the_same_goods() -> None:
    said = world(
        order(),
        shipped(line("1"), tracking=["1Z001"]),
        shipped(line("2"), shipment_id="S-2", tracking=["1Z001"]),
        event("DELIVERED"),
    )
    assert said.records[SHIPMENT].state["same_goods"] == []
    assert allowed(said, "shipment/wms/acme/S-2") == {"2": "5"}
