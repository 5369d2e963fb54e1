"""The orders of a cluster, and which of them the mentions in other facts mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar, overload

from canonical.keys import Key
from canonical.order import OrderCancelled, OrderChanged, OrderLine, OrderPlaced
from canonical.payload import Payload
from domains.billing.names import ORDER_ENDINGS, OrderFact
from domains.contract import Cluster, Fact
from domains.names import bare, folded, referenced

P = TypeVar("P", bound=Payload)
Q = TypeVar("Q", bound=Payload)
R = TypeVar("R", bound=Payload)


@overload
def told(cluster: Cluster, first: type[P], /) -> Iterator[tuple[Fact, P]]: ...
@overload
def told(cluster: Cluster, first: type[P], second: type[Q], /) -> Iterator[tuple[Fact, P | Q]]: ...
@overload
def told(
    cluster: Cluster, first: type[P], second: type[Q], third: type[R], /
) -> Iterator[tuple[Fact, P | Q | R]]: ...
def told(cluster: Cluster, /, *types: type[Payload]) -> Iterator[tuple[Fact, Any]]:
    """The cluster's facts of these types, with their data, in canonical order."""
    for fact in cluster.facts:
        if isinstance(fact.data, types):
            yield fact, fact.data


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as far as billing needs it."""

    channel: str
    account: str
    order_id: str
    tokens: frozenset[str]
    """All it may be called, folded."""
    currency: str | None
    lines: tuple[OrderLine, ...]
    correlation: str

    @property
    def name(self) -> str:
        return Key.of(self.channel, self.account, self.order_id).text


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentioned:
    """What the orders that a fact names turned out to be."""

    orders: frozenset[str] = frozenset()
    """Their names. A text that no known order has stands for itself, as `?<text>`, so that
    facts that name one unknown order still meet."""
    unknown: frozenset[str] = frozenset()
    """Texts that no known order has, where no other text of the mention is known either."""
    ambiguous: frozenset[str] = frozenset()
    """Texts that several orders have: nothing is concluded from them."""


class Orders:
    """All orders of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        facts: dict[tuple[str, str, str], list[tuple[Fact, OrderFact]]] = {}
        for fact, data in told(cluster, OrderPlaced, OrderChanged, OrderCancelled):
            facts.setdefault((data.channel, data.account, data.order_id), []).append((fact, data))
        found = [_order(*name, reports) for name, reports in sorted(facts.items())]
        self._by_name = {order.name: order for order in found}

    def named(self, names: Iterable[str]) -> list[Order]:
        """The known ones of these names, in a fixed order."""
        return [self._by_name[name] for name in sorted(names) if name in self._by_name]

    def of_system(
        self, system: str, account: str, order_id: str | None, tokens: frozenset[str]
    ) -> Mentioned:
        """One order, as a system of shipments, returns or payments names it.

        First by the qualified name, then by all texts together; of several orders, the only one
        of the same system and account.
        """
        own = Key.of(system, account, order_id or "").text
        if order_id and own in self._by_name:
            return Mentioned(orders=frozenset({own}))
        found = self._called(tokens, system, account)
        if len(found) > 1:
            return Mentioned(ambiguous=tokens)
        if found:
            return Mentioned(orders=found)
        return Mentioned(orders=_standing_for(tokens), unknown=tokens)

    def of_invoice(
        self, system: str, account: str, order_id: str | None, mentions: frozenset[str]
    ) -> Mentioned:
        """The orders an invoice names: it may bill several, so each text counts for itself."""
        found = {one: self._called(frozenset({one}), system, account) for one in mentions}
        ambiguous = frozenset(one for one, orders in found.items() if len(orders) > 1)
        orders = frozenset(next(iter(one)) for one in found.values() if len(one) == 1)
        missing = frozenset(one for one, named in found.items() if not named)
        own = folded(order_id or "")
        # A contract's or a sales order's number beside a known order is nothing to wait for.
        is_unknown = not orders and not ambiguous
        unknown = missing if is_unknown else missing & {own}
        return Mentioned(
            orders=orders | _standing_for(missing), unknown=unknown, ambiguous=ambiguous
        )

    def _called(self, tokens: frozenset[str], system: str, account: str) -> frozenset[str]:
        found = [one for one in self._by_name.values() if one.tokens & tokens]
        own = [one for one in found if (one.channel, one.account) == (system, account)]
        return frozenset(one.name for one in (own if len(own) == 1 else found))


def _standing_for(tokens: frozenset[str]) -> frozenset[str]:
    return frozenset(f"?{token}" for token in tokens)


def _order(
    channel: str, account: str, order_id: str, reports: list[tuple[Fact, OrderFact]]
) -> Order:
    names: frozenset[str] = frozenset()
    for _, data in reports:
        names |= bare("order", order_id, data.order_number)
        names |= referenced("order", data.references, *ORDER_ENDINGS)
    newest = sorted(reports, key=lambda one: (one[0].version or "", one[0].occurred_at, one[0].key))
    currencies = [data.currency for _, data in newest if data.currency]
    # A change may tell only the lines that changed.
    lines = [data.lines for _, data in newest if data.lines and getattr(data, "complete", True)]
    return Order(
        channel=channel,
        account=account,
        order_id=order_id,
        tokens=frozenset(name.partition(":")[2] for name in names),
        currency=currencies[-1] if currencies else None,
        lines=lines[-1] if lines else (),
        correlation=newest[-1][0].correlation,
    )


def ordered_quantity(order: Order, tokens: frozenset[str]) -> Decimal | None:
    """How much of some goods an order asked for; None where it does not list them."""
    found = [
        line.quantity.value
        for line in order.lines
        if tokens & (bare("line", line.line_id) | bare("sku", line.sku))
    ]
    return sum(found, Decimal(0)) if found else None
