"""E-invoices and their network."""

from __future__ import annotations

from tests.acceptance.scenarios.scene import Scene


def einvoice_rejected_corrected_accepted(scene: Scene) -> None:
    """The posted invoice stays as it was; a credit note and a new one correct it."""
    desk = scene.desk()
    desk.places()
    desk.ships()
    desk.arrives()
    refused = desk.bills()
    desk.network_says("RE", refused)
    scene.sees(
        desk,
        {"billing/invoice": {"label": refused, "electronic": "REJECTED"}},
        {"einvoice_rejected": "finance"},
    )
    desk.credits()
    corrected = desk.bills(*desk.order.counts, ordinal=2)
    desk.network_says("AP", corrected)
    scene.sees(
        desk,
        {
            "billing/invoice": [
                {"label": refused},
                {"label": corrected, "electronic": "ACCEPTED"},
            ],
        },
    )


def einvoice_sent_to_the_customer(scene: Scene) -> None:
    """Acknowledged, accepted, and with the customer: apart from what is paid of it."""
    desk = scene.desk()
    desk.places()
    desk.ships()
    desk.arrives()
    number = desk.bills()
    desk.network_says("AB", number)
    scene.sees(desk, {"billing/invoice": {"status": "CREATED", "electronic": "SUBMITTED"}})
    desk.network_says("AP", number)
    desk.network_says("AB", number, business=True)
    scene.sees(desk, {"billing/invoice": {"status": "SENT", "electronic": "SENT_TO_CUSTOMER"}})
