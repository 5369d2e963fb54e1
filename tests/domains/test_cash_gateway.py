"""Payments of gateways: from the capture through payout and bank to a paid invoice."""

from __future__ import annotations

import pytest

from canonical.billing import EInvoiceStatus, EInvoiceStatusChanged, InvoiceTotals
from canonical.cash import DisputeOutcome
from canonical.chain import FACTS as CHAIN
from canonical.chain import ReceivableState
from canonical.values import Direction, Identifier
from domains.cash import DOMAIN
from domains.contract import Fact, Owner
from tests.domains.building import fact
from tests.domains.cash_facts import (
    LATER,
    booked,
    captured,
    credit_note,
    day,
    derived,
    dispute,
    dispute_closed,
    eur,
    failed,
    invoice,
    line,
    open_of,
    order,
    payout,
    receivable,
    refund,
    told_of,
    took_back,
)

PAID_BY_ORDER = (order(), invoice(order_id="1001"), captured(order_id="1001"))
PAID_OUT = (payout(), line())
AT_BANK = booked("97.00", "STRIPE PAYOUT po_0000000001", on=5)


def test_a_capture_covers_its_orders_invoice_and_does_not_pay_it() -> None:
    world = derived(*PAID_BY_ORDER)
    assert receivable(world).status == ReceivableState.COVERED
    assert open_of(world) == "0.00"
    assert not told_of(world).proofs


def test_invoice_payment_and_bank_credit_agree_and_the_invoice_is_closed() -> None:
    world = derived(*PAID_BY_ORDER, *PAID_OUT, AT_BANK)
    told = told_of(world)
    assert told.state is ReceivableState.CLOSED
    (proof,) = told.proofs
    assert proof.payment == world.only("payment").key
    assert proof.payout == world.only("payout").key
    assert proof.bank_entry == world.only("receipt").key
    assert proof.matched_at == day(5)
    assert receivable(world).state["paid_at"] == day(5).isoformat()
    assert world.kinds == []
    assert world.only("receipt").status == "PAYOUT"


def test_a_payment_completed_and_a_late_bank_is_covered_until_the_bank_has_it() -> None:
    before = derived(*PAID_BY_ORDER, *PAID_OUT)
    assert receivable(before).status == ReceivableState.COVERED
    assert before.kinds == ["payout_not_at_bank"]
    after = derived(*PAID_BY_ORDER, *PAID_OUT, booked("97.00", "Stripe", on=10))
    assert receivable(after).status == ReceivableState.CLOSED
    assert after.kinds == []


def test_a_payout_that_the_bank_never_has_is_found_after_the_deadline() -> None:
    early = derived(*PAID_OUT, now=day(7))
    assert early.kinds == []
    assert early.wake_at == day(8)
    late = derived(*PAID_OUT, now=day(8))
    assert late.kinds == ["payout_not_at_bank"]


def test_a_capture_that_no_payout_contains_is_found_after_the_deadline() -> None:
    world = derived(*PAID_BY_ORDER, now=day(11))
    assert world.kinds == ["captured_not_paid_out"]
    assert derived(*PAID_BY_ORDER, now=day(10)).wake_at == day(11)


def test_a_payout_with_fees_and_a_refund_meets_the_bank() -> None:
    facts = (
        *PAID_BY_ORDER,
        payout("67.00", gross="100.00", fees="3.00", refunds="30.00", line_count="2"),
        line(),
        line("-30.00", "0.00", line_id="txn_2", kind="refund"),
        booked("67.00", "STRIPE PAYOUT po_0000000001", on=5),
    )
    world = derived(*facts)
    assert world.only("payout").status == "CLEARED"
    assert receivable(world).status == ReceivableState.CLOSED
    assert world.kinds == []


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ((payout("97.00", gross="100.00", fees="2.00"), line()), "payout_arithmetic"),
        ((payout("98.00", line_count="1"), line()), "payout_lines_differ"),
        (
            (payout("98.00"), booked("97.00", "STRIPE po_0000000001")),
            "payout_bank_differs",
        ),
    ],
)
def test_each_part_of_the_payouts_arithmetic_that_fails_is_found(
    facts: tuple[object, ...], kind: str
) -> None:
    world = derived(*facts, now=day(5))  # type: ignore[arg-type]
    assert kind in world.kinds


def test_lines_still_on_their_way_are_not_found_at_once() -> None:
    facts = (payout("100.00", line_count="2"), line())
    assert derived(*facts, now=day(3)).kinds == []
    assert "payout_lines_differ" in derived(*facts, now=day(5)).kinds


