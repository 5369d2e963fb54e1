"""What carriers say of an order's parcels, and what of it came back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from canonical.order import ReturnLine, ReturnRequested
from canonical.shipment import DeliveryStatus, DeliveryStatusChanged, ReturnReceived
from domains.contract import Fact
from domains.facts import Told, told
from domains.names import folded
from domains.order.deliveries import Deliveries, Parcel, Tally
from domains.order.figures import NOTHING, sum_of, unit_of
from domains.order.lines import Named, lines_for, shared_out
from domains.order.snapshots import Order

_NOTHING_COMES: Final = frozenset(
    {"declined", "refused", "rejected", "canceled", "cancelled", "closed"}
)
"""Words of senders for a return that was not allowed, or is over."""


def delivery_states(facts: Iterable[Fact]) -> dict[str, DeliveryStatus]:
    """Where each parcel stands by its tracking number, and each shipment by its id.

    The newest event counts, but nothing except a return follows a delivery.
    """
    states: dict[str, DeliveryStatus] = {}
    for one in sorted(told(facts, DeliveryStatusChanged), key=_order):
        for name in _names(one.data):
            before = states.get(name)
            if before is DeliveryStatus.DELIVERED and one.data.status is not (
                DeliveryStatus.RETURNED
            ):
                continue
            states[name] = one.data.status
    return states


def _order(one: Told[DeliveryStatusChanged]) -> tuple[object, ...]:
    # Of two events of one moment the later in life counts.
    return (one.at, list(DeliveryStatus).index(one.data.status), one.fact.key)


def _names(data: DeliveryStatusChanged) -> list[str]:
    shipment = [f"shipment:{folded(data.shipment_id)}"] if data.shipment_id else []
    return [f"tracking:{folded(data.tracking_number)}", *shipment]


def all_parcels(
    order: Order, deliveries: Deliveries, states: Mapping[str, DeliveryStatus], *wanted: str
) -> bool:
    """Whether one system's parcels hold all that left, and all of them are in a wanted state."""
    gone = [one for one in deliveries.parcels if one.net > 0]
    believed = sum_of(deliveries.net(line.key) for line in order.lines)
    for system in sorted({one.system for one in gone}):
        own = [one for one in gone if one.system == system]
        lines = deliveries.by_line.values()
        net = sum_of(told_of.get(system, Tally()).net for told_of in lines)
        if net >= believed and all(_is_in(one, states, wanted) for one in own):
            return True
    return False


def _is_in(parcel: Parcel, states: Mapping[str, DeliveryStatus], wanted: tuple[str, ...]) -> bool:
    if states.get(f"shipment:{folded(parcel.shipment_id)}") in wanted and not any(
        f"tracking:{folded(one)}" in states for one in parcel.tracking
    ):
        return True
    tracked = [states.get(f"tracking:{folded(one)}") for one in parcel.tracking]
    return bool(tracked) and all(one in wanted for one in tracked)


@dataclass(slots=True)
class Returns:
    """Goods that came back, by line, and those that were asked for and did not."""

    returned: dict[str, Decimal] = field(default_factory=dict)
    missing: dict[str, datetime] = field(default_factory=dict)
    """Return → since when it is asked for."""


def returns_of(order: Order, facts: Iterable[Fact]) -> Returns:
    """Apply returns to an order's lines; of two systems that report a line the larger counts."""
    received = told(facts, ReturnReceived)
    asked = told(facts, ReturnRequested)
    found = Returns()
    by_line: dict[str, dict[str, Decimal]] = {}
    for system, line in _received_lines(received):
        parts = _parts(order, line, by_line, system)
        for key, part in parts.items():
            held = by_line.setdefault(key, {})
            held[system] = held.get(system, NOTHING) + part
    found.returned = {key: max(told_of.values()) for key, told_of in by_line.items()}
    arrived = {one.data.return_id for one in received}
    came = sum_of(line.quantity.value for _, line in _received_lines(received))
    if came < _asked_for(asked) or not came:
        found.missing = {one: since for one, since in _awaited(asked).items() if one not in arrived}
    return found


def _parts(
    order: Order, line: ReturnLine, by_line: Mapping[str, Mapping[str, Decimal]], system: str
) -> dict[str, Decimal]:
    named = Named(order_line_id=line.order_line_id, line_id=line.line_id, sku=line.sku)
    unit = unit_of(line.quantity)
    lines = tuple(one for one in lines_for(named, order.lines) if one.unit == unit)
    taken = {key: told_of.get(system, NOTHING) for key, told_of in by_line.items()}
    return shared_out(line.quantity.value, lines, taken) if lines else {}


def _received_lines(received: Iterable[Told[ReturnReceived]]) -> list[tuple[str, ReturnLine]]:
    """Each line of a return once, as told last; lines that are not above zero are left out."""
    newest: dict[tuple[str, ...], tuple[str, ReturnLine]] = {}
    for one in sorted(received, key=lambda one: (one.at, one.fact.key, one.fact.id)):
        data = one.data
        system = f"{data.source_system}/{data.account}"
        for line in data.lines:
            newest[system, data.return_id, line.line_id] = (system, line)
    return [line for _, line in sorted(newest.items()) if line[1].quantity.value > 0]


def _awaited(asked: Iterable[Told[ReturnRequested]]) -> dict[str, datetime]:
    """Returns that are still to come, and since when."""
    words: dict[str, str] = {}
    since: dict[str, datetime] = {}
    for one in sorted(asked, key=lambda one: (one.at, one.fact.key, one.fact.id)):
        words[one.data.return_id] = folded(one.data.status or "")
        since.setdefault(one.data.return_id, one.at)
    return {one: since[one] for one, word in words.items() if word not in _NOTHING_COMES}


def _asked_for(asked: Iterable[Told[ReturnRequested]]) -> Decimal:
    awaited = _awaited(asked)
    newest = {
        (one.data.return_id, line.line_id): line.quantity.value
        for one in sorted(asked, key=lambda one: (one.at, one.fact.key, one.fact.id))
        for line in one.data.lines
        if one.data.return_id in awaited
    }
    return sum_of(newest.values())
