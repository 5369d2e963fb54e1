"""Shipments: which facts of them count, what they hold, and which of them are the same goods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from canonical.keys import Key
from canonical.shipment import ShipmentConfirmed, ShipmentReversed
from domains.contract import Fact
from domains.names import folded
from domains.shipment.filing import Goods, tracking_of
from domains.shipment.lines import Confirmed, Line, Refusals, TakenBack, lines_of
from domains.shipment.orders import KnownOrder, Meant, Mention, Orders

Place = tuple[str, str, str]
"""Source system, account, shipment id."""


@dataclass(frozen=True, kw_only=True)
class Shipment:
    """One shipment as its source system tells it."""

    system: str
    account: str
    shipment_id: str
    facts: tuple[Fact, ...]
    """All of it, in canonical order, whether they count or not."""
    counted: tuple[Confirmed, ...]
    lines: tuple[Line, ...]
    refused: Refusals
    bad: tuple[Fact, ...]
    """With quantities that cannot be."""
    unplaced: tuple[tuple[Fact, Meant], ...]
    """Of an order nobody told of, or of one of several."""
    orders: tuple[KnownOrder, ...]

    @cached_property
    def key(self) -> str:
        return Key.of("shipment", self.system, self.account, self.shipment_id).text

    @cached_property
    def tracking(self) -> dict[str, str]:
        """Tracking numbers, folded → as they are written."""
        written = {one for fact in self.facts for one in tracking_of(goods_of(fact))}
        return {folded(one): one for one in sorted(written, reverse=True)}

    @cached_property
    def carriers(self) -> tuple[str, ...]:
        return tuple(sorted({name for fact in self.facts if (name := goods_of(fact).carrier)}))

    @cached_property
    def order(self) -> KnownOrder | None:
        """The one order it is of; None of several, as of none."""
        return self.orders[0] if len(self.orders) == 1 else None

    @cached_property
    def order_text(self) -> str | None:
        """The order as the sender names it, where it names one."""
        named = {name for fact in self.facts if (name := goods_of(fact).order_id)}
        return min(named) if len(named) == 1 else None

    @cached_property
    def shipped_at(self) -> datetime | None:
        """When the first of what is confirmed now left."""
        current = [one.data.shipped_at for line in self.lines for one in line.current]
        return min(current, default=None)

    @property
    def is_confirmed(self) -> bool:
        return bool(self.lines)

    @cached_property
    def is_reversed(self) -> bool:
        """All of it was taken back."""
        taken = [line for line in self.lines if line.is_wholly_reversed or line.taken_back]
        return bool(taken) and all(
            line.is_wholly_reversed or (line.line_id is not None and not line.left)
            for line in self.lines
        )

    @property
    def has_goods(self) -> bool:
        """Something left; a sender that names no lines is believed."""
        return any(line.left or line.line_id is None for line in self.lines)


@dataclass(slots=True)
class _Sorted:
    counted: list[Confirmed] = field(default_factory=list)
    taken_back: list[TakenBack] = field(default_factory=list)
    bad: list[Fact] = field(default_factory=list)
    unplaced: list[tuple[Fact, Meant]] = field(default_factory=list)
    orders: set[KnownOrder] = field(default_factory=set)


def shipments_among(facts: Iterable[Fact], orders: Orders) -> tuple[Shipment, ...]:
    """The shipments of a cluster, by their keys."""
    found: dict[Place, list[Fact]] = {}
    for fact in facts:
        if isinstance(fact.data, ShipmentConfirmed | ShipmentReversed):
            data = fact.data
            place = (data.source_system, data.account, data.shipment_id)
            found.setdefault(place, []).append(fact)
    return tuple(_shipment(place, found[place], orders) for place in sorted(found))


def _shipment(place: Place, facts: Sequence[Fact], orders: Orders) -> Shipment:
    told = _Sorted()
    for fact in facts:
        _sort(fact, orders, told)
    if told.unplaced and not told.counted:
        # What is taken back of a shipment whose order is not known yet waits with it.
        meant = told.unplaced[0][1]
        told.unplaced += [(one.fact, meant) for one in told.taken_back]
        told.taken_back = []
    lines, refused = lines_of(told.counted, told.taken_back)
    system, account, shipment_id = place
    return Shipment(
        system=system,
        account=account,
        shipment_id=shipment_id,
        facts=tuple(facts),
        counted=tuple(told.counted),
        lines=lines,
        refused=refused,
        bad=tuple(told.bad),
        unplaced=tuple(told.unplaced),
        orders=tuple(sorted(told.orders)),
    )


def _sort(fact: Fact, orders: Orders, told: _Sorted) -> None:
    data = goods_of(fact)
    if _is_bad(data):
        told.bad.append(fact)
    elif isinstance(data, ShipmentReversed):
        told.taken_back.append(TakenBack(fact=fact, data=data))
    else:
        meant = orders.meant(Mention.by(data, data.source_system, data.account, data.order_id))
        if meant.order is None:
            told.unplaced.append((fact, meant))
        else:
            told.orders.add(meant.order)
            told.counted.append(Confirmed(fact=fact, data=data))


def _is_bad(data: Goods) -> bool:
    """Whether a quantity cannot be. None of so many ordered says that they did not ship."""
    line = data.line
    if line is None:
        return False
    told = [line.shipped, line.ordered, line.back_ordered]
    if any(one is not None and one.value < 0 for one in told):
        return True
    says_why = any(one is not None and one.value > 0 for one in (line.ordered, line.back_ordered))
    may_be_none = isinstance(data, ShipmentConfirmed) and says_why
    return not line.shipped.value and not may_be_none


def goods_of(fact: Fact) -> Goods:
    """A fact that is of a shipment."""
    assert isinstance(fact.data, ShipmentConfirmed | ShipmentReversed)  # noqa: S101 - of a shipment
    return fact.data