def test_payouts_of_one_amount_and_no_reference_are_taken_in_their_order() -> None:
    facts = (
        payout(payout_id="po_0000000001", on=3),
        payout(payout_id="po_0000000002", on=4),
        booked("97.00", "Stripe", on=4, name="a"),
        booked("97.00", "Stripe", on=5, name="b"),
    )
    world = derived(*facts)
    assert [one.status for one in world.of("payout")] == ["CLEARED", "CLEARED"]
    assert len({one.state["payout"] for one in world.of("receipt")}) == 2


def test_a_customers_credit_of_a_payouts_amount_is_not_taken_for_it() -> None:
    facts = (
        payout(),
        invoice(amount="97.00"),
        booked("97.00", "INV-2026-77", on=4),
        booked("97.00", "Stripe", on=5),
    )
    world = derived(*facts)
    assert world.only("payout").status == "CLEARED"
    assert receivable(world).status == ReceivableState.CLOSED


def test_a_payouts_entry_that_the_bank_takes_back_is_no_longer_there() -> None:
    back = took_back("97.00", "STRIPE PAYOUT po_0000000001")
    world = derived(*PAID_BY_ORDER, *PAID_OUT, AT_BANK, back, now=day(7))
    assert world.only("payout").status == "SETTLED"
    assert receivable(world).status == ReceivableState.COVERED


def test_a_failed_payout_clears_nothing() -> None:
    world = derived(*PAID_BY_ORDER, *PAID_OUT, payout(status="failed", on=4), AT_BANK)
    assert world.only("payout").status == "FAILED"
    assert receivable(world).status == ReceivableState.COVERED


def test_several_captures_count_by_the_largest_of_each() -> None:
    facts = (
        order(),
        invoice(order_id="1001"),
        captured("60.00", order_id="1001", capture_id="ch_1", on=1),
        captured("100.00", order_id="1001", capture_id="ch_1", on=2),
    )
    assert open_of(derived(*facts)) == "0.00"
    assert derived(*facts).only("payment").state["captured"] == "100.00"


def test_a_capture_that_fails_later_is_taken_back_and_a_new_one_counts() -> None:
    one = captured(order_id="1001", capture_id="CAP1", on=1)
    gone = failed(event_id="CAP1", failure_code="CAPTURE_FAILED", on=2)
    again = captured(order_id="1001", capture_id="CAP1", on=4)
    facts = (order(), invoice(order_id="1001"), one, gone)
    assert open_of(derived(*facts)) == "100.00"
    assert open_of(derived(*facts, again)) == "0.00"


def test_another_failure_leaves_the_capture_alone() -> None:
    world = derived(*PAID_BY_ORDER, failed(failure_code="EXPIRE", on=3))
    assert open_of(world) == "0.00"


def test_a_duplicate_callback_counts_once() -> None:
    again = captured(order_id="1001", event_id="evt_2")
    world = derived(*PAID_BY_ORDER, again)
    assert told_of(world).allocated.amount == 100
    assert world.only("payment").state["captured"] == "100.00"


def test_shop_and_gateway_tell_one_capture_and_it_counts_once() -> None:
    shop = captured(
        payment_id="5551234567890",
        order_id="1001",
        gateway="shopify",
        references=(Identifier(scheme="shopify:authorization", value="ch_3Example000001"),),
    )
    gateway = captured(order_id="1001", capture_id="ch_3Example000001")
    world = derived(order(), invoice(order_id="1001"), shop, gateway, now=day(2))
    assert told_of(world).allocated.amount == 100
    (echo,) = (one for one in world.of("payment") if one.state["same_as"])
    assert echo.state["same_as"] == "payment/stripe/acme/pi_0000000001"
    assert world.kinds == []


def test_payments_of_tests_are_no_cash() -> None:
    world = derived(order(), invoice(order_id="1001"), captured(order_id="1001", test=True))
    assert open_of(world) == "100.00"
    assert world.only("payment").status == "TEST"


def test_a_refund_opens_again_what_it_took_back_once_however_often_told() -> None:
    refunds = (refund(on=9), refund(on=10, reason="requested_by_customer"))
    assert open_of(derived(*PAID_BY_ORDER, *refunds)) == "30.00"
    gone = refund(status="failed", on=11)
    assert open_of(derived(*PAID_BY_ORDER, *refunds, gone)) == "0.00"
    assert open_of(derived(*PAID_BY_ORDER, refund(status="pending"))) == "0.00"


