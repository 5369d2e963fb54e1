"""What should have come and did not: findings that only time brings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from domains.contract import Finding, Owner, Rules
from domains.order.dimensions import Standing


class Deadline(NamedTuple):
    """A finding that stands from its moment on."""

    at: datetime
    finding: Finding


def deadlines_of(one: Standing, rules: Rules) -> list[Deadline]:
    """All deadlines an order runs against; none for a test order."""
    if one.order.test:
        return []
    return [*_not_shipped(one, rules), *_not_refunded(one, rules), *_not_returned(one, rules)]


def split(deadlines: Iterable[Deadline], now: datetime) -> tuple[list[Finding], list[datetime]]:
    """What stands now, and the moments still ahead."""
    found = sorted(deadlines, key=lambda one: (one.at, one.finding.key))
    return [one.finding for one in found if one.at <= now], [
        one.at for one in found if one.at > now
    ]


def _not_shipped(one: Standing, rules: Rules) -> list[Deadline]:
    """Paid for, and nothing has left; a hold or a rejection says why."""
    order, word = one.order, one.word
    captured = one.paid.captured_since if one.paid.kept > 0 else None
    moments = [moment for moment in (captured, order.paid_since) if moment]
    waits = word.document == "PLACED" and word.credit != "HELD" and word.approval != "REJECTED"
    settled = word.payment in ("REFUNDED", "DISPUTED") or order.handed_over
    if not moments or not waits or settled or one.gone or one.rest_cancelled:
        return []
    # A hold stopped the clock: what waited for its release has the whole time again.
    released = [hold.until for hold in one.holds if hold.until]
    since = max([min(moments), *released])
    finding = Finding(
        kind="captured_not_shipped",
        record=order.key,
        owner=Owner.OPERATIONS,
        explanation="This order is paid for, and no shipment of it was reported.",
        received=_amount(one, one.paid.captured) if captured else "marked as paid",
        since=since,
    )
    return [Deadline(since + rules.shipment_due, finding)]


def _not_refunded(one: Standing, rules: Rules) -> list[Deadline]:
    """Cancelled, and the money is still here."""
    order = one.order
    if one.word.document != "CANCELLED" or one.paid.kept <= 0 or order.cancelled_at is None:
        return []
    finding = Finding(
        kind="cancelled_not_refunded",
        record=order.key,
        owner=Owner.FINANCE,
        explanation="This order is cancelled, and what was taken for it has not been given back.",
        received=_amount(one, one.paid.captured),
        balance=_amount(one, one.paid.kept),
        since=order.cancelled_at,
    )
    return [Deadline(order.cancelled_at + rules.bank_due, finding)]


def _amount(one: Standing, amount: Decimal) -> str:
    return f"{amount:f} {one.order.currency or ''}".strip()


def _not_returned(one: Standing, rules: Rules) -> list[Deadline]:
    """A return was asked for, and the goods did not come."""
    return [
        Deadline(
            # Twice the way: the customer has to send the goods first.
            since + 2 * rules.delivery_due,
            Finding(
                kind="return_not_received",
                record=one.order.key,
                owner=Owner.OPERATIONS,
                subject=return_id,
                explanation="A return was asked for, and the goods have not come back.",
                involved=(return_id,),
                since=since,
            ),
        )
        for return_id, since in sorted(one.returns.missing.items())
    ]
