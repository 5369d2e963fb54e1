"""Payments of gateways: what was captured, refunded, disputed, and what is left of it."""

from __future__ import annotations

from collections import defaultdict
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
from canonical.keys import Key
from domains.cash.amounts import ZERO, total
from domains.cash.names import (
    PaymentFact,
    echoed_ids,
    named_invoices,
    order_numbers,
    payment_ids,
)
from domains.cash.references import squeezed
from domains.contract import Cluster
from domains.facts import Told, canonical_order, told

_TAKEN_BACK: Final = frozenset(("failed", "canceled", "cancelled", "reversed", "rejected"))
_NOT_YET: Final = frozenset(("pending", "processing", "requires_action", "submitted"))
_FACTS: Final = (
    PaymentAuthorised,
    PaymentCaptured,
    PaymentFailed,
    RefundIssued,
    DisputeOpened,
    DisputeClosed,
)


@dataclass(frozen=True, slots=True)
class Dispute:
    """Where a dispute stands by the last that was told of it."""

    id: str
    amount: Decimal
    outcome: DisputeOutcome | None
    at: datetime
    fact: str

    @property
    def is_open(self) -> bool:
        return self.outcome is None

    @property
    def is_lost(self) -> bool:
        return self.outcome is DisputeOutcome.LOST


@dataclass(slots=True, kw_only=True)
class Payment:
    """A payment at a gateway, by all facts told of it."""

    key: str
    gateway: str
    account: str
    payment_id: str
    told: list[Told[PaymentFact]]
    currency: str = ""
    captured: Decimal = ZERO
    authorised: Decimal = ZERO
    refunded: Decimal = ZERO
    disputes: tuple[Dispute, ...] = ()
    captured_at: datetime | None = None
    refunded_at: datetime | None = None
    strange: list[Told[PaymentFact]] = field(default_factory=list)
    """In another currency than the payment; not applied."""
    echo_of: str | None = None
    """The payment this one tells again: another system's report of the same money."""

    @property
    def facts(self) -> frozenset[str]:
        return frozenset(one.id for one in self.told)

    @property
    def at(self) -> datetime:
        return self.captured_at or self.told[0].at

    @property
    def test(self) -> bool:
        return any(one.data.test for one in self.told)

    @property
    def lost(self) -> Decimal:
        return total(one.amount for one in self.disputes if one.is_lost)

    @property
    def available(self) -> Decimal:
        """What is left of it for receivables: nothing of tests and of what is told elsewhere."""
        if self.test or self.echo_of:
            return ZERO
        return max(ZERO, self.captured - self.refunded - self.lost)

    @property
    def disputed(self) -> bool:
        return any(one.is_open for one in self.disputes)

    @property
    def ids(self) -> frozenset[str]:
        return frozenset[str]().union(*(payment_ids(one.data) for one in self.told))

    @property
    def orders(self) -> frozenset[str]:
        """Squeezed numbers of the order, as the payment names it."""
        return self._numbers(order_numbers)

    @property
    def order_ids(self) -> frozenset[str]:
        return frozenset(one.data.order_id for one in self.told if one.data.order_id)

    @property
    def invoices(self) -> frozenset[str]:
        return self._numbers(named_invoices)

    @property
    def own_ids(self) -> frozenset[str]:
        """The ids that are this payment's and its captures' at its own gateway."""
        captures = (o.data.capture_id for o in self.told if isinstance(o.data, PaymentCaptured))
        return frozenset(one for one in captures if one) | {self.payment_id}

    def _numbers(self, read: Callable[[PaymentFact], list[str]]) -> frozenset[str]:
        return frozenset(squeezed(n) for one in self.told for n in read(one.data)) - {""}

    @property
    def status(self) -> str:
        """The word lists show."""
        if self.test:
            return "TEST"
        if self.disputed:
            return "DISPUTED"
        if self.captured:
            return self._after_capture()
        if self.refunded:
            return "REFUNDED"
        failed = [one for one in self.told if isinstance(one.data, PaymentFailed)]
        if failed and failed[-1] is self.told[-1]:
            return "FAILED"
        return "AUTHORISED" if self.authorised else "FAILED"

    def _after_capture(self) -> str:
        if self.lost and self.lost + self.refunded >= self.captured:
            return "CHARGED_BACK"
        if self.refunded >= self.captured:
            return "REFUNDED"
        return "PARTIALLY_REFUNDED" if self.refunded else "CAPTURED"


def payments_in(cluster: Cluster) -> dict[str, Payment]:
    """The payments of a cluster by key, in the order they happened."""
    groups: dict[tuple[str, str, str], list[Told[PaymentFact]]] = defaultdict(list)
    facts: list[Told[PaymentFact]] = told(cluster.facts, *_FACTS)
    for one in facts:
        groups[one.data.gateway, one.data.account, one.data.payment_id].append(one)
    _adopt(groups)
    found = [_payment(*name, members) for name, members in groups.items() if members]
    found.sort(key=lambda one: (one.at, one.key))
    _recognise_echoes(found)
    return {one.key: one for one in found}


