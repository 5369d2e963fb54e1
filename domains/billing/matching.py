"""Which shipped lines the lines of invoices bill, and how much of them.

Four ways, the surest first; each goes over all invoices before the next one begins:

1. the line (or the whole invoice, BT-16) names a shipment, and the order line or item is in it;
2. the order line (BT-132) within the order;
3. the item (sku, product identifiers) within the order;
4. an invoice whose lines name no goods bills the shipments it names, else its order's, whole.

Within a way, invoices and shipments are taken in the order of their time. What finds no goods
that are still to be billed is left over and goes to goods that were shipped and taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from canonical.billing import InvoiceLine
from domains.billing.documents import Document
from domains.billing.goods import NOTHING, by_item, by_order_line, unit_of
from domains.billing.names import deliveries_of
from domains.billing.shipments import Shipment
from domains.billing.shipped_lines import ShippedLine


@dataclass(slots=True, kw_only=True, eq=False)
class BillLine:
    """Lines of one invoice that bill the same goods, taken together."""

    document: Document
    lines: list[InvoiceLine]
    order_line: frozenset[str]
    item: frozenset[str]
    deliveries: frozenset[str]
    unit: str | None
    quantity: Decimal | None
    """None where the invoice does not say how many: all there are."""
    left: Decimal = NOTHING
    """What is not matched with shipped goods."""
    candidates: set[str] = field(default_factory=set)
    """Shipments that have such goods."""

    @property
    def names_goods(self) -> bool:
        return bool(self.order_line or self.item)


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """A quantity of a shipped line that an invoice bills."""

    document: Document
    bill: BillLine
    shipment: str
    """The candidate's key."""
    line_id: str
    quantity: Decimal
    taken_back: bool = False
    """The goods were taken back: the customer does not have them."""


@dataclass(slots=True, kw_only=True)
class Matching:
    """The answer for a cluster."""

    billed: list[Billed] = field(default_factory=list)
    bills: list[BillLine] = field(default_factory=list)
    whole: list[tuple[Document, str]] = field(default_factory=list)
    """Invoices of shipments whose sender names no lines, by the candidate's key."""
    other_units: list[tuple[BillLine, str]] = field(default_factory=list)
    """The goods meet, the units do not: nothing is applied."""


_Place = tuple[Shipment, ShippedLine]
_Way = Callable[[BillLine, "_Places"], list[_Place]]


class _Places:
    """All shipped lines in their order, found by what their goods are called."""

    def __init__(self, shipments: Iterable[Shipment]) -> None:
        self.all: list[_Place] = [(one, line) for one in shipments for line in one.lines]
        self._by_token: dict[str, list[int]] = {}
        for position, (_, line) in enumerate(self.all):
            for token in line.order_line | line.item:
                self._by_token.setdefault(token, []).append(position)

    def called(self, tokens: frozenset[str]) -> list[_Place]:
        found = {one for token in tokens for one in self._by_token.get(token, ())}
        return [self.all[position] for position in sorted(found)]


def match(documents: Iterable[Document], shipments: tuple[Shipment, ...]) -> Matching:
    """Match the invoices in the order given: the first are served first."""
    found = Matching()
    for document in documents:
        found.bills += _bill_lines(document, shipments)
        found.whole += _of_whole_shipments(document, shipments)
    places = _Places(shipments)
    open_now = {(one.key, line.line_id): line.quantity for one, line in places.all}
    taken_back = {(one.key, line.line_id): line.taken_back for one, line in places.all}
    for room, is_back in ((open_now, False), (taken_back, True)):
        for way in _WAYS:
            for bill in found.bills:
                _serve(found, bill, way(bill, places), room, is_back)
    return found


def _serve(
    found: Matching,
    bill: BillLine,
    places: list[_Place],
    room: dict[tuple[str, str], Decimal],
    is_back: bool,
) -> None:
    for shipment, line in places:
        if bill.unit is not None and bill.unit != line.unit:
            if (bill, shipment.key) not in found.other_units:
                found.other_units.append((bill, shipment.key))
            continue
        bill.candidates.add(shipment.key)
        free = room[shipment.key, line.line_id]
        # Who does not say how many means all that are there, not what came back.
        wanted = free if bill.quantity is None and not is_back else bill.left
        taken = min(free, wanted)
        if taken > 0:
            room[shipment.key, line.line_id] -= taken
            bill.left = max(NOTHING, bill.left - taken)
            found.billed.append(
                Billed(
                    document=bill.document,
                    bill=bill,
                    shipment=shipment.key,
                    line_id=line.line_id,
                    quantity=taken,
                    taken_back=is_back,
                )
            )


