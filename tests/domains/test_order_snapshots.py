"""What is ordered: versions, parts, cancellations, and orders that must not be two."""

from __future__ import annotations

from typing import Any

from canonical.order import OrderLine, OrderTotals, QuoteAccepted
from canonical.values import Identifier, Quantity
from domains.order import DOMAIN
from tests.domains.building import DAY, World, derive_all, fact
from tests.domains.order_facts import (
    HOUR,
    LINES,
    ORDER,
    cancelled,
    changed,
    confirmed,
    eur,
    line,
    pieces,
    placed,
    shipped,
    unshipped,
)


def _state(world: World) -> dict[str, Any]:
    return dict(world.records[ORDER].state)


def _line(world: World, line_id: str) -> dict[str, Any]:
    rows = {row["line_id"]: dict(row) for row in world.records[ORDER].rows["order_lines"]}
    return rows[line_id]


def test_an_order_is_one_record_however_often_it_is_told() -> None:
    world = derive_all(DOMAIN, [placed(), changed(DAY + HOUR), changed(DAY + 2 * HOUR)])
    assert list(world.records) == [ORDER]
    assert world.only("order").label == "#1042"
    assert world.only("order").status == "PLACED"


def test_an_older_version_that_comes_late_changes_nothing() -> None:
    newest = changed(DAY + 2 * HOUR, (line("L1", "3", "MUG"),))
    world = derive_all(DOMAIN, [newest, changed(DAY + HOUR), placed()])
    assert _line(world, "L1")["ordered"] == "3"
    assert _line(world, "L2")["ordered"] == "0"  # left out by the newest: cancelled


def test_the_version_counts_before_the_time() -> None:
    late_clock = fact(
        placed(lines=(line("L1", "9"),)).data, at=DAY + 5 * HOUR, version="2026-03-01"
    )
    world = derive_all(DOMAIN, [changed(DAY), late_clock])
    assert _line(world, "L1")["ordered"] == "5"


def test_a_report_of_changed_parts_leaves_the_rest() -> None:
    part = changed(
        DAY + HOUR, (line("L2", "1", "HAT", "25.00"),), complete=False, totals=OrderTotals()
    )
    world = derive_all(DOMAIN, [placed(), part])
    assert (_line(world, "L1")["ordered"], _line(world, "L2")["ordered"]) == ("5", "1")
    assert _state(world)["total"] == "100.00"


def test_a_report_without_a_version_does_not_replace_a_versioned_one() -> None:
    edited = fact(
        changed(DAY, (), complete=False, change="edited").data, at=DAY + 9 * HOUR, version=None
    )
    assert _line(derive_all(DOMAIN, [placed(), edited]), "L1")["ordered"] == "5"


def test_a_cancellation_before_shipment_cancels() -> None:
    world = derive_all(DOMAIN, [placed(), cancelled(DAY + HOUR)])
    assert world.only("order").status == "CANCELLED"
    assert _line(world, "L1")["open"] == "0"
    assert world.kinds == []


def test_a_cancelled_snapshot_alone_makes_the_order() -> None:
    assert derive_all(DOMAIN, [cancelled(DAY)]).only("order").status == "CANCELLED"


def test_a_cancellation_after_shipment_is_for_people() -> None:
    facts = [placed(), shipped(DAY + HOUR, "L1", "2"), cancelled(DAY + 2 * HOUR)]
    world = derive_all(DOMAIN, facts)
    (finding,) = world.findings.values()
    assert finding.key == f"cancelled_after_shipment/{ORDER}"
    assert finding.owner == "operations"
    assert _state(world)["dimensions"]["document"] == "PLACED"
    assert _line(world, "L1")["open"] == "3"


def test_a_cancellation_of_goods_that_came_off_the_truck_cancels() -> None:
    facts = [
        placed(),
        shipped(DAY + HOUR, "L1", "2"),
        unshipped(DAY + 2 * HOUR, "L1", "2"),
        cancelled(DAY + 3 * HOUR),
    ]
    world = derive_all(DOMAIN, facts)
    assert (world.only("order").status, world.kinds) == ("CANCELLED", [])


def test_a_later_version_takes_a_cancellation_back() -> None:
    world = derive_all(DOMAIN, [placed(), cancelled(DAY + HOUR), changed(DAY + 2 * HOUR)])
    assert world.only("order").status == "PLACED"


def test_a_negative_quantity_refuses_the_snapshot_and_nothing_else() -> None:
    bad = changed(DAY + HOUR, (line("L1", "-1"), LINES[1]))
    world = derive_all(DOMAIN, [placed(), bad])
    assert world.kinds == ["bad_quantity"]
    assert world.findings[f"bad_quantity/{ORDER}#{bad.id}"].received == "-1 EA"
    assert _line(world, "L1")["ordered"] == "5"


