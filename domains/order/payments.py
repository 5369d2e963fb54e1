"""What was reserved, taken, given back and disputed of the money of an order.

A capture counts with the largest amount told of it, because gateways tell it as the sum so far. Of
several systems that tell of one payment (a shop and the gateway behind it) the one that took more
is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from canonical.cash import (
    DisputeClosed,
    DisputeOpened,
    DisputeOutcome,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentFailed,
    RefundIssued,
)
from domains.contract import Fact, Finding, Owner
from domains.facts import Told, told
from domains.names import folded
from domains.order.figures import NOTHING, sum_of
from domains.order.names import Payment, payment_aliases
from domains.order.snapshots import Order

_TAKEN_BACK: Final = frozenset(
    {"failed", "canceled", "cancelled", "reversed", "rejected", "declined"}
)
"""Words of gateways for a refund that did not reach the payer."""
_RELEASES: Final = frozenset(
    {"canceled", "cancelled", "void", "voided", "expire", "expired", "offer_closed"}
)
"""Words for the end of a reservation: what was taken of it before stays taken."""


@dataclass(slots=True)
class Paid:
    """The money of an order in its currency."""

    authorised: Decimal = NOTHING
    captured: Decimal = NOTHING
    refunded: Decimal = NOTHING
    lost: Decimal = NOTHING
    """Of disputes the payer won."""
    disputed: bool = False
    captured_since: datetime | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def kept(self) -> Decimal:
        return self.captured - self.refunded - self.lost


def paid_of(order: Order, facts: Iterable[Fact]) -> Paid:
    """Apply the payment facts of an order; those in another currency, and tests, are left out."""
    payments: list[Told[Payment]] = [
        Told(one, one.data) for one in facts if isinstance(one.data, Payment)
    ]
    found = Paid()
    applied: list[Told[Payment]] = []
    for one in sorted(payments, key=lambda one: (one.at, one.fact.key, one.fact.id)):
        refused = _refusal(order, one)
        if refused is None:
            applied.append(one)
        else:
            found.findings.append(refused)
    for group in _grouped(applied):
        _add(found, group)
    return found


def _refusal(order: Order, one: Told[Payment]) -> Finding | None:
    amount = one.data.amount
    if order.currency and amount.currency != order.currency:
        return currency_differs(order, one.fact, f"{amount.amount:f} {amount.currency}", "payment")
    if one.data.test and not order.test:
        return Finding(
            kind="test_payment",
            record=order.key,
            owner=Owner.IT,
            subject=one.fact.id,
            explanation="A payment in the gateway's test mode names a real order; it is left out.",
            facts=frozenset({one.fact.id}),
            since=one.at,
        )
    return None


def currency_differs(order: Order, fact: Fact, received: str, what: str) -> Finding:
    """A payment or invoice in another currency than its order."""
    return Finding(
        kind="currency_differs",
        record=order.key,
        owner=Owner.FINANCE,
        subject=fact.id,
        explanation=f"The {what} is in another currency than the order; it is left out.",
        facts=frozenset({fact.id}),
        expected=order.currency,
        received=received,
        since=fact.occurred_at,
    )


def _grouped(payments: Sequence[Told[Payment]]) -> list[list[Told[Payment]]]:
    """Facts of one payment together, by all the names they share."""
    groups: list[tuple[set[str], list[Told[Payment]]]] = []
    for one in payments:
        names, members = set(payment_aliases(one.data)), [one]
        for group in [group for group in groups if group[0] & names]:
            names |= group[0]
            members = [*group[1], *members]
            groups.remove(group)
        groups.append((names, members))
    return [members for _, members in groups]


def _add(found: Paid, group: Sequence[Told[Payment]]) -> None:
    systems = sorted({_system(one) for one in group})
    told_by = {name: [one for one in group if _system(one) == name] for name in systems}
    believed = [_captures(told_by[name]) for name in systems]
    captured, since = max(believed, key=lambda one: one[0])
    found.captured += captured
    if captured:
        moments = [one for one in (since, found.captured_since) if one]
        found.captured_since = min(moments, default=None)
    found.authorised += _largest(told_by.values(), _authorised)
    found.refunded += _largest(told_by.values(), _refunded)
    found.lost += _largest(told_by.values(), _lost)
    found.disputed |= any(_open_disputes(one) for one in told_by.values())


def _largest(
    systems: Iterable[Sequence[Told[Payment]]],
    amount: Callable[[Sequence[Told[Payment]]], Decimal],
) -> Decimal:
    return max((amount(one) for one in systems), default=NOTHING)


def _system(one: Told[Payment]) -> str:
    return f"{one.data.gateway}/{one.data.account}"


def _of(group: Sequence[Told[Payment]], kind: type[Payment]) -> list[Told[Payment]]:
    return [one for one in group if isinstance(one.data, kind)]


def _captures(group: Sequence[Told[Payment]]) -> tuple[Decimal, datetime | None]:
    """How much is taken, and since when."""
    failures = told((one.fact for one in group), PaymentFailed)
    largest: dict[str, Decimal] = {}
    since: list[datetime] = []
    by_capture: dict[str, list[Told[PaymentCaptured]]] = {}
    for one in told((one.fact for one in group), PaymentCaptured):
        by_capture.setdefault(one.data.capture_id or one.data.payment_id, []).append(one)
    for capture, reports in by_capture.items():
        standing = [one for one in reports if not any(_undoes(two, one) for two in failures)]
        if standing:
            largest[capture] = max(one.data.amount.amount for one in standing)
            since.append(min(one.at for one in standing))
    return sum_of(largest.values()), min(since, default=None)


def _undoes(failed: Told[PaymentFailed], captured: Told[PaymentCaptured]) -> bool:
    """Whether a failure takes a capture back, as when the card scheme refuses it afterwards."""
    if failed.data.payment_id != captured.data.payment_id or failed.at < captured.at:
        return False
    if failed.data.event_id and failed.data.event_id == captured.data.capture_id:
        return True
    released = folded(failed.data.failure_code or "") in _RELEASES
    later = failed.at > captured.at
    return later and not released and failed.data.amount == captured.data.amount


def _authorised(group: Sequence[Told[Payment]]) -> Decimal:
    """What is reserved; a raised reservation takes the place of the first."""
    ends: dict[str, datetime] = {}
    for failed in _of(group, PaymentFailed):
        before = ends.get(failed.data.payment_id, failed.at)
        ends[failed.data.payment_id] = max(before, failed.at)
    largest: dict[str, Decimal] = {}
    for one in _of(group, PaymentAuthorised):
        name = one.data.payment_id
        if name not in ends or ends[name] < one.at:
            largest[name] = max(largest.get(name, NOTHING), one.data.amount.amount)
    return sum_of(largest.values())


def _refunded(group: Sequence[Told[Payment]]) -> Decimal:
    reports = told((one.fact for one in group), RefundIssued)
    undone = {one.data.refund_id for one in reports if folded(one.data.status or "") in _TAKEN_BACK}
    largest: dict[str, Decimal] = {}
    for one in reports:
        name = one.data.refund_id
        if name not in undone:
            largest[name] = max(largest.get(name, NOTHING), one.data.amount.amount)
    return sum_of(largest.values())


def _closed(group: Sequence[Told[Payment]]) -> dict[str, DisputeClosed]:
    closed = told((one.fact for one in group), DisputeClosed)
    return {one.data.dispute_id: one.data for one in closed}


def _lost(group: Sequence[Told[Payment]]) -> Decimal:
    lost = [one for one in _closed(group).values() if one.outcome is DisputeOutcome.LOST]
    return sum_of(one.amount.amount for one in lost)


def _open_disputes(group: Sequence[Told[Payment]]) -> bool:
    opened = {one.data.dispute_id for one in told((one.fact for one in group), DisputeOpened)}
    return bool(opened - _closed(group).keys())


def payment_word(paid: Paid, total: Decimal | None, allocated: Decimal, *, settled: bool) -> str:
    """The payment dimension.

    `allocated` is what cash applied to the order's invoices, `settled` says that cash finds all
    of them covered. What was given back of a payment does not make it a part payment.
    """
    if paid.disputed:
        return "DISPUTED"
    taken = max(paid.captured, allocated)
    if paid.captured and paid.kept <= 0:
        return "REFUNDED"
    if settled or (total is not None and taken and taken >= total):
        return "PAID"
    if taken:
        return "PARTIAL"
    return "AUTHORISED" if paid.authorised else "NONE"
