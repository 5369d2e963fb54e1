"""Shipments: confirmations by line, corrections, reversals, and orders nobody knows."""

from __future__ import annotations

import pytest

from canonical.chain import Gate
from canonical.shipment import ShipmentLine
from domains.contract import Owner
from domains.shipment.tables import TABLES
from tests.domains.building import World
from tests.domains.shipment_facts import (
    SHIPMENT,
    after,
    allowed,
    asked_back,
    came_back,
    event,
    gate,
    line,
    names,
    order,
    reversed_,
    rows,
    shipped,
    unlined,
    world,
)


def lines_of(said: World) -> dict[str, tuple[str, str]]:
    """Line → shipped and reversed."""
    return {
        row["line_id"]: (row["shipped"], row["reversed"]) for row in rows(said, "shipment_lines")
    }


def test_a_shipment_has_its_lines_order_and_names() -> None:
    said = world(
        order(),
        shipped(line("1", "5", ordered="8", back_ordered="3"), tracking=["1Z001"], carrier="UPS"),
        shipped(line("2", "2.50", unit="KGM"), tracking=["1Z001"]),
    )
    record = said.only("shipment")
    assert (record.key, record.label, record.status) == (SHIPMENT, "S-1", "SHIPPED")
    assert record.state["order"] == "order/shopify/acme/4507"
    first, second = rows(said, "shipment_lines")
    assert (first["shipped"], first["ordered"], first["back_ordered"]) == ("5", "8", "3")
    assert (second["shipped"], second["unit"]) == ("2.5", "KGM")
    found = {(one.scheme, one.value) for one in record.names}
    assert found >= {("shipment", "S-1"), ("tracking_number", "1Z001"), ("order", "4507")}
    assert said.findings == {}
    assert said.parked == []


def test_every_row_fits_its_table() -> None:
    parcel, back = event("FAILED"), asked_back()
    said = world(order(), shipped(tracking=["1Z001"]), unlined(), parcel, back, came_back("0"))
    told = {table for record in said.records.values() for table in record.rows}
    assert told == {table.name for table in TABLES}
    columns = {table.name: {one.name for one in table.columns} for table in TABLES}
    for record in said.records.values():
        for table, found in record.rows.items():
            for row in found:
                assert {*row, "record_key"} == columns[table]


def test_a_newer_quantity_of_a_line_replaces_the_older() -> None:
    said = world(order(), shipped(line("1", "5"), at=0), shipped(line("1", "4"), at=1))
    assert lines_of(said) == {"1": ("4", "0")}
    assert allowed(said) == {"1": "4"}


def test_an_older_quantity_that_comes_late_changes_nothing() -> None:
    said = world(order(), shipped(line("1", "4"), at=1), shipped(line("1", "5"), at=0))
    assert lines_of(said) == {"1": ("4", "0")}


def test_two_quantities_of_one_time_count_the_smaller_and_are_found() -> None:
    said = world(order(), shipped(line("1", "5")), shipped(line("1", "4")))
    assert lines_of(said) == {"1": ("4", "0")}
    (found,) = said.findings.values()
    assert (found.kind, found.expected, found.received) == (
        "shipment_line_contradicts",
        "4 EA",
        "5 EA",
    )


def test_confirmations_of_different_types_add_up() -> None:
    said = world(
        order(),
        shipped(line("1", "3"), at=0, confirmation_type="partial"),
        shipped(line("1", "2"), at=1, confirmation_type="final"),
    )
    assert lines_of(said) == {"1": ("5", "0")}


def test_parts_of_a_line_in_parcels_of_their_own_add_up() -> None:
    parts = [
        shipped(line("1", "3"), tracking=["1Z001"]),
        shipped(line("1", "2"), tracking=["1Z002"]),
    ]
    assert lines_of(world(order(), *parts)) == {"1": ("5", "0")}
    corrected = shipped(line("1", "1"), at=1, tracking=["1Z002"])
    assert lines_of(world(order(), *parts, corrected)) == {"1": ("4", "0")}
    untold = shipped(line("1", "9"), at=0)
    assert lines_of(world(order(), *parts, untold)) == {"1": ("5", "0")}
    replaced = shipped(line("1", "2"), at=2)
    assert lines_of(world(order(), *parts, replaced)) == {"1": ("2", "0")}


def test_a_number_told_later_makes_no_part_of_its_own() -> None:
    said = world(order(), shipped(line("1", "5")), shipped(line("1", "4"), at=1, tracking=["1Z1"]))
    assert lines_of(said) == {"1": ("4", "0")}


