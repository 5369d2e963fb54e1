"""What is to be invoiced, what was, and where the two part."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from canonical.chain import BillingCandidateChanged, CandidateState, Gate
from canonical.shipment import ShipmentLine
from canonical.values import Quantity
from domains.contract import Owner, Rules
from tests.domains.billing_facts import (
    CANDIDATE,
    CREDIT,
    INVOICE,
    after,
    credit,
    found,
    gate,
    invoice,
    line,
    order,
    refs,
    returned,
    reversal,
    shipped,
    told,
)
from tests.domains.building import World


def candidate(world: World, key: str = CANDIDATE) -> BillingCandidateChanged:
    data = world.announcements["o2c.billing_candidate.changed", key].data
    assert isinstance(data, BillingCandidateChanged)
    return data


def invoiced(world: World, key: str = CANDIDATE) -> list[str]:
    return [format(one.invoiced.value, "f") for one in candidate(world, key).lines]


def test_a_shipment_waits_for_the_gate_and_is_ready_when_it_opens() -> None:
    assert candidate(told([order(), shipped()])).state is CandidateState.WAITING
    assert candidate(told([order(), shipped(), gate(Gate.PENDING)])).state == "WAITING"
    world = told([order(), shipped(), gate()], now=after(3))
    assert candidate(world).state is CandidateState.READY
    assert world.kinds == []
    assert world.wake_at == after(25)


def test_the_basis_names_policy_source_and_lines() -> None:
    lines = [shipped(line_id="2"), shipped(line_id="1", sku="PEN")]
    assert candidate(told(lines)).basis == "v1/shipment/wms%2Facme%2FS-1/1,2/"


def test_what_is_allowed_and_not_invoiced_in_time_is_found() -> None:
    facts = [order(), shipped(), gate()]
    assert told(facts, now=after(24.9)).kinds == []
    finding = found(told(facts, now=after(25)), "shipped_not_invoiced")
    assert (finding.record, finding.owner) == (CANDIDATE, Owner.FINANCE)
    assert (finding.expected, finding.received, finding.balance) == ("5 EA", "0 EA", "5 EA")


def test_a_channel_without_invoices_is_asked_for_none() -> None:
    facts = [order(), shipped(), gate()]
    rules = Rules(without_invoices=frozenset({"shopify/acme"}))
    assert told(facts, now=after(25), rules=rules).kinds == []
    others = Rules(without_invoices=frozenset({"amazon/acme"}))
    assert told(facts, now=after(25), rules=others).kinds == ["shipped_not_invoiced"]


def test_an_invoice_bills_the_shipment() -> None:
    world = told([order(), shipped(), gate(), invoice()])
    assert candidate(world).state is CandidateState.INVOICED
    assert world.kinds == []
    (row,) = world.records[CANDIDATE].rows["billing_candidates"]
    assert (row["shipped"], row["allowed"], row["invoiced"]) == ("5", "5", "5")


def test_a_partial_shipment_and_a_partial_invoice_come_right() -> None:
    first = [order(), shipped("3"), gate(allowed="3"), invoice(line("3"))]
    assert candidate(told(first)).state is CandidateState.INVOICED
    second = shipped("2", shipment_id="S-2", at=30)
    world = told([*first, second, gate(shipment_id="S-2", at=31)])
    assert candidate(world, "candidate/wms/acme/S-2").state is CandidateState.READY
    assert found(world, "shipped_not_invoiced").balance == "2 EA"
    rest = invoice(line("2"), number="INV-2", at=32)
    assert told([*first, second, gate(shipment_id="S-2", at=31), rest]).kinds == []


def test_a_partial_gate_allows_a_partial_invoice() -> None:
    facts = [order(), shipped(), gate(Gate.PARTIAL, "3")]
    world = told([*facts, invoice(line("3"))])
    assert candidate(world).state is CandidateState.PARTIALLY_INVOICED
    assert world.kinds == []
    finding = found(told([*facts, invoice(line("5"))]), "invoiced_while_blocked")
    assert (finding.expected, finding.received, finding.balance) == ("3 EA", "5 EA", "2 EA")


def test_an_invoice_while_the_gate_blocks_is_found() -> None:
    world = told([order(), shipped(), gate(Gate.BLOCKED), invoice()])
    finding = found(world, "invoiced_while_blocked")
    assert (finding.record, finding.involved[0]) == (CANDIDATE, INVOICE)
    opened = gate(Gate.ALLOWED, revision=2, at=4)
    assert told([order(), shipped(), gate(Gate.BLOCKED), opened, invoice()]).kinds == []


def test_goods_that_never_arrived_may_be_credited_in_part() -> None:
    shipments = [shipped("3"), shipped("2", shipment_id="S-2", at=1)]
    gates = [gate(allowed="3"), gate(Gate.BLOCKED, "0", shipment_id="S-2")]
    facts = [order(), *shipments, *gates, invoice()]
    assert told(facts).kinds == ["invoiced_while_blocked"]
    assert told([*facts, credit(line("2"))]).kinds == []


def test_one_credit_does_not_count_for_two_reversed_shipments() -> None:
    shipments = [shipped("2"), shipped("2", shipment_id="S-2", at=1)]
    reversals = [reversal("2"), reversal("2", shipment_id="S-2")]
    world = told([order(), *shipments, *reversals, invoice(line("4")), credit(line("2"))])
    assert found(world, "invoiced_for_reversed_shipment").balance == "2 EA"


def test_a_shipment_reversed_before_the_invoice_is_withdrawn() -> None:
    world = told([order(), shipped(), gate(), reversal()])
    assert candidate(world).state is CandidateState.WITHDRAWN
    assert world.kinds == []


def test_a_shipment_reversed_after_the_invoice_is_found_until_it_is_credited() -> None:
    facts = [order(), shipped(), gate(), invoice(), reversal()]
    finding = found(told(facts), "invoiced_for_reversed_shipment")
    assert (finding.record, finding.balance) == (INVOICE, "5 EA")
    assert told(facts).kinds == ["invoiced_for_reversed_shipment"]
    assert told([*facts, credit()]).kinds == []


def test_a_partial_reversal_needs_a_partial_credit() -> None:
    facts = [order(), shipped(), gate(), invoice(), reversal("2")]
    assert found(told(facts), "invoiced_for_reversed_shipment").balance == "2 EA"
    assert told([*facts, credit(line("2"))]).kinds == []
    short = told([*facts, credit(line("1"))])
    assert found(short, "invoiced_for_reversed_shipment").balance == "1 EA"


def test_the_gate_may_know_of_a_reversal_alone() -> None:
    world = told([order(), shipped(), gate(Gate.BLOCKED, "0", reversed=True)])
    assert candidate(world).state is CandidateState.WITHDRAWN


def test_more_invoiced_than_shipped_is_found_when_no_shipment_explains_it() -> None:
    facts = [order(), shipped("3"), gate(allowed="3"), invoice(line("5"))]
    assert told(facts, now=after(24)).kinds == []
    finding = found(told(facts), "invoiced_more_than_shipped")
    assert (finding.record, finding.expected, finding.received) == (INVOICE, "3 EA", "5 EA")
    rest = shipped("2", shipment_id="S-2", at=30)
    assert told([*facts, rest]).kinds == []


def test_a_second_invoice_of_the_same_goods_is_found_at_once() -> None:
    facts = [order(), shipped(), gate(), invoice()]
    world = told([*facts, invoice(number="INV-2", at=3)], now=after(4))
    finding = found(world, "invoiced_twice")
    assert finding.record == "invoice/dk11223344/INV-2/380"
    assert INVOICE in finding.involved
    assert invoiced(world) == ["5"]


def test_a_second_invoice_that_names_the_shipment_is_found_without_an_order() -> None:
    named: dict[str, Any] = {"delivery_note": "S-1", "order_id": None}
    facts = [shipped(), invoice(**named), invoice(number="INV-2", at=3, **named)]
    assert told(facts, now=after(4)).kinds == ["invoiced_twice"]


def test_an_invoice_ahead_of_its_shipment_is_no_duplicate() -> None:
    facts = [order(pieces="10"), shipped(), invoice(), invoice(number="INV-2", at=3)]
    assert told(facts, now=after(4)).kinds == []
    assert told([*facts, shipped(shipment_id="S-2", at=6)]).kinds == []


@pytest.mark.parametrize(
    "told_as",
    [
        {"order_line_id": None},
        {"sku": None},
        {"order_line_id": None, "sku": None, "source": refs(("x:despatch_advice", "s-1"))},
    ],
)
def test_lines_meet_by_order_line_by_item_or_by_shipment(told_as: dict[str, Any]) -> None:
    assert invoiced(told([order(), shipped(), invoice(line(**told_as))])) == ["5"]


def test_a_line_that_names_a_shipment_bills_no_other() -> None:
    facts = [shipped("5"), shipped("5", shipment_id="S-2", at=1)]
    world = told([order(pieces="10"), *facts, invoice(delivery_note="S-2")])
    assert invoiced(world) == ["0"]
    assert invoiced(world, "candidate/wms/acme/S-2") == ["5"]


def test_orders_with_one_number_of_two_shops_are_not_mixed() -> None:
    other = order(channel="woocommerce", order_number="4507", order_id="77")
    world = told([order(), other, shipped(system="shopify"), invoice()])
    assert world.kinds == ["ambiguous_order"]
    assert found(world, "ambiguous_order").record == INVOICE
    assert invoiced(world, "candidate/shopify/acme/S-1") == ["0"]


def test_of_two_orders_with_one_number_the_senders_own_is_meant() -> None:
    other = order(channel="woocommerce", order_number="4507", order_id="77")
    world = told([order(), other, shipped(system="shopify"), invoice(source="/shopify/acme")])
    assert world.kinds == []
    assert invoiced(world, "candidate/shopify/acme/S-1") == ["5"]


def test_an_invoice_without_goods_bills_its_order_whole() -> None:
    bare = line(None, order_line_id=None, sku=None, description="Goods as delivered")
    assert invoiced(told([order(), shipped(), invoice(bare)])) == ["5"]


def test_a_shipment_without_lines_is_billed_whole() -> None:
    whole = shipped(line=None)
    assert told([order(), whole, gate()]).kinds == ["shipped_not_invoiced"]
    world = told([order(), whole, gate(), invoice()])
    assert candidate(world).state is CandidateState.INVOICED
    assert world.kinds == []


def test_lines_of_one_invoice_for_the_same_goods_are_added() -> None:
    lines = (line("7"), line("-2", line_id="2"))
    assert told([order(), shipped(), gate(), invoice(*lines)]).kinds == []


def test_another_unit_is_not_compared() -> None:
    world = told([order(), shipped(), invoice(line("5", unit="KGM"))])
    assert found(world, "unit_differs").received == "5 KGM"
    assert invoiced(world) == ["0"]


def test_a_negative_shipment_is_refused() -> None:
    world = told([order(), shipped(), shipped("-3", line_id="2", sku="PEN")])
    assert found(world, "negative_quantity").owner is Owner.IT
    assert [one.line_id for one in candidate(world).lines] == ["1"]


def test_a_later_confirmation_of_a_line_replaces_the_earlier_one() -> None:
    world = told([shipped("3"), shipped("5", at=1)])
    assert candidate(world).lines[0].quantity.value == 5


def test_a_line_in_two_parcels_is_counted_in_both() -> None:
    parcels = [shipped(one, tracking_numbers=(f"T-{one}",)) for one in ("2", "1")]
    assert candidate(told(parcels)).lines[0].quantity.value == 3


def test_a_reversal_may_call_the_line_otherwise() -> None:
    other = ShipmentLine(line_id="9", sku="LAMP", shipped=Quantity(value=Decimal(5)))
    world = told([shipped(), shipped(line_id="2", sku="PEN"), reversal(line=other)])
    assert [one.quantity.value for one in candidate(world).lines] == [0, 5]


@pytest.mark.parametrize("same_by", ["tracking", "name", "ordered"])
def test_two_systems_reports_of_one_shipment_are_one_candidate(same_by: str) -> None:
    tracking: dict[str, Any] = {"tracking_numbers": ("TRK-1",)} if same_by == "tracking" else {}
    named: dict[str, Any] = (
        {"references": refs(("wms:shipment", "F-9"))} if same_by == "name" else {}
    )
    pieces = "5" if same_by == "ordered" else "1"
    shop = shipped(pieces, shipment_id="F-9", line_id="L1", system="shopify", **tracking)
    wms = shipped(pieces, at=1, **tracking, **named)
    world = told([order(), shop, wms, gate(system="shopify", shipment_id="F-9")], now=after(2))
    assert [one.key for one in world.of("candidate")] == [CANDIDATE]
    assert world.records[CANDIDATE].state["also_reported_by"] == ["shopify/acme/F-9"]
    assert candidate(world).state is CandidateState.READY
    repeated = candidate(world, "candidate/shopify/acme/F-9")
    assert (repeated.state, repeated.lines) == (CandidateState.WITHDRAWN, ())


def test_the_gate_that_lets_one_of_two_reports_through_counts() -> None:
    tracking: dict[str, Any] = {"tracking_numbers": ("TRK-1",)}
    shop = shipped(shipment_id="F-9", line_id="L1", system="shopify", **tracking)
    passed = gate(Gate.ALLOWED, system="shopify", shipment_id="F-9")
    world = told([order(), shop, shipped(**tracking), gate(Gate.BLOCKED), passed, invoice()])
    assert world.kinds == []
    assert candidate(world).state is CandidateState.INVOICED


def test_a_shop_that_reports_part_of_an_order_is_not_taken_for_the_warehouse() -> None:
    shop = shipped("2", shipment_id="F-9", line_id="L1", system="shopify")
    world = told([order(pieces="5"), shop, shipped("2", at=1)])
    assert len(world.of("candidate")) == 2


def test_a_credited_invoice_frees_its_goods_for_another_one() -> None:
    facts = [order(), shipped(), gate(), invoice(), credit()]
    assert told(facts).kinds == ["shipped_not_invoiced"]
    world = told([*facts, invoice(number="INV-2", at=11)])
    assert world.kinds == []
    assert world.records[CREDIT].status == "SENT"


def test_what_came_back_is_not_to_be_invoiced() -> None:
    world = told([order(), shipped(), gate(), invoice(line("3")), returned("2")])
    assert candidate(world).state is CandidateState.INVOICED
    assert "shipped_not_invoiced" not in world.kinds


def test_goods_that_came_back_before_any_invoice_are_withdrawn() -> None:
    world = told([order(), shipped(), gate(), returned("5")])
    assert candidate(world).state is CandidateState.WITHDRAWN
    assert world.kinds == []
