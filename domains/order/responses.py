"""What the seller's systems answer to an order: approval, holds, prices, reserved stock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from canonical.currencies import MINOR_UNITS
from canonical.order import OrderConfirmed, OrderHeld, OrderRejected
from canonical.shipment import StockAllocated
from canonical.values import Money
from domains.contract import Fact, Finding, Owner
from domains.facts import Told, told
from domains.names import folded
from domains.order.deliveries import Parcel
from domains.order.figures import NOTHING, unit_of
from domains.order.lines import Named, lines_for
from domains.order.snapshots import Line, Order

_Answer = OrderConfirmed | OrderRejected


def approval_of(answers: Sequence[Told[_Answer]]) -> str:
    """By the newest answer; of several of one moment the least favourable."""
    newest = max(answers, key=lambda one: (one.at, _doubt(one.data), one.fact.key), default=None)
    if newest is None:
        return "OPEN"
    if isinstance(newest.data, OrderRejected):
        return "REJECTED"
    return "CONFIRMED_WITH_CHANGES" if newest.data.with_changes else "CONFIRMED"


def _doubt(data: _Answer) -> int:
    return 2 if isinstance(data, OrderRejected) else int(data.with_changes)


def answers_of(facts: Iterable[Fact]) -> list[Told[_Answer]]:
    return [*told(facts, OrderConfirmed), *told(facts, OrderRejected)]


@dataclass(frozen=True, slots=True)
class Hold:
    """A stretch of time in which an order is on hold."""

    name: str
    """Who holds, and why: `x12/acme AH`."""
    since: datetime
    until: datetime | None
    fact: str

    def covers(self, moment: datetime) -> bool:
        return self.since <= moment and (self.until is None or moment < self.until)


def holds_of(facts: Iterable[Fact], parcels: Iterable[Parcel]) -> list[Hold]:
    """Each hold from its report to its release.

    Two systems cannot say that a hold is over, and say it otherwise: the seller's system by
    confirming the order after it held it, a warehouse by shipping what it had held.
    """
    confirmed = [(one.fact.source, one.at) for one in told(facts, OrderConfirmed)]
    shipped = [(f"/{one.system}", one.shipment_id, one.at) for one in parcels]
    by_name: dict[tuple[str, str], list[Told[OrderHeld]]] = {}
    for one in told(facts, OrderHeld):
        by_name.setdefault((one.fact.source, one.data.hold), []).append(one)
    found: list[Hold] = []
    for (source, hold), reports in sorted(by_name.items()):
        held_shipments = {one.data.response_id for one in reports}
        ends = [at for system, one, at in shipped if system == source and one in held_shipments]
        later = [at for system, at in confirmed if system == source]
        found += _stretches(f"{source.removeprefix('/')} {hold[:40]}", reports, ends, later)
    return found


def _stretches(
    name: str,
    reports: Sequence[Told[OrderHeld]],
    ends: Sequence[datetime],
    later: Sequence[datetime],
) -> list[Hold]:
    # An end of the same moment is meant, as systems tell days, not seconds; a confirmation of the
    # same moment may be the older of the two.
    ends = [*ends, *(one.at for one in reports if one.data.released)]
    found: dict[datetime | None, Hold] = {}
    for one in sorted(reports, key=lambda one: (one.at, one.fact.key)):
        if not one.data.released:
            over = [end for end in ends if end >= one.at] + [end for end in later if end > one.at]
            until = min(over, default=None)
            found.setdefault(until, Hold(name, one.at, until, one.fact.id))
    return list(found.values())


def credit_of(holds: Sequence[Hold]) -> str:
    if not holds:
        return "CLEAR"
    return "HELD" if any(one.until is None for one in holds) else "RELEASED"


def shipped_on_hold(order: Order, holds: Sequence[Hold], gone: Sequence[Parcel]) -> list[Finding]:
    """Goods that left while the order was on hold; a release afterwards does not undo it."""
    return [
        Finding(
            kind="shipped_on_hold",
            record=order.key,
            owner=Owner.OPERATIONS,
            subject=f"{hold.name} {hold.since.isoformat()}",
            explanation="Goods of this order left while it was on hold.",
            involved=tuple(sorted({one.shipment_id for one in early})),
            facts=frozenset({hold.fact}).union(*(one.facts for one in early)),
            since=min(one.at for one in early),
        )
        for hold in holds
        if (early := [one for one in gone if hold.covers(one.at)])
    ]


def price_findings(order: Order, answers: Sequence[Told[_Answer]]) -> list[Finding]:
    """Lines the newest confirmation accepts at a price that is not the order's."""
    confirmed = [one for one in answers if isinstance(one.data, OrderConfirmed)]
    newest = max(confirmed, key=lambda one: (one.at, one.fact.key), default=None)
    if newest is None:
        return []
    found: dict[str, Finding] = {}
    for answer in newest.data.lines:
        lines = lines_for(Named(order_line_id=answer.line_id, sku=answer.sku), order.lines)
        price = answer.unit_price
        if price and lines and not any(agrees(line, price) for line in lines):
            one = price_differs(order, lines[0], price, newest.fact, "confirmed")
            found[one.key] = one
    return [found[key] for key in sorted(found)]


