"""How far a shipment is by its parcels, and whether it may be invoiced.

| delivery | gate |
|---|---|
| delivered | allowed |
| partial | partial: the lines all of whose parcels are delivered |
| failed, returned | blocked, with the reason class |
| nothing, or still on its way | pending |
| no tracking number, and no carrier ever told | allowed on goods issue |
| reversed | blocked, reversed |
| the same goods as an earlier report | blocked: that one is invoiced |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from canonical.chain import Gate
from canonical.shipment import DeliveryStatus, ReasonClass
from domains.names import folded
from domains.shipment.filing import tracking_of
from domains.shipment.lines import Line
from domains.shipment.parcels import Parcel
from domains.shipment.shipments import Shipment
from domains.shipment.transitions import (
    CREATED,
    DELIVERED,
    FAILED,
    IN_TRANSIT,
    PARTIAL,
    REATTEMPT,
    RETURNED,
)

ENDED = frozenset({DELIVERED, PARTIAL, FAILED, RETURNED})
_ARRIVED = frozenset({DELIVERED, PARTIAL})
_LOST = frozenset({FAILED, RETURNED})
_GATES: Mapping[DeliveryStatus, Gate] = {
    DELIVERED: Gate.ALLOWED,
    PARTIAL: Gate.PARTIAL,
    FAILED: Gate.BLOCKED,
    RETURNED: Gate.BLOCKED,
}


@dataclass(frozen=True, kw_only=True)
class Carriage:
    """A shipment's parcels: each of its tracking numbers, and what stands for all of them."""

    parcels: Mapping[str, Parcel | None]
    """By number, folded; None where no carrier told of it yet."""
    whole: tuple[Parcel, ...]

    @classmethod
    def of(cls, shipment: Shipment, parcels: Iterable[Parcel]) -> Carriage:
        """Those of all parcels that carry this shipment."""
        here = [one for one in parcels if shipment.key in one.shipments]
        told = {one.number: one for one in here if not one.is_whole}
        return cls(
            parcels={number: told.get(number) for number in sorted({*shipment.tracking, *told})},
            whole=tuple(one for one in here if one.is_whole),
        )

    @property
    def told(self) -> tuple[Parcel, ...]:
        """All that carriers told of."""
        return (*(one for one in self.parcels.values() if one is not None), *self.whole)

    @property
    def is_expected(self) -> bool:
        """Some carrier tells, or will."""
        return bool(self.parcels or self.whole)

    def status_of(self, number: str) -> DeliveryStatus | None:
        """Of one parcel; what is told of the whole shipment holds where nothing else is known."""
        parcel = self.parcels.get(number)
        return parcel.course.status if parcel else together(_statuses(self.whole))

    @property
    def status(self) -> DeliveryStatus | None:
        """Of the shipment; None while nothing is known."""
        if self.parcels:
            return together([self.status_of(number) for number in self.parcels])
        return together(_statuses(self.whole))

    @property
    def delivered_at(self) -> datetime | None:
        """When the last of it was delivered, once all of it is."""
        if self.status is not DELIVERED:
            return None
        return max(one.course.delivered_at or one.course.since for one in self.told)

    @property
    def reason_class(self) -> ReasonClass | None:
        """Of the newest parcel that failed or came back."""
        lost = [one.course for one in self.told if one.course.status in _LOST]
        lost.sort(key=lambda one: (one.since, one.code))
        return next((one.reason_class for one in reversed(lost) if one.reason_class), None)


def together(statuses: Sequence[DeliveryStatus | None]) -> DeliveryStatus | None:
    """The status of several parcels as one; None is one nobody told of."""
    known = {one for one in statuses if one is not None}
    if len(known) <= 1 and None not in statuses:
        return next(iter(known), None)
    if not known:
        return None
    if PARTIAL in known or (known & _ARRIVED and known & _LOST):
        return PARTIAL
    for one in (FAILED, REATTEMPT):
        if one in known:
            return one
    # Some are there or coming back, others not yet.
    return CREATED if known == {CREATED} else IN_TRANSIT


@dataclass(frozen=True, kw_only=True)
class Decided:
    """The gate of a shipment."""

    gate: Gate
    allowed: tuple[Decimal, ...]
    """By line, in their order."""
    unclear: tuple[Line, ...] = ()
    """Lines of which nobody told how much arrived."""


def decided(
    shipment: Shipment,
    carriage: Carriage,
    *,
    is_echo: bool,
    settled: Mapping[str, Decimal],
) -> Decided:
    """What the table above says; `settled` is what a person said arrived, by line."""
    gate = _gate(shipment, carriage, is_echo=is_echo)
    if gate is Gate.ALLOWED:
        return Decided(gate=gate, allowed=tuple(line.left for line in shipment.lines))
    if gate is not Gate.PARTIAL:
        return Decided(gate=gate, allowed=tuple(Decimal(0) for _ in shipment.lines))
    found = [_arrived(line, carriage, settled) for line in shipment.lines]
    unclear = [line for line, one in zip(shipment.lines, found, strict=True) if one is None]
    return Decided(
        gate=gate,
        allowed=tuple(Decimal(0) if one is None else one for one in found),
        unclear=tuple(unclear),
    )


def _gate(shipment: Shipment, carriage: Carriage, *, is_echo: bool) -> Gate:
    if shipment.is_reversed or is_echo:
        return Gate.BLOCKED
    if not shipment.is_confirmed or not shipment.has_goods:
        return Gate.PENDING
    if not carriage.is_expected:
        return Gate.ALLOWED
    status = carriage.status
    return Gate.PENDING if status is None else _GATES.get(status, Gate.PENDING)


def _arrived(line: Line, carriage: Carriage, settled: Mapping[str, Decimal]) -> Decimal | None:
    """How much of a line arrived; None where its parcels do not tell."""
    if line.line_id is not None and line.line_id in settled:
        return min(settled[line.line_id], line.left)
    if not line.left:
        return Decimal(0)
    pieces = Decimal(0)
    for part in line.current:
        numbers = [folded(one) for one in tracking_of(part.data)] or list(carriage.parcels)
        statuses = {carriage.status_of(one) for one in numbers} or {carriage.status}
        if statuses == {DELIVERED}:
            pieces += part.pieces
        elif statuses & _ARRIVED:
            return None
    return min(pieces, line.left)


def _statuses(parcels: Iterable[Parcel]) -> list[DeliveryStatus | None]:
    return [one.course.status for one in parcels]
