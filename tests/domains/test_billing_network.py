"""The states of an invoice, at cash and at the network."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from canonical.billing import EInvoiceStatus as Status
from canonical.billing import InvoiceLine, StatusReason
from canonical.chain import InvoiceStateChanged, ReceivableState
from domains.billing.network import network_of
from domains.contract import Fact, Owner, Rules
from tests.domains.billing_facts import (
    INVOICE,
    after,
    answer,
    credit,
    found,
    invoice,
    line,
    order,
    receivable,
    refs,
    told,
)
from tests.domains.building import World

FACTS = [order(), invoice()]


def state(world: World, key: str = INVOICE) -> tuple[str, str]:
    data = world.announcements["o2c.invoice_state.changed", key].data
    assert isinstance(data, InvoiceStateChanged)
    return data.state.value, data.electronic.value


def test_an_invoice_no_network_speaks_of_counts_as_sent_after_a_while() -> None:
    early = told(FACTS, now=after(49))
    assert state(early) == ("CREATED", "POSTED")
    assert early.wake_at == after(50)
    late = told(FACTS, now=after(50))
    assert state(late) == ("SENT", "POSTED")
    assert late.wake_at is None


def test_an_accepted_invoice_of_whose_delivery_nobody_tells_counts_as_sent_after_a_while() -> None:
    facts = [*FACTS, answer(Status.ACCEPTED)]
    assert state(told(facts, now=after(50))) == ("CREATED", "ACCEPTED")
    assert state(told(facts, now=after(51))) == ("SENT", "ACCEPTED")
    undelivered = [*facts, answer(Status.UNDELIVERABLE, at=4)]
    assert state(told(undelivered)) == ("CREATED", "ACCEPTED")


@pytest.mark.parametrize(
    ("statuses", "state_is", "electronic"),
    [
        ([Status.SUBMITTED], "CREATED", "SUBMITTED"),
        ([Status.SUBMITTED, Status.ACCEPTED], "CREATED", "ACCEPTED"),
        ([Status.ACCEPTED, Status.SENT_TO_CUSTOMER], "SENT", "SENT_TO_CUSTOMER"),
        ([Status.SENT_TO_CUSTOMER, Status.IN_PROCESS], "SENT", "SENT_TO_CUSTOMER"),
        ([Status.UNDER_QUERY, Status.IN_PROCESS, Status.APPROVED], "SENT", "SENT_TO_CUSTOMER"),
        ([Status.APPROVED, Status.PAID], "SENT", "SENT_TO_CUSTOMER"),
        ([Status.SENT_TO_CUSTOMER, Status.ACCEPTED], "SENT", "SENT_TO_CUSTOMER"),
        ([Status.SUBMITTED, Status.UNDELIVERABLE], "CREATED", "SUBMITTED"),
        ([Status.UNDELIVERABLE], "CREATED", "SUBMITTED"),
    ],
)
def test_the_network_moves_the_electronic_state(
    statuses: list[Status], state_is: str, electronic: str
) -> None:
    answers = [answer(one, at=3 + at) for at, one in enumerate(statuses)]
    world = told([*FACTS, *answers], now=after(10))
    assert state(world) == (state_is, electronic)
    assert "transition_refused" not in world.kinds


def test_the_networks_own_code_is_kept() -> None:
    world = told([*FACTS, answer(Status.UNDER_QUERY, code="UQ")])
    network = world.records[INVOICE].state["network"]
    assert (network["name"], network["status"], network["code"]) == ("peppol", "UNDER_QUERY", "UQ")
    (row,) = world.records[INVOICE].rows["billing_invoices"]
    assert (row["network"], row["network_status"]) == ("peppol", "UQ")


def test_a_rejection_opens_and_must_be_corrected_when_nothing_follows() -> None:
    reasons = (StatusReason(code="BR-CO-15", text="a sum is wrong"),)
    facts = [*FACTS, answer(Status.REJECTED, reasons=reasons)]
    early = told(facts, now=after(50))
    assert state(early) == ("CREATED", "REJECTED")
    finding = found(early, "einvoice_rejected")
    assert (finding.record, finding.owner) == (INVOICE, Owner.FINANCE)
    assert "BR-CO-15" in finding.explanation
    assert "a sum is wrong" not in finding.explanation
    late = told(facts, now=after(51))
    assert state(late) == ("CREATED", "CORRECTION_REQUIRED")
    assert late.kinds == ["einvoice_rejected"]


def test_a_buyers_refusal_requires_a_correction_at_once() -> None:
    facts = [*FACTS, answer(Status.SENT_TO_CUSTOMER), answer(Status.REFUSED_BY_BUYER, at=4)]
    world = told(facts, now=after(5))
    assert state(world) == ("SENT", "CORRECTION_REQUIRED")
    assert world.kinds == ["einvoice_rejected"]


def rejected() -> list[Fact]:
    return [*FACTS, answer(Status.SUBMITTED), answer(Status.REJECTED, at=4)]


def test_credited_and_issued_again_under_another_number() -> None:
    again = invoice(number="INV-2", at=11)
    world = told([*rejected(), credit(), again, answer(Status.ACCEPTED, number="INV-2", at=12)])
    assert world.kinds == []
    assert state(world) == ("CREATED", "REJECTED")
    assert state(world, "invoice/dk11223344/INV-2/380") == ("SENT", "ACCEPTED")


def corrected(**more: Any) -> Fact:
    preceding = refs(("ubl:invoice_number", "INV-1"))
    return invoice(number="INV-2", code="384", at=11, preceding=preceding, **more)


def test_a_correcting_invoice_ends_it_once_it_is_accepted() -> None:
    facts = [*rejected(), corrected()]
    assert told(facts, now=after(12)).kinds == ["einvoice_rejected"]
    submitted = answer(Status.SUBMITTED, number="INV-2", at=12)
    assert "einvoice_rejected" in told([*facts, submitted]).kinds
    accepted = answer(Status.ACCEPTED, number="INV-2", at=13)
    assert told([*facts, submitted, accepted]).kinds == []


def test_a_correcting_invoice_that_is_rejected_too_corrects_nothing() -> None:
    refused = answer(Status.REJECTED, number="INV-2", at=13)
    world = told([*rejected(), corrected(), refused])
    assert world.kinds == ["einvoice_rejected", "einvoice_rejected"]


def test_the_same_number_accepted_after_it_was_sent_again() -> None:
    facts = [*rejected(), answer(Status.SUBMITTED, at=20)]
    world = told(facts, now=after(21))
    assert state(world) == ("CREATED", "SUBMITTED")
    assert world.kinds == ["einvoice_rejected"]
    accepted = told([*facts, answer(Status.ACCEPTED, at=22)], now=after(23))
    assert state(accepted) == ("CREATED", "ACCEPTED")
    assert accepted.kinds == []


def test_a_corrected_fact_under_the_same_number_comes_out_right() -> None:
    """The engine hands out the correction in place of the rejected content."""
    content = invoice(line("4"), at=2)
    facts = [order(), content, answer(Status.REJECTED), answer(Status.ACCEPTED, at=9)]
    world = told(facts)
    assert world.kinds == []
    assert world.records[INVOICE].state["payable"] == "48.00"


@pytest.mark.parametrize(
    ("before", "then"),
    [
        (Status.ACCEPTED, Status.REJECTED),
        (Status.SENT_TO_CUSTOMER, Status.REJECTED),
        (Status.SENT_TO_CUSTOMER, Status.UNDELIVERABLE),
        (Status.APPROVED, Status.REFUSED_BY_BUYER),
        (Status.PAID, Status.UNDER_QUERY),
        (Status.REJECTED, Status.PAID),
    ],
)
def test_a_contradiction_is_refused_and_shown(before: Status, then: Status) -> None:
    world = told([*FACTS, answer(before), answer(then, at=4)])
    finding = found(world, "transition_refused")
    assert (finding.expected, finding.received) == (before.value, then.value)
    assert world.records[INVOICE].state["network"]["status"] == before.value


def test_what_is_told_of_one_moment_counts_in_the_order_of_the_ladder() -> None:
    world = told([*FACTS, answer(Status.ACCEPTED), answer(Status.SUBMITTED)], now=after(4))
    assert state(world) == ("CREATED", "ACCEPTED")
    assert "transition_refused" not in world.kinds


def sdi(status: Status, document_id: str, at: float, **more: Any) -> Fact:
    file = refs(("sdi:File", "IT99900010017_000A7"))
    return answer(
        status, number=None, at=at, network="sdi", document_id=document_id, references=file, **more
    )


def test_a_network_that_names_sendings_cannot_take_back_its_no() -> None:
    sent = invoice(references=refs(("sdi:File", "IT99900010017_000A7")))
    facts = [order(), sent, sdi(Status.REJECTED, "111", 3)]
    same = told([*facts, sdi(Status.SENT_TO_CUSTOMER, "111", 4)])
    assert same.kinds == ["einvoice_rejected", "transition_refused"]
    again = told([*facts, sdi(Status.SENT_TO_CUSTOMER, "222", 4)])
    assert again.kinds == []
    assert state(again) == ("SENT", "SENT_TO_CUSTOMER")


def test_an_answer_that_names_no_file_is_led_by_the_others_of_its_sending() -> None:
    sent = invoice(references=refs(("sdi:File", "IT99900010017_000A7")))
    approved = answer(Status.APPROVED, number=None, at=5, network="sdi", document_id="111")
    world = told([order(), sent, sdi(Status.SENT_TO_CUSTOMER, "111", 4), approved])
    assert world.records[INVOICE].state["network"]["status"] == "APPROVED"


def test_an_answer_about_a_file_is_about_all_in_it() -> None:
    file = refs(("sdi:File", "IT99900010017_000A7"))
    both = [
        invoice(references=file),
        invoice(InvoiceLine(line_id="1"), number="X-9", references=file),
    ]
    world = told([order(), *both, sdi(Status.REJECTED, "111", 4)])
    assert world.kinds == ["einvoice_rejected", "einvoice_rejected"]


def test_an_undelivered_invoice_is_not_lost() -> None:
    world = told([*FACTS, answer(Status.UNDELIVERABLE)])
    assert found(world, "einvoice_undeliverable").record == INVOICE
    assert world.kinds == ["einvoice_undeliverable"]
    delivered = told([*FACTS, answer(Status.UNDELIVERABLE), answer(Status.SENT_TO_CUSTOMER, at=9)])
    assert delivered.kinds == []


def test_a_network_that_says_nothing_is_found() -> None:
    facts = [*FACTS, answer(Status.SUBMITTED)]
    assert told(facts, now=after(50.9)).kinds == []
    assert told(facts, now=after(51)).kinds == ["einvoice_unanswered"]
    assert told([*facts, answer(Status.ACCEPTED, at=60)]).kinds == []
    rules = Rules(answer_due=timedelta(hours=1))
    assert told(facts, now=after(4), rules=rules).kinds == ["einvoice_unanswered"]


def test_an_answer_to_an_unknown_invoice_waits() -> None:
    world = told([answer(Status.REJECTED)])
    (parked,) = world.parked
    assert (parked.awaits, parked.kind) == ("invoice:inv-1", "unknown_invoice")
    assert told([*FACTS, answer(Status.REJECTED)]).parked == []


def test_an_answer_two_sellers_could_mean_is_not_applied() -> None:
    other = invoice(seller={"name": "Another Desk"}, order_id=None)
    world = told([*FACTS, other, answer(Status.REJECTED)])
    assert world.kinds == ["ambiguous_invoice"]


@pytest.mark.parametrize(
    ("said", "state_is"),
    [
        (ReceivableState.OPEN, "SENT"),
        (ReceivableState.PARTIALLY_PAID, "PARTIALLY_PAID"),
        (ReceivableState.COVERED, "PARTIALLY_PAID"),
        (ReceivableState.PAID, "PAID"),
        (ReceivableState.CLOSED, "CLOSED"),
    ],
)
def test_cash_says_what_is_paid(said: ReceivableState, state_is: str) -> None:
    assert state(told([*FACTS, receivable(said)])) == (state_is, "POSTED")


def test_the_newest_revision_of_cash_counts_and_disputes_stand_beside_the_state() -> None:
    closed = receivable(ReceivableState.CLOSED)
    again = receivable(ReceivableState.PARTIALLY_PAID, disputed=True, revision=2)
    world = told([*FACTS, again, closed])
    assert state(world)[0] == "PARTIALLY_PAID"
    assert world.records[INVOICE].state["disputed"] is True
    (row,) = world.records[INVOICE].rows["billing_invoices"]
    assert row["disputed"] == 1


def test_no_status_at_all_is_posted() -> None:
    assert network_of([], "INV-1").electronic(correction_is_due=False).value == "POSTED"
