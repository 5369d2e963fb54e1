"""Shipments, their parcels and returns, and whether they may be invoiced."""

from __future__ import annotations

from typing import Final

from canonical.order import OrderCancelled, OrderChanged, OrderPlaced, ReturnRequested
from canonical.shipment import (
    DeliveryStatusChanged,
    ReturnReceived,
    ShipmentConfirmed,
    ShipmentReversed,
)
from domains.contract import Domain
from domains.shipment.deriving import derive
from domains.shipment.filing import (
    delivery_names_of,
    order_names_of,
    received_names_of,
    requested_names_of,
    shipment_names_of,
)
from domains.shipment.settling import SETTLE, check_arrived

DOMAIN: Final = Domain(
    name="shipment",
    listens={
        OrderPlaced.TYPE: order_names_of,
        OrderChanged.TYPE: order_names_of,
        OrderCancelled.TYPE: order_names_of,
        ShipmentConfirmed.TYPE: shipment_names_of,
        ShipmentReversed.TYPE: shipment_names_of,
        DeliveryStatusChanged.TYPE: delivery_names_of,
        ReturnRequested.TYPE: requested_names_of,
        ReturnReceived.TYPE: received_names_of,
    },
    derive=derive,
    actions={SETTLE: check_arrived},
)
