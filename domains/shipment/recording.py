"""Records of shipments and returns, with their rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from canonical.order import ReturnLine
from canonical.shipment import DeliveryStatus
from canonical.values import Identifier
from domains.contract import Record
from domains.shipment.gate import Carriage
from domains.shipment.lines import Line
from domains.shipment.picture import Picture
from domains.shipment.returns import Return
from domains.shipment.shipments import Shipment
from domains.written import iso, plain
from store.times import micros

Row = dict[str, Any]

_LONGEST_NAME: Final = 400


def shipment_record(shipment: Shipment, picture: Picture) -> Record:
    """A shipment with its lines."""
    carriage, gate = picture.carriages[shipment.key], picture.gates[shipment.key]
    lines = [
        _line_row(line, allowed)
        for line, allowed in zip(shipment.lines, gate.allowed, strict=True)
        if line.line_id is not None
    ]
    row = _shipment_row(shipment, carriage, picture)
    return Record(
        kind="shipment",
        key=shipment.key,
        label=shipment.shipment_id,
        status=row["status"],
        state={
            "order": row["order_key"],
            "orders": [one.key for one in shipment.orders],
            "order_id": shipment.order_text,
            "carriers": list(shipment.carriers),
            "shipped_at": iso(shipment.shipped_at),
            "delivered_at": iso(carriage.delivered_at),
            "delivery": row["delivery"],
            "reason_class": row["reason_class"],
            "gate": row["gate"],
            "reversed": shipment.is_reversed,
            "same_goods": list(picture.echoes.same_goods.get(shipment.key, ())),
            "invoiced_as": row["same_goods_as"],
            "parcels": [
                {"tracking": written, "status": carriage.status_of(number) or "AWAITED"}
                for number, written in sorted(shipment.tracking.items())
            ],
            "lines": lines,
        },
        facts=frozenset(one.id for one in shipment.facts),
        rows={"shipment_shipments": [row], "shipment_lines": lines},
        names=identifiers(
            ("shipment", shipment.shipment_id),
            *(("tracking_number", one) for one in shipment.tracking.values()),
            ("order", shipment.order_text),
            *(("order", one.order_id) for one in shipment.orders),
        ),
    )


def _shipment_row(shipment: Shipment, carriage: Carriage, picture: Picture) -> Row:
    gate = picture.gates[shipment.key]
    return {
        "source_system": shipment.system,
        "account": shipment.account,
        "shipment_id": shipment.shipment_id,
        "order_key": shipment.order.key if shipment.order else None,
        "order_id": shipment.order_text,
        "carrier": shipment.carriers[0] if shipment.carriers else None,
        "status": _status(shipment, carriage.status),
        "delivery": carriage.status.value if carriage.status else None,
        "gate": gate.gate.value,
        "reason_class": carriage.reason_class.value if carriage.reason_class else None,
        "reversed": int(shipment.is_reversed),
        "same_goods_as": picture.echoes.repeats.get(shipment.key),
        "shipped_at": stamp(shipment.shipped_at),
        "delivered_at": stamp(carriage.delivered_at),
    }


def _status(shipment: Shipment, delivery: DeliveryStatus | None) -> str:
    """The word of lists: until an order is known, and goods are confirmed, it is awaited."""
    if not shipment.is_confirmed:
        return "AWAITED"
    if shipment.is_reversed:
        return "REVERSED"
    if not shipment.has_goods:
        return "NOTHING_SHIPPED"
    return delivery.value if delivery else "SHIPPED"


def _line_row(line: Line, allowed: Decimal) -> Row:
    told = line.told
    return {
        "line_id": line.line_id,
        "order_line_id": told.order_line_id if told else None,
        "sku": told.sku if told else None,
        "unit": line.unit,
        "shipped": plain(line.shipped),
        "reversed": plain(line.taken_back),
        "allowed": plain(allowed),
        "ordered": plain(told.ordered.value) if told and told.ordered else None,
        "back_ordered": plain(told.back_ordered.value) if told and told.back_ordered else None,
    }


def return_record(back: Return) -> Record:
    """A return with what was asked for and what came."""
    lines = list(_return_lines(back))
    head = {
        "source_system": back.system,
        "account": back.account,
        "return_id": back.return_id,
        "order_key": back.order.key if back.order else None,
        "status": back.status,
        "requested_at": stamp(back.requested_at),
        "received_at": stamp(back.received_at),
    }
    return Record(
        kind="return",
        key=back.key,
        label=back.return_id,
        status=back.status,
        state={
            "order": head["order_key"],
            "requested_at": iso(back.requested_at),
            "received_at": iso(back.received_at),
            "asked_status": back.asked[-1].status if back.asked else None,
            "lines": lines,
        },
        facts=frozenset(one.id for one in back.facts),
        rows={"shipment_returns": [{**head, **line} for line in lines or [_NO_LINE]]},
        names=identifiers(
            ("return", back.return_id),
            *(("order", one.order_id) for one in back.orders),
        ),
    )


_NO_LINE: Final[Row] = dict.fromkeys(
    (
        "stage", "line_id", "order_line_id", "sku", "unit", "quantity", "reason", "disposition",
    )
)  # fmt: skip


def _return_lines(back: Return) -> Iterator[Row]:
    if back.asked:
        for line in back.asked[-1].lines:
            yield _return_line("requested", line)
    for line in back.received_lines:
        yield _return_line("received", line)


def _return_line(stage: str, line: ReturnLine) -> Row:
    return {
        "stage": stage,
        "line_id": line.line_id,
        "order_line_id": line.order_line_id,
        "sku": line.sku,
        "unit": line.quantity.unit,
        "quantity": plain(line.quantity.value),
        "reason": line.reason,
        "disposition": line.disposition,
    }


def identifiers(*told: tuple[str, str | None]) -> tuple[Identifier, ...]:
    """Names to search by, without repeats and what cannot be one."""
    pairs = dict.fromkeys((scheme, value) for scheme, value in told if value)
    return tuple(
        Identifier(scheme=scheme, value=value)
        for scheme, value in pairs
        if len(value) <= _LONGEST_NAME
    )


def stamp(moment: datetime | None) -> int | None:
    """A time in a row."""
    return micros(moment) if moment else None
