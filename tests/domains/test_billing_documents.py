"""Invoices as documents: order, currency, arithmetic, tax, number."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from canonical.billing import InvoiceLine
from domains.contract import Rules
from tests.domains.billing_facts import (
    INVOICE,
    after,
    credit,
    found,
    invoice,
    line,
    money,
    order,
    refs,
    shipped,
    tax,
    told,
    totals,
)


def test_an_invoice_is_a_record_with_its_lines_and_their_sources() -> None:
    source = refs(("ubl:despatch_advice", "DN-7"))
    world = told([order(), invoice(line(source=source), delivery_note="DN-7")])
    record = world.only("invoice")
    assert (record.key, record.label, record.status) == (INVOICE, "INV-1", "SENT")
    assert record.state["delivery_note"] == "DN-7"
    assert record.state["lines"][0]["sources"] == ["ubl:despatch_advice=DN-7"]
    (row,) = record.rows["billing_lines"]
    assert (row["order_line"], row["sku"], row["quantity"]) == ("L1", "LAMP", "5")
    (row,) = record.rows["billing_invoices"]
    assert (row["number"], row["payable"], row["currency"]) == ("INV-1", "60.00", "EUR")
    assert row["order"] == "4507"


def test_an_invoice_of_an_unknown_order_waits_and_is_released() -> None:
    (parked,) = told([invoice()]).parked
    assert (parked.awaits, parked.kind) == ("order:4507", "unknown_order")
    assert told([invoice(), order()]).parked == []
    assert told([invoice(order_id=None)]).parked == []


def test_an_invoice_may_name_its_order_by_number_or_in_its_lines() -> None:
    placed = order("6840921750012", order_number="#4507")
    assert told([placed, invoice()]).parked == []
    collective = line(source=refs(("ubl:order", "4507")))
    world = told([placed, invoice(collective, order_id=None)])
    assert world.parked == []
    assert world.only("invoice").state["order"] == "6840921750012"


def test_other_references_beside_a_known_order_are_nothing_to_wait_for() -> None:
    told_so = invoice(references=refs(("ubl:sales_order", "SO-9")))
    assert told([order(), told_so]).parked == []


def test_an_invoice_in_another_currency_than_its_order_bills_nothing() -> None:
    goods = InvoiceLine(line_id="1", sku="LAMP", order_line_id="L1")
    in_dollars = invoice(goods, currency="USD", **totals(Decimal(50), "USD"))
    world = told([order(), shipped(), in_dollars])
    finding = found(world, "wrong_order_currency")
    assert (finding.expected, finding.received) == ("EUR", "USD")
    assert world.only("candidate").state["invoices"] == []


def test_an_amount_in_a_foreign_currency_is_refused() -> None:
    mixed = invoice(InvoiceLine(line_id="1", net=money("50", "USD")), **totals(Decimal(50)))
    assert told([order(), mixed]).kinds == ["currency_differs"]


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        ("lines_net", "BR-CO-10"),
        ("tax_exclusive", "BR-CO-13"),
        ("tax", "BR-CO-14"),
        ("tax_inclusive", "BR-CO-15"),
        ("payable", "BR-CO-16"),
    ],
)
def test_each_rule_of_the_totals_is_checked(field: str, rule: str) -> None:
    right = totals(Decimal("50.00"))
    wrong = right["totals"].model_copy(update={field: money("77.77")})
    world = told([order(), invoice(line(), totals=wrong, taxes=right["taxes"])])
    broken = {one.subject: one for one in world.findings.values()}
    assert {one.kind for one in world.findings.values()} == {"totals_differ"}
    assert broken[rule].received == "77.77 EUR"


def test_rounded_sums_and_small_tolerances_hold() -> None:
    thirds = [line("1", price="3.333", line_id=str(one), sku=f"S{one}") for one in range(3)]
    said = invoice(*thirds, **totals(Decimal("10.00")))
    assert told([order(), said], rules=Rules()).kinds == []
    right = totals(Decimal("50.00"))
    off = right["totals"].model_copy(update={"payable": money("60.03")})
    world = told([order(), invoice(line(), totals=off, taxes=right["taxes"])])
    assert found(world, "totals_differ").balance == "0.03 EUR"
    rules = Rules(tolerance={"EUR": "0.05"})
    again = told([order(), invoice(line(), totals=off, taxes=right["taxes"])], rules=rules)
    assert again.kinds == []


def test_amounts_that_are_not_there_are_not_missed() -> None:
    bare: dict[str, Any] = {"taxes": (), "totals": {"payable": money("60.00")}}
    assert told([order(), invoice(line(), **bare)]).kinds == []


def test_one_invoice_of_two_systems_is_one_record() -> None:
    other = invoice(source="/x12/acme", references=refs(("x12:BIG02", "INV-1")))
    world = told([order(), invoice(), other])
    assert len(world.only("invoice").facts) == 2
    assert world.kinds == []
    wrong = invoice(source="/x12/acme", **totals(Decimal(60)))
    found_then = told([order(), invoice(), wrong]).kinds
    assert "invoice_reported_differently" in found_then


def test_a_number_that_comes_again_in_another_year_is_another_invoice() -> None:
    old = invoice(at=-24 * 365, issue_date=date(2025, 3, 2), order_id=None)
    world = told([old, invoice(order_id=None)])
    keys = [one.key for one in world.of("invoice")]
    assert keys == [INVOICE, f"{INVOICE}/2026"]


def test_tax_that_differs_from_the_engines_is_found() -> None:
    facts = [order(), invoice()]
    assert told([*facts, tax()]).kinds == []
    finding = found(told([*facts, tax("9.50")]), "tax_differs")
    assert (finding.expected, finding.received) == ("9.50 EUR", "10.00 EUR")
    assert finding.balance == "0.50 EUR"
    assert told([*facts, tax("9.50"), tax("10.00", version=2)]).kinds == []
    assert told([tax("9.50")]).only("tax").key == "tax/avatax/INV-1"


def test_voided_tax_of_a_posted_invoice_is_found_until_it_is_credited() -> None:
    facts = [order(), invoice(), tax(status="Cancelled", version=2)]
    assert told(facts).kinds == ["tax_voided"]
    assert told([*facts, credit()]).kinds == []


def numbered(*numbers: str, **more: Any) -> list[Any]:
    return [invoice(number=one, order_id=None, at=2 + at, **more) for at, one in enumerate(numbers)]


def test_a_missing_number_is_found_after_a_while_and_ends_when_it_comes() -> None:
    facts = numbered("INV-7", "INV-9")
    assert told(facts, now=after(26)).kinds == []
    finding = found(told(facts, now=after(27)), "number_gap")
    assert finding.record == "invoice/dk11223344/INV-9/380"
    assert told([*facts, *numbered("INV-8")]).kinds == []


def test_a_credit_note_may_have_the_number_that_is_missing() -> None:
    taken = credit(of=None, number="INV-8", order_id=None)
    assert told([*numbered("INV-7", "INV-9"), taken]).kinds == []


@pytest.mark.parametrize(
    "numbers",
    [
        ("INV-7",),
        ("INV-7", "INV-70"),
        ("A-7", "B-9"),
        ("10", "20", "30"),
        ("7/2024", "7/2026"),
        ("INV-20260228", "INV-20260302"),
    ],
)
def test_what_is_no_gap_for_sure_is_none(numbers: tuple[str, ...]) -> None:
    assert told(numbered(*numbers)).kinds == []


def test_other_sellers_have_series_of_their_own() -> None:
    other = numbered("INV-9", seller={"name": "Another Desk"})
    assert told([*numbered("INV-7"), *other]).kinds == []


def test_neighbours_in_a_series_do_not_become_one_cluster() -> None:
    world = told(numbered(*(f"INV-{one}" for one in range(1, 30))))
    assert len(world.of("invoice")) == 29
    assert world.kinds == []
