"""EasyPost's statuses, what they mean for a delivery, and whose doing a failure is.

Source: EasyPost Tracker reference (`status`, `status_detail`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from canonical.shipment import DeliveryStatus, ReasonClass

UNKNOWN = "unknown"
"""EasyPost does not know the state: it says nothing, and overwrites nothing."""

OUT_FOR_DELIVERY = "out_for_delivery"
RETURN_TO_SENDER = "return_to_sender"
DELIVERED = "delivered"


class State(NamedTuple):
    """What a status says."""

    status: DeliveryStatus
    terminal: bool = False
    reason: ReasonClass | None = None


STATES: Mapping[str, State] = MappingProxyType(
    {
        "pre_transit": State(DeliveryStatus.CREATED),
        "in_transit": State(DeliveryStatus.IN_TRANSIT),
        OUT_FOR_DELIVERY: State(DeliveryStatus.IN_TRANSIT),
        "available_for_pickup": State(DeliveryStatus.IN_TRANSIT),
        DELIVERED: State(DeliveryStatus.DELIVERED, terminal=True),
        RETURN_TO_SENDER: State(DeliveryStatus.RETURNED),
        "failure": State(DeliveryStatus.FAILED),
        "error": State(DeliveryStatus.FAILED, reason=ReasonClass.LOGISTICS_ISSUE),
        "cancelled": State(DeliveryStatus.FAILED, terminal=True, reason=ReasonClass.COMPANY_ISSUE),
    }
)

ENDS = frozenset({DELIVERED, "cancelled", "error"})
"""Statuses a tracker may have without any scan of them (a voided label has none). They are then
told of the tracker itself, at the time of its change. No other is: such a time is later than the
parcel's, and would let a scan that is reported late look out of date."""

REASON_OF_DETAIL: Mapping[str, ReasonClass] = MappingProxyType(
    {
        "address_correction": ReasonClass.CUSTOMER_ISSUE,
        "refused": ReasonClass.CUSTOMER_ISSUE,
        "cancelled": ReasonClass.COMPANY_ISSUE,
        "damaged": ReasonClass.LOGISTICS_ISSUE,
        "delayed": ReasonClass.LOGISTICS_ISSUE,
        "lost": ReasonClass.LOGISTICS_ISSUE,
        "missorted": ReasonClass.LOGISTICS_ISSUE,
        "transit_exception": ReasonClass.LOGISTICS_ISSUE,
        "weather_delay": ReasonClass.LOGISTICS_ISSUE,
    }
)
"""Only of failures and returns. A detail that leaves it open (`delivery_exception`, `held`,
`expired`, `failure`, `return` …) has no reason class."""

REATTEMPT = State(DeliveryStatus.REATTEMPT)
RETURN_ARRIVED = State(DeliveryStatus.RETURNED, terminal=True)


def reason_of(state: State, detail: str | None) -> ReasonClass | None:
    """The state's own reason class, else the one its detail tells; None where neither does."""
    if state.reason is not None:
        return state.reason
    if state.status in (DeliveryStatus.FAILED, DeliveryStatus.RETURNED):
        return REASON_OF_DETAIL.get(detail or "")
    return None
