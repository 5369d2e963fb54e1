"""856, ship notice: one message for each shipped item.

Source: ASC X12 856 Ship Notice/Manifest, version 004010 (hierarchy S, O, T, P, I).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial

from canonical.errors import Malformed
from canonical.message import Ignored, Item, Message
from canonical.shipment import Package, ShipmentConfirmed, ShipmentLine, ShipmentReversed
from canonical.values import Identifier, Party
from connectors.kit.x12 import Segment
from connectors.x12.goods import description_of, product_ids, sku_of
from connectors.x12.parties import first_of, parties
from connectors.x12.reading import (
    Document,
    attempt,
    element,
    identifier,
    loops,
    of_tag,
    order_number,
    order_references,
    qualified,
    quantity_in,
    references,
    required_element,
    unmapped,
)
from connectors.x12.totals import count_problems

_SUMMARY = frozenset({"CTT"})
_CONFIRMED = frozenset({"00", "06", "07", "18"})
_CANCELLED = "01"
_PACKAGES = frozenset({"P", "T"})
_TRACKING = frozenset({"CN", "2I"})
"""REF qualifiers: carrier's reference (PRO), tracking number."""


@dataclass(frozen=True, slots=True)
class _Level:
    """One HL with its segments and the levels below it."""

    header: Segment
    segments: Sequence[Segment]
    parent: _Level | None
    children: list[_Level] = field(default_factory=list)

    @property
    def code(self) -> str:
        return self.header.get(3)

    def upwards(self) -> Iterator[_Level]:
        level: _Level | None = self
        while level is not None:
            yield level
            level = level.parent


@dataclass(frozen=True, slots=True)
class _Notice:
    document: Document
    begin: Segment
    shipped_at: datetime
    top: Sequence[Segment]
    """Segments of the shipment level."""
    found: dict[str, Party]

    @property
    def shipment_id(self) -> str:
        return required_element(self.begin, 2)

    @property
    def is_reversal(self) -> bool:
        return self.begin.get(1) == _CANCELLED


def ship_notice(document: Document) -> Iterator[Item]:
    """ShipmentConfirmed for each item, ShipmentReversed when BSN01 cancels the notice.

    A notice that names no items is one message without a line. Raises Malformed for a broken
    hierarchy, Unsupported for a change or replacement: the model has no changed shipment.
    """
    begin = document.required("BSN")
    if begin.get(1) == "22":
        yield Ignored(reason="an information copy of a ship notice", at=document.at)
        return
    if begin.get(1) not in _CONFIRMED | {_CANCELLED}:
        raise unmapped(begin, 1)
    header, found, _ = loops(document.segments, "HL", _SUMMARY)
    levels = _levels(found)
    notice = _notice(document, begin, header, levels)
    items = [level for level in levels if level.code == "I"]
    for level in items:
        at = f"{document.at}/{level.header.at}"
        yield from attempt(at, partial(_item, notice, level, at))
    if not items:
        yield _message(notice, None, levels[0], document.at)
    quantities = [_shipped(level) for level in items]
    if None not in quantities:
        yield from count_problems(
            document, [len(levels), len(items)], [one for one in quantities if one is not None]
        )


def _levels(found: Sequence[Sequence[Segment]]) -> list[_Level]:
    levels: dict[str, _Level] = {}
    for loop in found:
        header = loop[0]
        number, above = required_element(header, 1), header.get(2)
        if number in levels or (above and above not in levels):
            raise Malformed(
                "an HL is there twice, or above it there is none",
                code="bad_hierarchy",
                path=header.at,
            )
        level = _Level(header, loop, levels.get(above))
        levels[number] = level
        if level.parent is not None:
            level.parent.children.append(level)
    if not levels:
        raise Malformed("the ship notice has no HL", code="missing_segment", path="HL")
    return list(levels.values())


def _notice(
    document: Document, begin: Segment, header: Sequence[Segment], levels: Sequence[_Level]
) -> _Notice:
    top = [one for level in levels if level.code == "S" for one in level.segments]
    shipped = qualified([*header, *top], "DTM", "011")
    moment = document.moment(shipped, 2, 3, 4) if shipped else document.moment(begin, 3, 4)
    if moment is None:
        raise Malformed("the notice has no date", code="missing_field", path="BSN[1]/BSN03")
    return _Notice(document, begin, moment, top, parties(top))