def _adopt(groups: dict[tuple[str, str, str], list[Told[PaymentFact]]]) -> None:
    """Refunds and disputes that name only the order belong to its one payment.

    Some shops tell a refund or a dispute without the id of the payment.
    """
    paid = {name: told for name, told in groups.items() if any(map(_is_captured, told))}
    for name, members in groups.items():
        if any(isinstance(one.data, _TRIES) for one in members):
            continue
        orders = frozenset(squeezed(n) for one in members for n in order_numbers(one.data))
        homes = [other for other, told in paid.items() if orders & _orders_of(told)]
        own = [other for other in homes if other[:2] == name[:2]] or homes
        if len(own) == 1:
            groups[own[0]] = sorted(
                [*groups[own[0]], *members], key=lambda one: canonical_order(one.fact)
            )
            groups[name] = []


_TRIES: Final = (PaymentAuthorised, PaymentCaptured, PaymentFailed)


def _is_captured(one: Told[PaymentFact]) -> bool:
    return isinstance(one.data, PaymentCaptured)


def _orders_of(members: Iterable[Told[PaymentFact]]) -> frozenset[str]:
    return frozenset(squeezed(n) for one in members for n in order_numbers(one.data))


def _payment(
    gateway: str, account: str, payment_id: str, members: list[Told[PaymentFact]]
) -> Payment:
    key = Key.of("payment", gateway, account, payment_id).text
    payment = Payment(
        key=key, gateway=gateway, account=account, payment_id=payment_id, told=members
    )
    first = next((one for one in members if _is_captured(one)), members[0])
    payment.currency = first.data.amount.currency
    payment.strange = [one for one in members if one.data.amount.currency != payment.currency]
    same = [one for one in members if one.data.amount.currency == payment.currency]
    _add_captures(payment, same)
    _add_refunds(payment, [Told(o.fact, o.data) for o in same if isinstance(o.data, RefundIssued)])
    payment.disputes = tuple(_disputes(same))
    held = [o.data.amount.amount for o in same if isinstance(o.data, PaymentAuthorised)]
    payment.authorised = max(held, default=ZERO)
    return payment


def _add_captures(payment: Payment, members: Sequence[Told[PaymentFact]]) -> None:
    """The largest amount told of each capture counts, unless it failed afterwards."""
    captures: dict[str, list[Told[PaymentFact]]] = defaultdict(list)
    for one in members:
        if isinstance(one.data, PaymentCaptured):
            captures[one.data.capture_id or ""].append(one)
        elif isinstance(one.data, PaymentFailed):
            for name in _failed_captures(one.data, captures):
                captures[name] = []
    standing = [told for told in captures.values() if told]
    payment.captured = total(max(one.data.amount.amount for one in told) for told in standing)
    payment.captured_at = max((told[0].at for told in standing), default=None)


def _failed_captures(
    failed: PaymentFailed, captures: dict[str, list[Told[PaymentFact]]]
) -> list[str]:
    """Which captures told before a failure takes back: by their id, else those without one.

    Any other failure (a try before, the rest of a hold that ran out) leaves them alone.
    """
    if failed.event_id and failed.event_id in captures:
        return [failed.event_id]
    if (failed.failure_code or "").casefold() == "capture_failed":
        return [name for name in captures if not name]
    return []


def _add_refunds(payment: Payment, members: Sequence[Told[RefundIssued]]) -> None:
    """One refund may be told many times: failed or taken back outranks all, pending nothing."""
    refunds: dict[str, list[Told[RefundIssued]]] = defaultdict(list)
    for one in members:
        refunds[one.data.refund_id].append(one)
    for told_of_one in refunds.values():
        words = [(one.data.status or "").casefold() for one in told_of_one]
        done = [o for o, word in zip(told_of_one, words, strict=True) if word not in _NOT_YET]
        if done and not any(word in _TAKEN_BACK for word in words):
            payment.refunded += max(one.data.amount.amount for one in done)
            at = min(one.at for one in done)
            payment.refunded_at = max(payment.refunded_at or at, at)


def _disputes(members: Sequence[Told[PaymentFact]]) -> list[Dispute]:
    last: dict[str, Told[PaymentFact]] = {}
    for one in sorted(members, key=_dispute_order):
        if isinstance(one.data, DisputeOpened | DisputeClosed):
            last[one.data.dispute_id] = one
    found = []
    for name, one in sorted(last.items()):
        outcome = one.data.outcome if isinstance(one.data, DisputeClosed) else None
        found.append(Dispute(name, one.data.amount.amount, outcome, one.at, one.id))
    return found


def _dispute_order(one: Told[PaymentFact]) -> tuple[datetime, str, bool, str]:
    # Opened and closed may carry one time: what was opened is closed afterwards.
    return (one.at, one.fact.version or "", isinstance(one.data, DisputeClosed), one.fact.key)


def _recognise_echoes(payments: Sequence[Payment]) -> None:
    """A shop and the gateway behind it tell of one capture: it counts once, as the gateway's.

    They are the same when one repeats an id that is the other's own, and the amounts agree.
    """
    told_ids = {
        one.key: frozenset[str]().union(*(echoed_ids(told.data) for told in one.told))
        for one in payments
    }
    for one in payments:
        repeated = told_ids[one.key] - one.own_ids
        for other in payments if repeated else ():
            if other.echo_of is None and _are_one(one, other) and repeated & other.own_ids:
                mutual = (told_ids[other.key] - other.own_ids) & one.own_ids
                if not mutual or other.key < one.key:
                    one.echo_of = other.key
                    break


def _are_one(one: Payment, other: Payment) -> bool:
    strangers = (one.gateway, one.account) != (other.gateway, other.account)
    return strangers and (one.currency, one.captured) == (other.currency, other.captured)
