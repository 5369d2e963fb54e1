"""The order domain's function: from the facts of a cluster to orders, quotes and findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import localcontext

from canonical.order import (
    OrderConfirmed,
    OrderHeld,
    OrderRejected,
    QuoteAccepted,
    ReturnRequested,
)
from domains.contract import Cluster, Derived, Fact, Finding, Owner, Parked, Rules
from domains.facts import Told, canonical_order, told
from domains.names import folded
from domains.order.deadlines import deadlines_of, split
from domains.order.dimensions import Standing, standing_of
from domains.order.figures import EXACT
from domains.order.filing import ambiguous_findings, file_facts
from domains.order.names import Snapshot
from domains.order.quotes import quote_key, quote_records
from domains.order.snapshots import Order, orders_of
from domains.order.stating import announcement, order_record


def derive(cluster: Cluster, now: datetime) -> Derived:
    """Everything the order domain says of a cluster."""
    with localcontext(EXACT):
        return _derived(cluster, now)


def _derived(cluster: Cluster, now: datetime) -> Derived:
    facts = sorted(cluster.facts, key=canonical_order)
    snapshots: list[Told[Snapshot]] = [
        Told(one, one.data) for one in facts if isinstance(one.data, Snapshot)
    ]
    orders, refused = orders_of(snapshots)
    filed = file_facts(orders, [one for one in facts if not isinstance(one.data, Snapshot)])
    standings = [standing_of(one, filed.of[one.key], cluster.decisions) for one in orders]
    deadlines = [due for one in standings for due in deadlines_of(one, cluster.rules)]
    late, ahead = split(deadlines, now)
    findings = [
        *refused,
        *ambiguous_findings(filed),
        *(finding for one in standings for finding in one.findings),
        *duplicate_numbers(standings),
        *late,
    ]
    order_of = {fact.id: one.order.key for one in standings for fact in one.facts}
    return Derived(
        records=(
            *(order_record(one, _quotes(one.facts)) for one in standings),
            *quote_records(facts, order_of),
        ),
        findings=tuple(_once(findings)),
        announcements=tuple(announcement(one) for one in standings),
        parked=tuple(_parked(one, cluster.rules) for one in filed.unknown if _is_ours(one)),
        wake_at=min(ahead, default=None),
    )


def _quotes(facts: Iterable[Fact]) -> list[str]:
    return sorted({quote_key(one.data) for one in told(facts, QuoteAccepted)})


def _once(findings: Iterable[Finding]) -> list[Finding]:
    """One finding of each key, in the order of the keys."""
    by_key: dict[str, Finding] = {}
    for one in findings:
        by_key.setdefault(one.key, one)
    return [by_key[key] for key in sorted(by_key)]


def duplicate_numbers(standings: Sequence[Standing]) -> list[Finding]:
    """Orders of one channel and account that carry one number under different ids.

    Cancelled ones do not count: an order is often entered again after its cancellation.
    """
    by_number: dict[tuple[str, str, str], list[Order]] = {}
    for one in standings:
        order = one.order
        if order.order_number and one.word.document != "CANCELLED" and not order.test:
            name = (order.channel, order.account, folded(order.order_number))
            by_number.setdefault(name, []).append(order)
    return [
        _duplicate(number, orders)
        for (_, _, number), orders in sorted(by_number.items())
        if len(orders) > 1
    ]


def _duplicate(number: str, orders: Sequence[Order]) -> Finding:
    first, *others = sorted(orders, key=lambda one: one.key)
    return Finding(
        kind="duplicate_order_number",
        record=first.key,
        owner=Owner.SALES,
        subject=number[:40],
        explanation="Several orders of one channel and account have the same number: the customer's"
        " order may have been entered twice.",
        involved=tuple(one.key for one in others),
        facts=frozenset().union(*(one.facts for one in orders)),
        expected="1 order",
        received=f"{len(orders)} orders",
        since=max(one.placed_at for one in orders if one.placed_at),
    )


def _is_ours(fact: Fact) -> bool:
    """Of facts about unknown orders, those of the order family wait here."""
    return isinstance(fact.data, OrderConfirmed | OrderRejected | OrderHeld | ReturnRequested)


def _parked(fact: Fact, rules: Rules) -> Parked:
    order_id: str = getattr(fact.data, "order_id", "")
    return Parked(
        fact=fact.id,
        awaits=f"order:{folded(order_id)}",
        kind="unknown_order",
        owner=Owner.IT,
        explanation="An answer or a return names an order the gateway was never told of.",
        patience=rules.patience,
    )
