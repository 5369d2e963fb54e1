"""What of each line left the warehouse, by its newest confirmation less what was taken back.

A key of a confirmation holds its quantity and type: another quantity for the same line is another
fact. Of one line and type the newest is current. Several types add up, and so do parts of a line
in parcels of their own, which only their tracking numbers tell apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from canonical.shipment import ShipmentConfirmed, ShipmentLine, ShipmentReversed
from domains.contract import Fact
from domains.names import folded
from domains.shipment.filing import tracking_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """A confirmation that counts, with its fact."""

    fact: Fact
    data: ShipmentConfirmed

    @property
    def line_id(self) -> str | None:
        return self.data.line.line_id if self.data.line else None

    @property
    def pieces(self) -> Decimal:
        return self.data.line.shipped.value if self.data.line else Decimal(0)

    @property
    def unit(self) -> str:
        return self.data.line.shipped.unit if self.data.line else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """A reversal, of one line or of the whole shipment, with its fact."""

    fact: Fact
    data: ShipmentReversed


@dataclass(slots=True, kw_only=True)
class Line:
    """One line of a shipment as it stands."""

    line_id: str | None
    """None stands for the shipment of a sender who names no lines."""
    current: tuple[Confirmed, ...]
    """The newest confirmation of each type and part."""
    unit: str
    shipped: Decimal
    taken_back: Decimal = Decimal(0)
    is_wholly_reversed: bool = False

    @property
    def left(self) -> Decimal:
        """Shipped, less what was taken back."""
        return self.shipped - self.taken_back

    @property
    def since(self) -> datetime:
        """Reversals from then on are of what is confirmed now."""
        return min(one.fact.occurred_at for one in self.current)

    @property
    def told(self) -> ShipmentLine | None:
        """The line in the words of its newest confirmation."""
        return max(self.current, key=_newest_first).data.line


@dataclass(slots=True)
class Refusals:
    """Facts a rule refused, and what they contradict."""

    contradicting: list[tuple[Confirmed, Confirmed]] = field(default_factory=list)
    """Of one line, type and time, with different quantities: the smaller one counts."""
    other_unit: list[tuple[Fact, Line]] = field(default_factory=list)
    over: list[tuple[TakenBack, Line]] = field(default_factory=list)
    """More was taken back than was left."""
    without_shipment: list[TakenBack] = field(default_factory=list)


def lines_of(
    confirmed: Sequence[Confirmed], taken_back: Sequence[TakenBack]
) -> tuple[tuple[Line, ...], Refusals]:
    """The lines by their ids, and what was refused on the way."""
    refused = Refusals()
    lines = list(_current_lines(confirmed, refused))
    if any(line.line_id is not None for line in lines):
        lines = [line for line in lines if line.line_id is not None]
    for one in sorted(taken_back, key=lambda one: (one.fact.occurred_at, one.fact.key)):
        _take_back(one, lines, confirmed, refused)
    return tuple(lines), refused


def _current_lines(confirmed: Iterable[Confirmed], refused: Refusals) -> Iterator[Line]:
    by_line: dict[tuple[bool, str], dict[str, list[Confirmed]]] = {}
    for one in confirmed:
        place = (one.line_id is not None, one.line_id or "")
        by_line.setdefault(place, {}).setdefault(one.data.confirmation_type, []).append(one)
    for has_id, line_id in sorted(by_line):
        types = by_line[has_id, line_id]
        parts = [part for kind in sorted(types) for part in _parts(types[kind])]
        current = [_newest(part, refused) for part in parts]
        first = min(current, key=_newest_first)
        same = tuple(one for one in current if one.unit == first.unit)
        line = Line(
            line_id=line_id if has_id else None,
            current=same,
            unit=first.unit,
            shipped=sum((one.pieces for one in same), Decimal(0)),
        )
        refused.other_unit += [(one.fact, line) for one in current if one.unit != first.unit]
        yield line


def _parts(told: Sequence[Confirmed]) -> list[list[Confirmed]]:
    """Confirmations by parcel; one that names no parcel is of the whole line, and replaces what is
    older or is replaced."""
    placed = [one for one in told if tracking_of(one.data)]
    whole = [one for one in told if not tracking_of(one.data)]
    parts: list[list[Confirmed]] = []
    for one in placed:
        touching = [part for part in parts if any(_shares_parcel(one, each) for each in part)]
        parts = [part for part in parts if part not in touching]
        parts.append([one, *(each for part in touching for each in part)])
    if len(parts) <= 1:
        return [list(told)]
    latest = max(one.fact.occurred_at for one in placed)
    newer = [one for one in whole if one.fact.occurred_at > latest]
    return [newer] if newer else parts


def _shares_parcel(one: Confirmed, other: Confirmed) -> bool:
    numbers = set(map(folded, tracking_of(one.data)))
    return not numbers.isdisjoint(map(folded, tracking_of(other.data)))


def _newest(told: Sequence[Confirmed], refused: Refusals) -> Confirmed:
    """The newest of one line and type; of several at one time, the one with the fewest pieces."""
    latest = max(one.fact.occurred_at for one in told)
    together = [one for one in told if one.fact.occurred_at == latest]
    chosen = min(together, key=lambda one: (one.pieces, one.unit, one.fact.key, one.fact.id))
    refused.contradicting += [
        (chosen, one)
        for one in sorted(together, key=lambda one: (one.fact.key, one.fact.id))
        if (one.pieces, one.unit) != (chosen.pieces, chosen.unit)
    ]
    return chosen


def _newest_first(one: Confirmed) -> tuple[datetime, str, str]:
    return (one.fact.occurred_at, one.data.confirmation_type, one.fact.key)


def _take_back(
    one: TakenBack, lines: Sequence[Line], confirmed: Sequence[Confirmed], refused: Refusals
) -> None:
    """Take a reversal's pieces off. One older than what is confirmed now is history."""
    at, named = one.fact.occurred_at, one.data.line
    about = lines if named is None else _meant(named, lines)
    ids = {line.line_id for line in about}
    if not any(each.fact.occurred_at <= at and each.line_id in ids for each in confirmed):
        refused.without_shipment.append(one)
        return
    for line in about:
        if line.since > at:
            continue
        if named is None:
            line.taken_back, line.is_wholly_reversed = line.shipped, True
        elif not line.is_wholly_reversed:
            _take_off(one, named, line, refused)


