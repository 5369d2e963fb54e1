"""855, the seller's answer to an order.

Source: ASC X12 855 Purchase Order Acknowledgment, version 004010; elements 587 and 668.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from canonical.errors import Malformed
from canonical.message import Ignored, Item, Message
from canonical.order import OrderConfirmed, OrderHeld, OrderLineResponse, OrderRejected
from connectors.kit.x12 import Segment
from connectors.x12.goods import sku_of, unit_price
from connectors.x12.reading import (
    Document,
    element,
    loops,
    of_tag,
    optional_date,
    order_number,
    quantity_in,
    references,
    required_element,
    unmapped,
)
from connectors.x12.totals import count_problems

_ACCEPTED = frozenset({"AD", "AK", "AT"})
_ACCEPTED_WITH_CHANGES = frozenset({"AC", "AE", "AP"})
_REJECTED = frozenset({"RD", "RF", "RJ", "RO"})
_HELD = "AH"
_UNCHANGED = frozenset({"IA", "AA", "AC", "AR"})
"""ACK01: the line is accepted as it was ordered."""
_SUMMARY = frozenset({"CTT"})
_ORIGINAL = frozenset({"00", "06", "07", "18"})


def order_response(document: Document) -> Iterator[Item]:
    """OrderConfirmed, OrderRejected or OrderHeld by BAK02, with the lines that were answered."""
    begin = document.required("BAK")
    if begin.get(1) == "22":
        yield Ignored(reason="an information copy of an answer", at=document.at)
        return
    if begin.get(1) not in _ORIGINAL:
        raise unmapped(begin, 1)
    _, found, _ = loops(document.segments, "PO1", _SUMMARY)
    lines = [
        line for place, loop in enumerate(found, start=1) for line in _lines(document, loop, place)
    ]
    yield _message(document, begin, tuple(lines))
    yield from count_problems(document, [len(found)])


def _lines(
    document: Document, loop: Sequence[Segment], position: int
) -> Iterator[OrderLineResponse]:
    line = loop[0]
    for answer in of_tag(loop, "ACK"):
        yield OrderLineResponse(
            line_id=element(line, 1) or str(position),
            sku=sku_of(line, 6),
            response=required_element(answer, 1),
            quantity=quantity_in(answer, 2, 3) if answer.get(2) else None,
            unit_price=unit_price(document, line, 4, 5),
            scheduled=document.moment(answer, 5),
        )


def _message(document: Document, begin: Segment, lines: tuple[OrderLineResponse, ...]) -> Message:
    number = required_element(begin, 3)
    order_id = order_number(number, element(begin, 5)) or number
    answered = optional_date(begin, 9) or optional_date(begin, 4)
    if answered is None:
        raise Malformed("the answer has no date", code="missing_field", path="BAK[1]/BAK04")
    day = answered.isoformat()
    chain = document.chain("order", order_id)
    common = {
        "order_id": order_id,
        "response_id": element(begin, 8) or f"{order_id}/{day}",
        "responded_at": document.start_of(answered),
        "lines": lines,
        "references": references(
            document.segments, ("PO", number), ("seller_order", element(begin, 8))
        ),
    }
    return Message(
        key=document.key("order-response", order_id, begin.get(2), day, begin.get(8)),
        data=_data(begin, lines, common),
        occurred_at=document.start_of(answered),
        subject=f"order/{order_id}",
        correlation=chain,
        partition=chain,
        at=document.at,
    )


def _data(
    begin: Segment, lines: Sequence[OrderLineResponse], common: Mapping[str, Any]
) -> OrderConfirmed | OrderRejected | OrderHeld:
    code = required_element(begin, 2)
    if code in _REJECTED:
        return OrderRejected(**common, reason=code)
    if code == _HELD:
        return OrderHeld(**common, hold=code)
    if code not in _ACCEPTED | _ACCEPTED_WITH_CHANGES:
        raise unmapped(begin, 2)
    changed = any(line.response not in _UNCHANGED for line in lines)
    return OrderConfirmed(**common, with_changes=code in _ACCEPTED_WITH_CHANGES or changed)
