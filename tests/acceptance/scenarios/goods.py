"""Goods: in part, taken back, lost on the way, and coming back."""

from __future__ import annotations

from demo.carrier import Scan
from tests.acceptance.scenarios.scene import Scene
from tests.acceptance.vendors.desk import ARRIVES

REFUSED = ("failure", "refused")
VOIDED = ("cancelled", "cancelled")
LOST = ("failure", "lost")


def partial_shipment_and_partial_invoice(scene: Scene) -> None:
    """Two of three arrive and are billed; then the third."""
    desk = scene.desk(lamps=3)
    desk.places()
    desk.ships(2)
    desk.arrives()
    desk.bills(2)
    scene.sees(
        desk,
        {
            "order/order": {"fulfilment": "PARTIAL", "billing": "PARTIAL"},
            "shipment/shipment": {"gate": "ALLOWED"},
            "billing/candidate": {"status": "INVOICED"},
        },
    )
    desk.ships(1, ordinal=2)
    desk.arrives(ordinal=2)
    desk.bills(1, ordinal=2)
    scene.sees(
        desk,
        {
            "order/order": {"fulfilment": "DELIVERED", "billing": "INVOICED"},
            "shipment/shipment": [{"gate": "ALLOWED"}, {"gate": "ALLOWED"}],
            "billing/candidate": [{"status": "INVOICED"}, {"status": "INVOICED"}],
            "billing/invoice": [{}, {}],
        },
    )


def shipment_reversed_before_the_invoice(scene: Scene) -> None:
    """Nothing is left to be billed."""
    desk = scene.desk()
    desk.places()
    desk.ships()
    scene.sees(desk, {"shipment/shipment": {"status": "SHIPPED"}})
    desk.takes_back()
    scene.sees(
        desk,
        {
            "order/order": {"fulfilment": "NONE"},
            "shipment/shipment": {"status": "REVERSED", "gate": "BLOCKED"},
            "billing/candidate": {"status": "WITHDRAWN"},
        },
    )


def shipment_reversed_after_the_invoice(scene: Scene) -> None:
    """The invoice stands, since a posted one never changes; finance corrects it."""
    desk = scene.desk()
    desk.places()
    desk.ships()
    desk.bills()
    scene.sees(desk, {"billing/invoice": {}, "shipment/shipment": {"status": "SHIPPED"}})
    desk.takes_back()
    scene.sees(
        desk,
        {"shipment/shipment": {"status": "REVERSED"}, "billing/invoice": {}},
        {"invoiced_for_reversed_shipment": "finance"},
    )


def duplicate_warehouse_confirmation(scene: Scene) -> None:
    """Told twice by the warehouse, and by the shop as well: shipped once."""
    desk = scene.desk(lamps=2)
    desk.places()
    told = desk.ships()
    desk.tells_warehouse("order.shipped", told)
    desk.fulfils()
    scene.sees(
        desk,
        {
            "order/order": {"fulfilment": "SHIPPED", "lines.0.shipped": "2"},
            "shipment/shipment": [{"status": "SHIPPED"}, {"status": "SHIPPED"}],
        },
    )


def carrier_events_out_of_order(scene: Scene) -> None:
    """The last scan comes first, and stays the last."""
    desk = scene.desk()
    desk.places()
    desk.ships()
    scans = [Scan("in_transit", "arrived_at_facility", desk.later()), Scan(*ARRIVES, desk.later())]
    desk.is_scanned(scans[1:])
    scene.sees(desk, {"shipment/delivery": {"status": "DELIVERED"}})
    desk.is_scanned(scans[:1])
    scene.sees(
        desk,
        {
            "shipment/delivery": {"status": "DELIVERED"},
            "shipment/shipment": {"gate": "ALLOWED", "delivery": "DELIVERED"},
            "order/order": {"fulfilment": "DELIVERED"},
        },
    )


def delivery_failed_by_each_reason(scene: Scene) -> None:
    """The customer's, the company's and the carrier's fault: the invoice is blocked for each."""
    for end, reason, owner in (
        (REFUSED, "CUSTOMER_ISSUE", "sales"),
        (VOIDED, "COMPANY_ISSUE", "operations"),
        (LOST, "LOGISTICS_ISSUE", "operations"),
    ):
        desk = scene.desk()
        desk.places()
        desk.ships()
        desk.travels(end)
        scene.sees(
            desk,
            {
                "shipment/delivery": {"status": "FAILED", "reason_class": reason},
                "shipment/shipment": {"gate": "BLOCKED", "reason_class": reason},
                "billing/candidate": {"status": "WAITING"},
            },
            {"delivery_failed": owner},
        )


def delivered_at_the_second_attempt(scene: Scene) -> None:
    """A failure that was made good is none."""
    desk = scene.desk()
    desk.places()
    desk.ships()
    desk.travels(REFUSED)
    scene.sees(desk, {"shipment/shipment": {"gate": "BLOCKED"}}, {"delivery_failed": "sales"})
    desk.travels(("out_for_delivery", "out_for_delivery"), ARRIVES)
    scene.sees(desk, {"shipment/shipment": {"gate": "ALLOWED", "delivery": "DELIVERED"}})


def return_after_payment_credited_once(scene: Scene) -> None:
    """The goods come back, the credit note is told twice, the card is refunded: one credit."""
    desk = scene.desk(lamps=2)
    desk.places(paid=True)
    desk.pays_by_card()
    desk.ships()
    desk.arrives()
    desk.bills()
    net = desk.is_paid_out(f"po_{desk.number}", desk.charged("6.00"))
    desk.bank_books(desk.line(net, f"PO_{desk.number}"))
    scene.sees(desk, {"cash/receivable": {"status": "CLOSED"}})
    one = desk.order.worth([1])
    desk.gets_back(1)
    desk.credits(1)
    desk.credits(1)
    desk.refunds(one)
    scene.sees(
        desk,
        {
            "shipment/return": {"status": "RECEIVED"},
            "billing/credit_note": {},
            "cash/receivable": {
                "status": "CLOSED",
                "credited": f"{one}",
                "allocated": f"{one}",
                "open": "0.00",
            },
        },
    )