def test_a_return_after_payment_is_credited_once() -> None:
    credited = derived(*PAID_BY_ORDER, *PAID_OUT, AT_BANK, credit_note())
    assert (open_of(credited), receivable(credited).state["customer_credit"]) == ("0.00", "30.00")
    both = derived(*PAID_BY_ORDER, *PAID_OUT, AT_BANK, credit_note(), refund())
    told = told_of(both)
    state = receivable(both).state
    assert [state[name] for name in ("allocated", "credited", "open")] == ["70.00", "30.00", "0.00"]
    assert receivable(both).state["customer_credit"] == "0.00"
    assert told.state is ReceivableState.CLOSED
    assert both.kinds == []


def test_credit_that_nobody_gives_back_is_found_in_time() -> None:
    world = derived(*PAID_BY_ORDER, *PAID_OUT, AT_BANK, credit_note(), now=day(13))
    assert world.kinds == ["credit_not_refunded"]


def test_a_fully_refunded_order_with_its_credit_note_is_closed() -> None:
    facts = (*PAID_BY_ORDER, credit_note(amount="100.00"), refund("100.00"))
    world = derived(*facts, now=LATER)
    assert receivable(world).status == ReceivableState.CLOSED
    assert world.only("payment").status == "REFUNDED"
    assert world.kinds == []


def test_a_chargeback_after_the_invoice_is_closed() -> None:
    closed = (*PAID_BY_ORDER, *PAID_OUT, AT_BANK)
    disputed = derived(*closed, dispute(), now=day(21))
    assert receivable(disputed).status == ReceivableState.PAID
    assert told_of(disputed).disputed
    (finding,) = disputed.findings.values()
    assert (finding.kind, finding.owner) == ("chargeback", Owner.SALES)

    lost = derived(*closed, dispute(), dispute_closed(DisputeOutcome.LOST), now=day(31))
    assert receivable(lost).status == ReceivableState.OPEN
    assert open_of(lost) == "100.00"
    assert lost.kinds == ["chargeback_lost"]
    states = {one["state"] for one in receivable(lost).state["allocations"]}
    assert states == {"reversed"}

    won = derived(*closed, dispute(), dispute_closed(DisputeOutcome.WON), now=day(31))
    assert receivable(won).status == ReceivableState.CLOSED
    assert won.kinds == []


def test_a_shops_dispute_without_a_payment_belongs_to_the_orders_payment() -> None:
    facts = [
        order(),
        invoice(order_id="1001"),
        captured(order_id="1001", payment_id="tx-1", gateway="shopify"),
        dispute(order_id="1001", gateway="shopify", payment_id="777000777000"),
    ]
    world = derived(*facts, now=day(20))
    assert world.only("payment").status == "DISPUTED"


def test_a_payment_for_an_unknown_order_waits() -> None:
    world = derived(captured(order_id="1001"), now=day(1))
    (parked,) = world.parked
    assert (parked.kind, parked.awaits) == ("payment_without_order", "order:1001")
    assert derived(captured(order_id="1001"), order(), now=day(1)).parked == []


def test_a_payment_without_any_reference_is_found_after_patience() -> None:
    assert derived(captured(), now=day(1)).wake_at == day(2)
    assert derived(captured(), now=day(2)).kinds == ["unapplied_payment"]


def test_two_shops_orders_of_one_number_are_not_mixed_up() -> None:
    facts = (
        order("1001", source="/shopify/acme"),
        order("1001", source="/woocommerce/acme"),
        invoice(order_id="1001"),
        captured(order_id="1001"),
    )
    world = derived(*facts, now=day(1))
    assert open_of(world) == "100.00"
    assert world.kinds == ["ambiguous_order"]


def test_a_payment_of_the_whole_order_pays_its_partial_invoices_as_they_come() -> None:
    first = (order(), captured(order_id="1001"), invoice("INV-1", "60.00", order_id="1001"))
    one = derived(*first, now=day(2))
    assert open_of(one, "INV-1") == "0.00"
    assert one.only("payment").state["unapplied"] == "40.00"
    assert one.kinds == []
    both = derived(*first, invoice("INV-2", "40.00", order_id="1001", on=3), now=day(4))
    assert open_of(both, "INV-2") == "0.00"
    assert both.kinds == []


def test_captures_by_shipment_go_to_the_invoice_of_just_their_amount() -> None:
    facts = (
        order(),
        invoice("INV-1", "60.00", order_id="1001"),
        invoice("INV-2", "40.00", order_id="1001"),
        captured("40.00", order_id="1001", payment_id="tx-2"),
    )
    world = derived(*facts, now=day(2))
    assert (open_of(world, "INV-1"), open_of(world, "INV-2")) == ("60.00", "0.00")


