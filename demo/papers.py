"""What comes as files: invoices and their network's answers, the payout's lines, the statement."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from demo import invoices, payments, warehouse
from demo.bank import BankLine, statement
from demo.shop import ShopOrder
from demo.traffic import BANK, FAILS, RETURNS, Delivery, Morning

FEE_RATE = Decimal("0.029")
PAYOUT = "po_demo_1"
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Paper:
    """A file in an account's folder."""

    folder: str
    name: str
    content: bytes


def invoice_number(order: ShopOrder) -> str:
    """The number of an order's invoice."""
    return f"INV-2026-{order.number}"


def papers(morning: Morning) -> Iterator[Paper]:
    """The files of the day; the bank delivers its statement twice, under two names."""
    yield from _invoices(morning)
    yield _payout(morning)
    told = _statement(morning)
    yield Paper(BANK, "statement-041.xml", told)
    yield Paper(BANK, "statement-041-copy.xml", told)


def paid_out(morning: Morning) -> Delivery:
    """`payout.paid`: what the payment gateway sends to the bank."""
    moment = morning.start + timedelta(hours=28)
    net = payments.net_of(_movements(morning))
    return morning.payments(payments.payout_event(PAYOUT, net, moment))


def _invoices(morning: Morning) -> Iterator[Paper]:
    """Every order is billed but the one that was not delivered; the network answers each."""
    moment = morning.start + timedelta(hours=25)
    for index, order in enumerate(morning.invented):
        if index == FAILS:
            continue
        number = invoice_number(order)
        billed = invoices.Document(
            order=order,
            number=number,
            issued=moment.date(),
            counts=order.counts,
            shipment=str(warehouse.shipment_id(order)),
        )
        yield Paper("billing", f"{number}.xml", invoices.document(billed))
        answer = invoices.network_response(number, "AP", moment, response=f"mlr-{order.number}")
        yield Paper("billing", f"{number}-answer.xml", answer)
    yield _credit_note(morning)


def _credit_note(morning: Morning) -> Paper:
    back = morning.invented[RETURNS]
    number = f"CN-2026-{back.number}"
    credited = invoices.Document(
        order=back,
        number=number,
        issued=(morning.start + timedelta(hours=28)).date(),
        counts=[1] + [0] * (len(back.lines) - 1),
        corrects=invoice_number(back),
    )
    return Paper("billing", f"{number}.xml", invoices.document(credited))


def _movements(morning: Morning) -> list[payments.Movement]:
    moment, back = morning.start + timedelta(hours=27), morning.invented[RETURNS]
    charged = [
        payments.charged(order, (order.subtotal * FEE_RATE).quantize(_CENT), moment)
        for order in morning.by_card
    ]
    return [*charged, payments.refunded(back, back.lines[0].price, moment)]


def _payout(morning: Morning) -> Paper:
    moment = morning.start + timedelta(hours=28)
    listed = payments.payout_list(PAYOUT, _movements(morning), moment)
    return Paper("payouts", f"{PAYOUT}.json", json.dumps(listed).encode())


def _statement(morning: Morning) -> bytes:
    """The payout, and transfers: exact, two invoices at once, short, and without a word."""
    paid = payments.net_of(_movements(morning))
    first, second, third, short, unnamed, *_ = morning.by_transfer
    both = second.subtotal + third.subtotal
    lines = [
        BankLine("BANK-0001", paid, "Example Payments", PAYOUT.upper()),
        BankLine("BANK-0002", first.subtotal, "Example Buyer One", invoice_number(first)),
        BankLine(
            "BANK-0003",
            both,
            "Example Buyer Two",
            f"{invoice_number(second)} {invoice_number(third)}",
        ),
        BankLine("BANK-0004", short.subtotal - 5, "Example Buyer Three", invoice_number(short)),
        BankLine("BANK-0005", unnamed.subtotal, "Example Buyer Four", "with many thanks"),
    ]
    day = (morning.start + timedelta(hours=29)).date()
    return statement(day, 41, lines)