def _item(notice: _Notice, level: _Level, at: str) -> Sequence[Item]:
    shipped = next(of_tag(level.segments, "SN1"), None)
    if shipped is None:
        raise Malformed("the item has no SN1", code="missing_segment", path="SN1")
    item = next(of_tag(level.segments, "LIN"), None)
    line = ShipmentLine(
        line_id=required_element(level.header, 1),
        order_line_id=element(item, 1) or element(shipped, 1),
        sku=sku_of(item, 2) if item else None,
        product=product_ids(item, 2) if item else (),
        description=description_of(level.segments),
        shipped=quantity_in(shipped, 2, 3),
        ordered=quantity_in(shipped, 5, 6) if shipped.get(5) else None,
        lot=_numbered(level, "LT"),
        serials=tuple(one.get(2) for one in level.segments if _is_serial(one)),
    )
    return (_message(notice, line, level, at),)


def _message(notice: _Notice, line: ShipmentLine | None, level: _Level, at: str) -> Message:
    document = notice.document
    order_id = _order_id(level)
    shipment_id = notice.shipment_id
    own_chain = document.chain("shipment", shipment_id)
    chain = document.chain("order", order_id) if order_id else own_chain
    counted = (line.line_id, format(line.shipped.value, "f"), line.shipped.unit) if line else ()
    kind = "reversed" if notice.is_reversal else "shipped"
    return Message(
        key=document.key("shipment", shipment_id, *counted, kind),
        data=_data(notice, line, level, order_id),
        occurred_at=notice.shipped_at,
        subject=f"shipment/{shipment_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def _data(
    notice: _Notice, line: ShipmentLine | None, level: _Level, order_id: str | None
) -> ShipmentConfirmed | ShipmentReversed:
    carrier = next(of_tag(notice.top, "TD5"), None)
    around = [one for part in level.upwards() for one in part.segments]
    common = {
        "shipment_id": notice.shipment_id,
        "source_system": "x12",
        "account": notice.document.account,
        "order_id": order_id,
        "line": line,
        "carrier": element(carrier, 3),
        "service": element(carrier, 12) or element(carrier, 5),
        "tracking_numbers": _tracking(level, around),
        "references": references(
            around,
            ("BSN02", notice.shipment_id),
            *order_references(_purchase_order(level, 1), _purchase_order(level, 2)),
        ),
    }
    if notice.is_reversal:
        return ShipmentReversed(**common, reversed_at=notice.shipped_at)
    return ShipmentConfirmed(
        **common,
        shipped_at=notice.shipped_at,
        ship_from=first_of(notice.found, "SF"),
        ship_to=first_of(notice.found, "ST"),
        packages=tuple(_packages(level)),
    )


def _order_id(level: _Level) -> str | None:
    return order_number(_purchase_order(level, 1), _purchase_order(level, 2))


def _purchase_order(level: _Level, position: int) -> str | None:
    for part in level.upwards():
        for segment in of_tag(part.segments, "PRF"):
            return element(segment, position)
    return None


def _packages(level: _Level) -> Iterator[Package]:
    """The packages the item is in: above it, or below it in the other usual order of levels."""
    around = [*level.upwards(), *level.children]
    for part in around:
        if part.code in _PACKAGES or part is level:
            marks = [one for segment in of_tag(part.segments, "MAN") for one in marks_of(segment)]
            if marks:
                yield Package(identifiers=tuple(dict.fromkeys(marks)))


def marks_of(segment: Segment) -> Iterator[Identifier]:
    """The marks in a MAN: SSCCs (`GM`, `AA`), tracking numbers (`CP`), others by qualifier."""
    schemes = {"GM": "sscc", "AA": "sscc", "CP": "tracking"}
    for position in (1, 4):
        code = segment.get(position)
        yield from identifier(schemes.get(code, f"x12:MAN:{code}"), element(segment, position + 1))


def _tracking(level: _Level, around: Sequence[Segment]) -> tuple[str, ...]:
    numbers = [one.get(2) for one in of_tag(around, "REF") if one.get(1) in _TRACKING]
    marks = [mark for package in _packages(level) for mark in package.identifiers]
    numbers += [mark.value for mark in marks if mark.scheme == "tracking"]
    return tuple(dict.fromkeys(number for number in numbers if number))


def _numbered(level: _Level, qualifier: str) -> str | None:
    return element(qualified(level.segments, "REF", qualifier), 2)


def _is_serial(segment: Segment) -> bool:
    return segment.tag == "REF" and segment.get(1) == "SE" and bool(segment.get(2))


def _shipped(level: _Level) -> Decimal | None:
    segment = next(of_tag(level.segments, "SN1"), None)
    try:
        return quantity_in(segment, 2, 3).value if segment else None
    except Malformed:
        return None
