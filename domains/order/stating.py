"""An order's record: its state, its rows, its names."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from canonical.chain import OrderStateChanged
from canonical.values import Identifier
from domains.contract import Announcement, Record
from domains.order.dimensions import Standing
from domains.order.figures import NOTHING
from domains.order.snapshots import Line, Order
from domains.written import iso, plain
from store.times import micros

_DIMENSIONS = (
    "document", "approval", "credit", "allocation", "fulfilment", "billing", "payment", "closure",
)  # fmt: skip


def order_record(one: Standing, quotes: Sequence[str]) -> Record:
    """What is kept and shown of an order; `quotes` are the keys of the quotes it came from."""
    order = one.order
    lines = [_line_row(one, line) for line in order.lines]
    return Record(
        kind="order",
        key=order.key,
        label=order.label,
        status=_status(one.word),
        state={
            **_order_state(order),
            "dimensions": {name: getattr(one.word, name) for name in _DIMENSIONS},
            "lines": [
                {**row, **_reports(one, line)} for row, line in zip(lines, order.lines, strict=True)
            ],
            "payment": _payment_state(one),
            "billing": {
                "invoices": sorted(one.billed.numbers),
                "amount": f"{one.billed.amount:f}",
                "credited": f"{one.billed.credited:f}",
            },
            "shipments": sorted({parcel.shipment_id for parcel in one.deliveries.parcels}),
            "holds": [
                {"hold": hold.name, "since": iso(hold.since), "until": iso(hold.until)}
                for hold in one.holds
            ],
            "quotes": list(quotes),
        },
        facts=order.facts | {fact.id for fact in one.facts},
        rows={"order_orders": [_order_row(one)], "order_lines": lines},
        names=_names(one),
    )


def announcement(one: Standing) -> Announcement:
    """`OrderStateChanged` of an order."""
    newest = max((fact.occurred_at for fact in one.facts), default=one.order.told_at)
    return Announcement(
        subject=one.order.key,
        data=one.word,
        correlation=one.order.correlation,
        occurred_at=max(newest, one.order.told_at),
    )


def _status(word: OrderStateChanged) -> str:
    """The one word of lists: the end of the order, else what stops it, else how far it is."""
    if word.closure != "OPEN":
        return word.closure
    if word.document != "PLACED":
        return word.document
    if word.approval == "REJECTED":
        return word.approval
    if word.credit == "HELD":
        return word.credit
    if word.fulfilment == "PARTIAL":
        return "PARTIALLY_SHIPPED"
    return word.document if word.fulfilment == "NONE" else word.fulfilment


def _order_state(order: Order) -> dict[str, Any]:
    return {
        "channel": order.channel,
        "account": order.account,
        "order_id": order.order_id,
        "order_number": order.order_number,
        "currency": order.currency,
        "total": f"{order.total.amount:f}" if order.total else None,
        "placed_at": iso(order.placed_at),
        "cancelled_at": iso(order.cancelled_at),
        "test": order.test,
    }


def _payment_state(one: Standing) -> dict[str, str]:
    paid = one.paid
    return {
        "authorised": f"{paid.authorised:f}",
        "captured": f"{paid.captured:f}",
        "refunded": f"{paid.refunded:f}",
        "lost": f"{paid.lost:f}",
        "applied": f"{one.billed.allocated:f}",
    }


def _order_row(one: Standing) -> dict[str, Any]:
    order = one.order
    return {
        "channel": order.channel,
        "account": order.account,
        "order_id": order.order_id,
        "order_number": order.order_number,
        "currency": order.currency,
        "total": f"{order.total.amount:f}" if order.total else None,
        "placed_at": micros(order.placed_at) if order.placed_at else None,
        "test": int(order.test),
        **{name: getattr(one.word, name) for name in _DIMENSIONS},
    }


def _line_row(one: Standing, line: Line) -> dict[str, Any]:
    tally = one.deliveries.believed(line.key)[1]
    quantities: dict[str, Decimal] = {
        "ordered": line.ordered,
        "allocated": one.allocated.allocated.get(line.key, NOTHING),
        "back_ordered": one.back_ordered(line),
        "shipped": tally.gross,
        "reversed": tally.reversed,
        "returned": one.returns.returned.get(line.key, NOTHING),
        "invoiced": one.billed.invoiced.get(line.key, NOTHING),
        "open": one.open(line),
    }
    return {
        "line_id": line.key,
        "sku": line.sku,
        "unit": line.unit,
        "unit_price": f"{line.unit_price.amount:f}" if line.unit_price else None,
        **{name: plain(value) for name, value in quantities.items()},
    }


def _reports(one: Standing, line: Line) -> dict[str, Any]:
    """Who reports the line's shipments: the one that counts, and what the others say."""
    told = one.deliveries.by_line.get(line.key, {})
    system, _ = one.deliveries.believed(line.key)
    others = {name: plain(tally.net) for name, tally in sorted(told.items()) if name != system}
    return {"reported_by": system or None, "also_reported": others}


def _names(one: Standing) -> tuple[Identifier, ...]:
    order = one.order
    own = [("order", order.order_id), ("order_number", order.order_number)]
    named = [
        Identifier(scheme=f"{order.channel[:60]}:{scheme}", value=value[:400])
        for scheme, value in own
        if value
    ]
    quoted = [
        reference
        for fact in one.facts
        if fact.type == "o2c.quote.accepted"
        for reference in fact.data.references
    ]
    return tuple(dict.fromkeys([*named, *order.references, *quoted]))