def _meant(named: ShipmentLine, lines: Sequence[Line]) -> list[Line]:
    """The line a reversal is of.

    Where line ids are places in a document, a reversal's may be another one: then it is the only
    line for that line of the order, or with that SKU; of several, the only one of as many pieces.
    """
    fits = [line for line in lines if line.told is not None and _fits(line.told, named)]
    by_id = [line for line in fits if line.line_id == named.line_id]
    by_order_line = [line for line in fits if _is_same(line, named, "order_line_id")]
    by_sku = [line for line in fits if _is_same(line, named, "sku")]
    for found in (by_id, by_order_line, by_sku):
        alike = [line for line in found if line.shipped == named.shipped.value]
        for candidates in (found, alike):
            if len(candidates) == 1:
                return candidates
    return []


def _fits(told: ShipmentLine, named: ShipmentLine) -> bool:
    """Whether nothing says that these are different goods."""
    return told.sku is None or named.sku is None or folded(told.sku) == folded(named.sku)


def _is_same(line: Line, named: ShipmentLine, field: str) -> bool:
    told, value = getattr(line.told, field), getattr(named, field)
    return bool(told and value) and folded(told) == folded(value)


def _take_off(one: TakenBack, named: ShipmentLine, line: Line, refused: Refusals) -> None:
    if named.shipped.unit != line.unit:
        refused.other_unit.append((one.fact, line))
    elif named.shipped.value > line.left:
        refused.over.append((one, line))
    else:
        line.taken_back += named.shipped.value
