"""850, purchase order; 940, the order to a warehouse.

Source: ASC X12 850 Purchase Order and 940 Warehouse Shipping Order, version 004010.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from canonical.errors import Malformed
from canonical.message import Ignored, Item, Message, Problem
from canonical.order import OrderCancelled, OrderChanged, OrderLine, OrderPlaced, OrderTotals
from canonical.values import Money
from connectors.kit.x12 import Segment
from connectors.x12.goods import description_of, extended, product_ids, sku_of, unit_price
from connectors.x12.parties import first_of, parties, sender_party
from connectors.x12.reading import (
    Document,
    decimal_in,
    element,
    loops,
    of_tag,
    optional_date,
    order_number,
    qualified,
    quantity_in,
    references,
    required_element,
    unmapped,
)
from connectors.x12.totals import count_problems, mismatch

_SUMMARY_850 = frozenset({"CTT", "AMT"})
_SUMMARY_940 = frozenset({"W76"})

_850_PURPOSES = {
    "00": "original", "07": "original", "18": "original",
    "01": "cancelled", "04": "change", "05": "replace", "22": "information",
}  # fmt: skip
"""BEG01; a duplicate and a reissue tell the original once more."""
_940_PURPOSES = {
    "N": "original", "T": "original", "F": "cancelled", "D": "cancelled",
    "R": "change", "G": "change", "L": "change", "A": "information",
}  # fmt: skip
"""W0501."""


class _Order(NamedTuple):
    """What both sets tell of an order before its lines are looked at."""

    order_id: str
    purpose: str
    placed_on: date | None
    data: dict[str, Any]


def purchase_order(document: Document) -> Iterator[Item]:
    """850: OrderPlaced, OrderChanged or OrderCancelled by BEG01; totals that differ beside it.

    Raises Malformed or Unsupported for an order that cannot be told whole.
    """
    begin = document.required("BEG")
    purpose = _purpose(begin, _850_PURPOSES)
    if purpose == "information":
        yield Ignored(reason="an information copy of an order", at=document.at)
        return
    header, lines, _ = loops(document.segments, "PO1", _SUMMARY_850)
    number = required_element(begin, 3)
    order_id = order_number(number, element(begin, 4)) or number
    _require_lines(purpose, lines, "PO1")
    data = _common(document, header, order_id)
    data["order_number"] = number if order_id != number else None
    data["lines"] = _lines_850(document, lines, _requested(document, header))
    data["totals"] = OrderTotals(discount=_allowance(document, header), total=_total(document))
    data["payment_terms"] = _terms(header)
    data["references"] = references(header, ("PO", number), ("release", element(begin, 4)))
    yield _message(document, _Order(order_id, purpose, optional_date(begin, 5), data))
    yield from count_problems(document, [len(lines)], [one.quantity.value for one in data["lines"]])
    yield from _total_problems(document, data["lines"])
    yield from _repetition_problems(document, data["lines"])


def shipping_order(document: Document) -> Iterator[Item]:
    """940: an order for the account that is a warehouse, ignored for any other."""
    begin = document.required("W05")
    if not document.settings.is_warehouse:
        yield Ignored(
            reason="an instruction to a warehouse, not a fact reported by it", at=document.at
        )
        return
    purpose = _purpose(begin, _940_PURPOSES)
    if purpose == "information":
        yield Ignored(reason="an information copy of an order", at=document.at)
        return
    header, found, _ = loops(document.segments, "LX", _SUMMARY_940)
    order_id = required_element(begin, 2)
    _require_lines(purpose, found, "LX")
    data = _common(document, header, order_id)
    data["order_number"] = element(begin, 3)
    requested = optional_date(qualified(header, "G62", "02"), 2)
    data["lines"] = _lines_940(found, document.start_of(requested) if requested else None)
    data["references"] = references(header, ("W0502", order_id), ("PO", element(begin, 3)))
    yield _message(document, _Order(order_id, purpose, document.sent_on, data))
    total = document.first("W76")
    ordered = sum(one.quantity.value for one in data["lines"])
    if total and total.get(1) and decimal_in(total, 1) != ordered:
        yield mismatch(document, total, 1, str(ordered))


def _purpose(begin: Segment, known: dict[str, str]) -> str:
    required_element(begin, 1)
    if begin.get(1) not in known:
        raise unmapped(begin, 1)
    return known[begin.get(1)]


def _require_lines(purpose: str, lines: Sequence[object], tag: str) -> None:
    if not lines and purpose in ("original", "replace"):
        raise Malformed("the order has no lines", code="missing_segment", path=tag)


def _common(document: Document, header: Sequence[Segment], order_id: str) -> dict[str, Any]:
    found = parties(header)
    ship_to = first_of(found, "ST")
    return {
        "order_id": order_id,
        "channel": "x12",
        "account": document.account,
        "currency": document.currency,
        "buyer": first_of(found, "BY", "SO", "DE", "BT") or sender_party(document.sender),
        "bill_to": first_of(found, "BT"),
        "ship_to": ship_to,
        "delivery_address": ship_to.address if ship_to else None,
        "test": document.whole.interchange.is_test,
    }


def _lines_850(
    document: Document, found: list[list[Segment]], requested: datetime | None
) -> tuple[OrderLine, ...]:
    return tuple(
        _line_850(document, loop, position, requested)
        for position, loop in enumerate(found, start=1)
    )


def _line_850(
    document: Document, loop: list[Segment], position: int, requested: datetime | None
) -> OrderLine:
    line = loop[0]
    return OrderLine(
        # Some partners number no lines: the position, from 1, stands for it.
        line_id=element(line, 1) or str(position),
        sku=sku_of(line, 6),
        product=product_ids(line, 6),
        description=description_of(loop),
        quantity=quantity_in(line, 2, 3),
        unit_price=unit_price(document, line, 4, 5),
        requested_delivery=_requested(document, loop) or requested,
    )


def _lines_940(found: list[list[Segment]], requested: datetime | None) -> tuple[OrderLine, ...]:
    lines = []
    for loop in found:
        for item in of_tag(loop, "W01"):
            order_line = qualified(loop, "N9", "LI")
            lines.append(
                OrderLine(
                    line_id=element(order_line, 2) or required_element(loop[0], 1),
                    sku=sku_of(item, 4),
                    product=product_ids(item, 4),
                    description=description_of(loop),
                    quantity=quantity_in(item, 1, 2),
                    requested_delivery=requested,
                )
            )
    return tuple(lines)


def _requested(document: Document, segments: Sequence[Segment]) -> datetime | None:
    """DTM of `delivery requested`, in the account's zone."""
    segment = qualified(segments, "DTM", "002")
    return document.moment(segment, 2, 3, 4) if segment else None


