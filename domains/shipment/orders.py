"""Which order a fact means: by the sender's own id first, then by a number only one order has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from canonical.keys import Key
from canonical.order import OrderCancelled, OrderChanged, OrderPlaced
from canonical.payload import Payload
from domains.contract import Fact
from domains.names import folded
from domains.shipment.filing import ORDER_SCHEMES, Order, valued


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class KnownOrder:
    """An order somebody told of."""

    channel: str
    account: str
    order_id: str

    @property
    def key(self) -> str:
        """The key of its record in the order domain."""
        return Key.of("order", self.channel, self.account, self.order_id).text


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """The orders of a cluster and the numbers they go by, folded."""

    numbers: dict[KnownOrder, frozenset[str]]

    @classmethod
    def among(cls, facts: Iterable[Fact]) -> Orders:
        """All orders these facts tell of; a cancelled order is known as well."""
        found: dict[KnownOrder, set[str]] = {}
        for fact in facts:
            if isinstance(fact.data, OrderPlaced | OrderChanged | OrderCancelled):
                known, numbers = _named(fact.data)
                found.setdefault(known, set()).update(numbers)
        return cls(numbers={one: frozenset(found[one]) for one in sorted(found)})

    def meant(self, mention: Mention) -> Meant:
        """The order a mention means, or the several it may mean."""
        for candidates in self._steps(mention):
            if candidates:
                return Meant(mention=mention, candidates=tuple(candidates))
        return Meant(mention=mention)

    def _steps(self, mention: Mention) -> Iterable[list[KnownOrder]]:
        here = [
            one
            for one in self.numbers
            if (one.channel, one.account) == (mention.system, mention.account)
        ]
        yield [one for one in here if one.order_id == mention.order_id]
        yield self._going_by(here, mention.numbers)
        yield self._going_by(self.numbers, mention.numbers)

    def _going_by(self, orders: Iterable[KnownOrder], numbers: frozenset[str]) -> list[KnownOrder]:
        return [one for one in orders if self.numbers[one] & numbers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """An order as a fact names it."""

    system: str
    account: str
    order_id: str | None
    numbers: frozenset[str]
    """The id and what else names the order, folded."""

    @classmethod
    def by(cls, data: Payload, system: str, account: str, order_id: str | None) -> Mention:
        """The mention of an order by a payload, with its references."""
        told = [*([order_id] if order_id else []), *valued(data.references, ORDER_SCHEMES)]
        numbers = frozenset(filter(None, map(folded, told)))
        return cls(system=system, account=account, order_id=order_id, numbers=numbers)

    @property
    def awaited(self) -> str:
        """The name of the order it waits for."""
        return f"order:{folded(self.order_id or '') or min(self.numbers, default='not named')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """What became of a mention."""

    mention: Mention
    candidates: Sequence[KnownOrder] = ()

    @property
    def order(self) -> KnownOrder | None:
        return self.candidates[0] if len(self.candidates) == 1 else None

    @property
    def is_ambiguous(self) -> bool:
        return len(self.candidates) > 1


def _named(order: Order) -> tuple[KnownOrder, set[str]]:
    known = KnownOrder(channel=order.channel, account=order.account, order_id=order.order_id)
    told = [order.order_id, order.order_number or "", *valued(order.references, ORDER_SCHEMES)]
    return known, set(filter(None, map(folded, told)))
