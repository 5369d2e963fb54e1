"""Money: exact, short, too much, twice, late, unnamed, lumped together, and taken back."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from tests.acceptance.scenarios.scene import Scene
from tests.acceptance.vendors.desk import BEGAN, Desk
from tests.acceptance.vendors.remittance import Advised


def _delivered_and_billed(desk: Desk, *, paid: bool = False) -> Desk:
    desk.places(paid=paid)
    if paid:
        desk.pays_by_card()
    desk.ships()
    desk.arrives()
    desk.bills()
    return desk


def duplicate_payment_callback(scene: Scene) -> None:
    """The same event twice, and the same capture by another object: paid once."""
    desk = scene.desk()
    desk.places(paid=True)
    told = desk.pays_by_card()
    desk.tells_gateway(told)
    scene.sees(
        desk,
        {
            "cash/payment": {"status": "CAPTURED", "captured": f"{desk.total}"},
            "order/order": {"payment": "PAID"},
        },
    )


def exact_payment(scene: Scene) -> None:
    """Invoice, payment and cleared bank credit agree: paid, closed, financially complete."""
    desk = _delivered_and_billed(scene.desk(lamps=2))
    desk.bank_books(desk.line(desk.total, f"Invoice {desk.invoice}"))
    scene.sees(
        desk,
        {
            "cash/receivable": {"status": "CLOSED", "open": "0.00"},
            "cash/receipt": {"status": "APPLIED"},
            "billing/invoice": {"status": "CLOSED"},
            "order/order": {"payment": "PAID", "closure": "FINANCIALLY_COMPLETE"},
        },
    )


def exact_payment_by_swift(scene: Scene) -> None:
    """The same by a bank that writes MT940."""
    desk = _delivered_and_billed(scene.desk())
    desk.other_bank_books(desk.line(desk.total, desk.invoice))
    scene.sees(
        desk,
        {
            "cash/receivable": {"status": "CLOSED"},
            "order/order": {"closure": "FINANCIALLY_COMPLETE"},
        },
    )


def lump_sum_for_many_invoices(scene: Scene) -> None:
    """One transfer for three orders, which the remittance text names."""
    desks = [_delivered_and_billed(scene.desk(lamps=many)) for many in (1, 2, 3)]
    amount = sum((one.total for one in desks), Decimal(0))
    desks[0].bank_books(desks[0].line(amount, " ".join(one.invoice for one in desks)))
    for desk in desks:
        scene.sees(
            desk,
            {
                "cash/receivable": {"status": "CLOSED", "allocated": f"{desk.total}"},
                "order/order": {"closure": "FINANCIALLY_COMPLETE"},
            },
        )


def short_payment_with_a_deduction(scene: Scene) -> None:
    """Ten less, and the remittance advice says so: the rest stays open, with its reason."""
    desk = _delivered_and_billed(scene.desk())
    paid = desk.total - 10
    desk.advises(Advised(desk.invoice, desk.total, paid))
    desk.bank_books(desk.line(paid, f"Invoice {desk.invoice}"))
    scene.sees(
        desk,
        {
            "cash/receivable": {
                "status": "PARTIALLY_PAID",
                "allocated": f"{paid}",
                "open": "10.00",
            },
            "order/order": {"payment": "PARTIAL", "closure": "OPEN"},
        },
        {"short_payment": "finance"},
    )


def over_payment(scene: Scene) -> None:
    """What is too much stays unapplied; no other invoice is paid with it."""
    desk, other = _delivered_and_billed(scene.desk()), _delivered_and_billed(scene.desk())
    desk.bank_books(desk.line(desk.total + 7, f"Invoice {desk.invoice}"))
    scene.sees(
        desk,
        {
            "cash/receivable": {"status": "CLOSED", "allocated": f"{desk.total}"},
            "cash/receipt": {"unapplied": "7.00"},
        },
        {"overpayment": "finance"},
    )
    scene.sees(other, {"cash/receivable": {"status": "OPEN", "open": f"{other.total}"}})


def payment_without_a_reference(scene: Scene) -> None:
    """The amount alone is no proof: a person applies it."""
    desk = _delivered_and_billed(scene.desk())
    desk.bank_books(desk.line(desk.total, "with many thanks"))
    scene.sees(
        desk,
        {
            "cash/receivable": {"status": "OPEN", "open": f"{desk.total}"},
            "cash/receipt": {"unapplied": f"{desk.total}"},
        },
        {"unapplied_cash": "finance"},
    )


def bank_line_twice(scene: Scene) -> None:
    """Notified, booked, and booked again by an overlapping statement: received once."""
    desk = _delivered_and_billed(scene.desk())
    line = desk.line(desk.total, f"Invoice {desk.invoice}")
    desk.bank_notifies(line)
    desk.bank_books(line, number=1)
    scene.sees(desk, {"cash/receivable": {"status": "CLOSED"}})
    desk.bank_books(line, number=2)
    scene.sees(
        desk,
        {
            "cash/receipt": {"status": "APPLIED", "amount": f"{desk.total}"},
            "cash/receivable": {"status": "CLOSED", "allocated": f"{desk.total}"},
        },
    )


def bank_entry_is_late(scene: Scene) -> None:
    """Captured ten days ago, and no bank has seen it: covered, not paid; then it comes."""
    desk = scene.desk(began=BEGAN - timedelta(days=10))
    _delivered_and_billed(desk, paid=True)
    scene.sees(
        desk,
        {
            "cash/receivable": {"status": "COVERED"},
            "billing/invoice": {"status": "PARTIALLY_PAID"},
        },
        {"captured_not_paid_out": "finance"},
    )
    net = desk.is_paid_out(f"po_{desk.number}", desk.charged("3.00"))
    desk.bank_books(desk.line(net, f"PO_{desk.number}"))
    scene.sees(
        desk,
        {
            "cash/receivable": {"status": "CLOSED"},
            "order/order": {"closure": "FINANCIALLY_COMPLETE"},
        },
    )


def payout_with_fees_and_a_refund(scene: Scene) -> None:
    """Two captures less fees less a refund is what the bank credits."""
    desk, other = scene.desk(lamps=2), scene.desk()
    for one in (desk, other):
        _delivered_and_billed(one, paid=True)
    refund = other.total
    other.refunds(refund)
    net = desk.is_paid_out(
        f"po_{desk.number}", desk.charged("6.10"), other.charged("3.20"), other.refunded(refund)
    )
    desk.bank_books(desk.line(net, f"PO_{desk.number}"))
    scene.sees(
        desk,
        {
            "cash/payout": {"status": "CLEARED"},
            "cash/receivable": {"status": "CLOSED"},
            "order/order": {"closure": "FINANCIALLY_COMPLETE"},
        },
    )


def chargeback_after_the_invoice_is_closed(scene: Scene) -> None:
    """Disputed, and lost: what was paid is open again."""
    desk = scene.desk()
    _delivered_and_billed(desk, paid=True)
    net = desk.is_paid_out(f"po_{desk.number}", desk.charged("3.00"))
    desk.bank_books(desk.line(net, f"PO_{desk.number}"))
    scene.sees(desk, {"cash/receivable": {"status": "CLOSED"}})
    desk.disputes()
    scene.sees(
        desk,
        {"cash/receivable": {"disputed": True}, "order/order": {"payment": "DISPUTED"}},
        {"chargeback": "sales"},
    )
    desk.disputes("lost")
    scene.sees(
        desk,
        {"cash/receivable": {"status": "OPEN", "open": f"{desk.total}"}},
        {"chargeback_lost": "finance"},
    )


def dispute_won(scene: Scene) -> None:
    """While it is open the invoice is not closed; won, it is again."""
    desk = scene.desk()
    _delivered_and_billed(desk, paid=True)
    net = desk.is_paid_out(f"po_{desk.number}", desk.charged("3.00"))
    desk.bank_books(desk.line(net, f"PO_{desk.number}"))
    scene.sees(desk, {"billing/invoice": {"status": "CLOSED", "disputed": False}})
    desk.disputes()
    disputed = {"billing/invoice": {"status": "PAID", "disputed": True}}
    scene.sees(desk, disputed, {"chargeback": "sales"})
    desk.disputes("won")
    scene.sees(
        desk,
        {
            "billing/invoice": {"status": "CLOSED", "disputed": False},
            "cash/receivable": {"status": "CLOSED", "disputed": False},
            "order/order": {"payment": "PAID", "closure": "FINANCIALLY_COMPLETE"},
        },
    )


def another_currency(scene: Scene) -> None:
    """Dollars for an order in euros: kept, shown, and not applied."""
    desk = scene.desk()
    desk.places()
    desk.ships()
    desk.arrives()
    desk.bills()
    desk.pays_by_card(currency="usd")
    scene.sees(
        desk,
        {
            "cash/payment": {"status": "CAPTURED"},
            "cash/receivable": {"status": "OPEN", "open": f"{desk.total}"},
            "order/order": {"payment": "NONE"},
        },
        {"currency_differs": "finance"},
    )


def receipt_reversed(scene: Scene) -> None:
    """The bank takes a credit back: its allocation is taken back too."""
    desk = _delivered_and_billed(scene.desk())
    line = desk.line(desk.total, f"Invoice {desk.invoice}")
    desk.bank_books(line)
    scene.sees(desk, {"cash/receivable": {"status": "CLOSED"}})
    desk.bank_books(desk.reversal_of(line), number=2)
    scene.sees(
        desk,
        {
            "cash/receivable": {"status": "OPEN", "open": f"{desk.total}"},
            "cash/receipt": {"status": "REVERSED"},
        },
        {"receipt_reversed": "finance"},
    )
