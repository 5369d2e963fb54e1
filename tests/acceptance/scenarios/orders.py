"""Orders: told twice, out of order, and cancelled too late."""

from __future__ import annotations

from tests.acceptance.scenarios.scene import Scene


def duplicate_marketplace_order(scene: Scene) -> None:
    """Delivered again, as another event, and as another topic: one order."""
    desk = scene.desk(lamps=2)
    told = desk.places()
    desk.tells_shop("orders/create", told)
    desk.tells_shop("orders/updated", told)
    scene.sees(desk, {"order/order": {"document": "PLACED", "lines.0.ordered": "2"}})


def update_then_the_older_version(scene: Scene) -> None:
    """What was ordered first arrives last: it is known, and does not come back."""
    desk = scene.desk(lamps=1)
    first = desk.places()
    desk.changes(lamps=3)
    scene.sees(desk, {"order/order": {"lines.0.ordered": "3"}})
    desk.tells_shop("orders/updated", first)
    scene.sees(desk, {"order/order": {"lines.0.ordered": "3"}})


def cancellation_before_shipment(scene: Scene) -> None:
    """Nothing has left: the order is cancelled."""
    desk = scene.desk()
    desk.places()
    desk.cancels()
    scene.sees(desk, {"order/order": {"document": "CANCELLED", "closure": "CANCELLED"}})


def cancellation_after_shipment(scene: Scene) -> None:
    """The goods are on their way: people decide, the order is not cancelled."""
    desk = scene.desk()
    desk.places()
    desk.ships()
    scene.sees(desk, {"order/order": {"fulfilment": "SHIPPED"}})
    desk.cancels()
    scene.sees(
        desk,
        {
            "order/order": {
                "document": "PLACED",
                "fulfilment": "SHIPPED",
                "closure": "OPEN",
            }
        },
        {"cancelled_after_shipment": "operations"},
    )


def causes_after_their_effects(scene: Scene) -> None:
    """Payment, scans and shipment before the order: they wait, and are released by it."""
    desk = scene.desk()
    desk.pays_by_card()
    desk.arrives()
    desk.ships()
    parcel = {"delivery": "DELIVERED"}
    scene.sees(desk, {"order/order": [], "shipment/shipment": parcel}, None)
    desk.places(paid=True)
    scene.sees(
        desk,
        {
            "order/order": {"fulfilment": "DELIVERED", "payment": "PAID"},
            "shipment/shipment": {"delivery": "DELIVERED", "gate": "ALLOWED"},
        },
    )


def cause_that_does_not_come(scene: Scene) -> None:
    """What has waited too long is an exception, until its cause comes after all."""
    desk = scene.desk()
    desk.pays_by_card()
    desk.ships()
    scene.sees(
        desk,
        {"cash/payment": {"status": "CAPTURED"}},
        {"unknown_order": "operations", "payment_without_order": "finance"},
    )
    desk.places(paid=True)
    scene.sees(desk, {"order/order": {"fulfilment": "SHIPPED", "payment": "PAID"}})
