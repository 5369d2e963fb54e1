"""Credit notes, returns and refunds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from canonical.billing import EInvoiceStatus as Status
from canonical.billing import InvoiceLine
from domains.contract import Owner
from tests.domains.billing_facts import (
    CREDIT,
    INVOICE,
    after,
    answer,
    captured,
    credit,
    found,
    gate,
    invoice,
    line,
    money,
    order,
    refs,
    refund,
    returned,
    shipped,
    told,
    totals,
)

SOLD = [order(), shipped(), gate(), invoice()]


def test_a_credit_note_is_a_record_of_its_own_and_counts_for_its_invoice() -> None:
    world = told([*SOLD, returned(), credit(line("2"))])
    assert world.records[CREDIT].kind == "credit_note"
    assert world.records[INVOICE].state["credited"] == "24.00"
    assert world.records[INVOICE].state["credited_by"] == [CREDIT]
    assert world.kinds == []


def test_a_credit_note_waits_for_its_invoice() -> None:
    world = told([credit()])
    (parked,) = world.parked
    assert (parked.awaits, parked.kind) == ("invoice:inv-1", "credit_without_invoice")
    assert parked.owner is Owner.FINANCE
    assert told([order(), credit(), invoice()]).parked == []


def test_a_credit_note_may_name_the_invoice_by_its_id() -> None:
    named = invoice(references=refs(("stripe:invoice", "in_1")))
    world = told([order(), named, credit(of="in_1")])
    assert world.parked == []
    assert world.records[INVOICE].state["credited"] == "60.00"


def test_a_credit_note_of_an_order_with_one_invoice_is_of_that_one() -> None:
    world = told([*SOLD, credit(of=None)])
    assert world.records[INVOICE].state["credited"] == "60.00"


def test_more_credited_than_invoiced_is_found_on_the_note_that_does_it() -> None:
    world = told([*SOLD, returned("5"), credit(), credit(line("1"), number="CN-2", at=11)])
    finding = found(world, "credit_exceeds_invoice")
    assert finding.record == "credit_note/dk11223344/CN-2/381"
    assert finding.balance == "12.00 EUR"
    assert world.records[INVOICE].state["credited"] == "60.00"


def test_a_credit_note_in_another_currency_credits_nothing() -> None:
    foreign = credit(
        InvoiceLine(line_id="1"), currency="USD", order_id=None, **totals(Decimal(50), "USD")
    )
    world = told([*SOLD, foreign])
    finding = found(world, "currency_differs")
    assert (finding.record, finding.expected, finding.received) == (CREDIT, "EUR", "USD")
    assert world.records[INVOICE].state["credited"] == "0"


def test_a_rejected_credit_note_credits_nothing() -> None:
    world = told([*SOLD, credit(), answer(Status.REJECTED, number="CN-1", at=11)])
    assert world.records[INVOICE].state["credited"] == "0"
    assert world.kinds == ["einvoice_rejected"]


def test_a_return_that_nobody_credits_is_found() -> None:
    facts = [*SOLD, returned()]
    assert told(facts, now=after(31)).kinds == []
    finding = found(told(facts, now=after(32)), "return_not_credited")
    assert (finding.record, finding.balance) == ("return/wms/acme/R-1", "2 units")
    assert told([*facts, credit(line("1"))]).kinds == ["return_not_credited"]
    world = told([*facts, credit(line("2"))])
    assert world.kinds == []
    assert world.only("return").status == "CREDITED"


@pytest.mark.parametrize("by", ["order", "payment"])
def test_a_refund_pays_a_return_back(by: str) -> None:
    named: dict[str, Any] = {"order_id": "4507"} if by == "order" else {}
    world = told([*SOLD, captured(), returned(), refund(**named)])
    assert world.kinds == []
    assert world.only("return").status == "REFUNDED"


def test_a_failed_refund_pays_nothing_back() -> None:
    world = told([*SOLD, returned(), refund(order_id="4507", status="failed")])
    assert world.kinds == ["return_not_credited"]


def test_nothing_is_owed_for_what_was_never_billed_or_paid() -> None:
    assert told([order(), shipped(), returned("5")]).kinds == []


def test_a_second_credit_for_one_return_is_found() -> None:
    facts = [*SOLD, captured(), returned(), credit(line("2")), refund(order_id="4507")]
    assert told(facts).kinds == []
    again = credit(line("2"), number="CN-2", at=12)
    finding = found(told([*facts, again]), "credited_twice")
    assert finding.record == "credit_note/dk11223344/CN-2/381"
    assert finding.subject == "return/wms/acme/R-1"
    assert told([*facts, again]).kinds == ["credited_twice"]


def test_credit_notes_without_lines_pay_a_return_back_once() -> None:
    bare: dict[str, Any] = {"taxes": (), "totals": {"payable": money("24.00")}, "lines": ()}
    facts = [*SOLD, returned(), credit(**bare)]
    assert told(facts).kinds == []
    assert told([*facts, credit(number="CN-2", at=12, **bare)]).kinds == ["credited_twice"]


def test_two_returns_are_credited_twice_rightly() -> None:
    second = returned("1", return_id="R-2", at=30)
    facts = [*SOLD, returned(), second, credit(line("2")), credit(line("1"), number="CN-2", at=31)]
    assert told(facts).kinds == []


def test_one_return_of_two_systems_is_one() -> None:
    shop = returned(return_id="9300", system="shopify", at=9)
    world = told([*SOLD, returned(), shop, credit(line("2"))])
    assert len(world.of("return")) == 1
    assert world.kinds == []


def test_a_negative_return_is_refused() -> None:
    assert told([*SOLD, returned("-2")]).kinds == ["negative_quantity"]


def test_the_credit_of_a_rejected_invoice_is_not_taken_for_a_returns() -> None:
    facts = [*SOLD, answer(Status.REJECTED), returned(), credit()]
    again = invoice(number="INV-2", at=11)
    world = told([*facts, again, credit(line("2"), of="INV-2", number="CN-2", at=12)])
    assert world.kinds == []
