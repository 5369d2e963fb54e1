"""Codes of carriers' status messages (elements 1650, 1651, 1652) as delivery states.

`SD`, delayed, and the codes for customs, equipment and paperwork tell of a state that goes on:
in transit. Codes that are not here are not mapped: they are reported, never guessed.
"""

from __future__ import annotations

from canonical.shipment import DeliveryStatus, ReasonClass

_CREATED = ("XB",)
_IN_TRANSIT = (
    "AF", "AJ", "AM", "AN", "AR", "AV", "B6", "BA", "BC", "CL", "CP", "J1", "K1", "L1", "P1",
    "PR", "R1", "RL", "S1", "SD", "X1", "X3", "X4", "X5", "X6", "X8",
)  # fmt: skip
_FAILED = ("A7", "AH", "AP", "CA")
_DELIVERED = ("CB", "D1")
_RETURNED = ("A3",)

STATUSES: dict[str, DeliveryStatus] = {
    code: status
    for codes, status in (
        (_CREATED, DeliveryStatus.CREATED),
        (_IN_TRANSIT, DeliveryStatus.IN_TRANSIT),
        (_FAILED, DeliveryStatus.FAILED),
        (_DELIVERED, DeliveryStatus.DELIVERED),
        (("PA",), DeliveryStatus.PARTIAL),
        (_RETURNED, DeliveryStatus.RETURNED),
    )
    for code in codes
}
"""AT701 → state."""
TERMINAL = frozenset({"A3", "CA", "CB", "D1"})
ESTIMATES = frozenset({"AG", "C1", "X2"})
"""AT701 that tell what is expected: the state stays as it is."""
APPOINTMENTS = frozenset({"AA", "AB", "X9", "XA"})
"""AT703: pick-up and delivery appointments, made or scheduled."""

_CUSTOMER = (
    "A2", "A5", "A6", "AD", "AG", "AQ", "B1", "B4", "B5", "B8", "B9", "BJ", "BS", "BT", "C1", "C3",
    "C4", "C5", "C8", "C9",
)  # fmt: skip
_COMPANY = ("AM", "AR", "BB", "BC", "BN", "C2", "C6", "CB", "CC")
_LOGISTICS = (
    "A1", "A3", "AA", "AF", "AH", "AI", "AJ", "AK", "AL", "AN", "AO", "AS", "AU", "AV", "AW", "AX",
    "AY", "BD", "BE", "BF", "BH", "BI", "BM", "BO", "BP", "BQ", "BR", "CA", "D1", "D2", "F1", "F2",
)  # fmt: skip
_REASONS: dict[str, ReasonClass] = {
    code: reason
    for codes, reason in (
        (_CUSTOMER, ReasonClass.CUSTOMER_ISSUE),
        (_COMPANY, ReasonClass.COMPANY_ISSUE),
        (_LOGISTICS, ReasonClass.LOGISTICS_ISSUE),
    )
    for code in codes
}
"""AT702 → whose doing a failure is."""


def reason_class(code: str, reason: str) -> ReasonClass | None:
    """Whose doing a failed delivery is; None for other states and reasons that do not say."""
    if STATUSES.get(code) is not DeliveryStatus.FAILED:
        return None
    return ReasonClass.CUSTOMER_ISSUE if code == "A7" else _REASONS.get(reason)