def test_the_same_confirmation_again_is_the_same() -> None:
    once = world(order(), shipped())
    assert world(order(), shipped(), shipped()) == once


@pytest.mark.parametrize("pieces", ["-1", "0"])
def test_a_quantity_that_cannot_be_is_found_and_not_applied(pieces: str) -> None:
    said = world(order(), shipped(line("1", "5")), shipped(line("2", pieces), at=1))
    (found,) = said.findings.values()
    assert (found.kind, found.record, found.subject) == ("bad_quantity", SHIPMENT, "2")
    assert found.owner is Owner.OPERATIONS
    assert lines_of(said) == {"1": ("5", "0")}


def test_a_bad_correction_leaves_the_line_as_it_was() -> None:
    said = world(order(), shipped(line("1", "5")), shipped(line("1", "-5"), at=1))
    assert said.kinds == ["bad_quantity"]
    assert allowed(said) == {"1": "5"}


@pytest.mark.parametrize("told", [{"ordered": "4"}, {"back_ordered": "4"}])
def test_nothing_shipped_of_so_many_ordered_is_no_mistake(told: dict[str, str]) -> None:
    said = world(order(), shipped(line("1", "0", **told)))
    assert said.findings == {}
    assert said.only("shipment").status == "NOTHING_SHIPPED"
    assert gate(said).gate is Gate.PENDING


def test_a_whole_reversal_blocks_the_invoice() -> None:
    said = world(order(), shipped(line("1")), shipped(line("2")), reversed_())
    assert said.only("shipment").status == "REVERSED"
    assert (gate(said).gate, gate(said).reversed) == (Gate.BLOCKED, True)
    assert allowed(said) == {"1": "0", "2": "0"}
    assert said.findings == {}


def test_a_reversal_of_all_lines_is_one_of_the_whole() -> None:
    said = world(
        order(),
        shipped(line("1", "5")),
        shipped(line("2", "2")),
        reversed_(line("1", "5")),
        reversed_(line("2", "2")),
    )
    assert gate(said).reversed


def test_a_reversal_takes_its_pieces_off_its_line() -> None:
    said = world(
        order(), shipped(line("1", "5")), shipped(line("2", "2")), reversed_(line("1", "3"))
    )
    assert lines_of(said) == {"1": ("5", "3"), "2": ("2", "0")}
    assert allowed(said) == {"1": "2", "2": "2"}
    assert [str(one.shipped.value) for one in gate(said).lines] == ["2", "2"]
    assert not gate(said).reversed


@pytest.mark.parametrize(
    ("named", "taken"),
    [
        (line("9", "5", sku=None, order_line_id="10"), "1"),
        (line("9", "5", sku="sku-b"), "2"),
        (line("1", "5", sku="SKU-B"), "2"),
    ],
)
def test_a_reversal_that_numbers_lines_otherwise_meets_its_line(
    named: ShipmentLine, taken: str
) -> None:
    said = world(
        order(),
        shipped(line("1", "5", sku="SKU-A", order_line_id="10")),
        shipped(line("2", "5", sku="SKU-B", order_line_id="20")),
        reversed_(named),
    )
    assert [one for one, (_, back) in lines_of(said).items() if back == "5"] == [taken]
    assert said.parked == []


def test_a_reversal_that_may_be_of_two_lines_waits() -> None:
    said = world(
        order(),
        shipped(line("1", "5", sku="SKU-A")),
        shipped(line("2", "5", sku="SKU-A")),
        reversed_(line("9", "5", sku="SKU-A")),
    )
    assert [one.kind for one in said.parked] == ["reversal_without_shipment"]
    decided = world(
        order(),
        shipped(line("1", "5", sku="SKU-A")),
        shipped(line("2", "4", sku="SKU-A")),
        reversed_(line("9", "4", sku="SKU-A")),
    )
    assert lines_of(decided)["2"] == ("4", "4")


def test_reversals_of_one_line_add_up() -> None:
    said = world(
        order(), shipped(), reversed_(line("1", "2"), at=1), reversed_(line("1", "1"), at=2)
    )
    assert lines_of(said) == {"1": ("5", "3")}