def _in_named_shipments(bill: BillLine, places: _Places) -> list[_Place]:
    found = places.called(bill.order_line | bill.item) if bill.deliveries else []
    return [one for one in found if one[0].named_by(bill.deliveries)]


def _by_order_line(bill: BillLine, places: _Places) -> list[_Place]:
    return [one for one in places.called(bill.order_line) if _is_in_order(bill, one[0])]


def _by_item(bill: BillLine, places: _Places) -> list[_Place]:
    return [one for one in places.called(bill.item) if _is_in_order(bill, one[0])]


def _whole(bill: BillLine, places: _Places) -> list[_Place]:
    if bill.names_goods:
        return []
    if bill.deliveries:
        return [one for one in places.all if one[0].named_by(bill.deliveries)]
    return [one for one in places.all if _is_in_order(bill, one[0])]


def _is_in_order(bill: BillLine, shipment: Shipment) -> bool:
    # A line that names a known shipment bills that one, and no other of the order.
    return not bill.deliveries and shipment.shares_order(bill.document.mentioned.orders)


_WAYS: Final[tuple[_Way, ...]] = (_in_named_shipments, _by_order_line, _by_item, _whole)


def _bill_lines(document: Document, shipments: tuple[Shipment, ...]) -> list[BillLine]:
    found: dict[tuple[object, ...], BillLine] = {}
    for line in document.data.lines:
        bill = _bill_line(document, line, shipments)
        if not bill.names_goods:
            continue
        same = (bill.order_line, bill.item, bill.deliveries, bill.unit)
        if same in found:
            _add(found[same], bill)
        else:
            found[same] = bill
    if not found:
        deliveries = _known(deliveries_of(document.data.delivery_note, ()), shipments)
        return [_all_of(document, deliveries)]
    for bill in found.values():
        # A negative line takes back a part of the same invoice.
        bill.left = max(NOTHING, bill.quantity or NOTHING)
    return list(found.values())


def _all_of(document: Document, deliveries: frozenset[str]) -> BillLine:
    return BillLine(
        document=document,
        lines=list(document.data.lines),
        order_line=frozenset(),
        item=frozenset(),
        deliveries=deliveries,
        unit=None,
        quantity=None,
    )


def _bill_line(document: Document, line: InvoiceLine, shipments: tuple[Shipment, ...]) -> BillLine:
    own = _known(deliveries_of(None, line.source), shipments)
    whole = _known(deliveries_of(document.data.delivery_note, ()), shipments)
    return BillLine(
        document=document,
        lines=[line],
        order_line=by_order_line(line.order_line_id),
        item=by_item(line.sku, line.product),
        deliveries=own or whole,
        unit=unit_of(line.quantity) if line.quantity else None,
        quantity=line.quantity.value if line.quantity else None,
    )


def _known(deliveries: frozenset[str], shipments: tuple[Shipment, ...]) -> frozenset[str]:
    """Those that name a shipment there is; another delivery note says nothing here."""
    return frozenset(
        one for one in deliveries if any(ship.named_by(frozenset({one})) for ship in shipments)
    )


def _add(bill: BillLine, more: BillLine) -> None:
    bill.lines += more.lines
    if bill.quantity is not None and more.quantity is not None:
        bill.quantity += more.quantity


def _of_whole_shipments(
    document: Document, shipments: tuple[Shipment, ...]
) -> list[tuple[Document, str]]:
    named = deliveries_of(document.data.delivery_note, document.data.references)
    named |= frozenset().union(*(deliveries_of(None, line.source) for line in document.data.lines))
    whole = [one for one in shipments if one.is_whole]
    by_name = [one for one in whole if one.named_by(named)]
    found = by_name or [one for one in whole if one.shares_order(document.mentioned.orders)]
    return [(document, one.key) for one in found]
