"""Receipts of the bank: which receivables they pay by themselves, and which are for people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.cash import RemittanceLine
from canonical.chain import ReceivableState
from canonical.values import Direction, Identifier, Party
from domains.cash import DOMAIN
from domains.contract import Finding, Owner, Rules
from tests.domains.building import World, fact
from tests.domains.cash_facts import (
    advice,
    balance,
    booked,
    credit_note,
    day,
    decided,
    derived,
    eur,
    invoice,
    notified,
    open_of,
    order,
    part,
    receivable,
    told_of,
    took_back,
)


def only(world: World) -> Finding:
    (found,) = world.findings.values()
    return found


@pytest.mark.parametrize(
    "text",
    [
        ("INV-2026-77",),
        ("Rechnung Nr. inv 2026-77 vom 02.03.2026",),
        ("Payment of invoice INV/2026/77, thanks",),
        ("Invoice INV-20", "26-77 of March"),
    ],
)
def test_a_transfer_that_names_the_invoice_and_is_exact_pays_it(text: tuple[str, ...]) -> None:
    world = derived(invoice(), booked("100.00", *text))
    told = told_of(world)
    assert told.state is ReceivableState.CLOSED
    (proof,) = told.proofs
    assert proof.bank_entry == world.only("receipt").key
    assert proof.payment is None
    assert proof.matched_at == day(5)
    assert proof.signals[:2] == ("invoice_number", "exact_amount")
    assert world.only("receipt").status == "APPLIED"
    assert world.kinds == []


def test_a_structured_reference_pays_the_invoice_that_gave_it() -> None:
    named = invoice(payment_reference="RF18539007547034")
    world = derived(named, booked("100.00", creditor_reference="RF18 5390 0754 7034"))
    assert told_of(world).proofs[0].signals[0] == "structured_reference"


def test_an_end_to_end_id_may_carry_the_invoice_number() -> None:
    assert open_of(derived(invoice(), booked("100.00", end_to_end_id="INV-2026-77"))) == "0.00"


def test_a_transfer_that_names_the_order_pays_its_invoice() -> None:
    facts = (order("4507"), invoice(order_id="4507"), booked("100.00", "Bestellung 4507"))
    assert receivable(derived(*facts)).status == ReceivableState.CLOSED


def test_a_transfer_before_the_invoice_waits_and_pays_it_when_it_comes() -> None:
    early = booked("100.00", "INV-2026-77", on=5)
    waiting = derived(early, now=day(5))
    assert waiting.kinds == []
    assert waiting.wake_at == day(6)
    assert derived(early, now=day(6)).kinds == ["unapplied_cash"]
    world = derived(early, invoice(on=7))
    assert receivable(world).status == ReceivableState.CLOSED
    assert world.kinds == []


def test_a_lump_sum_pays_all_it_names() -> None:
    facts = [invoice(f"INV-100{n}", "50.00") for n in range(4)]
    world = derived(*facts, booked("200.00", "INV-1000 INV-1001, INV-1002;INV-1003"))
    assert [one.status for one in world.of("receivable")] == ["CLOSED"] * 4
    assert world.only("receipt").status == "APPLIED"


def test_a_lump_sum_is_split_as_the_remittance_advice_says() -> None:
    facts = [invoice("INV-1000", "50.00"), invoice("INV-1001", "80.00")]
    split = advice(part("INV-1000", "50.00"), part("INV-1001", "60.00"), amount="110.00")
    world = derived(*facts, split, booked("110.00", end_to_end_id="EFT-5501"))
    assert (open_of(world, "INV-1000"), open_of(world, "INV-1001")) == ("0.00", "20.00")
    assert world.kinds == ["short_payment"]
    assert told_of(world, "INV-1000").proofs[0].signals[0] == "remittance_advice"


def test_an_advice_for_an_unknown_invoice_leaves_its_part_unapplied() -> None:
    split = advice(part("INV-1000", "50.00"), part("INV-9999", "60.00"), amount="110.00")
    facts = (invoice("INV-1000", "50.00"), split, booked("110.00", end_to_end_id="EFT-5501"))
    world = derived(*facts)
    assert world.only("receipt").state["unapplied"] == "60.00"
    assert world.kinds == ["unapplied_cash"]


def test_a_lump_sum_that_does_not_add_up_is_for_people() -> None:
    facts = [invoice("INV-1000", "50.00"), invoice("INV-1001", "80.00")]
    world = derived(*facts, booked("110.00", "INV-1000 INV-1001"))
    assert world.kinds == ["ambiguous_allocation"]
    assert (open_of(world, "INV-1000"), open_of(world, "INV-1001")) == ("50.00", "80.00")
    plans = world.only("receipt").state["allocations"]
    assert {one["state"] for one in plans} == {"proposed"}


def test_a_short_payment_leaves_the_rest_open() -> None:
    world = derived(invoice(), booked("95.00", "INV-2026-77"))
    assert receivable(world).status == ReceivableState.PARTIALLY_PAID
    finding = only(world)
    assert (finding.kind, finding.balance) == ("short_payment", "5.00 EUR")
    assert finding.owner is Owner.FINANCE
    rest = derived(invoice(), booked("95.00", "INV-2026-77"), booked("5.00", "INV-2026-77", on=7))
    assert receivable(rest).status == ReceivableState.CLOSED
    assert rest.kinds == []


@pytest.mark.parametrize(
    ("told_reason", "reason", "owner"),
    [
        ("WHTX", "tax_withheld", Owner.FINANCE),
        ("2% discount", "discount", Owner.FINANCE),
        ("damaged goods", "dispute", Owner.SALES),
        ("01", "other", Owner.FINANCE),
    ],
)
def test_a_short_payment_with_a_deduction_keeps_its_reason(
    told_reason: str, reason: str, owner: Owner
) -> None:
    split = advice(part("INV-2026-77", "95.00", kept="5.00", reason=told_reason), amount="95.00")
    world = derived(invoice(), split, booked("95.00", end_to_end_id="EFT-5501"))
    assert open_of(world) == "5.00"
    assert receivable(world).state["deductions"] == [{"amount": "5.00", "reason": reason}]
    assert (only(world).kind, only(world).owner) == ("short_payment", owner)


def test_a_difference_within_the_tolerance_is_written_off_by_itself() -> None:
    rules = Rules(tolerance={"EUR": "0.05"})
    world = derived(invoice(), booked("99.96", "INV-2026-77"), rules=rules)
    told = told_of(world)
    assert (str(told.written_off.amount), told.state) == ("0.04", ReceivableState.CLOSED)
    assert world.kinds == []
    other = derived(invoice(), booked("99.94", "INV-2026-77"), rules=rules)
    assert open_of(other) == "0.06"


def test_an_over_payment_is_never_used_for_another_invoice() -> None:
    facts = (invoice(), invoice("INV-2026-78", "20.00"), booked("120.00", "INV-2026-77"))
    world = derived(*facts)
    assert open_of(world, "INV-2026-78") == "20.00"
    assert only(world).kind == "overpayment"
    assert only(world).balance == "20.00 EUR"
    assert world.only("receipt").state["unapplied"] == "20.00"


def test_an_invoice_that_is_paid_twice_leaves_the_second_unapplied() -> None:
    facts = (invoice(), booked("100.00", "INV-2026-77"), booked("100.00", "INV-2026-77", on=6))
    world = derived(*facts)
    assert only(world).kind == "overpayment"
    assert sorted(one.status for one in world.of("receipt")) == ["APPLIED", "UNAPPLIED"]


def test_a_receipt_without_a_reference_is_proposed_to_receivables_of_its_amount() -> None:
    payer = Party(account=Identifier(scheme="iban", value="DE02120300000000202051"))
    facts = (invoice(buyer=payer), booked("100.00", "Vielen Dank", counterparty=payer))
    world = derived(*facts)
    assert only(world).kind == "unapplied_cash"
    assert only(world).involved == (receivable(world).key,)
    (plan,) = world.only("receipt").state["allocations"]
    assert plan["signals"][:2] == ["exact_amount", "payer_account"]
    assert (plan["state"], plan["confidence"]) == ("proposed", "medium")
    assert open_of(world) == "100.00"


def test_a_proposal_that_is_accepted_pays_and_that_is_rejected_does_not() -> None:
    facts = (invoice(), booked("100.00", "thanks"))
    world = derived(*facts)
    receipt = world.only("receipt")
    plan = receipt.state["allocations"][0]["key"]
    accepted = derived(*facts, decisions=[decided("accept", receipt.key, allocation=plan)])
    assert receivable(accepted).status == ReceivableState.CLOSED
    assert accepted.only("receipt").status == "APPLIED"
    assert accepted.kinds == []
    assert told_of(accepted).proofs[0].bank_entry == receipt.key
    rejected = derived(*facts, decisions=[decided("reject", receipt.key, allocation=plan)])
    assert open_of(rejected) == "100.00"
    assert rejected.only("receipt").state["allocations"][0]["state"] == "reviewed"


def test_a_reference_that_is_given_twice_is_for_people() -> None:
    other = Party(name="Other", identifiers=(Identifier(scheme="vat", value="DE2"),))
    twice = invoice().data.model_copy(update={"seller": other})
    world = derived(invoice(), fact(twice, source="/ubl/acme"), booked("100.00", "INV-2026-77"))
    assert world.kinds == ["ambiguous_allocation"]


def test_another_currency_is_not_applied() -> None:
    world = derived(invoice(), booked("100.00", "INV-2026-77", currency="CHF"))
    assert world.kinds == ["currency_differs"]
    assert open_of(world) == "100.00"


def test_a_reversed_receipt_reverses_what_it_paid() -> None:
    world = derived(
        invoice(),
        booked("100.00", "INV-2026-77", end_to_end_id="E2E-778899"),
        took_back("100.00", "return", end_to_end_id="E2E-778899"),
    )
    assert receivable(world).status == ReceivableState.OPEN
    assert world.only("receipt").status == "REVERSED"
    assert only(world).kind == "receipt_reversed"
    (plan,) = receivable(world).state["allocations"]
    assert (plan["state"], plan["amount"]) == ("reversed", "100.00")


def test_a_reversed_receipt_that_is_paid_again_is_settled() -> None:
    world = derived(
        invoice(),
        booked("100.00", "INV-2026-77"),
        took_back("100.00", "INV-2026-77", on=7),
        booked("100.00", "INV-2026-77", on=9),
    )
    assert receivable(world).status == ReceivableState.CLOSED
    assert world.kinds == []


def test_a_return_booked_as_a_plain_debit_reverses_as_well() -> None:
    back = booked("100.00", "INV-2026-77", on=8, direction=Direction.DEBIT, return_reason="AC04")
    world = derived(invoice(), booked("100.00", "INV-2026-77"), back)
    assert open_of(world) == "100.00"


def test_a_reversal_of_nothing_that_is_known_waits() -> None:
    (parked,) = derived(took_back("100.00", "INV-2026-99")).parked
    assert parked.kind == "reversal_without_entry"


def test_what_is_pending_or_advised_is_no_cash_and_the_booking_takes_its_place() -> None:
    pending = derived(invoice(), notified("100.00", "INV-2026-77"), now=day(5))
    assert open_of(pending) == "100.00"
    assert pending.kinds == []
    both = derived(
        invoice(), notified("100.00", "INV-2026-77"), booked("100.00", "INV-2026-77"), now=day(20)
    )
    assert told_of(both).allocated.amount == 100
    assert both.kinds == []


def test_what_was_pending_and_is_never_booked_is_found() -> None:
    assert derived(notified(), now=day(8)).wake_at == day(9)
    assert derived(notified(), now=day(9)).kinds == ["pending_never_booked"]
    assert derived(notified(status="INFO"), now=day(9)).kinds == []


def test_a_credit_note_before_the_payment_lowers_what_is_expected() -> None:
    world = derived(invoice(), credit_note(on=3), booked("70.00", "INV-2026-77"))
    assert receivable(world).status == ReceivableState.CLOSED
    assert "exact_amount" in told_of(world).proofs[0].signals


def test_a_credit_note_after_the_transfer_frees_the_customers_credit() -> None:
    world = derived(invoice(), booked("100.00", "INV-2026-77"), credit_note(on=8))
    receipt = world.only("receipt").state
    assert (receipt["applied"], receipt["customer_credit"]) == ("70.00", "30.00")
    assert open_of(world) == "0.00"
    assert world.kinds == []


def test_an_invoice_credited_in_full_is_closed_without_money() -> None:
    world = derived(invoice(), credit_note(amount="100.00"))
    assert receivable(world).status == ReceivableState.CLOSED
    assert told_of(world).proofs == ()


def test_statements_follow_each_other() -> None:
    first = balance(41, "CLBD", "100.00", on=1)
    assert derived(first, balance(42, "OPBD", "100.00", on=2)).kinds == []
    assert only(derived(first, balance(42, "OPBD", "90.00", on=2))).balance == "-10.00 EUR"
    gap = derived(first, balance(43, "OPBD", "100.00", on=2))
    assert gap.kinds == ["statement_gap"]
    filled = derived(
        first,
        balance(42, "OPBD", "100.00", on=2),
        balance(42, "CLBD", "100.00", on=2),
        balance(43, "OPBD", "100.00", on=2),
    )
    assert filled.kinds == []


def test_no_name_and_no_whole_account_is_said() -> None:
    payer = Party(name="Jane Doe", account=Identifier(scheme="iban", value="DE0212"))
    world = derived(booked("100.00", "thanks", counterparty=payer))
    said = f"{world.only('receipt').label} {only(world).explanation}"
    assert "…6199" in said
    assert "DE75" not in said
    assert "Jane" not in str(world.only("receipt").state)


def test_a_transfer_for_an_order_waits_for_its_invoices() -> None:
    paid = (order("4507"), booked("100.00", "Bestellung 4507"))
    assert derived(*paid).kinds == []
    first = derived(*paid, invoice("INV-1000", "60.00", order_id="4507", on=7))
    assert open_of(first, "INV-1000") == "0.00"
    assert first.only("receipt").state["unapplied"] == "40.00"
    assert first.kinds == []
    both = derived(
        *paid,
        invoice("INV-1000", "60.00", order_id="4507", on=7),
        invoice("INV-1001", "40.00", order_id="4507", on=9),
    )
    assert [one.status for one in both.of("receivable")] == ["CLOSED", "CLOSED"]


def test_a_proposal_goes_when_its_receivable_is_paid_by_another() -> None:
    facts = (invoice(), booked("100.00", "thanks"), booked("100.00", "INV-2026-77", on=6))
    world = derived(*facts)
    unnamed = next(one for one in world.of("receipt") if one.status == "UNAPPLIED")
    assert unnamed.state["allocations"] == []


def test_a_deduction_of_its_own_line_belongs_to_the_one_invoice_paid() -> None:
    loose = RemittanceLine(deduction=eur("5.00"), deduction_reason="bank fee")
    split = advice(part("INV-2026-77", "100.00"), loose, amount="95.00")
    world = derived(invoice(), split, booked("95.00", end_to_end_id="EFT-5501"))
    assert receivable(world).state["deductions"] == [{"amount": "5.00", "reason": "bank_fee"}]
    assert open_of(world) == "5.00"


def test_an_advice_of_another_amount_decides_nothing() -> None:
    facts = [invoice("INV-1000", "50.00"), invoice("INV-1001", "80.00")]
    split = advice(part("INV-1000", "50.00"), part("INV-1001", "60.00"), amount="110.00")
    world = derived(*facts, split, booked("100.00", end_to_end_id="EFT-5501"))
    assert world.kinds == ["unapplied_cash"]


@pytest.mark.parametrize(
    "text",
    [
        "2026",
        "02.03.2026",
        "2026-03-02",
        "20260302",
        "1190.00",
        "DE02120300000000202051",
        "12 34 5",
    ],
)
def test_dates_amounts_and_accounts_name_no_document(text: str) -> None:
    names = DOMAIN.listens["o2c.bank_entry.booked"](booked("100.00", text).data)
    assert names.strong == frozenset()


def test_a_bare_number_joins_an_invoice_and_no_order() -> None:
    names = DOMAIN.listens["o2c.bank_entry.booked"](booked("100.00", "4507 thanks").data)
    assert "invoice:4507" in names.strong
    assert "order:4507" in names.weak
    called = DOMAIN.listens["o2c.bank_entry.booked"](booked("100.00", "#4507 thanks").data)
    assert "order:4507" in called.strong


@given(st.lists(st.text(max_size=140), max_size=5))
def test_any_text_gives_a_bounded_number_of_names(lines: list[str]) -> None:
    names = DOMAIN.listens["o2c.bank_entry.booked"](booked("1.00", *lines).data)
    assert len(names.strong | names.weak) <= 3 * 42 + 4