def test_more_reversed_than_shipped_is_found_and_not_applied() -> None:
    said = world(
        order(),
        shipped(line("1", "5")),
        reversed_(line("1", "4"), at=1),
        reversed_(line("1", "3"), at=2),
    )
    (found,) = said.findings.values()
    assert (found.kind, found.expected, found.received, found.balance) == (
        "over_reversed",
        "1 EA",
        "3 EA",
        "2 EA",
    )
    assert lines_of(said) == {"1": ("5", "4")}


def test_a_line_reversed_beside_the_whole_is_no_mistake() -> None:
    said = world(order(), shipped(), reversed_(at=1), reversed_(line("1", "5"), at=2))
    assert said.findings == {}
    assert gate(said).reversed


def test_what_is_confirmed_again_after_a_reversal_stands() -> None:
    said = world(order(), shipped(line("1", "5")), reversed_(at=1), shipped(line("1", "4"), at=2))
    assert lines_of(said) == {"1": ("4", "0")}
    assert not gate(said).reversed


def test_a_reversal_in_another_unit_is_found_and_not_applied() -> None:
    said = world(order(), shipped(line("1", "5")), reversed_(line("1", "1", unit="CA")))
    assert said.kinds == ["unit_differs"]
    assert lines_of(said) == {"1": ("5", "0")}


@pytest.mark.parametrize("pieces", ["0", "-2"])
def test_a_reversal_of_nothing_is_a_bad_quantity(pieces: str) -> None:
    said = world(order(), shipped(), reversed_(line("1", pieces)))
    assert said.kinds == ["bad_quantity"]


def test_a_reversal_waits_for_its_confirmation() -> None:
    said = world(order(), reversed_())
    (waiting,) = said.parked
    assert (waiting.kind, waiting.awaits) == ("reversal_without_shipment", "shipment:wms/acme/S-1")
    assert said.only("shipment").status == "AWAITED"
    assert world(order(), reversed_(), shipped()).parked == []


def test_a_reversal_of_a_line_never_confirmed_waits() -> None:
    said = world(order(), shipped(line("1")), reversed_(line("7")))
    assert [one.kind for one in said.parked] == ["reversal_without_shipment"]
    assert allowed(said) == {"1": "5"}


def test_a_shipment_of_an_unknown_order_waits_and_nothing_is_allowed() -> None:
    said = world(shipped(), reversed_(line("1", "1")))
    assert {one.kind for one in said.parked} == {"unknown_order"}
    assert {one.awaits for one in said.parked} == {"order:4507"}
    assert len(said.parked) == 2
    assert said.only("shipment").status == "AWAITED"
    assert gate(said).gate is Gate.PENDING
    assert gate(said).lines == ()


def test_a_shipment_is_released_by_its_order() -> None:
    said = world(shipped(), order())
    assert said.parked == []
    assert gate(said).gate is Gate.ALLOWED


def test_an_order_is_met_by_the_number_people_use() -> None:
    said = world(order("9001", order_number="#4507"), shipped())
    assert said.only("shipment").state["order"] == "order/shopify/acme/9001"


def test_an_order_is_met_by_a_reference() -> None:
    said = world(order("9001"), shipped(order_id="771", references=names(reference="9001")))
    assert said.only("shipment").state["order"] == "order/shopify/acme/9001"


def test_the_order_of_the_same_system_is_meant_first() -> None:
    other = order("4507", channel="woocommerce", account="other")
    said = world(other, order(channel="wms"), shipped())
    assert said.only("shipment").state["order"] == "order/wms/acme/4507"
    assert said.findings == {}


def test_a_number_of_two_shops_is_asked_about_and_not_applied() -> None:
    said = world(order(), order(channel="woocommerce", account="other"), shipped())
    (found,) = said.findings.values()
    assert (found.kind, found.owner) == ("ambiguous_order", Owner.IT)
    assert found.involved == ("order/shopify/acme/4507", "order/woocommerce/other/4507")
    assert gate(said).lines == ()
    assert said.parked == []


def test_a_shipment_without_lines_is_believed() -> None:
    said = world(order(), unlined())
    assert gate(said).gate is Gate.ALLOWED
    assert gate(said).lines == ()
    assert gate(world(order(), unlined(), reversed_())).reversed


def test_lines_told_later_take_the_place_of_a_shipment_without_lines() -> None:
    said = world(order(), unlined(), shipped(line("1", "2"), at=1))
    assert allowed(said) == {"1": "2"}


def test_what_is_announced_is_dated_by_the_facts() -> None:
    said = world(order(), shipped(at=1))
    (announced,) = said.announcements.values()
    assert announced.occurred_at == after(1)
    assert announced.subject == SHIPMENT
