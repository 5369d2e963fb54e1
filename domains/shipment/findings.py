"""What is wrong, as it stands now: with shipments, their parcels and returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from canonical.order import ReturnRequested
from canonical.shipment import ReasonClass, ReturnReceived
from domains.contract import Finding, Owner
from domains.shipment.deadlines import overdue
from domains.shipment.orders import Meant
from domains.shipment.parcels import Parcel
from domains.shipment.picture import Picture
from domains.shipment.returns import Excess, Return, excesses
from domains.shipment.shipments import Shipment, goods_of
from domains.shipment.transitions import FAILED, Step
from domains.written import counted, plain

_OWNERS: Final = {
    ReasonClass.CUSTOMER_ISSUE: Owner.SALES,
    ReasonClass.COMPANY_ISSUE: Owner.OPERATIONS,
    ReasonClass.LOGISTICS_ISSUE: Owner.OPERATIONS,
}


def findings(picture: Picture) -> tuple[Finding, ...]:
    """All findings; of one key there is one, with the facts of all of them."""
    found: dict[str, Finding] = {}
    for one in _all(picture):
        known = found.get(one.key)
        found[one.key] = replace(known, facts=known.facts | one.facts) if known else one
    return tuple(found[key] for key in sorted(found))


def _all(picture: Picture) -> Iterator[Finding]:
    for shipment in picture.shipments:
        yield from _bad_quantities(shipment)
        yield from _ambiguous(shipment)
        yield from _refused(shipment)
        yield from _partial(shipment, picture)
    yield from _differences(picture)
    yield from overdue(picture)
    for parcel in picture.parcels:
        if parcel.is_placed:
            yield from _transitions(parcel)
            yield from _delivered_off_return(parcel)
            yield from _failed(parcel, picture)
    for back in picture.returns:
        yield from _bad_quantities_back(back)
        yield from _ambiguous(back)
    for excess in excesses(picture.returns, picture.shipments, picture.echoes.repeats):
        if not excess.is_unknown or picture.now >= _surely_over(excess, picture):
            yield _over_returned(excess)


def _bad_quantities(shipment: Shipment) -> Iterator[Finding]:
    for fact in shipment.bad:
        line = goods_of(fact).line
        assert line is not None  # noqa: S101 - only a line has a quantity
        yield Finding(
            kind="bad_quantity",
            record=shipment.key,
            subject=line.line_id,
            owner=Owner.OPERATIONS,
            explanation="A quantity of a shipped line is negative, or nothing; the message is not"
            " applied. Ask the warehouse for the right one.",
            facts=frozenset({fact.id}),
            received=counted(line.shipped.value, line.shipped.unit),
            since=fact.occurred_at,
        )


def _bad_quantities_back(back: Return) -> Iterator[Finding]:
    for fact in back.bad:
        assert isinstance(fact.data, ReturnRequested | ReturnReceived)  # noqa: S101
        line = next(one for one in fact.data.lines if one.quantity.value <= 0)
        yield Finding(
            kind="bad_quantity",
            record=back.key,
            subject=line.line_id,
            owner=Owner.OPERATIONS,
            explanation="A quantity of a return is negative, or nothing; the message is not"
            " applied.",
            facts=frozenset({fact.id}),
            received=counted(line.quantity.value, line.quantity.unit),
            since=fact.occurred_at,
        )


def _ambiguous(thing: Shipment | Return) -> Iterator[Finding]:
    for fact, meant in thing.unplaced:
        if meant.is_ambiguous:
            yield Finding(
                kind="ambiguous_order",
                record=thing.key,
                subject=meant.mention.awaited,
                owner=Owner.IT,
                explanation="The order number may mean several orders; the message is not applied."
                " Correct it so that it names the shop's own order id.",
                involved=_candidates(meant),
                facts=frozenset({fact.id}),
                received=", ".join(sorted(meant.mention.numbers)),
                since=fact.occurred_at,
            )


def _candidates(meant: Meant) -> tuple[str, ...]:
    return tuple(one.key for one in meant.candidates)


def _refused(shipment: Shipment) -> Iterator[Finding]:
    for chosen, other in shipment.refused.contradicting:
        yield Finding(
            kind="shipment_line_contradicts",
            record=shipment.key,
            subject=chosen.line_id or "",
            owner=Owner.OPERATIONS,
            explanation="One line was confirmed with two quantities at one time; the smaller one"
            " counts until a newer confirmation comes.",
            facts=frozenset({chosen.fact.id, other.fact.id}),
            expected=counted(chosen.pieces, chosen.unit),
            received=counted(other.pieces, other.unit),
            since=chosen.fact.occurred_at,
        )
    for fact, line in shipment.refused.other_unit:
        told = goods_of(fact).line
        assert told is not None  # noqa: S101 - only a line has a unit
        yield Finding(
            kind="unit_differs",
            record=shipment.key,
            subject=told.line_id,
            owner=Owner.IT,
            explanation="A message counts a line in another unit than its confirmation does; it is"
            " not applied.",
            facts=frozenset({fact.id}),
            expected=counted(line.shipped, line.unit),
            received=counted(told.shipped.value, told.shipped.unit),
            since=fact.occurred_at,
        )
    for one, line in shipment.refused.over:
        assert one.data.line is not None  # noqa: S101 - a whole shipment is never too much
        back = one.data.line.shipped.value
        yield Finding(
            kind="over_reversed",
            record=shipment.key,
            subject=line.line_id or "",
            owner=Owner.OPERATIONS,
            explanation="More of a line is taken back than is left of it; the reversal is not"
            " applied. Ask the warehouse what really left.",
            facts=frozenset({one.fact.id}),
            expected=counted(line.left, line.unit),
            received=counted(back, line.unit),
            balance=counted(back - line.left, line.unit),
            since=one.fact.occurred_at,
        )


def _partial(shipment: Shipment, picture: Picture) -> Iterator[Finding]:
    gate = picture.gates[shipment.key]
    if not gate.unclear:
        return
    lines = ", ".join(one.line_id or "all" for one in gate.unclear)
    ends = [one.course.since for one in picture.carriages[shipment.key].told]
    yield Finding(
        kind="partial_delivery",
        record=shipment.key,
        owner=Owner.OPERATIONS,
        explanation="A part of the shipment arrived, and nobody told how much of which line."
        " Confirm what arrived, so that it may be invoiced.",
        involved=tuple(one.key for one in picture.carriages[shipment.key].told),
        received=f"lines {lines}",
        since=max(ends),
    )


def _differences(picture: Picture) -> Iterator[Finding]:
    for one in picture.echoes.differences:
        yield Finding(
            kind="shipment_reports_differ",
            record=one.shipment.key,
            subject=f"{one.other.key}#{one.sku}",
            owner=Owner.OPERATIONS,
            explanation="Two systems report the same parcels with different quantities of one"
            " product. Find out what was in them, and have the wrong report corrected.",
            involved=(one.other.key,),
            expected=counted(one.pieces, one.unit),
            received=counted(one.others, one.unit),
            balance=counted(one.others - one.pieces, one.unit),
            since=one.other.shipped_at,
        )


def _transitions(parcel: Parcel) -> Iterator[Finding]:
    refused: dict[str, list[Step]] = {}
    for step in parcel.course.refused:
        refused.setdefault(step.status.value, []).append(step)
    for status, steps in refused.items():
        yield Finding(
            kind="transition_refused",
            record=parcel.key,
            subject=status,
            owner=Owner.OPERATIONS,
            explanation=f"The carrier told {status} after {steps[0].before}, which no parcel does;"
            f" it stays {parcel.course.status}. Ask the carrier where the parcel is.",
            involved=parcel.shipments,
            facts=frozenset(one.event.fact.id for one in steps),
            expected=steps[0].before,
            received=status,
            since=steps[0].event.at,
        )


def _delivered_off_return(parcel: Parcel) -> Iterator[Finding]:
    step = parcel.course.delivered_off_return
    if step is not None and parcel.shipments:
        yield Finding(
            kind="delivered_after_return",
            record=parcel.key,
            owner=Owner.OPERATIONS,
            explanation="The parcel was on its way back when the carrier told its delivery. Find"
            " out who has it, the customer or the sender; the invoice is allowed meanwhile.",
            involved=parcel.shipments,
            facts=frozenset({step.event.fact.id}),
            expected=step.before,
            received=step.status,
            since=step.event.at,
        )


def _failed(parcel: Parcel, picture: Picture) -> Iterator[Finding]:
    course = parcel.course
    carried = picture.in_parcel(parcel)
    # A label voided because the shipment was taken back is no failure.
    if course.status is not FAILED or all(one.is_reversed for one in carried):
        return
    reason = course.reason_class
    yield Finding(
        kind="delivery_failed",
        record=parcel.key,
        owner=_OWNERS[reason] if reason else Owner.OPERATIONS,
        explanation=f"The delivery failed ({reason or 'no reason told'}, carrier's code"
        f" {course.code[:40]}). Arrange another attempt or the way back.",
        involved=parcel.shipments,
        facts=frozenset(one.fact.id for one in parcel.events if one.at == course.since),
        received=reason,
        since=course.since,
    )


def _over_returned(excess: Excess) -> Finding:
    what, value, unit = excess.goods
    over = excess.returned - excess.shipped
    return Finding(
        kind="over_returned",
        record=excess.back.key,
        subject=f"{what}:{value}",
        owner=Owner.OPERATIONS,
        explanation="More of a product came back than was shipped for the order. Count again, and"
        " look whether goods of another order are among them.",
        involved=(excess.order.key,),
        facts=frozenset(one.id for one in excess.back.facts),
        expected=f"at most {plain(excess.shipped)} {unit}",
        received=counted(excess.returned, unit),
        balance=counted(over, unit),
        since=excess.back.received_at,
    )


def excesses_due(picture: Picture) -> Iterator[datetime]:
    """When returned goods of which no shipment is known are no longer waited for."""
    for one in excesses(picture.returns, picture.shipments, picture.echoes.repeats):
        yield _surely_over(one, picture)


def _surely_over(excess: Excess, picture: Picture) -> datetime:
    """From when on more came back than left; a shipment of the goods may still be told of."""
    newest = max(one.received_at for one in excess.back.received)
    return newest + picture.rules.patience if excess.is_unknown else newest
