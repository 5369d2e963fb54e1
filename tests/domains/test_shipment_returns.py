"""Returns asked for and received, and more of them than ever left."""

from __future__ import annotations

import pytest

from tests.domains.building import World
from tests.domains.shipment_facts import (
    after,
    asked_back,
    came_back,
    line,
    names,
    order,
    rows,
    shipped,
    world,
)

RETURN = "return/wms/acme/R-1"


def stages(said: World) -> list[tuple[str, str]]:
    return [(row["stage"], row["quantity"]) for row in rows(said, "shipment_returns")]


def test_a_return_is_asked_for_and_received() -> None:
    said = world(order(), shipped(), asked_back("2"))
    assert (said.only("return").key, said.only("return").status) == (RETURN, "REQUESTED")
    said = world(order(), shipped(), asked_back("2"), came_back("1"))
    assert said.only("return").status == "RECEIVED"
    assert said.only("return").state["order"] == "order/shopify/acme/4507"
    assert stages(said) == [("requested", "2"), ("received", "1")]
    assert said.findings == {}


def test_a_return_nobody_asked_for_is_received_all_the_same() -> None:
    assert world(order(), shipped(), came_back()).only("return").status == "RECEIVED"


def test_a_return_of_an_unknown_order_waits() -> None:
    said = world(came_back())
    assert [(one.kind, one.awaits) for one in said.parked] == [("unknown_order", "order:4507")]
    assert said.only("return").status == "AWAITED"


def test_a_return_that_names_only_its_shipment_is_of_that_ones_order() -> None:
    back = came_back(order_id=None, references=names(shipment="S-1"))
    said = world(order(), shipped(), back)
    assert said.only("return").state["order"] == "order/shopify/acme/4507"
    assert said.parked == []


def test_more_returned_than_shipped_is_found() -> None:
    said = world(
        order(),
        shipped(line("1", "5")),
        came_back("3"),
        came_back("3", return_id="R-2", at=130),
        hours=140,
    )
    (found,) = said.findings.values()
    assert (found.kind, found.record) == ("over_returned", "return/wms/acme/R-2")
    assert (found.expected, found.received, found.balance) == ("at most 5 EA", "6 EA", "1 EA")


def test_a_return_told_by_shop_and_warehouse_counts_once() -> None:
    said = world(
        order(), shipped(), came_back("3"), came_back("3", return_id="77", system="shopify")
    )
    assert said.findings == {}


def test_goods_of_which_no_shipment_is_known_are_waited_for() -> None:
    facts = [order(), shipped(line("1")), came_back("1", sku="OTHER")]
    early = world(*facts, hours=121)
    assert early.findings == {}
    assert early.wake_at == after(120 + 24)
    late = world(*facts, hours=144)
    assert late.kinds == ["over_returned"]
    assert late.wake_at is None


def test_nothing_is_compared_while_no_shipment_is_known() -> None:
    assert world(order(), came_back("9"), hours=1000).findings == {}


@pytest.mark.parametrize("pieces", ["0", "-1"])
def test_a_returned_quantity_that_cannot_be_is_found_and_not_applied(pieces: str) -> None:
    said = world(order(), shipped(), came_back(pieces))
    (found,) = said.findings.values()
    assert (found.kind, found.record) == ("bad_quantity", RETURN)
    assert said.only("return").status == "AWAITED"