def test_an_order_whose_only_snapshot_is_refused_has_a_finding_and_no_record() -> None:
    bad = placed(lines=(line("L1", "0"),))
    world = derive_all(DOMAIN, [bad])
    assert list(world.findings) == [f"bad_quantity/{bad.id}#{bad.id}"]
    assert not world.records


def test_a_quantity_of_zero_later_is_a_cancelled_line() -> None:
    world = derive_all(DOMAIN, [placed(), changed(DAY + HOUR, (line("L1", "0"), LINES[1]))])
    assert (_line(world, "L1")["open"], world.kinds) == ("0", [])


def test_lines_that_share_an_id_are_kept_apart() -> None:
    twins = (line("1", "2", "MUG"), line("1", "3", "HAT"))
    rows = derive_all(DOMAIN, [placed(lines=twins)]).only("order").rows["order_lines"]
    assert [(row["line_id"], row["ordered"]) for row in rows] == [("1", "2"), ("1#2", "3")]


def test_one_number_under_two_ids_of_a_shop_is_found() -> None:
    world = derive_all(DOMAIN, [placed(), placed(DAY + HOUR, order_id="4508")])
    (finding,) = world.findings.values()
    assert (finding.kind, finding.record) == ("duplicate_order_number", ORDER)
    assert finding.involved == ("order/shopify/acme/4508",)
    assert len(world.of("order")) == 2


def test_one_number_in_two_shops_is_nothing_special() -> None:
    world = derive_all(DOMAIN, [placed(), placed(account="beta", order_id="77")])
    assert (world.kinds, len(world.of("order"))) == ([], 2)


def test_an_order_entered_again_after_its_cancellation_is_no_duplicate() -> None:
    world = derive_all(DOMAIN, [placed(), cancelled(DAY + HOUR), placed(DAY, order_id="4508")])
    assert world.kinds == []


def test_a_mention_that_fits_two_orders_is_applied_to_neither() -> None:
    facts = [placed(), placed(account="beta", order_id="77"), confirmed(DAY + HOUR)]
    world = derive_all(DOMAIN, facts)
    (finding,) = world.findings.values()
    assert (finding.kind, finding.owner) == ("ambiguous_order", "it")
    approvals = {one.state["dimensions"]["approval"] for one in world.of("order")}
    assert approvals == {"OPEN"}


def test_an_order_is_found_by_its_id_number_and_references() -> None:
    po = Identifier(scheme="shopify:po_number", value="PO-4711")
    named = {
        one.value for one in derive_all(DOMAIN, [placed(references=(po,))]).only("order").names
    }
    assert named == {"4507", "#1042", "PO-4711"}


def test_rows_hold_plain_digits() -> None:
    half = OrderLine(line_id="L1", quantity=Quantity(value=pieces("1.500").value, unit="KGM"))
    record = derive_all(DOMAIN, [placed(lines=(half,))]).only("order")
    (row,) = record.rows["order_lines"]
    assert (row["ordered"], row["unit"], row["unit_price"]) == ("1.5", "KGM", None)
    (order,) = record.rows["order_orders"]
    assert (order["total"], order["test"], order["closure"]) == ("100.00", 0, "OPEN")


def _quote(**more: Any) -> QuoteAccepted:
    return QuoteAccepted(
        **{
            "quote_id": "990100",
            "channel": "shopify",
            "account": "acme",
            "quote_number": "#D12",
            "accepted_at": DAY,
            **more,
        }
    )


def test_a_quote_is_linked_to_the_order_it_became() -> None:
    became = Identifier(scheme="shopify:order", value="4507")
    world = derive_all(DOMAIN, [fact(_quote(references=(became,))), placed(DAY + HOUR)])
    quote = world.only("quote")
    assert (quote.status, quote.label, quote.state["orders"]) == ("ORDERED", "#D12", [ORDER])
    assert world.only("order").state["quotes"] == [quote.key]


def test_an_order_that_names_its_quote_is_linked_as_well() -> None:
    named = Identifier(scheme="hubspot:quote", value="990100")
    world = derive_all(DOMAIN, [fact(_quote()), placed(DAY + HOUR, references=(named,))])
    assert world.only("quote").state["orders"] == [ORDER]


def test_a_quote_told_again_keeps_the_figures_it_has() -> None:
    full = fact(_quote(currency="EUR", totals=OrderTotals(total=eur("90.00"))), version="1")
    again = fact(_quote(accepted_at=DAY + HOUR), at=DAY + HOUR, version="2")
    quote = derive_all(DOMAIN, [full, again]).only("quote")
    assert (quote.state["total"], quote.status) == ("90.00", "ACCEPTED")
    assert quote.state["accepted_at"] == (DAY + HOUR).isoformat()


def test_words_that_are_no_numbers_lead_nowhere() -> None:
    listens = DOMAIN.listens
    answer = confirmed(DAY, order_id="verbal")
    assert not listens[answer.type](answer.data).strong
    parcel = shipped(DAY, "L1", "1", order_id=None, shipment_id="1", tracking_numbers=("n/a",))
    assert not listens[parcel.type](parcel.data).strong
