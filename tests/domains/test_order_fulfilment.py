"""What ships of an order: by line, by system, on hold, too much, back again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from canonical.order import OrderLineResponse
from canonical.shipment import DeliveryStatus, ShipmentLine, StockAllocated, StockAllocation
from canonical.values import Identifier
from domains.contract import Fact
from domains.order import DOMAIN
from tests.domains.building import DAY, World, derive_all, fact
from tests.domains.order_facts import (
    HOUR,
    LINES,
    ORDER,
    came_back,
    confirmed,
    delivered,
    eur,
    held,
    line,
    pieces,
    placed,
    rejected,
    return_requested,
    shipped,
    unshipped,
)

ALL = (shipped(DAY + HOUR, "L1", "5"), shipped(DAY + HOUR, "L2", "2"))


def _dimension(name: str, *facts: Fact) -> str:
    return str(derive_all(DOMAIN, facts).records[ORDER].state["dimensions"][name])


def _line(world: World, line_id: str) -> dict[str, Any]:
    rows = {row["line_id"]: dict(row) for row in world.records[ORDER].rows["order_lines"]}
    return rows[line_id]


def _state_of_line(world: World, line_id: str) -> dict[str, Any]:
    lines = {one["line_id"]: one for one in world.records[ORDER].state["lines"]}
    return dict(lines[line_id])


def test_partial_then_whole_then_delivered() -> None:
    assert _dimension("fulfilment", placed()) == "NONE"
    assert _dimension("fulfilment", placed(), ALL[0]) == "PARTIAL"
    assert _dimension("fulfilment", placed(), *ALL) == "SHIPPED"
    assert _dimension("fulfilment", placed(), *ALL, delivered(DAY + 5 * HOUR)) == "DELIVERED"


def test_one_of_two_parcels_delivered_is_not_delivered() -> None:
    two = shipped(DAY + HOUR, "L2", "2", "SH-2")
    facts = [placed(), ALL[0], two, delivered(DAY + 5 * HOUR)]
    assert _dimension("fulfilment", *facts) == "SHIPPED"
    assert _dimension("fulfilment", *facts, delivered(DAY + 9 * HOUR, "SH-2")) == "DELIVERED"


def test_an_older_carrier_event_does_not_take_a_delivery_back() -> None:
    late = delivered(DAY + 9 * HOUR, status=DeliveryStatus.IN_TRANSIT)
    facts = [placed(), *ALL, delivered(DAY + 5 * HOUR), late]
    assert _dimension("fulfilment", *facts) == "DELIVERED"


def test_a_reversal_opens_the_line_again() -> None:
    world = derive_all(DOMAIN, [placed(), *ALL, unshipped(DAY + 2 * HOUR, "L1", "5")])
    row = _line(world, "L1")
    assert (row["shipped"], row["reversed"], row["open"]) == ("5", "5", "5")
    assert world.only("order").status == "PARTIALLY_SHIPPED"


def test_a_reversal_without_lines_takes_the_whole_shipment_back() -> None:
    back = unshipped(DAY + 2 * HOUR, "L1", "5", line=None)
    assert _dimension("fulfilment", placed(), *ALL, back) == "NONE"


def test_a_confirmation_told_again_with_another_quantity_replaces_the_first() -> None:
    facts = [placed(), shipped(DAY + HOUR, "L1", "5"), shipped(DAY + 2 * HOUR, "L1", "4")]
    assert _line(derive_all(DOMAIN, facts), "L1")["shipped"] == "4"


def test_two_parcels_of_a_shipment_with_one_line_both_count() -> None:
    facts = [
        placed(),
        shipped(DAY + HOUR, "L1", "2", tracking_numbers=("TRK-A",)),
        shipped(DAY + HOUR, "L1", "3", tracking_numbers=("TRK-B",)),
    ]
    assert _line(derive_all(DOMAIN, facts), "L1")["shipped"] == "5"


def test_goods_reported_by_shop_and_warehouse_count_once() -> None:
    facts = [placed(), *ALL, shipped(DAY + 2 * HOUR, "L1", "3", "W-1", "shipbob")]
    world = derive_all(DOMAIN, facts)
    told = _state_of_line(world, "L1")
    assert (told["shipped"], told["reported_by"]) == ("5", "shopify/acme")
    assert told["also_reported"] == {"shipbob/acme": "3"}
    assert world.kinds == []


def test_of_two_equal_reports_the_one_that_knows_of_the_reversal_counts() -> None:
    facts = [
        placed(),
        shipped(DAY + HOUR, "L1", "5"),
        shipped(DAY + HOUR, "L1", "5", "W-1", "zwms"),
        unshipped(DAY + 2 * HOUR, "L1", "5", "W-1", "zwms"),
    ]
    assert _state_of_line(derive_all(DOMAIN, facts), "L1")["open"] == "5"


def test_more_than_ordered() -> None:
    world = derive_all(DOMAIN, [placed(), shipped(DAY + HOUR, "L1", "6")])
    finding = world.findings[f"over_shipped/{ORDER}#L1"]
    assert (finding.expected, finding.received, finding.balance) == ("5 EA", "6 EA", "1 EA")


def test_a_line_the_order_does_not_have() -> None:
    world = derive_all(DOMAIN, [placed(), shipped(DAY + HOUR, "L9", "1")])
    assert world.kinds == ["unknown_order_line"]
    assert world.only("order").status == "PARTIALLY_SHIPPED"  # goods have left all the same


def test_a_line_is_found_by_its_sku_or_product_number() -> None:
    gtin = Identifier(scheme="gtin", value="04006381333931")
    lines = (line("1", "5", "MUG"), LINES[1].model_copy(update={"product": (gtin,)}))
    by_sku = ShipmentLine(line_id="w1", sku="mug", shipped=pieces("5"))
    x12 = Identifier(scheme="x12:UK", value="04006381333931")
    by_product = ShipmentLine(line_id="w2", product=(x12,), shipped=pieces("2", "PC"))
    facts = [
        placed(lines=lines),
        shipped(DAY + HOUR, "", "1", line=by_sku),
        shipped(DAY + HOUR, "", "1", line=by_product),
    ]
    assert _dimension("fulfilment", *facts) == "SHIPPED"


def test_leading_zeros_of_line_numbers_say_nothing() -> None:
    ten = ShipmentLine(line_id="1", order_line_id="000010", shipped=pieces("5"))
    facts = [placed(lines=(line("10", "5"),)), shipped(DAY + HOUR, "", "1", line=ten)]
    assert _dimension("fulfilment", *facts) == "SHIPPED"


def test_lines_of_one_product_are_filled_in_turn() -> None:
    lines = (line("A", "2", "MUG"), line("B", "3", "MUG"))
    goods = ShipmentLine(line_id="w1", sku="MUG", shipped=pieces("4"))
    world = derive_all(DOMAIN, [placed(lines=lines), shipped(DAY + HOUR, "", "1", line=goods)])
    assert [_line(world, name)["shipped"] for name in ("A", "B")] == ["2", "2"]


def test_another_unit_is_not_counted() -> None:
    cases = ShipmentLine(line_id="L1", order_line_id="L1", shipped=pieces("1", "CA"))
    world = derive_all(DOMAIN, [placed(), shipped(DAY + HOUR, "", "1", line=cases)])
    assert (world.kinds, _line(world, "L1")["shipped"]) == (["unit_differs"], "0")


@pytest.mark.parametrize("quantity", ["0", "-2"])
def test_a_shipped_quantity_that_is_not_above_zero_is_left_out(quantity: str) -> None:
    world = derive_all(DOMAIN, [placed(), shipped(DAY + HOUR, "L1", quantity)])
    assert (world.kinds, world.only("order").status) == (["bad_quantity"], "PLACED")


def test_nothing_shipped_of_so_many_is_a_back_order() -> None:
    none = ShipmentLine(
        line_id="L1", order_line_id="L1", shipped=pieces("0"), back_ordered=pieces("5")
    )
    world = derive_all(DOMAIN, [placed(), shipped(DAY + HOUR, "", "1", line=none)])
    assert (world.kinds, _line(world, "L1")["back_ordered"]) == ([], "5")


def test_a_back_order_ends_when_it_has_shipped() -> None:
    part = ShipmentLine(
        line_id="L1", order_line_id="L1", shipped=pieces("2"), back_ordered=pieces("3")
    )
    rest = shipped(DAY + 5 * HOUR, "L1", "3", "SH-2")
    world = derive_all(DOMAIN, [placed(), shipped(DAY + HOUR, "", "1", line=part), rest])
    assert (_line(world, "L1")["back_ordered"], _line(world, "L1")["shipped"]) == ("0", "5")


def test_a_shipment_without_lines_is_partial_and_no_more() -> None:
    assert _dimension("fulfilment", placed(), shipped(DAY + HOUR, "", "1", line=None)) == "PARTIAL"


def _allocated(quantity: str, back: str | None = None, at: timedelta = HOUR) -> Fact:
    lines = tuple(
        StockAllocation(
            line_id=one.line_id,
            allocated=pieces(quantity) if one.line_id == "L1" else one.quantity,
            back_ordered=pieces(back) if back and one.line_id == "L1" else None,
        )
        for one in LINES
    )
    data = StockAllocated(
        order_id="1042",
        source_system="mapping",
        account="erp",
        allocated_at=DAY + at,
        lines=lines,
    )
    return fact(data, at=DAY + at, source="/mapping/erp")


def test_stock_is_reserved_in_part_and_then_wholly() -> None:
    assert _dimension("allocation", placed(), _allocated("3", "2")) == "PARTIAL"
    both = (_allocated("3", "2"), _allocated("5", at=2 * HOUR))
    assert _dimension("allocation", placed(), *both) == "ALLOCATED"
    assert _line(derive_all(DOMAIN, [placed(), both[0]]), "L1")["back_ordered"] == "2"


def test_shipping_while_on_hold_is_found_and_stays_found() -> None:
    facts = [placed(), held(DAY + HOUR), shipped(DAY + 2 * HOUR, "L1", "5")]
    assert derive_all(DOMAIN, facts).kinds == ["shipped_on_hold"]
    released = [*facts, held(DAY + 3 * HOUR, released=True)]
    world = derive_all(DOMAIN, released)
    assert world.kinds == ["shipped_on_hold"]
    assert world.only("order").state["dimensions"]["credit"] == "RELEASED"


def test_shipping_after_the_release_is_right() -> None:
    release = held(DAY + 2 * HOUR, released=True)
    facts = [placed(), held(DAY + HOUR), release, shipped(DAY + 3 * HOUR, "L1", "5")]
    assert derive_all(DOMAIN, facts).kinds == []


def test_holds_are_released_one_by_one() -> None:
    release = held(DAY + 2 * HOUR, released=True)
    fraud = held(DAY + HOUR, hold="FRAUD")
    assert _dimension("credit", placed(), held(DAY + HOUR), fraud, release) == "HELD"
    assert _dimension("credit", placed()) == "CLEAR"


def test_a_warehouse_that_ships_what_it_held_has_released_it() -> None:
    hold = held(DAY + HOUR, source="/shipbob/acme", hold="OnHold", response_id="W-1")
    gone = shipped(DAY + 2 * HOUR, "L1", "5", "W-1", "shipbob")
    world = derive_all(DOMAIN, [placed(), hold, gone])
    assert world.kinds == []
    assert world.only("order").state["dimensions"]["credit"] == "RELEASED"


def test_a_system_that_confirms_what_it_held_has_released_it() -> None:
    hold = held(DAY + HOUR, source="/x12/erp")
    assert _dimension("credit", placed(), hold, confirmed(DAY + 2 * HOUR)) == "RELEASED"
    assert _dimension("credit", placed(), hold, confirmed(DAY)) == "HELD"


def test_approval_follows_the_newest_answer() -> None:
    changes = confirmed(DAY + 2 * HOUR, with_changes=True, response_id="R-2")
    assert _dimension("approval", placed(), confirmed(DAY + HOUR)) == "CONFIRMED"
    assert (
        _dimension("approval", placed(), confirmed(DAY + HOUR), changes) == "CONFIRMED_WITH_CHANGES"
    )
    assert _dimension("approval", placed(), confirmed(DAY), rejected(DAY)) == "REJECTED"


def test_a_rejected_order_that_ships_is_found() -> None:
    facts = [placed(), rejected(DAY + HOUR), shipped(DAY + 2 * HOUR, "L1", "5")]
    assert derive_all(DOMAIN, facts).kinds == ["rejected_but_shipped"]


def test_a_confirmation_at_another_price_is_for_sales() -> None:
    answer = OrderLineResponse(line_id="L1", response="IP", unit_price=eur("11.00"))
    world = derive_all(DOMAIN, [placed(), confirmed(DAY + HOUR, answer)])
    (finding,) = world.findings.values()
    assert (finding.kind, finding.owner, finding.balance) == ("price_differs", "sales", "1.00 EUR")


def test_a_confirmation_of_an_unknown_order_waits_for_it() -> None:
    answers = [confirmed(DAY), held(DAY), rejected(DAY), return_requested(DAY)]
    world = derive_all(DOMAIN, answers)
    assert {(one.kind, one.awaits) for one in world.parked} == {
        ("unknown_order", "order:1042"),
        ("unknown_order", "order:4507"),
    }
    assert not world.records
    assert derive_all(DOMAIN, [*answers, placed()]).parked == []


def test_shipments_of_unknown_orders_are_another_domains() -> None:
    world = derive_all(DOMAIN, [*ALL, delivered(DAY + HOUR)])
    assert (world.records, world.parked, world.kinds) == ({}, [], [])


def test_goods_that_came_back_whole_or_in_part() -> None:
    part = [placed(), *ALL, came_back(DAY + 9 * HOUR, "L1", "2")]
    assert _line(derive_all(DOMAIN, part), "L1")["returned"] == "2"
    assert _dimension("fulfilment", *part) == "SHIPPED"
    rest = [came_back(DAY + 10 * HOUR, "L1", "5"), came_back(DAY + 10 * HOUR, "L2", "2")]
    assert _dimension("fulfilment", *part, *rest) == "RETURNED"


def test_a_return_two_systems_report_counts_once() -> None:
    facts = [placed(), *ALL, came_back(DAY + 9 * HOUR, "L1", "2")]
    facts.append(came_back(DAY + 9 * HOUR, "L1", "2", "shipbob"))
    assert _line(derive_all(DOMAIN, facts), "L1")["returned"] == "2"


def test_a_return_that_does_not_come_is_found_after_a_while() -> None:
    facts = [placed(), *ALL, return_requested(DAY + HOUR)]
    due = DAY + HOUR + timedelta(days=14)
    world = derive_all(DOMAIN, facts)
    assert (world.kinds, world.wake_at) == ([], due)
    assert derive_all(DOMAIN, facts, now=due).kinds == ["return_not_received"]
    assert derive_all(DOMAIN, [*facts, came_back(DAY + 9 * HOUR, "L1", "1")], now=due).kinds == []
    declined = return_requested(DAY + 2 * HOUR, status="declined")
    assert derive_all(DOMAIN, [*facts, declined], now=due).kinds == []


def test_a_parcel_of_two_orders_is_delivered_for_both() -> None:
    one = placed(lines=LINES[:1])
    two = placed(order_id="4508", order_number="#1043", lines=LINES[:1])
    together = [
        shipped(DAY + HOUR, "L1", "5", "SH-1", tracking_numbers=("TRK-SH-1",)),
        shipped(DAY + HOUR, "L1", "5", "SH-9", tracking_numbers=("TRK-SH-1",), order_id="4508"),
    ]
    world = derive_all(DOMAIN, [one, two, *together, delivered(DAY + 5 * HOUR)])
    assert {one.status for one in world.of("order")} == {"DELIVERED"}
    assert world.kinds == []


def test_where_a_line_number_and_a_sku_disagree_the_sku_decides() -> None:
    lines = (line("1", "5", "MUG"), line("2", "2", "HAT"))
    goods = ShipmentLine(line_id="1", order_line_id="1", sku="HAT", shipped=pieces("2"))
    world = derive_all(DOMAIN, [placed(lines=lines), shipped(DAY + HOUR, "", "1", line=goods)])
    assert [_line(world, name)["shipped"] for name in ("1", "2")] == ["0", "2"]