def _allowance(document: Document, header: Sequence[Segment]) -> Money | None:
    allowances = [one for one in of_tag(header, "SAC") if one.get(1) == "A"]
    amounts = [document.cents(one, 5) for one in allowances]
    known = [one for one in amounts if one is not None]
    if not known or len(known) < len(amounts):
        return None
    return Money(amount=sum(one.amount for one in known), currency=known[0].currency)


def _total(document: Document) -> Money | None:
    segment = qualified(document.segments, "AMT", "TT")
    return document.money(segment, 2) if segment else None


def _total_problems(document: Document, lines: Sequence[OrderLine]) -> Iterator[Item]:
    """AMT*TT against the lines, where nothing but lines can be in it."""
    segment, total = qualified(document.segments, "AMT", "TT"), _total(document)
    summed = extended((one.quantity.value, one.unit_price) for one in lines)
    others = any(one.tag in ("SAC", "TXI", "ITA") for one in document.segments)
    if segment is None or total is None or summed is None or others:
        return
    if abs(summed - total.amount) * 200 > max(1, len(lines)):  # Half a cent a line.
        yield mismatch(document, segment, 2, format(summed, "f"))


def _repetition_problems(document: Document, lines: Sequence[OrderLine]) -> Iterator[Item]:
    """Line numbers that occur twice: what is shipped and billed cannot be told apart by them."""
    counted = Counter(line.line_id for line in lines)
    for line_id, times in counted.items():
        if times > 1:
            message = f"line {line_id[:40]!r} is there {times} times"
            yield Problem(code="repeated_line", message=message, path="PO101", at=document.at)


def _terms(header: Sequence[Segment]) -> str | None:
    terms = next(of_tag(header, "ITD"), None)
    days = element(terms, 7)
    return element(terms, 12) or (f"net {days} days" if days else None)


def _message(document: Document, order: _Order) -> Message:
    entity = document.key("order", order.order_id)
    version = document.version
    chain = document.chain("order", order.order_id)
    placed_at = document.start_of(order.placed_on) if order.placed_on else None
    sent_at = document.start_of(document.sent_on) if document.sent_on else placed_at
    occurred_at = placed_at if order.purpose == "original" else sent_at
    if occurred_at is None:
        raise Malformed("the order has no date", code="missing_field", path="GS04")
    parts: tuple[str, ...] = (order.purpose,)
    common = {**order.data, "placed_at": placed_at}
    data: OrderPlaced | OrderChanged | OrderCancelled
    if order.purpose == "original":
        data = OrderPlaced(**common)
    elif order.purpose == "cancelled":
        data = OrderCancelled(**common, cancelled_at=occurred_at)
    else:
        complete = order.purpose == "replace"
        data = OrderChanged(**common, complete=complete, change=order.purpose)
        # Changes carry no number of their own; what they say tells them apart.
        parts = (order.purpose, document.digest())
    return Message(
        key=entity.extended(*parts),
        data=data,
        occurred_at=occurred_at,
        subject=f"order/{order.order_id}",
        correlation=chain,
        partition=chain,
        entity=entity if version else None,
        version=version,
        at=document.at,
    )
