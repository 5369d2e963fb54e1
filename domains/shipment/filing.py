"""Under which names facts are filed here, and how numbers are folded so that they meet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from canonical.order import OrderCancelled, OrderChanged, OrderPlaced, ReturnRequested
from canonical.shipment import (
    DeliveryStatusChanged,
    ReturnReceived,
    ShipmentConfirmed,
    ShipmentReversed,
)
from canonical.values import Identifier
from domains.contract import Names
from domains.names import bare, folded, order_names, qualified, referenced

Order = OrderPlaced | OrderChanged | OrderCancelled
Goods = ShipmentConfirmed | ShipmentReversed
Returned = ReturnRequested | ReturnReceived

ORDER_SCHEMES: Final = (
    "order",
    "order_id",
    "order_name",
    "order_number",
    "store_order",
    "reference",
    "PO",
    "purchase_order",
    "displayable_order",
    "merchant_order_id",
)
"""Endings of reference schemes whose values name an order."""
SHIPMENT_SCHEMES: Final = ("shipment", "shipment_id", "fulfillment")
TRACKING_SCHEMES: Final = ("tracking", "tracking_number")
_NOT_A_NUMBER: Final = frozenset(
    ("-", ".", "n/a", "na", "nil", "none", "null", "pending", "tba", "tbd", "unknown")
)


def order_names_of(order: Order) -> Names:
    """An order by its id, its number and what else its channel calls it."""
    return Names(
        strong=order_names(order.channel, order.account, order.order_id)
        | bare("order", order.order_number)
        | referenced("order", order.references, *ORDER_SCHEMES)
    )


def shipment_names_of(goods: Goods) -> Names:
    """A shipment by its id, its order and its tracking numbers."""
    return Names(
        strong=bare("shipment", goods.shipment_id)
        | {qualified("shipment", goods.source_system, goods.account, goods.shipment_id)}
        | order_names(goods.source_system, goods.account, goods.order_id)
        | referenced("order", goods.references, *ORDER_SCHEMES)
        | tracking_names(tracking_of(goods))
    )


def delivery_names_of(event: DeliveryStatusChanged) -> Names:
    """A carrier's event by the parcel, and by the shipment and order it may name.

    Not by the carrier: every system calls it by another name.
    """
    return Names(
        strong=tracking_names([event.tracking_number])
        | bare("shipment", event.shipment_id)
        | bare("order", event.order_id)
        | referenced("order", event.references, *ORDER_SCHEMES)
    )


def requested_names_of(asked: ReturnRequested) -> Names:
    """A return by its id, its order and shipment, and the numbers of the parcel coming back."""
    return _return_names(asked, asked.channel)


def received_names_of(received: ReturnReceived) -> Names:
    """As `requested_names_of`."""
    return _return_names(received, received.source_system)


def _return_names(told: Returned, system: str) -> Names:
    return Names(
        strong=frozenset({qualified("return", system, told.account, told.return_id)})
        | order_names(system, told.account, told.order_id)
        | referenced("order", told.references, *ORDER_SCHEMES)
        | tracking_names(valued(told.references, TRACKING_SCHEMES))
        | referenced("shipment", told.references, *SHIPMENT_SCHEMES)
    )


def tracking_of(goods: Goods) -> tuple[str, ...]:
    """The tracking numbers a shipment's fact names, of itself or of its packages."""
    found = list(goods.tracking_numbers)
    if isinstance(goods, ShipmentConfirmed):
        for package in goods.packages:
            found += valued(package.identifiers, TRACKING_SCHEMES)
    return tuple(dict.fromkeys(one for one in found if is_number(one)))


def tracking_names(numbers: Iterable[str]) -> frozenset[str]:
    """The names of parcels; what people write for want of a number names none."""
    return bare("tracking", *(one for one in numbers if is_number(one)))


def is_number(text: str) -> bool:
    """Whether this may name a parcel: thousands share `N/A` and `000`."""
    value = folded(text)
    return bool(value.strip("0")) and value not in _NOT_A_NUMBER


def valued(references: Iterable[Identifier], endings: tuple[str, ...]) -> Iterator[str]:
    """The values of those references whose scheme ends so."""
    return (one.value for one in references if one.scheme.rpartition(":")[2] in endings)
