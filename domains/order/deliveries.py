"""What left the warehouse, by line of the order, and what arrived and came back.

A confirmation told again with another quantity replaces the first; a reversal takes back what it
names. Where several systems report one line (a shop and its warehouse), one of them is believed:
the one that confirms more, and of equals the one that took more back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from canonical.shipment import ShipmentConfirmed, ShipmentLine, ShipmentReversed
from domains.contract import Fact, Finding, Owner
from domains.facts import Told, told
from domains.order.figures import NOTHING, unit_of
from domains.order.lines import Named, lines_for, shared_out
from domains.order.names import Shipped
from domains.order.snapshots import Line, Order
from domains.written import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One shipped line of one shipment, as one system tells it; without a line, all of it."""

    system: str
    """`<connector>/<account>`."""
    shipment_id: str
    line: ShipmentLine | None
    tracking: frozenset[str]
    at: datetime
    gross: Decimal
    reversed: Decimal
    facts: frozenset[str]

    @property
    def net(self) -> Decimal:
        return self.gross - self.reversed

    @property
    def subject(self) -> str:
        line = f"/{self.line.line_id}" if self.line else ""
        return f"{self.system}/{self.shipment_id}{line}"


@dataclass(frozen=True, slots=True)
class Tally:
    """What one system says of one line."""

    gross: Decimal = NOTHING
    reversed: Decimal = NOTHING

    @property
    def net(self) -> Decimal:
        return self.gross - self.reversed


@dataclass(slots=True, kw_only=True)
class Deliveries:
    """What is known of an order's shipments."""

    parcels: tuple[Parcel, ...]
    by_line: dict[str, dict[str, Tally]] = field(default_factory=dict)
    """Line → system → what it says."""
    back_ordered: dict[str, tuple[datetime, Decimal]] = field(default_factory=dict)
    """Line → the newest report of what has to wait, and when that was."""
    unplaced: set[str] = field(default_factory=set)
    """Facts of parcels that could not be placed on a line."""
    findings: list[Finding] = field(default_factory=list)

    def believed(self, line: str) -> tuple[str, Tally]:
        """The system whose report of a line counts, and what it says."""
        told = self.by_line.get(line, {})
        system = min(
            told, key=lambda name: (-told[name].gross, -told[name].reversed, name), default=""
        )
        return system, told.get(system, Tally())

    def net(self, line: str) -> Decimal:
        return self.believed(line)[1].net

    @property
    def gone(self) -> tuple[Parcel, ...]:
        """Goods that left and were not taken back, by the systems that are believed.

        What cannot be placed on a line counts as well: it has left.
        """
        placed = [self.believed(line) for line in self.by_line]
        systems = {system for system, tally in placed if tally.net > 0}
        return tuple(
            one
            for one in self.parcels
            if one.net > 0 and (one.system in systems or one.facts & self.unplaced)
        )


def deliveries_of(order: Order, facts: Iterable[Fact]) -> Deliveries:
    """Apply the shipment facts of an order to its lines."""
    confirmed = told(facts, ShipmentConfirmed)
    taken_back = told(facts, ShipmentReversed)
    reports: list[Told[Shipped]] = [*confirmed, *taken_back]
    bad = [one for one in reports if _is_bad(one.data)]
    refused = {one.fact.id for one in bad}
    found = Deliveries(
        parcels=_parcels(
            [one for one in confirmed if one.fact.id not in refused],
            [one for one in taken_back if one.fact.id not in refused],
        ),
        findings=[_bad_quantity(order, one) for one in bad],
    )
    _apply(order, found)
    return found


def _is_bad(data: Shipped) -> bool:
    """Negative, or nothing at all; 0 of so many ordered says that they did not ship."""
    if data.line is None:
        return False
    shipped = data.line.shipped.value
    says_why = data.line.ordered is not None or data.line.back_ordered is not None
    return shipped < 0 or (shipped == 0 and not says_why)


def _parcels(
    confirmed: Sequence[Told[ShipmentConfirmed]], reversed_: Sequence[Told[ShipmentReversed]]
) -> tuple[Parcel, ...]:
    newest: dict[tuple[str, ...], Told[ShipmentConfirmed]] = {}
    for one in sorted(confirmed, key=_newer):
        # Parcels of one shipment may hold the same line; only their tracking tells them apart.
        newest[*_place(one.data), *sorted(one.data.tracking_numbers)] = one
    back = _taken_back(reversed_)
    return tuple(_parcel(one, back) for _, one in sorted(newest.items()))


def _newer(one: Told[Shipped]) -> tuple[object, ...]:
    quantity = one.data.line.shipped.value if one.data.line else NOTHING
    return (one.at, quantity, one.fact.key, one.fact.id)


def _place(data: Shipped) -> tuple[str, str, str, str]:
    line = data.line.line_id if data.line else ""
    return (data.source_system, data.account, data.shipment_id, line)


@dataclass(slots=True)
class _Reversal:
    left: Decimal | None
    """None: everything."""
    facts: set[str]


def _taken_back(facts: Sequence[Told[ShipmentReversed]]) -> dict[tuple[str, ...], _Reversal]:
    found: dict[tuple[str, ...], _Reversal] = {}
    for one in sorted(facts, key=_newer):
        held = found.setdefault(_place(one.data), _Reversal(NOTHING, set()))
        held.left = one.data.line.shipped.value if one.data.line else None
        held.facts.add(one.fact.id)
    return found


