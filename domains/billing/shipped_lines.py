"""The lines of one shipment: what left by the newest confirmation, less what was taken back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from canonical.shipment import ShipmentLine, ShipmentReversed
from domains.billing.goods import NOTHING, by_item, by_order_line, unit_of
from domains.billing.names import ShipmentFact
from domains.contract import Fact
from domains.names import bare

Report = tuple[Fact, ShipmentFact]


@dataclass(slots=True, kw_only=True)
class ShippedLine:
    """A line of a shipment."""

    told: ShipmentLine
    """In the words of its newest confirmation."""
    confirmed: Decimal
    """What left, as confirmed last."""
    quantity: Decimal
    """… less what was taken back since."""

    @property
    def line_id(self) -> str:
        return self.told.line_id

    @property
    def unit(self) -> str:
        return unit_of(self.told.shipped)

    @property
    def order_line(self) -> frozenset[str]:
        return by_order_line(self.told.order_line_id)

    @property
    def item(self) -> frozenset[str]:
        return by_item(self.told.sku, self.told.product)

    @property
    def taken_back(self) -> Decimal:
        return self.confirmed - self.quantity


@dataclass(slots=True, kw_only=True)
class _Part:
    """A line's goods in one parcel, or in parcels nobody names."""

    parcels: frozenset[str]
    told: ShipmentLine
    left: Decimal


def turn(report: Report) -> tuple[datetime, bool, Decimal, str]:
    """The order reports are read in: by time. Of one time, what left comes before what was taken
    back, and of several quantities of a line the smallest counts: it comes last."""
    fact, data = report
    quantity = data.line.shipped.value if data.line else NOTHING
    return (fact.occurred_at, isinstance(data, ShipmentReversed), -quantity, fact.key)


def folded_lines(reports: Iterable[Report]) -> tuple[tuple[ShippedLine, ...], bool]:
    """The lines by their ids, and whether nothing is left of what was shipped.

    A later confirmation of a line replaces the earlier one, unless it is of other parcels: the
    same quantity told twice is one fact by its key, so another quantity cannot be an addition.
    """
    lines: dict[str, list[_Part]] = {}
    is_gone = False
    for _, data in sorted(reports, key=turn):
        is_reversal = isinstance(data, ShipmentReversed)
        if data.line is None:
            is_gone = is_reversal
            for part in (one for parts in lines.values() for one in parts if is_reversal):
                part.left = NOTHING
        elif is_reversal:
            _take_back(_meant(data.line, lines), data.line.shipped.value)
        else:
            _confirm(lines.setdefault(data.line.line_id, []), data, data.line)
    found = tuple(_line(lines[line_id]) for line_id in sorted(lines))
    return found, not any(line.quantity for line in found) if found else is_gone


def _confirm(parts: list[_Part], data: ShipmentFact, line: ShipmentLine) -> None:
    parcels = bare("tracking", *data.tracking_numbers)
    stay = [one for one in parts if parcels and one.parcels and not one.parcels & parcels]
    parts[:] = [*stay, _Part(parcels=parcels, told=line, left=line.shipped.value)]


def _meant(named: ShipmentLine, lines: dict[str, list[_Part]]) -> list[_Part]:
    """The line a reversal is of: by its id, else the only one for its order line, or its item.

    Where line ids are places in a document, a reversal's may be another one.
    """
    if named.line_id in lines:
        return lines[named.line_id]
    order_line, item = by_order_line(named.order_line_id), by_item(named.sku, named.product)
    told = [(parts[-1].told, parts) for parts in lines.values()]
    by_line = [parts for one, parts in told if by_order_line(one.order_line_id) & order_line]
    by_sku = [parts for one, parts in told if by_item(one.sku, one.product) & item]
    for found in (by_line, by_sku):
        if len(found) == 1:
            return found[0]
    return []


def _take_back(parts: list[_Part], quantity: Decimal) -> None:
    for part in parts:
        taken = min(part.left, quantity)
        part.left -= taken
        quantity -= taken


def _line(parts: list[_Part]) -> ShippedLine:
    return ShippedLine(
        told=parts[-1].told,
        confirmed=sum((one.told.shipped.value for one in parts), NOTHING),
        quantity=sum((one.left for one in parts), NOTHING),
    )
