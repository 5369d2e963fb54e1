"""What is paid and invoiced of an order, when it is closed, and what should have come."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from canonical.billing import InvoiceLine, InvoiceTotals
from canonical.cash import (
    DisputeClosed,
    DisputeOpened,
    DisputeOutcome,
    PaymentAuthorised,
    PaymentFailed,
)
from canonical.chain import (
    BillingCandidateChanged,
    CandidateLine,
    CandidateState,
    InvoiceState,
    InvoiceStateChanged,
    ReceivableState,
)
from canonical.errors import Malformed
from canonical.order import OrderTotals
from canonical.values import Identifier
from domains.contract import Decision, Fact
from domains.order import DOMAIN
from tests.domains.building import DAY, derive_all, fact
from tests.domains.order_facts import (
    BILLED,
    HOUR,
    LINES,
    ORDER,
    billed,
    came_back,
    captured,
    credited,
    eur,
    invoiced,
    line,
    pieces,
    placed,
    receivable,
    refunded,
    shipped,
)

ALL = (shipped(DAY + HOUR, "L1", "5"), shipped(DAY + HOUR, "L2", "2"))
CLOSED = receivable(DAY + 9 * HOUR, ReceivableState.CLOSED)
DUE = DAY + HOUR + timedelta(hours=48)


def _dimension(name: str, *facts: Fact) -> str:
    return str(derive_all(DOMAIN, facts).records[ORDER].state["dimensions"][name])


def _payment(*facts: Fact) -> tuple[str, str]:
    record = derive_all(DOMAIN, [placed(), *facts]).records[ORDER]
    return record.state["dimensions"]["payment"], record.state["payment"]["captured"]


def _about_payment(kind: Any, at: timedelta, amount: str = "100.00", **more: Any) -> Fact:
    given = {
        "gateway": "stripe",
        "account": "shop",
        "payment_id": "pi_3Example",
        "order_id": "1042",
        "amount": eur(amount),
        "occurred_at": DAY + at,
        **more,
    }
    return fact(kind(**given), at=DAY + at, source=f"/{given['gateway']}/{given['account']}")


def test_reserved_taken_in_part_taken() -> None:
    reserved = _about_payment(PaymentAuthorised, HOUR)
    assert _payment(reserved) == ("AUTHORISED", "0")
    assert _payment(reserved, captured(DAY + HOUR, "40.00")) == ("PARTIAL", "40.00")
    assert _payment(captured(DAY + HOUR)) == ("PAID", "100.00")


def test_a_capture_is_told_as_the_sum_so_far() -> None:
    growing = [captured(DAY + HOUR, "40.00"), captured(DAY + 2 * HOUR, "70.00")]
    assert _payment(*growing) == ("PARTIAL", "70.00")
    other = captured(DAY + 3 * HOUR, "30.00", capture_id="ch_2")
    assert _payment(*growing, other) == ("PAID", "100.00")


def test_a_failure_after_the_capture_takes_it_back() -> None:
    taken = captured(DAY + HOUR, gateway="adyen", payment_id="PSP1", capture_id="CAP1")
    refused = _about_payment(
        PaymentFailed, 2 * HOUR, gateway="adyen", account="shop", payment_id="PSP1",
        event_id="CAP1", failure_code="CAPTURE_FAILED",
    )  # fmt: skip
    assert _payment(taken, refused) == ("NONE", "0")
    again = captured(DAY + 3 * HOUR, gateway="adyen", payment_id="PSP1", capture_id="CAP1")
    assert _payment(taken, refused, again) == ("PAID", "100.00")


def test_a_failed_try_before_and_a_release_after_take_nothing_back() -> None:
    tried = _about_payment(PaymentFailed, timedelta(0), failure_code="card_declined")
    released = _about_payment(PaymentFailed, 2 * HOUR, failure_code="canceled")
    assert _payment(tried, captured(DAY + HOUR), released) == ("PAID", "100.00")


def test_a_cancelled_reservation_is_none() -> None:
    reserved = _about_payment(PaymentAuthorised, HOUR)
    ended = _about_payment(PaymentFailed, 2 * HOUR, failure_code="canceled")
    assert _payment(reserved, ended) == ("NONE", "0")


def test_refunds_count_until_they_fail() -> None:
    taken = captured(DAY + HOUR)
    whole = refunded(DAY + 2 * HOUR, "100.00")
    assert _payment(taken, whole)[0] == "REFUNDED"
    assert _payment(taken, whole, refunded(DAY + 3 * HOUR, "100.00", "failed"))[0] == "PAID"
    assert _payment(taken, refunded(DAY + 2 * HOUR, "20.00"))[0] == "PAID"


def test_disputes() -> None:
    opened = _about_payment(DisputeOpened, 2 * HOUR, dispute_id="du_1")
    won = _about_payment(DisputeClosed, 3 * HOUR, dispute_id="du_1", outcome=DisputeOutcome.WON)
    lost = _about_payment(DisputeClosed, 3 * HOUR, dispute_id="du_1", outcome=DisputeOutcome.LOST)
    taken = captured(DAY + HOUR)
    assert _payment(taken, opened)[0] == "DISPUTED"
    assert _payment(taken, opened, won)[0] == "PAID"
    assert _payment(taken, opened, lost)[0] == "REFUNDED"


def test_facts_of_a_payment_that_name_no_order_follow_it() -> None:
    reserved = _about_payment(PaymentAuthorised, HOUR, payment_id="PSP1", gateway="adyen")
    taken = captured(
        DAY + 2 * HOUR, gateway="adyen", payment_id="PSP1", capture_id="C", order_id=None
    )
    assert _payment(reserved, taken) == ("PAID", "100.00")


def test_an_order_may_name_its_payment() -> None:
    named = Identifier(scheme="stripe:payment_intent", value="pi_3Example")
    facts = [placed(references=(named,)), captured(DAY + HOUR, order_id=None)]
    assert _dimension("payment", *facts) == "PAID"


def test_one_payment_told_by_shop_and_gateway_counts_once() -> None:
    shops = captured(
        DAY + HOUR, "60.00", gateway="shopify", account="acme", payment_id="8800000123",
        capture_id="8800000123", order_id="4507",
        references=(Identifier(scheme="shopify:authorization", value="pi_3Example"),),
    )  # fmt: skip
    assert _payment(shops, captured(DAY + HOUR, "60.00")) == ("PARTIAL", "60.00")


def test_a_payment_in_another_currency_is_left_out() -> None:
    usd = captured(DAY + HOUR, "100.00", "USD")
    world = derive_all(DOMAIN, [placed(), usd])
    (finding,) = world.findings.values()
    assert (finding.kind, finding.owner) == ("currency_differs", "finance")
    assert (finding.expected, finding.received) == ("EUR", "100.00 USD")
    assert world.only("order").state["dimensions"]["payment"] == "NONE"


def test_a_test_payment_does_not_pay_a_real_order() -> None:
    world = derive_all(DOMAIN, [placed(), captured(DAY + HOUR, test=True)])
    assert world.kinds == ["test_payment"]
    assert _dimension("payment", placed(test=True), captured(DAY + HOUR, test=True)) == "PAID"


def test_an_invoice_in_another_currency_is_left_out() -> None:
    usd = invoiced(DAY + HOUR, currency="USD", totals=InvoiceTotals(payable=eur("100.00", "USD")))
    facts = [placed(), *ALL, usd, CLOSED]
    assert derive_all(DOMAIN, facts).kinds == ["currency_differs"]
    assert _dimension("billing", *facts) == "NONE"
    assert _dimension("closure", *facts) == "OPEN"


def test_invoiced_in_part_and_wholly() -> None:
    part = invoiced(DAY + HOUR, lines=(billed("L1", "3"),), totals=InvoiceTotals(payable=eur("30")))
    rest = invoiced(
        DAY + 2 * HOUR,
        "INV-2",
        (billed("L1", "2"), BILLED[1]),
        totals=InvoiceTotals(payable=eur("70")),
    )
    assert _dimension("billing", placed()) == "NONE"
    assert _dimension("billing", placed(), part) == "PARTIAL"
    assert _dimension("billing", placed(), part, rest) == "INVOICED"


def test_an_invoice_told_twice_counts_once() -> None:
    half = InvoiceTotals(payable=eur("50"))
    once = invoiced(DAY + HOUR, lines=(), totals=half)
    copy = invoiced(DAY + 2 * HOUR, lines=(), totals=half, notes=("copy",))
    assert _dimension("billing", placed(), once, copy) == "PARTIAL"


def test_an_invoice_without_lines_counts_by_its_amount() -> None:
    whole = invoiced(DAY + HOUR, lines=())
    assert _dimension("billing", placed(), whole) == "INVOICED"
    paid_before = InvoiceTotals(payable=eur("0"), prepaid=eur("100.00"))
    assert _dimension("billing", placed(), invoiced(DAY, lines=(), totals=paid_before)) == (
        "INVOICED"
    )
    assert _dimension("billing", placed(totals=OrderTotals()), whole) == "PARTIAL"


def test_a_candidate_says_what_its_invoices_do_not() -> None:
    data = BillingCandidateChanged(
        revision=1,
        basis="b-1",
        source_system="shopify",
        account="acme",
        shipment_id="SH-1",
        order_id="4507",
        state=CandidateState.INVOICED,
        lines=tuple(
            CandidateLine(
                line_id=one.line_id, sku=one.sku, quantity=one.quantity, invoiced=one.quantity
            )
            for one in LINES
        ),
    )
    candidate = fact(data, at=DAY + 3 * HOUR, source="/chain/billing")
    unlined = invoiced(DAY + HOUR, lines=(), totals=InvoiceTotals(payable=eur("1")))
    assert _dimension("billing", placed(), *ALL, unlined, candidate) == "INVOICED"


@pytest.mark.parametrize("price", ["10.00", "9.00", "8.50", "7.50"])
def test_prices_before_and_after_discount_and_tax_agree(price: str) -> None:
    one = line("L1", "5").model_copy(update={"discount": eur("5.00"), "tax": eur("7.50")})
    facts = [placed(lines=(one,)), invoiced(DAY + HOUR, lines=(billed("L1", "5", price),))]
    assert derive_all(DOMAIN, facts).kinds == []


def test_an_invoice_at_another_price_is_for_sales() -> None:
    world = derive_all(
        DOMAIN, [placed(), invoiced(DAY + HOUR, lines=(billed("L1", "5", "12.00"), BILLED[1]))]
    )
    (finding,) = world.findings.values()
    assert (finding.kind, finding.owner) == ("price_differs", "sales")
    assert (finding.expected, finding.received) == ("10.00 EUR", "12.00 EUR")


def test_a_credit_note_opens_what_was_invoiced_unless_goods_came_back() -> None:
    facts = [placed(), *ALL, invoiced(DAY + HOUR), credited(DAY + 2 * HOUR, "CN-1", BILLED)]
    assert _dimension("billing", *facts) == "PARTIAL"
    goods = [came_back(DAY + HOUR, "L1", "5"), came_back(DAY + HOUR, "L2", "2")]
    assert _dimension("billing", *facts, *goods) == "INVOICED"


def test_a_credit_of_a_part_of_the_price_gives_no_goods_back() -> None:
    goodwill = credited(
        DAY + 2 * HOUR, "CN-1", (billed("L1", "5", "1.00"),), totals=InvoiceTotals(payable=eur("5"))
    )
    assert _dimension("billing", placed(), *ALL, invoiced(DAY + HOUR), goodwill) == "INVOICED"


def test_an_order_is_complete_by_the_three_way_agreement_alone() -> None:
    facts = [placed(), *ALL, captured(DAY + HOUR), invoiced(DAY + 2 * HOUR)]
    assert _dimension("closure", *facts) == "OPEN"
    paid = receivable(DAY + 8 * HOUR, ReceivableState.PAID)
    assert _dimension("closure", *facts, paid) == "OPEN"
    closed = receivable(DAY + 9 * HOUR, ReceivableState.CLOSED, revision=2)
    world = derive_all(DOMAIN, [*facts, paid, closed])
    assert world.only("order").status == "FINANCIALLY_COMPLETE"
    assert world.only("order").state["dimensions"]["document"] == "COMPLETED"
    announced = world.announcements["o2c.order_state.changed", ORDER]
    assert announced.data.model_dump()["closure"] == "FINANCIALLY_COMPLETE"
    assert announced.occurred_at == DAY + 9 * HOUR


def test_the_state_of_an_invoice_closes_where_cash_says_nothing() -> None:
    data = InvoiceStateChanged(
        revision=1,
        seller="de999",
        invoice_number="INV-1",
        document_type="380",
        state=InvoiceState.CLOSED,
        electronic="ACCEPTED",
    )
    state = fact(data, at=DAY + 9 * HOUR, source="/chain/billing")
    facts = [placed(), *ALL, invoiced(DAY + HOUR), state]
    assert _dimension("closure", *facts) == "FINANCIALLY_COMPLETE"
    still_open = receivable(DAY + 9 * HOUR, ReceivableState.COVERED)
    assert _dimension("closure", *facts, still_open) == "OPEN"


def test_a_receivable_that_opens_again_opens_the_order() -> None:
    again = receivable(DAY + 99 * HOUR, ReceivableState.OPEN, revision=2)
    facts = [placed(), *ALL, invoiced(DAY + HOUR), CLOSED]
    assert _dimension("closure", *facts) == "FINANCIALLY_COMPLETE"
    assert _dimension("closure", *facts, again) == "OPEN"


def test_every_invoice_has_to_be_closed_and_everything_shipped() -> None:
    half = InvoiceTotals(payable=eur("50.00"))
    two = [
        invoiced(DAY + HOUR, "INV-1", BILLED[:1], totals=half),
        invoiced(DAY + HOUR, "INV-2", BILLED[1:], totals=half),
    ]
    assert _dimension("closure", placed(), *ALL, *two, CLOSED) == "OPEN"
    other = receivable(DAY + 9 * HOUR, ReceivableState.CLOSED, number="INV-2")
    assert _dimension("closure", placed(), *ALL, *two, CLOSED, other) == "FINANCIALLY_COMPLETE"
    assert _dimension("closure", placed(), ALL[0], *two, CLOSED, other) == "OPEN"


def test_an_order_paid_at_a_gateway_without_invoice_stays_open() -> None:
    assert _dimension("closure", placed(), *ALL, captured(DAY + HOUR)) == "OPEN"


def test_a_bank_transfer_pays_without_a_gateway() -> None:
    facts = [placed(), *ALL, invoiced(DAY + HOUR)]
    assert _dimension("payment", *facts, receivable(DAY, ReceivableState.PAID)) == "PAID"
    part = receivable(DAY, ReceivableState.PARTIALLY_PAID, allocated="30.00")
    assert _dimension("payment", *facts, part) == "PARTIAL"
    disputed = receivable(DAY, ReceivableState.PAID, disputed=True)
    assert _dimension("payment", *facts, disputed) == "DISPUTED"


def test_an_invoice_for_two_orders_is_looked_at_by_lines() -> None:
    def of(order: str, line_id: str, quantity: str, price: str) -> InvoiceLine:
        source = (Identifier(scheme="x12:PO", value=order),)
        return billed(line_id, quantity, price).model_copy(update={"source": source})

    other = placed(order_id="4508", order_number="#1043", lines=LINES[:1])
    lines = (of("#1042", "L1", "5", "10.00"), of("#1043", "L1", "5", "10.00"))
    both = invoiced(
        DAY + HOUR, lines=lines, order_id=None, totals=InvoiceTotals(payable=eur("500"))
    )
    world = derive_all(DOMAIN, [placed(), other, both, CLOSED])
    billing = {one.key: one.state["dimensions"]["billing"] for one in world.of("order")}
    assert billing == {ORDER: "PARTIAL", "order/shopify/acme/4508": "INVOICED"}


def test_what_will_not_ship_is_cancelled_by_a_person() -> None:
    facts = [placed(), ALL[0], invoiced(DAY + HOUR, lines=BILLED[:1]), CLOSED]
    decision = Decision(id="d1", at=DAY, by="ada", action="cancel_rest", record=ORDER)
    world = derive_all(DOMAIN, facts, decisions=[decision])
    assert world.only("order").status == "FINANCIALLY_COMPLETE"
    with pytest.raises(Malformed):
        DOMAIN.actions["cancel_rest"]({"lines": ["L2"]})


def test_quantities_of_a_line_are_all_told() -> None:
    facts = [placed(), *ALL, invoiced(DAY + HOUR, lines=(billed("L1", "3"),))]
    row = derive_all(DOMAIN, facts).only("order").rows["order_lines"][0]
    assert (row["ordered"], row["shipped"], row["invoiced"], row["open"]) == ("5", "5", "3", "0")
    assert pieces("5").unit == row["unit"]