def _parcel(one: Told[ShipmentConfirmed], back: Mapping[tuple[str, ...], _Reversal]) -> Parcel:
    data = one.data
    # A shipment without lines counts as one thing: it left, or it was taken back.
    gross = data.line.shipped.value if data.line else Decimal(1)
    place = _place(data)
    whole = back.get((*place[:3], ""))
    part = back.get(place)
    taken = NOTHING
    if whole is not None or (part is not None and part.left is None):
        taken = gross
    elif part is not None and part.left is not None:
        taken = min(gross, part.left)
        part.left -= taken
    if data.line is None and any(key[:3] == place[:3] for key in back):
        taken = gross
    return Parcel(
        system=f"{data.source_system}/{data.account}",
        shipment_id=data.shipment_id,
        line=data.line,
        tracking=frozenset(data.tracking_numbers),
        at=one.at,
        gross=gross,
        reversed=taken,
        facts=frozenset({one.fact.id}),
    )


def _apply(order: Order, found: Deliveries) -> None:
    taken: dict[str, dict[str, Decimal]] = {}
    placed = [(one, lines) for one in found.parcels if (lines := _lines_of(order, one, found))]
    # Those that name one line first, so that the others find what is left.
    for parcel, lines in sorted(placed, key=lambda one: len(one[1])):
        of_system = taken.setdefault(parcel.system, {})
        _add(found, parcel, shared_out(parcel.gross, lines, of_system))
        if parcel.line and parcel.line.back_ordered and len(lines) == 1:
            told_now = (parcel.at, parcel.line.back_ordered.value)
            before = found.back_ordered.get(lines[0].key, told_now)
            found.back_ordered[lines[0].key] = max(before, told_now)


def _lines_of(order: Order, parcel: Parcel, found: Deliveries) -> tuple[Line, ...]:
    """The lines a parcel is placed on; none, with a finding, where a rule refuses it."""
    if parcel.line is None or not order.lines:
        found.unplaced |= parcel.facts
        return ()
    lines = lines_for(_named(parcel.line), order.lines)
    fitting = tuple(one for one in lines if one.unit == unit_of(parcel.line.shipped))
    if not fitting and parcel.gross:
        refused = _unit_differs(order, parcel, lines[0]) if lines else _unknown_line(order, parcel)
        found.findings.append(refused)
        found.unplaced |= parcel.facts
    return fitting


def _named(line: ShipmentLine) -> Named:
    return Named(
        order_line_id=line.order_line_id, line_id=line.line_id, sku=line.sku, products=line.product
    )


def _add(found: Deliveries, parcel: Parcel, parts: Mapping[str, Decimal]) -> None:
    left = parcel.reversed
    for key, part in parts.items():
        back = min(part, left)
        left -= back
        told_of = found.by_line.setdefault(key, {})
        before = told_of.get(parcel.system, Tally())
        told_of[parcel.system] = Tally(before.gross + part, before.reversed + back)


def over_shipped(order: Order, found: Deliveries) -> list[Finding]:
    """Lines of which more left than is ordered."""
    return [
        Finding(
            kind="over_shipped",
            record=order.key,
            owner=Owner.OPERATIONS,
            subject=line.key,
            explanation=f"More of line {line.key[:40]} has shipped than is ordered.",
            facts=frozenset().union(*(one.facts for one in found.gone)),
            expected=counted(line.ordered, line.unit),
            received=counted(found.net(line.key), line.unit),
            balance=counted(found.net(line.key) - line.ordered, line.unit),
            since=max((one.at for one in found.gone), default=None),
        )
        for line in order.lines
        if found.net(line.key) > line.ordered
    ]


def _bad_quantity(order: Order, one: Told[Shipped]) -> Finding:
    line = one.data.line
    shown = counted(line.shipped.value, unit_of(line.shipped)) if line else None
    return Finding(
        kind="bad_quantity",
        record=order.key,
        owner=Owner.IT,
        subject=one.fact.id,
        explanation="A shipment of this order reports a quantity that is not above zero; it is"
        " left out.",
        facts=frozenset({one.fact.id}),
        received=shown,
        since=one.at,
    )


def _unknown_line(order: Order, parcel: Parcel) -> Finding:
    return Finding(
        kind="unknown_order_line",
        record=order.key,
        owner=Owner.OPERATIONS,
        subject=parcel.subject,
        explanation=f"Shipment {parcel.shipment_id[:40]} has a line the order does not have.",
        involved=(parcel.shipment_id,),
        facts=parcel.facts,
        received=counted(parcel.gross, unit_of(parcel.line.shipped) if parcel.line else "EA"),
        since=parcel.at,
    )


def _unit_differs(order: Order, parcel: Parcel, line: Line) -> Finding:
    told_unit = unit_of(parcel.line.shipped) if parcel.line else ""
    return Finding(
        kind="unit_differs",
        record=order.key,
        owner=Owner.OPERATIONS,
        subject=parcel.subject,
        explanation=f"Line {line.key[:40]} is ordered in one unit and shipped in another; the"
        " shipment is not counted.",
        involved=(parcel.shipment_id,),
        facts=parcel.facts,
        expected=counted(line.ordered, line.unit),
        received=counted(parcel.gross, told_unit),
        since=parcel.at,
    )
