"""Orders as far as cash needs them: which numbers they go by, and what they are about in all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from canonical.order import OrderCancelled, OrderChanged, OrderPlaced
from domains.cash.names import OrderSnapshot, order_numbers
from domains.cash.payments import Payment
from domains.cash.receivables import Receivable
from domains.cash.references import squeezed
from domains.contract import Cluster
from domains.facts import Told, told


@dataclass(slots=True)
class Order:
    """An order of one channel and account."""

    channel: str
    account: str
    order_id: str
    numbers: frozenset[str]
    """Squeezed texts it goes by."""
    facts: frozenset[str]
    correlation: str
    total: Decimal | None = None
    currency: str | None = None

    @property
    def name(self) -> tuple[str, str, str]:
        return (self.channel, self.account, self.order_id)


def orders_in(cluster: Cluster) -> list[Order]:
    """The orders of a cluster; what the newest snapshot says of the total counts."""
    found: dict[tuple[str, str, str], Order] = {}
    snapshots: list[Told[OrderSnapshot]] = told(
        cluster.facts, OrderPlaced, OrderChanged, OrderCancelled
    )
    for one in sorted(snapshots, key=lambda o: (o.fact.version or "", o.at, o.fact.key)):
        data = one.data
        name = (data.channel, data.account, data.order_id)
        numbers = frozenset(squeezed(number) for number in order_numbers(data)) - {""}
        order = found.setdefault(
            name, Order(*name, numbers, frozenset(), correlation=one.fact.correlation)
        )
        order.numbers |= numbers
        order.facts |= {one.id}
        if data.totals.total is not None:
            order.total, order.currency = data.totals.total.amount, data.totals.total.currency
    return [found[name] for name in sorted(found)]


def orders_of(payment: Payment, orders: Iterable[Order]) -> list[Order]:
    """The orders a payment may mean: its own shop's by id first, else any of that number."""
    listed, ids, numbers = list(orders), payment.order_ids, payment.orders
    own = [
        one
        for one in listed
        if (one.channel, one.account) == (payment.gateway, payment.account) and one.order_id in ids
    ]
    return own or [one for one in listed if one.numbers & numbers]


def claims_of(
    order: Order, orders: Sequence[Order], claims: Iterable[Receivable]
) -> tuple[list[Receivable], list[Receivable]]:
    """The receivables of an order, and those that may as well be another order's."""
    sure: list[Receivable] = []
    unsure: list[Receivable] = []
    for claim in claims:
        if not order.numbers & claim.orders:
            continue
        meant = [one for one in orders if one.numbers & claim.orders]
        source = (claim.issued.fact.connector, claim.issued.fact.account)
        told_by = [one for one in meant if (one.channel, one.account) == source]
        candidates = told_by if len(told_by) == 1 else meant
        if order in candidates:
            (sure if len(candidates) == 1 else unsure).append(claim)
    return sure, unsure
