"""The dimensions of an order's status, from what each part of the chain says of it.

An order is closed by the agreement of invoice, payment and bank credit alone: a gateway's capture
and a shop's `paid` make it PAID at most. An order nobody invoices stays OPEN; that goods have
shipped and no invoice came is found by the billing domain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from canonical.chain import OrderStateChanged
from canonical.shipment import DeliveryStatus
from domains.contract import Decision, Fact, Finding, Owner
from domains.order.arrivals import Returns, all_parcels, delivery_states, returns_of
from domains.order.billed import Billed, billed_of, billing_word, by_amount
from domains.order.deliveries import Deliveries, Parcel, deliveries_of, over_shipped
from domains.order.figures import NOTHING, sum_of
from domains.order.payments import Paid, paid_of, payment_word
from domains.order.responses import (
    Allocated,
    Hold,
    allocated_of,
    allocation_of,
    answers_of,
    approval_of,
    credit_of,
    holds_of,
    price_findings,
    rejected_but_shipped,
    shipped_on_hold,
)
from domains.order.snapshots import Line, Order

CANCEL_REST = "cancel_rest"
"""The decision that what has not shipped will not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an order stands, with all it follows from."""

    order: Order
    facts: tuple[Fact, ...]
    """The facts about it beside its snapshots."""
    deliveries: Deliveries
    gone: tuple[Parcel, ...]
    returns: Returns
    allocated: Allocated
    holds: tuple[Hold, ...]
    billed: Billed
    paid: Paid
    rest_cancelled: bool
    """Nothing more is to ship: the order was cancelled before anything did, or a person said so."""
    word: OrderStateChanged
    findings: tuple[Finding, ...]

    def open(self, line: Line) -> Decimal:
        """Ordered, not shipped, not cancelled."""
        return _open(line, self.deliveries, rest_cancelled=self.rest_cancelled)

    def back_ordered(self, line: Line) -> Decimal:
        """What was reported to wait, as far as it is still open."""
        reports = [
            one[line.key]
            for one in (self.deliveries.back_ordered, self.allocated.back_ordered)
            if line.key in one
        ]
        return min(max(reports)[1], self.open(line)) if reports else NOTHING


def standing_of(order: Order, facts: Sequence[Fact], decisions: Sequence[Decision]) -> Standing:
    """Derive an order from the facts that were taken to it."""
    deliveries = deliveries_of(order, facts)
    gone = deliveries.gone
    returns = returns_of(order, facts)
    answers = answers_of(facts)
    holds = holds_of(facts, deliveries.parcels)
    allocated = allocated_of(order, facts)
    billed = billed_of(order, facts)
    paid = paid_of(order, facts)
    approval = approval_of(answers)
    found = [
        *deliveries.findings,
        *over_shipped(order, deliveries),
        *shipped_on_hold(order, holds, gone),
        *rejected_but_shipped(order, approval, gone),
        *_cancelled_after_shipment(order, gone),
        *price_findings(order, answers),
        *allocated.findings,
        *billed.findings,
        *paid.findings,
    ]
    asked = any(one.action == CANCEL_REST and one.record == order.key for one in decisions)
    cancelled = order.cancelled_at is not None and not gone
    blank = Standing(
        order=order,
        facts=tuple(facts),
        deliveries=deliveries,
        gone=gone,
        returns=returns,
        allocated=allocated,
        holds=tuple(holds),
        billed=billed,
        paid=paid,
        rest_cancelled=asked or cancelled,
        word=_blank(order),
        findings=tuple(found),
    )
    words = {
        "approval": approval,
        "credit": credit_of(holds),
        "allocation": allocation_of(order, allocated.allocated),
        "fulfilment": _fulfilment(blank),
        "billing": _billing(blank),
        "payment": _payment(blank),
    }
    words["document"] = _document(blank, words, cancelled=cancelled)
    words["closure"] = _closure(blank, words)
    return replace(blank, word=blank.word.model_copy(update=words))


def _blank(order: Order) -> OrderStateChanged:
    return OrderStateChanged(
        # The engine counts the revisions.
        revision=1,
        channel=order.channel,
        account=order.account,
        order_id=order.order_id,
        order_number=order.order_number,
        document="PLACED",
        approval="OPEN",
        credit="CLEAR",
        allocation="NONE",
        fulfilment="NONE",
        billing="NONE",
        payment="NONE",
        closure="OPEN",
    )


def _open(line: Line, deliveries: Deliveries, *, rest_cancelled: bool) -> Decimal:
    if rest_cancelled or not line.is_goods:
        return NOTHING
    return max(line.ordered - deliveries.net(line.key), NOTHING)


def _nothing_open(one: Standing) -> bool:
    """Everything the order names has shipped or was cancelled.

    An order without lines does not say; there, something has left and all of it is invoiced.
    """
    if not one.order.lines:
        invoiced = bool(one.gone) and by_amount(one.order, one.billed, came_back=False)
        return one.rest_cancelled or invoiced
    return one.order.handed_over or not any(one.open(line) for line in one.order.lines)


def _fulfilment(one: Standing) -> str:
    if not one.gone:
        return "NONE"
    lines = one.order.lines
    shipped = sum_of(one.deliveries.net(line.key) for line in lines)
    if not shipped or not _nothing_open(one):
        return "PARTIAL"
    states = delivery_states(one.facts)
    back = [one.returns.returned.get(line.key, NOTHING) for line in lines]
    if sum_of(back) >= shipped or _all_parcels(one, states, DeliveryStatus.RETURNED):
        return "RETURNED"
    return "DELIVERED" if _all_parcels(one, states, DeliveryStatus.DELIVERED) else "SHIPPED"


def _all_parcels(
    one: Standing, states: Mapping[str, DeliveryStatus], wanted: DeliveryStatus
) -> bool:
    return all_parcels(one.order, one.deliveries, states, wanted)


def _billing(one: Standing) -> str:
    returned = one.returns.returned
    needed: dict[str, Decimal] = {}
    for line in one.order.lines:
        net = one.deliveries.net(line.key)
        # More than was ordered is to be billed as well, once it has shipped.
        wanted = net if one.rest_cancelled and line.is_goods else max(net, line.ordered)
        needed[line.key] = wanted - returned.get(line.key, NOTHING)
    return billing_word(one.order, one.billed, needed, came_back=bool(sum_of(returned.values())))


def _payment(one: Standing) -> str:
    total = one.order.total.amount if one.order.total else None
    billed = one.billed
    covered = billed.all_covered and bool(billed.allocated)
    settled = covered and _billing(one) == "INVOICED"
    word = payment_word(one.paid, total, billed.allocated, settled=settled)
    return "DISPUTED" if billed.disputed else word


def _document(one: Standing, words: Mapping[str, str], *, cancelled: bool) -> str:
    if cancelled:
        return "CANCELLED"
    left = bool(one.gone) or one.order.handed_over
    done = left and _nothing_open(one) and words["billing"] == "INVOICED"
    return "COMPLETED" if done else "PLACED"


def _closure(one: Standing, words: Mapping[str, str]) -> str:
    billed = one.billed
    if words["document"] == "CANCELLED":
        settled = one.paid.kept <= 0 and (not billed.invoices or billed.all_closed)
        return "CANCELLED" if settled else "OPEN"
    done = _nothing_open(one) and words["billing"] == "INVOICED"
    agreed = billed.all_closed and words["payment"] != "DISPUTED"
    return "FINANCIALLY_COMPLETE" if done and agreed else "OPEN"


def _cancelled_after_shipment(order: Order, gone: Sequence[Parcel]) -> list[Finding]:
    """The channel cancelled an order of which goods are out: it is not cancelled here."""
    if order.cancelled_at is None or not gone:
        return []
    left = min(one.at for one in gone)
    when = "after" if left <= order.cancelled_at else "before"
    return [
        Finding(
            kind="cancelled_after_shipment",
            record=order.key,
            owner=Owner.OPERATIONS,
            explanation=f"The channel cancelled this order {when} goods of it left. It stays as it"
            " is: stop or recall the goods, or agree with the customer.",
            involved=tuple(sorted({one.shipment_id for one in gone})),
            facts=frozenset().union(*(one.facts for one in gone)),
            expected="no unreversed shipment",
            received=f"{len(gone)} shipped lines",
            since=order.cancelled_at,
        )
    ]