def test_a_part_payment_of_several_invoices_is_put_before_people() -> None:
    facts = (
        order(),
        invoice("INV-1", "60.00", order_id="1001"),
        invoice("INV-2", "40.00", order_id="1001"),
        captured("50.00", order_id="1001"),
    )
    world = derived(*facts, now=day(2))
    assert world.kinds == ["ambiguous_allocation"]
    assert (open_of(world, "INV-1"), open_of(world, "INV-2")) == ("60.00", "40.00")


def test_more_than_the_order_is_an_over_payment() -> None:
    facts = (order(), invoice(order_id="1001"), captured("120.00", order_id="1001"))
    world = derived(*facts, now=day(2))
    (finding,) = world.findings.values()
    assert (finding.kind, finding.balance) == ("overpayment", "20.00 EUR")


def test_a_payment_in_another_currency_is_not_applied() -> None:
    facts = (order(), invoice(order_id="1001", currency="USD"), captured(order_id="1001"))
    world = derived(*facts, now=day(2))
    assert world.kinds == ["currency_differs"]
    assert open_of(world) == "100.00"


def test_a_credit_note_for_an_unknown_invoice_waits() -> None:
    (parked,) = derived(credit_note()).parked
    assert (parked.kind, parked.awaits) == ("credit_note_without_invoice", "invoice:inv202677")


def test_a_payout_of_a_negative_net_is_a_debit_of_the_bank() -> None:
    taken = booked("20.00", "Stripe", on=4, direction=Direction.DEBIT)
    world = derived(payout("-20.00"), taken)
    assert world.only("payout").status == "CLEARED"
    assert world.of("receipt") == []
    assert world.kinds == []


def test_a_payout_of_nothing_has_nothing_to_arrive() -> None:
    assert derived(payout("0.00"), now=LATER).kinds == []


def test_one_payout_in_two_currencies_is_two() -> None:
    other = payout("50.00").data.model_copy(update={"net": eur("50.00", "USD")})
    facts = (payout(), fact(other, source="/stripe/acme", at=day(3)), AT_BANK)
    world = derived(*facts)
    assert sorted(one.status for one in world.of("payout")) == ["CLEARED", "SETTLED"]


def test_a_capture_that_only_part_of_the_payouts_contain_is_not_proven() -> None:
    partly = derived(
        *PAID_BY_ORDER, payout("60.00"), line("60.00", "0.00"), booked("60.00", "Stripe")
    )
    assert receivable(partly).status == ReceivableState.COVERED


def test_a_refund_whose_payment_nobody_told_of_waits() -> None:
    (parked,) = derived(order(), refund(order_id="1001"), now=day(9)).parked
    assert parked.kind == "refund_without_payment"


def test_an_invoice_that_claims_to_be_prepaid_is_proven_by_the_payment() -> None:
    totals = InvoiceTotals(payable=eur("0"), prepaid=eur("100.00"), tax_inclusive=eur("100.00"))
    document = invoice(order_id="1001").data.model_copy(update={"totals": totals})
    claim = fact(document, source="/ubl/acme")
    assert receivable(derived(claim)).status == ReceivableState.OPEN
    world = derived(order(), claim, captured(order_id="1001"), *PAID_OUT, AT_BANK)
    assert receivable(world).status == ReceivableState.CLOSED


def test_an_invoice_told_again_with_another_amount_stays_as_it_was() -> None:
    world = derived(invoice(), invoice(amount="120.00", on=1))
    assert open_of(world) == "100.00"
    assert world.kinds == ["invoice_told_differently"]


def said_by_buyer(status: EInvoiceStatus, *, on: int) -> Fact:
    payload = EInvoiceStatusChanged(
        network="peppol",
        document_id="doc-1",
        invoice_number="INV-2026-77",
        status=status,
        network_status="UQ",
        occurred_at=day(on),
    )
    return fact(payload, source="/ubl/acme", at=day(on))


def test_a_query_of_the_buyer_keeps_a_paid_invoice_from_closing() -> None:
    queried = said_by_buyer(EInvoiceStatus.UNDER_QUERY, on=6)
    facts = (invoice(), booked("100.00", "INV-2026-77"), queried)
    assert receivable(derived(*facts)).status == ReceivableState.PAID
    world = derived(*facts, said_by_buyer(EInvoiceStatus.APPROVED, on=8))
    assert receivable(world).status == ReceivableState.CLOSED


def test_nothing_that_follows_from_this_domain_is_listened_to() -> None:
    assert not [kind for kind in DOMAIN.listens if kind in {one.TYPE for one in CHAIN}]
