"""Returns asked for and received, and whether more comes back than ever left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from canonical.keys import Key
from canonical.order import ReturnLine, ReturnRequested
from canonical.shipment import ReturnReceived
from domains.contract import Fact
from domains.names import folded
from domains.shipment.filing import SHIPMENT_SCHEMES, Returned, valued
from domains.shipment.lines import Line
from domains.shipment.orders import KnownOrder, Meant, Mention, Orders
from domains.shipment.shipments import Shipment

Goods = tuple[str, str, str]
"""`sku` or `line`, its folded value, and the unit."""


@dataclass(frozen=True, kw_only=True)
class Return:
    """One return as its source system tells it."""

    system: str
    account: str
    return_id: str
    facts: tuple[Fact, ...]
    asked: tuple[ReturnRequested, ...]
    """That count; the last is the newest."""
    received: tuple[ReturnReceived, ...]
    """That count; each is of other goods."""
    bad: tuple[Fact, ...]
    unplaced: tuple[tuple[Fact, Meant], ...]
    orders: tuple[KnownOrder, ...]

    @cached_property
    def key(self) -> str:
        return Key.of("return", self.system, self.account, self.return_id).text

    @property
    def order(self) -> KnownOrder | None:
        return self.orders[0] if len(self.orders) == 1 else None

    @property
    def status(self) -> str:
        if self.received:
            return "RECEIVED"
        return "REQUESTED" if self.asked else "AWAITED"

    @property
    def requested_at(self) -> datetime | None:
        return min((one.requested_at for one in self.asked), default=None)

    @property
    def received_at(self) -> datetime | None:
        return min((one.received_at for one in self.received), default=None)

    @property
    def received_lines(self) -> Iterator[ReturnLine]:
        return (line for one in self.received for line in one.lines)


@dataclass(frozen=True, kw_only=True)
class Excess:
    """Goods of an order of which more came back than left."""

    back: Return
    """The newest return they are in."""
    order: KnownOrder
    goods: Goods
    shipped: Decimal
    returned: Decimal

    @property
    def is_unknown(self) -> bool:
        """None of it is known to have left: its shipment may still be told."""
        return not self.shipped


def returns_among(
    facts: Iterable[Fact], orders: Orders, shipments: Sequence[Shipment]
) -> tuple[Return, ...]:
    """The returns of a cluster, by their keys."""
    found: dict[tuple[str, str, str], list[Fact]] = {}
    for fact in facts:
        if isinstance(fact.data, ReturnRequested | ReturnReceived):
            place = (_system(fact.data), fact.data.account, fact.data.return_id)
            found.setdefault(place, []).append(fact)
    return tuple(_return(place, found[place], orders, shipments) for place in sorted(found))


def _return(
    place: tuple[str, str, str],
    facts: Sequence[Fact],
    orders: Orders,
    shipments: Sequence[Shipment],
) -> Return:
    system, account, return_id = place
    counted: list[Returned] = []
    bad: list[Fact] = []
    unplaced: list[tuple[Fact, Meant]] = []
    known: set[KnownOrder] = set()
    for fact in facts:
        data = _told(fact)
        meant = orders.meant(Mention.by(data, system, account, data.order_id))
        order = meant.order
        if not meant.candidates:
            order = _order_of_shipment(data, system, shipments)
        if any(line.quantity.value <= 0 for line in data.lines):
            bad.append(fact)
        elif order is None:
            unplaced.append((fact, meant))
        else:
            known.add(order)
            counted.append(data)
    return Return(
        system=system,
        account=account,
        return_id=return_id,
        facts=tuple(facts),
        asked=tuple(one for one in counted if isinstance(one, ReturnRequested)),
        received=tuple(one for one in counted if isinstance(one, ReturnReceived)),
        bad=tuple(bad),
        unplaced=tuple(unplaced),
        orders=tuple(sorted(known)),
    )


def _order_of_shipment(
    data: Returned, system: str, shipments: Sequence[Shipment]
) -> KnownOrder | None:
    """The order of the shipment a return names; some warehouses name nothing else."""
    named = set(valued(data.references, SHIPMENT_SCHEMES))
    found = {
        one.order
        for one in shipments
        if (one.system, one.account) == (system, data.account) and one.shipment_id in named
    }
    return found.pop() if len(found) == 1 else None


def excesses(
    returns: Sequence[Return], shipments: Sequence[Shipment], repeats: Iterable[str]
) -> Iterator[Excess]:
    """Goods of which more came back than left, by order.

    A shop and its warehouse may both tell of one return: of each product the larger tale counts.
    Shipments that repeat others' goods are left out.
    """
    repeated = set(repeats)
    for order in sorted({one.order for one in returns if one.order is not None}):
        left = [one for one in shipments if order in one.orders and one.key not in repeated]
        out = _shipped(left)
        if not out:
            continue
        back = _returned([one for one in returns if one.order == order])
        for goods, (returned, newest) in sorted(back.items(), key=lambda one: one[0]):
            shipped = out.get(goods)
            if shipped is None and not _is_comparable(goods, out):
                continue
            if returned > (shipped or Decimal(0)):
                yield Excess(
                    back=newest,
                    order=order,
                    goods=goods,
                    shipped=shipped or Decimal(0),
                    returned=returned,
                )


def _is_comparable(goods: Goods, out: dict[Goods, Decimal]) -> bool:
    """Whether goods that are not among the shipped ones surely never left: these have SKUs too."""
    return goods[0] == "sku" and all(one[0] == "sku" for one in out if one[2] == goods[2])


def _shipped(shipments: Iterable[Shipment]) -> dict[Goods, Decimal]:
    """By SKU; of lines without one by the order's line."""
    found: dict[Goods, Decimal] = {}
    for one in shipments:
        for line in one.lines:
            goods = _goods_of(line)
            if goods is not None:
                found[goods] = found.get(goods, Decimal(0)) + line.shipped
    return found


def _goods_of(line: Line) -> Goods | None:
    if line.told is None:
        return None
    return _goods(line.told.sku, line.told.order_line_id, line.unit)


def _goods(sku: str | None, order_line_id: str | None, unit: str) -> Goods | None:
    if sku:
        return ("sku", folded(sku), unit)
    return ("line", folded(order_line_id), unit) if order_line_id else None


def _returned(returns: Sequence[Return]) -> dict[Goods, tuple[Decimal, Return]]:
    by_system: dict[Goods, dict[str, Decimal]] = {}
    newest: dict[Goods, Return] = {}
    for one in sorted(returns, key=lambda one: (str(one.received_at), one.key)):
        for line in one.received_lines:
            goods = _goods(line.sku, line.order_line_id, line.quantity.unit)
            if goods is not None:
                told = by_system.setdefault(goods, {})
                told[one.system] = told.get(one.system, Decimal(0)) + line.quantity.value
                newest[goods] = one
    return {goods: (max(told.values()), newest[goods]) for goods, told in by_system.items()}


def _system(data: Returned) -> str:
    return data.channel if isinstance(data, ReturnRequested) else data.source_system


def _told(fact: Fact) -> Returned:
    assert isinstance(fact.data, ReturnRequested | ReturnReceived)  # noqa: S101 - of a return
    return fact.data
