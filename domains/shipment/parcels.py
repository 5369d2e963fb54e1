"""Parcels: which events are of one, and which shipments it carries.

Systems call one carrier by different names, so a parcel is told by its tracking number alone,
unless shipments of different orders name that number with different carriers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from canonical.keys import Key
from canonical.shipment import DeliveryStatusChanged
from domains.contract import Fact
from domains.names import bare, folded
from domains.shipment.filing import TRACKING_SCHEMES, Returned, valued
from domains.shipment.orders import KnownOrder, Meant, Mention, Orders
from domains.shipment.shipments import Shipment
from domains.shipment.transitions import Course, Event, course_of


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """A parcel carriers told of."""

    number: str
    """Folded."""
    carrier: str
    """As the first event names it: later ones do not change it."""
    tracking: str
    events: tuple[Event, ...]
    """In the order of their times."""
    shipments: tuple[str, ...]
    """Keys of the shipments in it."""
    is_whole: bool
    """It stands for all parcels of its shipment, and is none of them."""
    is_coming_back: bool
    """A return names it, and no shipment does."""
    orders: tuple[KnownOrder, ...]

    @property
    def key(self) -> str:
        return Key.of("delivery", self.carrier, self.tracking).text

    @cached_property
    def course(self) -> Course:
        return course_of(self.events)

    @property
    def is_placed(self) -> bool:
        """Somebody told what is in it."""
        return bool(self.shipments) or self.is_coming_back

    @property
    def order(self) -> KnownOrder | None:
        return self.orders[0] if len(self.orders) == 1 else None

    @property
    def awaited(self) -> str:
        """The name it waits for while nobody told what is in it."""
        return min(bare("tracking", self.number), default="tracking:")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What parcels are placed by."""

    shipments: tuple[Shipment, ...]
    orders: Orders
    coming_back: frozenset[str] = frozenset()
    """Tracking numbers returns name, folded."""

    def naming(self, number: str) -> list[Shipment]:
        """Shipments that name this tracking number."""
        return [one for one in self.shipments if number in one.tracking]

    def home(self, event: Event) -> Shipment | None:
        """The shipment an event names by its id: of its own system, else the only one."""
        named = event.data.shipment_id
        if named is None:
            return None
        source = (event.fact.connector, event.fact.account)
        for one in self.shipments:
            if (one.system, one.account) == source and one.shipment_id == named:
                return one
        found = [one for one in self.shipments if folded(one.shipment_id) == folded(named)]
        return found[0] if len(found) == 1 else None

    def meant(self, event: Event) -> Meant:
        """The order an event names."""
        system, account = event.fact.connector, event.fact.account
        return self.orders.meant(Mention.by(event.data, system, account, event.data.order_id))


def parcels_among(facts: Iterable[Fact], scene: Scene) -> tuple[Parcel, ...]:
    """The parcels of a cluster, by number and carrier."""
    groups: dict[tuple[str, str], list[Event]] = {}
    for fact in facts:
        if isinstance(fact.data, DeliveryStatusChanged):
            event = Event(fact=fact, data=fact.data)
            number = _number(event, scene)
            carrier = folded(event.data.carrier) if _is_shared(number, scene) else ""
            groups.setdefault((number, carrier), []).append(event)
    return tuple(_parcel(*place, groups[place], scene) for place in sorted(groups))


def numbers_coming_back(returns: Iterable[Returned]) -> frozenset[str]:
    """Tracking numbers that returns name, folded."""
    return frozenset(
        folded(number) for one in returns for number in valued(one.references, TRACKING_SCHEMES)
    )


def _number(event: Event, scene: Scene) -> str:
    """The number of an event's parcel; of a stand-in, that of the only parcel it stands for."""
    home = scene.home(event)
    if _is_stand_in(event) and home is not None and len(home.tracking) == 1:
        return next(iter(home.tracking))
    return folded(event.data.tracking_number)


def _is_stand_in(event: Event) -> bool:
    """Some systems tell of a shipment's parcels under the shipment's own id."""
    named = event.data.shipment_id
    return named is not None and folded(named) == folded(event.data.tracking_number)


def _is_shared(number: str, scene: Scene) -> bool:
    """Whether two carriers use one number: two orders' shipments name it with different ones."""
    naming = [one for one in scene.naming(number) if one.orders and one.carriers]
    return any(
        set(one.orders).isdisjoint(other.orders) and _words(one).isdisjoint(_words(other))
        for one in naming
        for other in naming
    )


def _words(shipment: Shipment) -> set[str]:
    return {folded(one) for one in shipment.carriers}


def _parcel(number: str, word: str, told: Iterable[Event], scene: Scene) -> Parcel:
    events = tuple(sorted(told, key=lambda one: one.place))
    naming = [one for one in scene.naming(number) if not word or word in _words(one)]
    homes = [found for one in events if (found := scene.home(one)) is not None]
    placed = naming or homes or list(_by_order(events, scene))
    orders = {order for one in placed for order in one.orders}
    if not placed:
        orders = {order for one in events if (order := scene.meant(one).order) is not None}
    carrier, tracking = _named(number, events, placed)
    return Parcel(
        number=number,
        carrier=carrier,
        tracking=tracking,
        events=events,
        shipments=tuple(sorted({one.key for one in placed})),
        is_whole=bool(placed) and not naming and (not homes or all(map(_is_stand_in, events))),
        is_coming_back=not placed and number in scene.coming_back,
        orders=tuple(sorted(orders)),
    )


def _named(number: str, events: Sequence[Event], placed: Sequence[Shipment]) -> tuple[str, str]:
    """Carrier and number, as the first event of this number writes them."""
    for event in events:
        if folded(event.data.tracking_number) == number:
            return event.data.carrier, event.data.tracking_number
    # Only told under the shipment's id: carrier and number as the shipment has them.
    carriers = sorted(carrier for one in placed for carrier in one.carriers)
    return (carriers or [events[0].data.carrier])[0], placed[0].tracking[number]


def _by_order(events: Iterable[Event], scene: Scene) -> Iterator[Shipment]:
    """Shipments of the order the events name, of which no tracking number says more."""
    meant = {order for one in events if (order := scene.meant(one).order) is not None}
    if len(meant) == 1:
        (order,) = meant
        yield from (one for one in scene.shipments if order in one.orders and not one.tracking)
