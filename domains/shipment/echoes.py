"""The same goods told twice: by the warehouse that packed them and the shop that sold them.

Two systems' shipments of one order that share a tracking number are reports of the same goods.
Both stand; only one of them may be invoiced: of the system that tells of more parcels, else of
the one that told of it first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from domains.names import folded
from domains.shipment.shipments import Shipment

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A product of which two systems shipped differently much."""

    shipment: Shipment
    other: Shipment
    sku: str
    unit: str
    pieces: Decimal
    others: Decimal


@dataclass(frozen=True, kw_only=True)
class Echoes:
    """Which shipments repeat which."""

    same_goods: Mapping[str, tuple[str, ...]]
    """Shipment's key → keys of the other systems' reports of its goods."""
    repeats: Mapping[str, str]
    """Key of a shipment that is not invoiced → the one that is, in its place."""
    differences: tuple[Difference, ...]


def echoes_among(shipments: Sequence[Shipment]) -> Echoes:
    """The shipments that are the same goods."""
    same_goods: dict[str, tuple[str, ...]] = {}
    repeats: dict[str, str] = {}
    differences: list[Difference] = []
    for group in _groups(shipments):
        for one in group:
            same_goods[one.key] = tuple(sorted(each.key for each in group if _are_same(one, each)))
        first, *others = sorted(_sides(group), key=_standing)
        for side in others:
            if not _tracking(side) <= _tracking(first):
                continue
            repeats |= {one.key: _counterpart(one, first).key for one in side}
            if _tracking(side) == _tracking(first):
                differences += _differences(first, side)
    return Echoes(same_goods=same_goods, repeats=repeats, differences=tuple(differences))


def _are_same(one: Shipment, other: Shipment) -> bool:
    return (
        (one.system, one.account) != (other.system, other.account)
        and not one.tracking.keys().isdisjoint(other.tracking)
        and not set(one.orders).isdisjoint(other.orders)
    )


def _groups(shipments: Sequence[Shipment]) -> Iterable[list[Shipment]]:
    """Shipments that are, one through another, reports of the same goods."""
    left = [one for one in shipments if one.is_confirmed and one.tracking]
    while left:
        group = [left.pop(0)]
        for one in group:
            found = [other for other in left if _are_same(one, other)]
            left = [other for other in left if not _are_same(one, other)]
            group += found
        if len(group) > 1:
            yield sorted(group, key=lambda one: one.key)


def _sides(group: Iterable[Shipment]) -> list[list[Shipment]]:
    sides: dict[tuple[str, str], list[Shipment]] = {}
    for one in group:
        sides.setdefault((one.system, one.account), []).append(one)
    return list(sides.values())


def _standing(side: Sequence[Shipment]) -> tuple[int, datetime, str]:
    shipped = min((one.shipped_at for one in side if one.shipped_at is not None), default=_NEVER)
    return (-len(_tracking(side)), shipped, side[0].key)


def _tracking(side: Iterable[Shipment]) -> set[str]:
    return {number for one in side for number in one.tracking}


def _counterpart(one: Shipment, side: Iterable[Shipment]) -> Shipment:
    return next(each for each in side if not each.tracking.keys().isdisjoint(one.tracking))


def _differences(first: Sequence[Shipment], side: Sequence[Shipment]) -> Iterable[Difference]:
    """Of products both name: one's lines may come later, or under other names."""
    ours, theirs = _by_product(first), _by_product(side)
    for sku, unit in sorted(ours.keys() & theirs.keys()):
        pieces, others = ours[sku, unit], theirs[sku, unit]
        if pieces != others:
            yield Difference(
                shipment=first[0],
                other=side[0],
                sku=sku,
                unit=unit,
                pieces=pieces,
                others=others,
            )


def _by_product(side: Iterable[Shipment]) -> dict[tuple[str, str], Decimal]:
    found: dict[tuple[str, str], Decimal] = {}
    for one in side:
        for line in one.lines:
            if line.told is not None and line.told.sku:
                place = (folded(line.told.sku), line.unit)
                found[place] = found.get(place, Decimal(0)) + line.left
    return found
