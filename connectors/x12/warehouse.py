"""945, what a warehouse shipped: one message for each line.

Source: ASC X12 945 Warehouse Shipping Advice, version 004010; elements 514 and 368.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from canonical.errors import Malformed
from canonical.message import Item, Message
from canonical.shipment import Package, ShipmentConfirmed, ShipmentLine
from canonical.values import Quantity
from connectors.kit.x12 import Segment
from connectors.x12.goods import description_of, product_ids, sku_of
from connectors.x12.parties import first_of, parties
from connectors.x12.reading import (
    Document,
    attempt,
    decimal_in,
    element,
    loops,
    of_tag,
    qualified,
    quantity_in,
    references,
    required_element,
    unmapped,
)
from connectors.x12.shipments import marks_of
from connectors.x12.totals import mismatch

_SUMMARY = frozenset({"W03"})
_REPORTS = frozenset({"F", "J", "N", "X"})
"""W0601: full details, original, no exceptions, exceptions only; others are about stock."""
_BACK_ORDERED = frozenset({"BK", "BM", "BO", "BP"})
_TRACKING = frozenset({"CN", "2I"})


@dataclass(frozen=True, slots=True)
class _Advice:
    document: Document
    begin: Segment
    header: Sequence[Segment]
    shipped_at: datetime

    @property
    def order_number(self) -> str:
        return required_element(self.begin, 2)

    @property
    def shipment_id(self) -> str:
        """The warehouse's shipment, else the depositor's order."""
        return element(self.begin, 4) or element(self.begin, 5) or self.order_number


def shipping_advice(document: Document) -> Iterator[Item]:
    """ShipmentConfirmed for each W12; a line that contradicts itself is a problem.

    Raises Malformed or Unsupported for an advice of another purpose or without a date.
    """
    begin = document.required("W06")
    if begin.get(1) not in _REPORTS:
        raise unmapped(begin, 1)
    header, found, _ = loops(document.segments, "LX", _SUMMARY)
    advice = _Advice(document, begin, header, _shipped_at(document, begin, header))
    if not any(segment.tag == "W12" for loop in found for segment in loop):
        raise Malformed("the advice has no lines", code="missing_segment", path="W12")
    total = Decimal(0)
    complete = True
    for loop in found:
        for number, item in enumerate(of_tag(loop, "W12"), start=1):
            at = f"{document.at}/{item.at}"
            items = attempt(at, partial(_line_message, advice, loop, item, number, at))
            yield from items
            shipped = [_shipped(one) for one in items if isinstance(one, Message)]
            complete = complete and bool(shipped)
            total += sum(shipped, Decimal(0))
    yield from _total_problems(document, total if complete else None)


def _shipped_at(document: Document, begin: Segment, header: Sequence[Segment]) -> datetime:
    shipped = qualified(header, "G62", "11")
    moment = document.moment(shipped, 2, 4, 5) if shipped else document.moment(begin, 3)
    if moment is None:
        raise Malformed("the advice has no date", code="missing_field", path="W06[1]/W0603")
    return moment


def _line_message(
    advice: _Advice, loop: Sequence[Segment], item: Segment, number: int, at: str
) -> Sequence[Item]:
    document = advice.document
    line = _line(loop, item, number)
    order_id = advice.order_number
    chain = document.chain("order", order_id)
    counted = (line.line_id, format(line.shipped.value, "f"), line.shipped.unit)
    message = Message(
        key=document.key("shipment", order_id, advice.shipment_id, *counted, "shipped"),
        data=_data(advice, loop, line),
        occurred_at=advice.shipped_at,
        subject=f"shipment/{advice.shipment_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )
    return (message,)


def _line(loop: Sequence[Segment], item: Segment, number: int) -> ShipmentLine:
    assigned = required_element(loop[0], 1)
    shipped = quantity_in(item, 3, 5)
    ordered = quantity_in(item, 2, 5) if item.get(2) else None
    if ordered and item.get(4) and ordered.value - shipped.value != decimal_in(item, 4):
        raise Malformed(
            "ordered − shipped is not the difference", code="line_unbalanced", path=item.at
        )
    return ShipmentLine(
        # LX numbers the line; several items in one LX are counted.
        line_id=assigned if number == 1 else f"{assigned}.{number}",
        order_line_id=element(qualified(loop, "N9", "LI"), 2),
        sku=sku_of(item, 7),
        product=product_ids(item, 7),
        description=description_of(loop),
        shipped=shipped,
        ordered=ordered,
        back_ordered=_back_ordered(item, ordered, shipped),
        lot=element(item, 9),
        serials=tuple(
            one.get(2) for one in of_tag(loop, "N9") if one.get(1) == "SE" and one.get(2)
        ),
    )


def _back_ordered(item: Segment, ordered: Quantity | None, shipped: Quantity) -> Quantity | None:
    if ordered is None or item.get(1) not in _BACK_ORDERED:
        return None
    return Quantity(value=ordered.value - shipped.value, unit=shipped.unit)


def _data(advice: _Advice, loop: Sequence[Segment], line: ShipmentLine) -> ShipmentConfirmed:
    document, header = advice.document, advice.header
    found = parties(header)
    carrier = next(of_tag(header, "W27"), None)
    marks = [mark for segment in of_tag(loop, "MAN") for mark in marks_of(segment)]
    tracking = [one.get(2) for one in of_tag([*header, *loop], "N9") if one.get(1) in _TRACKING]
    tracking += [mark.value for mark in marks if mark.scheme == "tracking"]
    return ShipmentConfirmed(
        shipment_id=advice.shipment_id,
        source_system="x12",
        account=document.account,
        order_id=advice.order_number,
        line=line,
        carrier=element(carrier, 2),
        service=element(carrier, 3),
        tracking_numbers=tuple(dict.fromkeys(one for one in tracking if one)),
        shipped_at=advice.shipped_at,
        ship_from=first_of(found, "SF", "WH"),
        ship_to=first_of(found, "ST"),
        packages=(Package(identifiers=tuple(dict.fromkeys(marks))),) if marks else (),
        references=references(
            [*header, *loop],
            ("W0602", advice.order_number),
            ("W0604", element(advice.begin, 4)),
            ("W0605", element(advice.begin, 5)),
            ("PO", element(advice.begin, 6)),
        ),
    )


def _shipped(message: Message) -> Decimal:
    data = message.data
    if isinstance(data, ShipmentConfirmed) and data.line:
        return data.line.shipped.value
    return Decimal(0)


def _total_problems(document: Document, total: Decimal | None) -> Iterator[Item]:
    """W0301 against the lines, where all of them could be read."""
    segment = document.first("W03")
    if segment is None or total is None or not segment.get(1):
        return
    if decimal_in(segment, 1) != total:
        yield mismatch(document, segment, 1, format(total, "f"))