def agrees(line: Line, price: Money) -> bool:
    """Whether a price is the line's, before or after its discount, with or without its tax.

    Systems round a unit price to the currency's minor unit: half of it a piece is no difference.
    """
    ordered = line.unit_price
    if ordered is None or not line.ordered:
        return True
    if ordered.currency != price.currency:
        return False
    whole = ordered.amount * line.ordered
    discount = line.discount.amount if line.discount else NOTHING
    tax = line.tax.amount if line.tax else NOTHING
    readings = {whole, whole - discount, whole - tax, whole - discount - tax}
    readings |= {line.total.amount, line.total.amount - tax} if line.total else set()
    slack = line.ordered * Decimal(1).scaleb(-MINOR_UNITS[price.currency]) / 2
    return any(abs(price.amount * line.ordered - one) <= slack for one in readings)


def price_differs(order: Order, line: Line, price: Money, fact: Fact, how: str) -> Finding:
    """A line that was confirmed or invoiced at another price."""
    ordered = line.unit_price
    same = ordered is not None and ordered.currency == price.currency
    difference = price.amount - ordered.amount if same and ordered else None
    return Finding(
        kind="price_differs",
        record=order.key,
        owner=Owner.SALES,
        subject=f"{how} {line.key}",
        explanation=f"Line {line.key[:40]} was {how} at a price that is not the order's.",
        facts=frozenset({fact.id}),
        expected=f"{ordered.amount:f} {ordered.currency}" if ordered else None,
        received=f"{price.amount:f} {price.currency}",
        balance=None if difference is None else f"{difference:f} {price.currency}",
        since=fact.occurred_at,
    )


@dataclass(slots=True)
class Allocated:
    """Reserved stock by line, as told last; of several systems the one that reserved more."""

    allocated: dict[str, Decimal] = field(default_factory=dict)
    back_ordered: dict[str, tuple[datetime, Decimal]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def allocated_of(order: Order, facts: Iterable[Fact]) -> Allocated:
    by_line: dict[str, dict[str, Decimal]] = {}
    found = Allocated()
    for one in sorted(told(facts, StockAllocated), key=lambda one: (one.at, one.fact.key)):
        for line in one.data.lines:
            waits = line.back_ordered.value if line.back_ordered else NOTHING
            if line.allocated.value < 0 or waits < 0:
                found.findings.append(_bad_allocation(order, one, line.line_id))
                continue
            named = Named(order_line_id=line.line_id, sku=line.sku)
            unit = unit_of(line.allocated)
            for target in [one for one in lines_for(named, order.lines) if one.unit == unit][:1]:
                by_line.setdefault(target.key, {})[one.fact.source] = line.allocated.value
                if line.back_ordered:
                    found.back_ordered[target.key] = (one.at, line.back_ordered.value)
    found.allocated = {key: max(told_of.values()) for key, told_of in by_line.items()}
    return found


def allocation_of(order: Order, allocated: Mapping[str, Decimal]) -> str:
    if not any(allocated.values()):
        return "NONE"
    enough = all(allocated.get(one.key, NOTHING) >= one.ordered for one in order.lines)
    return "ALLOCATED" if enough else "PARTIAL"


def _bad_allocation(order: Order, one: Told[StockAllocated], line_id: str) -> Finding:
    return Finding(
        kind="bad_quantity",
        record=order.key,
        owner=Owner.IT,
        subject=f"{one.fact.id}/{folded(line_id)}",
        explanation="Stock was reserved in a negative quantity; that line is left out.",
        facts=frozenset({one.fact.id}),
        since=one.at,
    )


def rejected_but_shipped(order: Order, approval: str, gone: Sequence[Parcel]) -> list[Finding]:
    """Goods of an order the seller's system rejected."""
    if approval != "REJECTED" or not gone:
        return []
    return [
        Finding(
            kind="rejected_but_shipped",
            record=order.key,
            owner=Owner.OPERATIONS,
            explanation="The seller's system rejected this order, and goods of it have left.",
            involved=tuple(sorted({one.shipment_id for one in gone})),
            facts=frozenset().union(*(one.facts for one in gone)),
            since=max(one.at for one in gone),
        )
    ]
